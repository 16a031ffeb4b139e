// SPDX-License-Identifier: Apache-2.0
// The descriptors 0, 1 and 2, whatever became of them. Thread-safe.
#pragma once

#include <string_view>

namespace flyball {

// Those that are closed are opened so that nothing can be read or written: a file that is opened later must not be
// taken for one of them. Before anything else is opened.
void hold_standard_streams() noexcept;

// Writes it to standard error at once. Never throws, never raises SIGPIPE, never waits for longer than half a second
// for somebody to read: what does not go out is lost, as there is nowhere to tell that.
void write_to_stderr(std::string_view text) noexcept;

}  // namespace flyball
