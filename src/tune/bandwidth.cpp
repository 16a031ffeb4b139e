// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/bandwidth.hpp"

#include <algorithm>
#include <cmath>
#include <random>

namespace flyball::tune {
namespace {

constexpr double kUs = 1000;

// Of n values, from one on: the nearest.
std::size_t rank_of(double q, std::size_t n)
{
    return std::max<std::size_t>(static_cast<std::size_t>(std::ceil(q * static_cast<double>(n))), 1);
}

// Reorders.
template <class T>
double quantile_of(std::vector<T>& values, double q)
{
    if (values.empty())
        return 0;
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank_of(q, values.size()) - 1);
    std::nth_element(values.begin(), at, values.end());
    return static_cast<double>(*at);
}

// A bucket as the kernel fills it.
class Bucket {
public:
    Bucket(const Bandwidth& limit, std::uint64_t slack_ns, double phase)
        : quota_(static_cast<double>(limit.quota_ns)),
          most_(quota_ + static_cast<double>(limit.burst_ns) -
                static_cast<double>(std::min(slack_ns, limit.quota_ns / 2))),
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

    [[nodiscard]] double left() const { return left_; }
    [[nodiscard]] bool empty() const { return left_ < 1; }
    // The first step that begins a period.
    [[nodiscard]] std::size_t next() const { return static_cast<std::size_t>(std::ceil(next_)); }

private:
    double quota_, most_, left_, steps_, next_;
};

// So many jobs tell a p99 to a tenth of it: more are thinned.
constexpr std::size_t kMostEnds = 20'000;
// After the last step the backlog is served out, but not for ever.
constexpr std::size_t kServeOutSteps = 10'000;
constexpr float kNeverUs = 1e8F;

std::size_t blocks_of(std::size_t steps, std::size_t block_steps)
{
    return std::max<std::size_t>(steps / block_steps, 1);
}

}  // namespace

Replay::Replay(const DemandTrace& trace, const ReplayOptions& options)
    : options_(options),
      demand_ns_(options.undisturbed ? trace.undisturbed_ns : trace.demand_ns),
      block_steps_(std::max<std::size_t>(options.block_ns / kDemandStepNs, 1)),
      jobs_(trace.jobs.size()),
      widest_(static_cast<double>(std::max(trace.most_running, 1U) * kDemandStepNs))
{
    std::mt19937_64 random(options.seed);
    const double keep = std::min(1.0, static_cast<double>(kMostEnds) /
                                          static_cast<double>(std::max<std::size_t>(trace.jobs.size(), 1)));
    std::bernoulli_distribution kept(keep);
    std::vector<float> latencies;
    for (const Job& job : trace.jobs) {
        const std::uint64_t late_ns = job.held_ns + (options.undisturbed ? job.disturbed_ns : 0);
        const std::uint64_t asked_ns = job.end_ns - std::min(job.end_ns, late_ns);
        if (asked_ns <= trace.begin_ns || job.begin_ns >= asked_ns || (keep < 1 && !kept(random)))
            continue;
        const std::uint64_t step = (asked_ns - 1 - trace.begin_ns) / kDemandStepNs;
        if (step >= demand_ns_.size())
            continue;
        const auto latency_us = static_cast<float>(static_cast<double>(asked_ns - job.begin_ns) / kUs);
        ends_.push_back({static_cast<std::uint32_t>(step), latency_us});
        latencies.push_back(latency_us);
    }
    std::ranges::stable_sort(ends_, {}, &End::step);
    asked_ns_.assign(1, 0);
    asked_ns_.reserve(demand_ns_.size() + 1);
    for (const std::uint64_t demand_ns : demand_ns_)
        asked_ns_.push_back(asked_ns_.back() + static_cast<double>(demand_ns));
    p50_ = quantile_of(latencies, 0.5) * kUs;
    p99_ = quantile_of(latencies, 0.99) * kUs;

    const std::size_t blocks = blocks_of(demand_ns_.size(), block_steps_);
    for (std::size_t block = 0; block < blocks; ++block) {
        const auto at = [&](std::size_t step) {
            return static_cast<std::size_t>(std::ranges::lower_bound(ends_, step, {}, &End::step) - ends_.begin());
        };
        const bool last = block + 1 == blocks;
        block_ends_.emplace_back(at(block * block_steps_), last ? ends_.size() : at((block + 1) * block_steps_));
    }
    std::uniform_int_distribution<std::uint32_t> any_block(0, static_cast<std::uint32_t>(blocks - 1));
    for (std::size_t i = 0; i < options.replicates; ++i) {
        Replicate one{.phase = i % options.phases, .blocks = std::vector<std::uint32_t>(blocks)};
        std::vector<float> was;
        std::size_t steps = 0;
        for (std::uint32_t& block : one.blocks) {
            block = any_block(random);
            const std::size_t from = block * block_steps_,
                              to = block + 1 == blocks ? demand_ns_.size() : from + block_steps_;
            one.asked_ns += asked_ns_[to] - asked_ns_[from];
            steps += to - from;
            const auto [first, last] = block_ends_[block];
            for (std::size_t k = first; k < last; ++k)
                was.push_back(ends_[k].latency_us);
        }
        one.p50_us = quantile_of(was, 0.5);
        one.p99_us = quantile_of(was, 0.99);
        one.mean_cpus = steps > 0 ? one.asked_ns / static_cast<double>(steps * kDemandStepNs) : 0;
        replicates_.push_back(std::move(one));
    }
}

// Served first come, first served: work of step s is done when all that was asked for until then is done.
Replay::Outcome Replay::play(const Bandwidth& limit, std::size_t phase) const
{
    const std::size_t steps = demand_ns_.size(), blocks = block_ends_.size();
    Bucket bucket(limit, options_.slack_ns, static_cast<double>(phase) / static_cast<double>(options_.phases));
    Outcome outcome{.took_us = std::vector<float>(ends_.size(), kNeverUs),
                    .late_ns = std::vector<double>(blocks, 0),
                    .throttled = std::vector<double>(blocks, 0),
                    .periods = std::vector<double>(blocks, 0)};
    double done = 0;
    std::size_t next_end = 0;  // all before are done
    bool held = false;
    for (std::size_t step = 0; step < steps + kServeOutSteps;) {
        const std::size_t block = std::min(step / block_steps_, blocks - 1);
        if (bucket.step(static_cast<double>(step))) {
            outcome.throttled[block] += held ? 1 : 0;
            outcome.periods[block] += 1;
            held = false;
        }
        const double backlog = asked_ns_[std::min(step, steps)] - done;
        if (backlog == 0 && step < steps) {
            // Steps of this period for all of which there is enough left: each is served as it asks.
            const auto asked = asked_ns_.begin() + static_cast<std::ptrdiff_t>(step);
            const auto until = asked_ns_.begin() + static_cast<std::ptrdiff_t>(std::min(bucket.next(), steps));
            const auto served = std::upper_bound(asked + 1, until + 1, done + bucket.left()) - 1;
            if (served != asked) {
                done += bucket.take(*served - done);
                step += static_cast<std::size_t>(served - asked);
                for (; next_end < ends_.size() && ends_[next_end].step < step; ++next_end)
                    outcome.took_us[next_end] = ends_[next_end].latency_us;
                continue;
            }
        }
        const double now = step < steps ? static_cast<double>(demand_ns_[step]) : 0;
        const double asked = asked_ns_[std::min(step + 1, steps)];
        const double given = bucket.take(std::min(asked - done, std::max(now, widest_)));
        done += given;
        outcome.late_ns[block] += std::min(backlog, given);
        const bool waits = asked - done > 1;
        held = held || (bucket.empty() && waits);
        for (;
             next_end < ends_.size() && ends_[next_end].step <= step && asked_ns_[ends_[next_end].step + 1] <= done + 1;
             ++next_end) {
            const End& end = ends_[next_end];
            outcome.took_us[next_end] =
                end.latency_us + static_cast<float>(static_cast<double>((step - end.step) * kDemandStepNs) / kUs);
        }
        if (step >= steps && !waits)
            break;
        // With nothing left, all wait for the next period.
        step = bucket.empty() && waits ? bucket.next() : step + 1;
    }
    return outcome;
}

Added Replay::resampled(const Outcome& outcome, const Replicate& replicate) const
{
    std::vector<float> with;
    with.reserve(ends_.size());
    double late = 0, throttled = 0, periods = 0;
    for (const std::uint32_t block : replicate.blocks) {
        const auto [first, last] = block_ends_[block];
        with.insert(with.end(), outcome.took_us.begin() + static_cast<std::ptrdiff_t>(first),
                    outcome.took_us.begin() + static_cast<std::ptrdiff_t>(last));
        late += outcome.late_ns[block];
        throttled += outcome.throttled[block];
        periods += outcome.periods[block];
    }
    const auto more = [&](double q, double was) { return was > 0 ? quantile_of(with, q) / was - 1 : 0; };
    return {more(0.5, replicate.p50_us), more(0.99, replicate.p99_us),
            replicate.asked_ns > 0 ? late / replicate.asked_ns : 0, periods > 0 ? throttled / periods : 0};
}

Added Replay::bound(const Bandwidth& limit, double quantile) const
{
    if (demand_ns_.empty())
        return {};
    std::vector<double> p50, p99, held, throttled;
    for (std::size_t phase = 0; phase < options_.phases; ++phase) {
        const Outcome outcome = play(limit, phase);
        for (std::size_t i = phase; i < replicates_.size(); i += options_.phases) {
            const Added one = resampled(outcome, replicates_[i]);
            p50.push_back(one.p50);
            p99.push_back(one.p99);
            held.push_back(one.held_share);
            throttled.push_back(one.throttled_periods);
        }
    }
    return {quantile_of(p50, quantile), quantile_of(p99, quantile), quantile_of(held, quantile),
            quantile_of(throttled, quantile)};
}

bool Replay::within(const Bandwidth& limit, double quantile, double most_added) const
{
    if (demand_ns_.empty())
        return true;
    const std::size_t enough = rank_of(quantile, replicates_.size());
    std::size_t p50 = 0, p99 = 0, left = replicates_.size();  // replicates: that keep to it, that are not played yet
    for (std::size_t phase = 0; std::min(p50, p99) + left >= enough; ++phase) {
        const Outcome outcome = play(limit, phase);
        for (std::size_t i = phase; i < replicates_.size(); i += options_.phases, --left) {
            const Added one = resampled(outcome, replicates_[i]);
            p50 += one.p50 <= most_added ? 1 : 0;
            p99 += one.p99 <= most_added ? 1 : 0;
        }
        if (std::min(p50, p99) >= enough)
            return true;
    }
    return false;
}

double Replay::mean_cpus(double quantile) const
{
    std::vector<double> means;
    for (const Replicate& replicate : replicates_)
        means.push_back(replicate.mean_cpus);
    return quantile_of(means, quantile);
}

}  // namespace flyball::tune
