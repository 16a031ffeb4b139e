// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/guard.hpp"

#include "flyball/base/units.hpp"

#include <fmt/format.h>

namespace flyball::tune {
namespace {

constexpr std::uint64_t kPressureWindowNs = 1'000'000'000;

// How often something has happened since; 0 where the kernel does not tell.
std::uint64_t since(const std::map<std::string, std::uint64_t>& before, const std::map<std::string, std::uint64_t>& now,
                    const char* event)
{
    const auto a = before.find(event), b = now.find(event);
    return a == before.end() || b == now.end() || b->second < a->second ? 0 : b->second - a->second;
}

}  // namespace

std::optional<std::string> Guard::check_events(const cgroup::Counters& now, bool experimenting)
{
    const auto happened = [&](const char* event) { return since(before_->memory_events, now.memory_events, event); };
    for (const char* kill : {"oom_kill", "oom_group_kill", "v1.oom_kill"}) {
        if (happened(kill) > 0)
            return fmt::format("the OOM killer acted in it (memory.events {})", kill);
    }
    if (happened("oom") > 0)
        return "it ran out of memory (memory.events oom)";
    if (!experimenting) {
        hits_anyway_ = hits_anyway_ || happened("max") > 0;
        before_ = now;
        return std::nullopt;
    }
    // Who lives at the limit anyway is not warned by it.
    if (!hits_anyway_ && happened("max") > 0)
        return "it came up against memory.max, which it did not before";
    if (before_->pids_max_events && now.pids_max_events && *now.pids_max_events > *before_->pids_max_events)
        return "forks were refused (pids.events max)";
    return std::nullopt;
}

std::optional<std::string> Guard::check_pressure(const cgroup::Counters& now)
{
    if (!pressure_) {
        pressure_ = now;
        return std::nullopt;
    }
    const std::uint64_t passed_ns = now.at_ns - pressure_->at_ns;
    if (passed_ns < kPressureWindowNs)
        return std::nullopt;
    const double stalled = static_cast<double>(since(pressure_->pressure_us, now.pressure_us, "memory.full")) * 1000 /
                           static_cast<double>(passed_ns);
    pressure_ = now;
    if (stalled > options_.most_stalled)
        return fmt::format("all of its tasks stalled on memory for {} of a second, {} is the most",
                           format_percent(stalled), format_percent(options_.most_stalled));
    return std::nullopt;
}

std::optional<std::string> Guard::check(const cgroup::Counters& now, bool experimenting)
{
    if (!before_)
        before_ = now;
    if (auto why = check_events(now, experimenting))
        return why;
    if (!experimenting) {
        pressure_ = now;
        return std::nullopt;
    }
    return check_pressure(now);
}

std::optional<std::string> Guard::spend(double lost_s)
{
    spent_s_ += lost_s;
    if (spent_s_ <= options_.regret_budget_s)
        return std::nullopt;
    return fmt::format(
        "the experiments have cost {:.1f} s of its work, more than the {:.1f} s that they may (--regret)", spent_s_,
        options_.regret_budget_s);
}

}  // namespace flyball::tune
