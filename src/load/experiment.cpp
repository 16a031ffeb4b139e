// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace flyball::load {
namespace {

// The level as it is reported.
Result<Level> run_level(const Plan& plan, const LevelSpec& spec, Bench& bench, bool may_give_up)
{
    auto level = bench.run(spec, may_give_up);
    if (!level)
        return level;
    level->label = spec.label;
    level->parameters = spec.parameters;
    level->offered = spec.offered;
    level->judgements = judge_all(plan.objectives, *level);
    if (!level->ended_early.empty()) {
        // It was lost for good: what the shortened window shows of it does not count.
        for (Judgement& judgement : level->judgements)
            if (level->ended_early.starts_with(judgement.objective)) {
                judgement.verdict = Verdict::Broken;
                judgement.clear = true;
                judgement.said = level->ended_early;
            }
    }
    if (level->told && level->told->exit_code.value_or(0) != 0)
        level->judgements.push_back({.objective = "exit=0",
                                     .verdict = Verdict::Broken,
                                     .observed = *level->told->exit_code,
                                     .low = {},
                                     .high = {},
                                     .clear = true,
                                     .said = fmt::format("the generator exited with {}", *level->told->exit_code)});
    return level;
}

// What decided, for people.
std::string why(const Level& level)
{
    const Verdict verdict = level.verdict();
    for (const Judgement& judgement : level.judgements)
        if (verdict != Verdict::Met && judgement.verdict == verdict)
            return judgement.said.starts_with(judgement.objective)
                       ? judgement.said
                       : fmt::format("{}: {}", judgement.objective, judgement.said);
    return {};
}

// By the phase before the first burst: nine of ten requests were faster than twice this then.
double recovery_limit(const Plan& plan, const Level& level)
{
    for (const Objective& objective : plan.objectives)
        if (objective.measure == Measure::Quantile || objective.measure == Measure::Max)
            return objective.bound;
    constexpr double kTail = 0.9, kTwice = 2;
    return kTwice * static_cast<double>(level.phases.front().latency_ns.quantile(kTail));
}

// Much of the latency is our own: the machine did not let us make the load.
bool disturbed(const Level& level)
{
    constexpr double kPart = 0.1;
    const auto own = static_cast<double>(level.own_delay_ns.sum64());
    return level.verdict() == Verdict::Broken && !level.told &&
           own > kPart * static_cast<double>(level.total.latency_ns.sum64());
}

class Finder {
public:
    Finder(const Plan& plan, const Values& combination, Bench& bench, const Say& say, Outcomes& out)
        : plan_(plan), combination_(combination), bench_(bench), say_(say), out_(out), planner_(plan.search->options)
    {
        found_.combination = combination;
        found_.parameter = plan.search->parameter;
        found_.options = plan.search->options;
    }

    Result<Found> run();

private:
    void record(const Trial& trial, Level level, bool counted);
    void conclude();

    const Plan& plan_;
    const Values& combination_;
    Bench& bench_;
    const Say& say_;
    Outcomes& out_;
    BreakingPoint planner_;
    Found found_;
};

void Finder::record(const Trial& trial, Level level, bool counted)
{
    TrialRecord record{.level = trial.level,
                       .phase = trial.phase,
                       .verdict = level.verdict(),
                       .why = (counted ? "" : "not counted, flyball itself was late: ") + why(level),
                       .index = out_.levels.size(),
                       .counted = counted};
    say_(fmt::format("{} {}: {}{}{}", name(trial.phase), level.label, name(record.verdict),
                     record.why.empty() ? "" : ", ", record.why));
    if (counted)
        planner_.report(record.verdict);
    found_.trials.push_back(std::move(record));
    out_.levels.push_back(std::move(level));
}

// The windows that confirmed are one sample of the level at which they were.
void Finder::conclude()
{
    found_.result = planner_.result();
    std::map<std::string, std::size_t> missed;
    for (const TrialRecord& trial : found_.trials) {
        const Level& level = out_.levels[trial.index];
        if (!trial.counted)
            continue;
        // A level that was to be confirmed on one side may have been confirmed on the other.
        const bool confirming = trial.phase == SearchPhase::ConfirmHeld || trial.phase == SearchPhase::ConfirmBroken;
        const bool held = confirming && trial.level == found_.result.held;
        const bool broken = confirming && trial.level == found_.result.broken;
        if (held || broken) {
            auto& pooled = held ? found_.at_held : found_.at_broken;
            if (!pooled)
                pooled.emplace();
            pooled->merge(level.total);
        }
        if (trial.level != found_.result.broken)
            continue;
        for (const Judgement& judgement : level.judgements)
            if (judgement.verdict == Verdict::Broken && ++missed[judgement.objective] > 0 &&
                (found_.reason.empty() || missed[judgement.objective] > missed[found_.reason]))
                found_.reason = judgement.objective;
    }
    // The last time that it was missed there.
    const std::string most = found_.reason;
    for (const TrialRecord& trial : found_.trials)
        if (trial.counted && trial.level == found_.result.broken)
            for (const Judgement& judgement : out_.levels[trial.index].judgements)
                if (judgement.objective == most && judgement.verdict == Verdict::Broken)
                    found_.reason =
                        judgement.said.starts_with(most) ? judgement.said : fmt::format("{}: {}", most, judgement.said);
    if (found_.result.end == SearchEnd::Unknown && !found_.trials.empty())
        found_.reason = found_.trials.back().why;
}

Result<Found> Finder::run()
{
    constexpr int kMostRepeats = 3;
    int repeats = 0;
    while (const auto trial = planner_.next()) {
        if (trial->after_break || repeats > 0)
            bench_.rest(plan_.drain_ns);
        auto level = run_level(plan_, plan_.window(combination_, trial->level), bench_, true);
        if (!level)
            return std::unexpected(std::move(level.error()));
        if (level->interrupted || bench_.stopped()) {
            out_.interrupted = true;
            out_.levels.push_back(*std::move(level));
            break;
        }
        const bool counted = repeats == kMostRepeats || !disturbed(*level);
        repeats = counted ? 0 : repeats + 1;
        record(*trial, *std::move(level), counted);
    }
    conclude();
    return std::move(found_);
}

// When did it recover from each burst: the last request intended after it that took too long.
void add_recoveries(const Plan& plan, const LevelSpec& spec, Level& level)
{
    if (spec.bursts.empty() || level.phases.empty())
        return;
    const double limit = recovery_limit(plan, level);
    const Timeline& timeline = level.timeline;
    for (const std::size_t burst : spec.bursts) {
        if (burst + 1 >= level.phases.size())
            break;
        const Phase& after = level.phases[burst + 1];
        std::uint64_t slow_until = after.begin_ns;
        for (std::size_t i = after.begin_ns / timeline.step_ns; i < timeline.moments.size(); ++i)
            if (i * timeline.step_ns<after.end_ns&& static_cast<double>(timeline.moments[i].slowest_ns)> limit)
                slow_until = std::max(slow_until, (i + 1) * timeline.step_ns);
        Recovery recovery{.phase = burst, .limit_ns = limit, .after_ns = {}};
        if (slow_until < after.end_ns)
            recovery.after_ns = slow_until - after.begin_ns;
        level.recoveries.push_back(recovery);
    }
}

}  // namespace

Result<Outcomes> carry_out(const Plan& plan, Bench& bench, const Say& say)
{
    Outcomes out;
    if (plan.search) {
        for (const Values& combination : plan.combinations) {
            auto found = Finder(plan, combination, bench, say, out).run();
            if (!found)
                return std::unexpected(std::move(found.error()));
            out.found.push_back(*std::move(found));
            if (out.interrupted)
                break;
        }
        return out;
    }
    for (const LevelSpec& spec : plan.levels) {
        if (!out.levels.empty())
            bench.rest(plan.drain_ns);
        if (bench.stopped()) {
            out.interrupted = true;
            break;
        }
        auto level = run_level(plan, spec, bench, false);
        if (!level)
            return std::unexpected(std::move(level.error()));
        add_recoveries(plan, spec, *level);
        say(fmt::format("{}: {}{}{}", level->label, plan.objectives.empty() ? "done" : name(level->verdict()),
                        why(*level).empty() ? "" : ", ", why(*level)));
        out.interrupted = level->interrupted;
        out.levels.push_back(*std::move(level));
        if (out.interrupted)
            break;
    }
    return out;
}

Verdict Outcomes::verdict() const
{
    std::vector<Judgement> all;
    const auto add = [&](Verdict verdict) {
        Judgement judgement;
        judgement.verdict = verdict;
        all.push_back(judgement);
    };
    if (found.empty())
        for (const Level& level : levels)
            add(level.verdict());
    for (const Found& one : found) {
        const SearchEnd end = one.result.end;
        add(end == SearchEnd::Found || end == SearchEnd::HeldAll ? Verdict::Met
            : end == SearchEnd::BrokeAll                         ? Verdict::Broken
                                                                 : Verdict::Unknown);
    }
    return worst(all);
}

}  // namespace flyball::load
