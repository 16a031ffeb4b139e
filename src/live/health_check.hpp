// SPDX-License-Identifier: Apache-2.0
// A user's command that says whether his service is well, again and again, beside whatever else goes on.
// Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace flyball::live {

class HealthCheck {
public:
    explicit HealthCheck(std::vector<std::string> command) : command_(std::move(command)) {}
    ~HealthCheck();
    HealthCheck(const HealthCheck&) = delete;
    HealthCheck& operator=(const HealthCheck&) = delete;

    // Starts it when it is due, and looks how it went. Why the service is not well; nullopt: nothing against it.
    [[nodiscard]] std::optional<std::string> tick(std::uint64_t now_ns);

private:
    [[nodiscard]] std::optional<std::string> start(std::uint64_t now_ns);
    [[nodiscard]] std::optional<std::string> verdict(int status) const;
    [[nodiscard]] std::string shown() const;

    std::vector<std::string> command_;
    pid_t running_ = -1;
    std::uint64_t started_ns_ = 0, next_ns_ = 0;
};

}  // namespace flyball::live
