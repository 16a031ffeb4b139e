// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/bandwidth.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace flyball::tune {
namespace {

constexpr double kUs = 1000;

// Nearest rank. Reorders.
template <class T>
double quantile_of(std::vector<T>& values, double q)
{
    if (values.empty())
        return 0;
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::nth_element(values.begin(), at, values.end());
    return static_cast<double>(*at);
}

// A bucket as the kernel fills it.
class Bucket {
public:
    Bucket(const Bandwidth& limit, std::uint64_t slack_ns, double phase)
        : quota_(static_cast<double>(limit.quota_ns)),
          most_(quota_ + static_cast<double>(limit.burst_ns) - static_cast<double>(std::min(slack_ns, limit.quota_ns / 2))),
          left_(most_),
          steps_(static_cast<double>(limit.period_ns) / static_cast<double>(kDemandStepNs)),
          next_(steps_ * (1 - phase))
    {
    }
    // Begins a step. True: and with it a period.
    bool step(double at)
    {
        const bool begins = at >= next_;
        for (; at >= next_; next_ += steps_)
            left_ = std::min(left_ + quota_, most_);
        return begins;
    }
    double take(double wanted)
    {
        const double given = std::min(wanted, left_);
        left_ -= given;
        return given;
    }

    [[nodiscard]] bool empty() const { return left_ < 1; }

private:
    double quota_, most_, left_, steps_, next_;
};

}  // namespace

Replay::Replay(const DemandTrace& trace, const ReplayOptions& options) : options_(options), jobs_(trace.jobs.size()), widest_(static_cast<double>(std::max(trace.most_running, 1U) * kDemandStepNs))
{
    const std::size_t steps = trace.demand_ns.size();
    const std::size_t block = std::clamp<std::size_t>(options.block_ns / kDemandStepNs, 1, std::max<std::size_t>(steps, 1));
    std::vector<Replicate::End> ends;
    std::vector<double> latencies;
    for (const Job& job : trace.jobs) {
        const std::uint64_t asked_ns = job.end_ns - std::min(job.end_ns, job.held_ns);
        if (asked_ns <= trace.begin_ns || job.begin_ns >= asked_ns)
            continue;
        const std::uint64_t step = (asked_ns - 1 - trace.begin_ns) / kDemandStepNs;
        if (step >= steps)
            continue;
        const auto latency_us = static_cast<std::uint32_t>(std::min<std::uint64_t>((asked_ns - job.begin_ns) / 1000, ~0U));
        ends.push_back({static_cast<std::uint32_t>(step), latency_us});
        latencies.push_back(static_cast<double>(asked_ns - job.begin_ns));
    }
    std::ranges::stable_sort(ends, {}, &Replicate::End::step);
    p50_ = quantile_of(latencies, 0.5);
    p99_ = quantile_of(latencies, 0.99);
    if (steps == 0)
        return;

    std::mt19937_64 random(options.seed);
    std::uniform_int_distribution<std::size_t> anywhere(0, steps - block);
    std::uniform_real_distribution<double> phase(0, 1);
    for (std::size_t i = 0; i < options.replicates; ++i) {
        Replicate one;
        one.phase = phase(random);
        while (one.demand_ns.size() < steps) {
            const std::size_t from = anywhere(random), length = std::min(block, steps - one.demand_ns.size());
            const auto base = static_cast<std::uint32_t>(one.demand_ns.size());
            one.demand_ns.insert(one.demand_ns.end(), trace.demand_ns.begin() + static_cast<std::ptrdiff_t>(from),
                                 trace.demand_ns.begin() + static_cast<std::ptrdiff_t>(from + length));
            auto end = std::ranges::lower_bound(ends, from, {}, &Replicate::End::step);
            for (; end != ends.end() && end->step < from + length; ++end)
                one.ends.push_back({base + end->step - static_cast<std::uint32_t>(from), end->latency_us});
        }
        std::vector<std::uint32_t> all;
        for (const Replicate::End& end : one.ends)
            all.push_back(end.latency_us);
        one.p50_us = quantile_of(all, 0.5);
        one.p99_us = quantile_of(all, 0.99);
        replicates_.push_back(std::move(one));
    }
}

// Served first come, first served: work of step s is done when all that was asked for until then is done.
Added Replay::play(const Replicate& replicate, const Bandwidth& limit) const
{
    Bucket bucket(limit, options_.slack_ns, replicate.phase);
    std::vector<double> delayed_us;
    delayed_us.reserve(replicate.ends.size());
    double asked = 0, done = 0, late = 0;
    std::size_t periods = 1, throttled = 0, next_end = 0;
    bool held = false;
    // Ends whose work is not done yet: all up to next_end are done.
    std::vector<double> asked_by;
    asked_by.reserve(replicate.demand_ns.size());
    const std::size_t steps = replicate.demand_ns.size();
    // After the last step the backlog is served out, but not for ever.
    for (std::size_t step = 0; step < steps + 10'000; ++step) {
        if (bucket.step(static_cast<double>(step))) {
            throttled += held ? 1 : 0;
            held = false;
            ++periods;
        }
        const double backlog = asked - done;
        const double now = step < steps ? static_cast<double>(replicate.demand_ns[step]) : 0;
        if (step < steps)
            asked_by.push_back(asked += now);
        const double before = done;
        done += bucket.take(std::min(asked - done, std::max(now, widest_)));
        late += std::min(backlog, done - before);
        held = held || bucket.empty();
        while (next_end < replicate.ends.size() && replicate.ends[next_end].step <= step &&
               asked_by[replicate.ends[next_end].step] <= done + 1) {
            const Replicate::End& end = replicate.ends[next_end++];
            delayed_us.push_back(end.latency_us + static_cast<double>(step - end.step) * static_cast<double>(kDemandStepNs) / kUs);
        }
        if (step >= steps && asked - done <= 1)
            break;
    }
    // Those that were never done: later than anything.
    for (; next_end < replicate.ends.size(); ++next_end)
        delayed_us.push_back(replicate.ends[next_end].latency_us + 1e7);
    Added added;
    if (!delayed_us.empty()) {
        added.p50 = replicate.p50_us > 0 ? quantile_of(delayed_us, 0.5) / replicate.p50_us - 1 : 0;
        added.p99 = replicate.p99_us > 0 ? quantile_of(delayed_us, 0.99) / replicate.p99_us - 1 : 0;
    }
    added.held_share = asked > 0 ? late / asked : 0;
    added.throttled_periods = static_cast<double>(throttled) / static_cast<double>(periods);
    return added;
}

Added Replay::bound(const Bandwidth& limit, double quantile) const
{
    std::vector<double> p50, p99, held, throttled;
    for (const Replicate& replicate : replicates_) {
        const Added one = play(replicate, limit);
        p50.push_back(one.p50);
        p99.push_back(one.p99);
        held.push_back(one.held_share);
        throttled.push_back(one.throttled_periods);
    }
    return {quantile_of(p50, quantile), quantile_of(p99, quantile), quantile_of(held, quantile),
            quantile_of(throttled, quantile)};
}

}  // namespace flyball::tune
