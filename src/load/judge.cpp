// SPDX-License-Identifier: Apache-2.0
// Whether a level keeps to an objective.
#include "flyball/base/units.hpp"
#include "flyball/load/objective.hpp"
#include "flyball/load/quantiles.hpp"
#include "flyball/load/result.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace flyball::load {
namespace {

std::string spell_ns(double ns)
{
    return std::isinf(ns) ? "beyond the time-out" : format_ns(static_cast<std::uint64_t>(ns));
}

void decide(const Objective& objective, Judgement& judgement, std::string_view what, const std::string& spelled)
{
    judgement.verdict = objective.holds(*judgement.observed) ? Verdict::Met : Verdict::Broken;
    judgement.clear = !judgement.low || objective.holds(*judgement.low) == objective.holds(*judgement.high);
    judgement.said = fmt::format("{} is {}", what, spelled);
}

void unknown(Judgement& judgement, std::string why)
{
    judgement.verdict = Verdict::Unknown;
    judgement.said = std::move(why);
}

void judge_quantile(const Objective& objective, const Level& level, Judgement& judgement)
{
    const Quantile quantile = quantile_of(level.total.latency_ns, level.total.counts.endless(), objective.q);
    const std::string what = fmt::format("p{}", spell_number(objective.q * 100));
    if (!quantile.value && quantile.at_least && !objective.holds(*quantile.at_least)) {
        judgement.observed = judgement.low = quantile.at_least;
        judgement.verdict = Verdict::Broken;
        judgement.clear = true;
        judgement.said = fmt::format("{} is {}{}; {} of {} requests are too few for more", what,
                                     std::isinf(*quantile.at_least) ? "" : "at least ", spell_ns(*quantile.at_least),
                                     quantile.samples, quantile.needed);
        return;
    }
    if (!quantile.value)
        return unknown(judgement,
                       fmt::format("n too small for {}: {} of {} requests", what, quantile.samples, quantile.needed));
    judgement.observed = quantile.value;
    judgement.low = quantile.low;
    judgement.high = quantile.high;
    decide(objective, judgement, what, spell_ns(*quantile.value));
}

void judge_latency(const Objective& objective, const Level& level, Judgement& judgement)
{
    const Phase& total = level.total;
    if (total.latency_ns.empty() && total.counts.endless() == 0)
        return unknown(judgement, "no latency was measured");
    const bool mean = objective.measure == Measure::Mean;
    judgement.observed = total.counts.endless() > 0 ? std::numeric_limits<double>::infinity()
                         : mean                     ? total.latency_ns.mean()
                                                    : static_cast<double>(total.latency_ns.max());
    decide(objective, judgement, mean ? "the mean" : "the slowest", spell_ns(*judgement.observed));
}

void judge_errors(const Objective& objective, const Level& level, Judgement& judgement)
{
    double all = static_cast<double>(level.total.counts.known()),
           errors = static_cast<double>(level.total.counts.errors());
    if (level.told) {
        all = level.told->done + level.told->failed;
        errors = level.told->failed;
    }
    if (all <= 0)
        return unknown(judgement, "nothing was requested");
    const bool success = objective.measure == Measure::Success;
    judgement.observed = success ? 1 - errors / all : errors / all;
    decide(objective, judgement, success ? "success" : "the error rate",
           fmt::format("{} ({} of {} failed)", format_percent(*judgement.observed), spell_number(errors),
                       spell_number(all)));
}

void judge_throughput(const Objective& objective, const Level& level, Judgement& judgement)
{
    const auto achieved = level.achieved();
    if (!achieved || (objective.of_offered && !level.offered))
        return unknown(judgement, achieved ? "no single rate was offered" : "the generator told of no work");
    judgement.observed = objective.of_offered ? *achieved / *level.offered : *achieved;
    decide(objective, judgement, "throughput",
           objective.of_offered ? fmt::format("{} of what was offered ({}/s)", format_percent(*judgement.observed),
                                              spell_number(*achieved))
                                : fmt::format("{}/s", spell_number(*achieved)));
}

void judge_kernel(const Objective& objective, const Level& level, Judgement& judgement)
{
    const KernelUse& use = level.kernel;
    const auto share = [&](const std::optional<std::uint64_t>& ns, std::string_view what) {
        if (!ns || use.span_ns == 0)
            return unknown(judgement, fmt::format("{} is not counted here", what));
        judgement.observed = static_cast<double>(*ns) / static_cast<double>(use.span_ns);
        decide(objective, judgement, what, format_percent(*judgement.observed));
    };
    switch (objective.measure) {
    case Measure::Cpu:
        return share(use.cpu_ns, "cpu");
    case Measure::Throttled:
        return share(use.throttled_ns, "throttled");
    case Measure::Memory:
        if (!use.memory_peak_bytes)
            return unknown(judgement, "the memory peak is not counted here");
        judgement.observed = static_cast<double>(*use.memory_peak_bytes);
        return decide(objective, judgement, "memory", format_bytes(*use.memory_peak_bytes));
    default:
        if (!use.oom_kills)
            return unknown(judgement, "OOM kills are not counted here");
        judgement.observed = static_cast<double>(*use.oom_kills);
        return decide(objective, judgement, "oom", fmt::format("{}", *use.oom_kills));
    }
}

void judge_value(const Objective& objective, const Level& level, Judgement& judgement)
{
    std::vector<double> values;
    if (level.told && level.told->values.contains(objective.name))
        values = level.told->values.at(objective.name);
    if (values.empty())
        return unknown(judgement, fmt::format("no `value {}` was told", objective.name));
    judgement.observed = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    decide(objective, judgement, objective.name, spell_number(*judgement.observed));
}

}  // namespace

Judgement judge(const Objective& objective, const Level& level)
{
    Judgement judgement{.objective = objective.text, .observed = {}, .low = {}, .high = {}, .said = {}};
    switch (objective.measure) {
    case Measure::Quantile:
        judge_quantile(objective, level, judgement);
        break;
    case Measure::Mean:
    case Measure::Max:
        judge_latency(objective, level, judgement);
        break;
    case Measure::Errors:
    case Measure::Success:
        judge_errors(objective, level, judgement);
        break;
    case Measure::Throughput:
        judge_throughput(objective, level, judgement);
        break;
    case Measure::Value:
        judge_value(objective, level, judgement);
        break;
    default:
        judge_kernel(objective, level, judgement);
        break;
    }
    return judgement;
}

std::vector<Judgement> judge_all(std::span<const Objective> objectives, const Level& level)
{
    std::vector<Judgement> judgements;
    for (const Objective& objective : objectives)
        judgements.push_back(judge(objective, level));
    return judgements;
}

Verdict worst(std::span<const Judgement> judgements)
{
    const auto any = [&](Verdict verdict) {
        return std::ranges::find(judgements, verdict, &Judgement::verdict) != judgements.end();
    };
    return any(Verdict::Broken) ? Verdict::Broken : any(Verdict::Unknown) ? Verdict::Unknown : Verdict::Met;
}

}  // namespace flyball::load
