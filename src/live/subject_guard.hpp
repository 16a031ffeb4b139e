// SPDX-License-Identifier: Apache-2.0
// Ends an experiment on a subject: when it is not well, when somebody else changes its limits, when too much was lost.
// Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/counters.hpp"
#include "flyball/tune/guard.hpp"
#include "health_check.hpp"
#include "live_limits.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

struct SubjectGuardOptions {
    bool armed = true;  // what it sees ends it; false: only what it is told of
    tune::GuardOptions guard;
    std::vector<std::string> health;  // a command, empty: none
};

class SubjectGuard {
public:
    // The limits must outlive it. say: told what could not be put back.
    SubjectGuard(const SubjectGuardOptions& options, LiveLimits& limits, std::function<void(std::string_view)> say);

    // Looks, if it is time. Stopped: it is over, and the limits are as they were found.
    [[nodiscard]] Result<> check(std::uint64_t now_ns, const std::function<cgroup::Counters()>& read);
    [[nodiscard]] Result<> spend(double lost_s);
    [[nodiscard]] double spent_s() const { return guard_.spent_s(); }

    // Puts back what was changed; the error is that of every later call.
    std::unexpected<Error> over(Error why);
    std::unexpected<Error> tripped(std::string why) { return over({ErrorKind::Stopped, std::move(why), {}}); }
    [[nodiscard]] const std::optional<Error>& why_over() const { return why_over_; }

private:
    bool armed_;
    LiveLimits& limits_;
    std::function<void(std::string_view)> say_;
    tune::Guard guard_;
    std::optional<HealthCheck> health_;
    std::uint64_t next_ns_ = 0;
    std::optional<Error> why_over_;
};

}  // namespace flyball::live
