// SPDX-License-Identifier: Apache-2.0
// Writing where nobody may read: a pipe, a FIFO, a terminal that was stopped. Thread-safe but for the token.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"

#include <cstdint>
#include <string_view>

namespace flyball {

// Who waits for a reader waits as long as it likes, until one of these; then only as long as the reader goes on
// reading.
struct Patience {
    StopToken* stop = nullptr;                   // a stop was asked for; nullptr: never
    std::uint64_t until_ns = ~std::uint64_t{0};  // CLOCK_MONOTONIC
};

// A reader that takes nothing for so long has stopped reading.
inline constexpr std::uint64_t kReaderPatienceNs = 250'000'000;

// All of it. SIGPIPE has to be ignored. Io: it cannot be written, or the time was over. Interrupted: a stop was asked
// for; or, with SIGPIPE as its signal, the reader has gone, which ends a program as that signal would.
[[nodiscard]] Result<> write_patiently(int fd, std::string_view bytes, const Patience& patience);
// For writing, an open() that does not wait for the reader of a FIFO. errno's meaning: -1 and EINTR is a stop.
[[nodiscard]] int open_patiently(const char* path, int flags, unsigned mode, const Patience& patience);

}  // namespace flyball
