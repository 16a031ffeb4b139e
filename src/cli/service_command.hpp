// SPDX-License-Identifier: Apache-2.0
// The commands that look after a service: is it well, start it again. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::cli {

// Runs it outside of all cgroups that are measured, its output to output_fd. True: it ended with 0 within a minute.
[[nodiscard]] Result<bool> succeeds(const std::vector<std::string>& command, int output_fd);

// Runs `restart`, then `health` until that succeeds; without a health command the end of `restart` will do. Io: it failed,
// or the service was not well within the time.
[[nodiscard]] Result<> restart_service(const std::vector<std::string>& restart, const std::vector<std::string>& health, std::uint64_t within_ns,
                                       int output_fd);

}  // namespace flyball::cli
