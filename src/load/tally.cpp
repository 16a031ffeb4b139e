// SPDX-License-Identifier: Apache-2.0
#include "tally.hpp"

#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::load {
namespace {

// Poisson arrivals may be more than expected: by so many standard deviations, never.
constexpr double kNeverDeviations = 6, kNeverMore = 10;

}  // namespace

Tally::Tally(const Schedule& schedule, const DriverOptions& options)
    : options_(options), length_ns_(schedule.length_ns()), over_bound_(options.give_up.size())
{
    const double expected = schedule.expected();
    most_requests_ = static_cast<std::uint64_t>(expected + kNeverDeviations * std::sqrt(expected) + kNeverMore);
    level_.warmup_ns = options.warmup_ns;
    level_.phases = options.phases;
    level_.total.begin_ns = options.warmup_ns;
    level_.total.end_ns = length_ns_;
    if (!schedule.segments().empty()) {
        level_.total.from_rate = schedule.segments().front().from_rate;
        level_.total.to_rate = schedule.segments().back().to_rate;
    }
}

void Tally::count_into(Phase& phase, const Outcome& outcome) const
{
    const bool within = outcome.ended_ns >= phase.begin_ns && outcome.ended_ns < phase.end_ns;
    if (outcome.kind == Outcome::Kind::Ok && within)
        ++phase.completed;
    if (outcome.intended_ns < phase.begin_ns || outcome.intended_ns >= phase.end_ns)
        return;
    Counts& counts = phase.counts;
    ++counts.intended;
    switch (outcome.kind) {
    case Outcome::Kind::Ok:
        ++counts.ok;
        phase.latency_ns.add(outcome.ended_ns - outcome.intended_ns);
        phase.service_ns.add(outcome.ended_ns - outcome.started_ns.value_or(outcome.intended_ns));
        break;
    case Outcome::Kind::Failed:
        ++counts.failed;
        break;
    case Outcome::Kind::Shed:
        ++counts.shed;
        break;
    case Outcome::Kind::TimedOut:
        ++counts.timed_out;
        break;
    case Outcome::Kind::Abandoned:
        ++counts.abandoned;
        break;
    }
    if (outcome.started_ns)
        phase.wait_ns.add(*outcome.started_ns - outcome.intended_ns);
}

void Tally::count(const Outcome& outcome)
{
    count_into(level_.total, outcome);
    for (Phase& phase : level_.phases)
        count_into(phase, outcome);
    const bool ended = outcome.kind == Outcome::Kind::Ok;
    const bool endless = outcome.kind == Outcome::Kind::Shed || outcome.kind == Outcome::Kind::TimedOut;
    Moment& moment = level_.timeline.at(outcome.intended_ns);
    ++moment.intended;
    moment.ok += ended ? 1 : 0;
    moment.errors += endless || outcome.kind == Outcome::Kind::Failed ? 1 : 0;
    if (ended || endless)
        moment.slowest_ns =
            std::max(moment.slowest_ns, endless ? ~std::uint64_t{0} : outcome.ended_ns - outcome.intended_ns);
    if (outcome.intended_ns < options_.warmup_ns || outcome.kind == Outcome::Kind::Abandoned ||
        outcome.kind == Outcome::Kind::Failed)
        return;
    const auto latency = static_cast<double>(outcome.ended_ns - outcome.intended_ns);
    for (std::size_t i = 0; i < over_bound_.size(); ++i)
        over_bound_[i] += !ended || !options_.give_up[i].holds(latency) ? 1 : 0;
}

// The q-quantile of n is beyond the bound when more than n - ceil(q n) are, which grows with n: n at its most is safe.
std::string Tally::lost(const std::vector<std::uint64_t>& ages) const
{
    const auto most = static_cast<double>(most_requests_);
    for (std::size_t i = 0; i < over_bound_.size(); ++i) {
        const Objective& objective = options_.give_up[i];
        if (objective.measure == Measure::Quantile || objective.measure == Measure::Max) {
            std::uint64_t over = over_bound_[i];
            for (const std::uint64_t age : ages)
                over += objective.holds(static_cast<double>(age)) ? 0 : 1;
            const double budget = objective.measure == Measure::Max ? 0 : most - std::ceil(objective.q * most) + 1;
            if (static_cast<double>(over) > budget)
                return fmt::format("{} cannot be met any more: {} requests took longer, of at most {} in all",
                                   objective.text, over, most_requests_);
        }
        const Counts& counts = level_.total.counts;
        if (objective.measure == Measure::Errors && static_cast<double>(counts.errors()) > objective.bound * most + 1)
            return fmt::format("{} cannot be met any more: {} requests failed, of at most {} in all", objective.text,
                               counts.errors(), most_requests_);
    }
    return {};
}

Level Tally::finish(std::uint64_t elapsed_ns) &&
{
    const std::uint64_t end = std::min(length_ns_, std::max(elapsed_ns, options_.warmup_ns));
    level_.total.end_ns = end;
    level_.span_ns = end - level_.total.begin_ns;
    std::erase_if(level_.phases, [&](const Phase& phase) { return phase.begin_ns >= end; });
    for (Phase& phase : level_.phases)
        phase.end_ns = std::min(phase.end_ns, end);
    return std::move(level_);
}

}  // namespace flyball::load
