// SPDX-License-Identifier: Apache-2.0
// memory.high tried out, against the limit as it is.
#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/stats/statistics.hpp"
#include "memory_tuner.hpp"
#include "units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::tune {
namespace {

// Above the peak a memory.high does nothing: a little room, since the next peak is another one.
constexpr double kAbovePeak = 1.1;
constexpr std::size_t kMoreWhenNotFelt = 2;

}  // namespace

Result<> MemoryTuner::search()
{
    const std::uint64_t needs = std::max({working_set_, seen_.steady_peak, seen_.floor});
    const auto first = static_cast<std::uint64_t>((1 + options_.margin) * static_cast<double>(needs)) + stock_bytes();
    const auto ceiling =
        std::max(first + kPage, static_cast<std::uint64_t>(kAbovePeak * static_cast<double>(seen_.usage_peak)));
    const std::uint64_t limit =
        std::min(cgroup::parse_memory_limit(original_high_).value_or(cgroup::kUnlimited),
                 cgroup::parse_memory_limit(subject_.limit("memory.max").value_or("max")).value_or(cgroup::kUnlimited));
    BracketOptions bracket = options_.bracket;
    // What came back is needed after a start, too. With less, a trial may go well all the same: what the kernel has
    // found to be in use (the active list) it goes on protecting under a limit under which it would never have found it
    // out.
    if (!workload_tells_ || (descent_ && descent_->felt()))
        bracket.most_tighter = 0;
    // Nothing has come back: the descent has ended for another reason, and what is needed may be far below.
    else if (descent_ && !descent_->felt())
        bracket.most_tighter += kMoreWhenNotFelt;
    bracket.most_trials = std::max(bracket.most_trials, bracket.most_tighter + 2);
    bracket_.emplace(bracket, first, std::max(seen_.steady_peak, seen_.floor) + stock_bytes(),
                     std::min(ceiling, limit - 1));
    while (const auto candidate = bracket_->next()) {
        if (options_.longest_ns < took_ns_ + least_trial_ns()) {
            no_time_ = true;
            proposal_.notes.push_back(fmt::format("after {} nothing more was tried", format_ns(took_ns_)));
            break;
        }
        auto trial = attempt(*candidate);
        if (!trial) {
            if (trial.error().kind != ErrorKind::Stopped || !bracket_->accepted())
                return std::unexpected(std::move(trial.error()));
            // What was accepted before it still holds.
            cut_short_ = trial.error().what;
            proposal_.trials.push_back({.setting = fmt::format("memory.high {}", *candidate),
                                        .verdict = Verdict::Aborted,
                                        .took_ns = 0,
                                        .pairs = 0,
                                        .judged_by = measure_.judged_by,
                                        .throughput = {},
                                        .latency_p50 = {},
                                        .latency_p99 = {},
                                        .note = cut_short_});
            break;
        }
        bracket_->add(trial->verdict);
        not_accepted_ += trial->verdict == Verdict::Accepted ? 0 : 1;
        proposal_.trials.push_back(std::move(*trial));
    }
    return {};
}

// What a tight limit has pushed out has to be back before the other one is judged.
std::uint64_t MemoryTuner::trial_settle_ns() const
{
    return std::max(options_.trial.settle_ns, std::min(return_ns_, options_.most_settles * options_.settle_ns));
}

std::uint64_t MemoryTuner::least_trial_ns() const
{
    return stats::kLeastForSpread * 2 * (trial_settle_ns() + options_.trial.block_ns);
}

Result<Trial> MemoryTuner::attempt(std::uint64_t bytes)
{
    ExperimentOptions options = options_.trial;
    options.seed += bracket_->trials();
    // What is tighter is tried only after what is wider was accepted, which needs no correction. Each that is tried
    // since one was not accepted has half of what is left.
    options.alpha *= std::exp2(-static_cast<double>(not_accepted_ + 1));
    options.settle_ns = trial_settle_ns();
    options.longest_ns = options_.longest_ns - took_ns_;
    const Setting a{{{"memory.high", original_high_}}}, b{{{"memory.high", fmt::format("{}", bytes)}}};
    proposal_.experimented = true;
    auto trial = compare(subject_, a, b, measure_, options);
    if (trial) {
        took_ns_ += trial->took_ns;
        return trial;
    }
    if (const auto why = subject_.tripped()) {
        Trial stopped{.setting = b.text(),
                      .verdict = Verdict::Rejected,
                      .took_ns = 0,
                      .pairs = 0,
                      .judged_by = "memory.pressure, full",
                      .throughput = {},
                      .latency_p50 = {},
                      .latency_p99 = {},
                      .note = "taken back at once: " + *why};
        subject_.say(fmt::format("{}: {}", stopped.setting, stopped.note));
        return stopped;
    }
    return trial;
}

}  // namespace flyball::tune
