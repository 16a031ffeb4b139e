// SPDX-License-Identifier: Apache-2.0
#include "subject_guard.hpp"

#include <utility>

namespace flyball::live {
namespace {

constexpr std::uint64_t kGuardNs = 250'000'000;

}  // namespace

SubjectGuard::SubjectGuard(const SubjectGuardOptions& options, LiveLimits& limits,
                           std::function<void(std::string_view)> say)
    : armed_(options.armed), limits_(limits), say_(std::move(say)), guard_(options.guard)
{
    if (!options.health.empty())
        health_.emplace(options.health);
}

Result<> SubjectGuard::check(std::uint64_t now_ns, const std::function<cgroup::Counters()>& read)
{
    if (now_ns < next_ns_)
        return {};
    next_ns_ = now_ns + kGuardNs;
    if (!armed_)
        return {};
    if (auto why = guard_.check(read(), limits_.allowed() && limits_.touched()))
        return tripped(*why);
    if (auto ours = limits_.verify(); !ours)
        return tripped(ours.error().what);
    if (health_) {
        if (auto why = health_->tick(now_ns))
            return tripped(*why);
    }
    return {};
}

Result<> SubjectGuard::spend(double lost_s)
{
    if (auto why = guard_.spend(lost_s))
        return tripped(*why);
    return {};
}

std::unexpected<Error> SubjectGuard::over(Error why)
{
    for (const std::string& said : limits_.revert())
        say_(said);
    if (!why_over_)
        why_over_ = why;
    return std::unexpected(std::move(why));
}

}  // namespace flyball::live
