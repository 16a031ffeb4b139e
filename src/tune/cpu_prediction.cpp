// SPDX-License-Identifier: Apache-2.0
// From the demand of a window to its least quota, and by how much others may have made that wrong.
#include "cpu_usable.hpp"
#include "flyball/tune/cpu.hpp"

#include <algorithm>

namespace flyball::tune {
namespace {

double quota_or_all(const std::optional<LeastQuota>& found, const BandwidthBounds& bounds)
{
    return static_cast<double>(found && found->limit ? found->limit->quota_ns : bounds.most_quota_ns);
}

Result<LeastQuota> least_of(const Replay& replay, const BandwidthBounds& bounds, double confidence,
                            const KeepUp& keep_up)
{
    LeastQuota found;
    const auto enough = least_bandwidth(replay, bounds, confidence, keep_up);
    if (!enough)
        return std::unexpected(enough.error());
    if (!*enough || (*enough)->quota_ns >= bounds.most_quota_ns)
        return found;
    const auto surely_needed = least_bandwidth(replay, bounds, 1 - confidence, keep_up);
    if (!surely_needed)
        return std::unexpected(surely_needed.error());
    found.limit = *enough;
    // One bound on either side at that confidence: less by what is beyond either.
    found.interval = {*surely_needed ? static_cast<double>((*surely_needed)->quota_ns) : 0,
                      static_cast<double>((*enough)->quota_ns)};
    return found;
}

}  // namespace

std::optional<Bandwidth> QuotaPrediction::limit() const
{
    const std::optional<LeastQuota>& found = by_calm ? undisturbed : as_seen;
    return found ? found->limit : std::nullopt;
}

stats::Interval QuotaPrediction::interval() const
{
    stats::Interval both = by_calm ? undisturbed->interval : as_seen->interval;
    if (calm && as_seen->limit && undisturbed->limit)
        both.low = std::min(as_seen->interval.low, undisturbed->interval.low);
    return both;
}

double QuotaPrediction::by_chance() const
{
    const stats::Interval& one = by_calm ? undisturbed->interval : as_seen->interval;
    return one.high > 0 ? 1 - one.low / one.high : 0;
}

double QuotaPrediction::by_others() const
{
    if (!calm || !as_seen || !undisturbed)
        return 0;
    const double seen = quota_or_all(as_seen, bounds), without = quota_or_all(undisturbed, bounds);
    return 1 - std::min(seen, without) / std::max(seen, without);
}

Result<QuotaPrediction> predict_quota(const Window& window, Subject& subject, const CpuOptions& options)
{
    const KeepUp keep_up = [&] { return subject.keep_up(); };
    const DemandTrace& trace = window.trace;
    const std::size_t replicates = ReplayOptions{}.replicates;
    QuotaPrediction found{.bounds = {.period_ns = options.period_ns,
                                     .most_quota_ns = subject.cpus() * options.period_ns,
                                     .burst_allowed = subject.limit("cpu.max.burst").has_value(),
                                     .latency_bound = options.latency_bound},
                          .replay = Replay(trace, replay_options(trace, replicates, false)),
                          .calm = {},
                          .as_seen = {},
                          .undisturbed = {}};
    if (unusable({}, window, subject, options))
        return found;
    auto seen = least_of(found.replay, found.bounds, options.confidence, keep_up);
    if (!seen)
        return std::unexpected(std::move(seen.error()));
    found.as_seen = *seen;
    if (!was_disturbed(trace))
        return found;
    found.calm.emplace(trace, replay_options(trace, replicates, true));
    auto without = least_of(*found.calm, found.bounds, options.confidence, keep_up);
    if (!without)
        return std::unexpected(std::move(without.error()));
    found.undisturbed = *without;
    found.by_calm = quota_or_all(found.undisturbed, found.bounds) > quota_or_all(found.as_seen, found.bounds);
    return found;
}

}  // namespace flyball::tune
