// SPDX-License-Identifier: Apache-2.0
// A level in full, a search, and what the kernel counted.
#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "flyball/load/quantiles.hpp"
#include "load.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::report {
namespace {

using load::Found;
using load::Level;
using load::SearchEnd;

std::string spelled_level(const Found& found, double level)
{
    const bool rate = found.parameter == "rate";
    return rate ? fmt::format("{}/s", spelled_rate(level)) : fmt::format("{}={:.6g}", found.parameter, level);
}

std::string interval(const load::Phase& phase, double q)
{
    const load::Quantile quantile = load::quantile_of(phase.latency_ns, phase.counts.endless(), q);
    const std::string what = fmt::format("p{:.4g}", q * 100);
    if (!quantile.value)
        return fmt::format("{}: n too small ({} of {})", what, quantile.samples, quantile.needed);
    const auto spelled = [](double ns) {
        return std::isinf(ns) ? "beyond the time-out" : format_ns(static_cast<std::uint64_t>(ns));
    };
    return fmt::format("{} {} [{}, {}]", what, spelled(*quantile.value), spelled(*quantile.low),
                       spelled(*quantile.high));
}

std::string sentence(const Found& found)
{
    const load::SearchResult& r = found.result;
    const auto votes = [](std::size_t won, const load::Votes& all) {
        return fmt::format("{} of {} windows", won, all.count());
    };
    const std::string held = r.held ? spelled_level(found, *r.held) : "",
                      broken = r.broken ? spelled_level(found, *r.broken) : "";
    switch (r.end) {
    case SearchEnd::Found:
        return fmt::format("holds at {} ({}), breaks at {} ({})", held, votes(r.held_votes.held, r.held_votes), broken,
                           votes(r.broken_votes.broken, r.broken_votes));
    case SearchEnd::HeldAll:
        return fmt::format("holds at {} ({}), the highest level that was to be tried", held,
                           votes(r.held_votes.held, r.held_votes));
    case SearchEnd::BrokeAll:
        return fmt::format("breaks at {} ({}), the lowest level that was to be tried", broken,
                           votes(r.broken_votes.broken, r.broken_votes));
    case SearchEnd::Unsettled:
        return fmt::format("unsettled: the same levels held and broke, again and again; last between {} and {}",
                           held.empty() ? "nothing" : held, broken.empty() ? "nothing" : broken);
    case SearchEnd::Unknown:
        return "a window could not be judged";
    case SearchEnd::Running:
        return fmt::format("not finished: so far it held at {} and broke at {}", held.empty() ? "nothing" : held,
                           broken.empty() ? "nothing" : broken);
    }
    return {};
}

void draw_search(const Found& found, Canvas& canvas)
{
    double most = 0;
    for (const load::TrialRecord& trial : found.trials)
        most = std::max(most, trial.level);
    Table table(
        {{"#"}, {"search", Side::Left}, {"level"}, {"", Side::Left}, {"", Side::Left}, {"why", Side::Left, true}});
    constexpr double kBar = 12;
    std::size_t number = 0;
    for (const load::TrialRecord& trial : found.trials) {
        // By ratio: the lowest level is a stroke, the highest the whole bar.
        const double share = most > found.options.low
                                 ? std::log(trial.level / found.options.low) / std::log(most / found.options.low)
                                 : 0;
        const auto length = static_cast<std::size_t>(1 + std::lround(share * (kBar - 1)));
        table.row({std::to_string(++number), std::string(name(trial.phase)), spelled_level(found, trial.level),
                   Cell("|" + pad_right(std::string(length, '@'), static_cast<std::size_t>(kBar)) + "|", Style::Cyan),
                   Cell(shouted_verdict(trial.verdict), style_of(trial.verdict)), harmless(trial.why)});
    }
    table.draw(canvas);
}

void text_phases(const Level& level, Canvas& canvas)
{
    Table table(
        {{"part", Side::Left, true}, {"offered"}, {"done/s"}, {"errors"}, {"p50"}, {"p90"}, {"p99"}, {"", Side::Left}});
    double most = 0;
    for (const load::Phase& phase : level.phases)
        most = std::max({most, phase.from_rate, phase.to_rate});
    constexpr double kBar = 20;
    for (const load::Phase& phase : level.phases) {
        const double offered = (phase.from_rate + phase.to_rate) / 2;
        const auto length = [&](double rate) {
            return most <= 0 ? std::size_t{0}
                             : static_cast<std::size_t>(std::lround(std::clamp(rate / most, 0.0, 1.0) * kBar));
        };
        const std::size_t done = length(phase.completed_rate()), full = std::max(length(offered), done);
        table.row({harmless(phase.label), spelled_rate(offered), spelled_rate(phase.completed_rate()),
                   percent_of(phase.counts.errors(), phase.counts.known()), quantile_cell(phase, 0.5),
                   quantile_cell(phase, 0.9), quantile_cell(phase, 0.99),
                   Cell("|" +
                            pad_right(std::string(done, '@') + std::string(full - done, '.'),
                                      static_cast<std::size_t>(kBar)) +
                            "|",
                        Style::Cyan)});
    }
    table.draw(canvas);
}

}  // namespace

void text_found(const Found& found, Canvas& canvas)
{
    std::string of;
    for (const auto& [name, value] : found.combination)
        of += fmt::format(" {}={}", name, value);
    canvas.heading("BREAKING POINT", fmt::format("of {}{}", found.parameter, of));
    const bool good = found.result.end == SearchEnd::Found || found.result.end == SearchEnd::HeldAll;
    canvas.paragraph(sentence(found), 1, "", good ? Style::Bold : Style::Red);
    if (!found.reason.empty())
        canvas.paragraph(harmless(found.reason), 1, "-> ");
    for (const auto& [phase, level] :
         {std::pair(&found.at_held, found.result.held), std::pair(&found.at_broken, found.result.broken)})
        if (*phase && level && !(*phase)->latency_ns.empty())
            canvas.paragraph(fmt::format("at {}: {}, {}, {} requests, {} failed", spelled_level(found, *level),
                                         interval(**phase, 0.5), interval(**phase, 0.99), (*phase)->counts.known(),
                                         (*phase)->counts.errors()),
                             1, "", Style::Dim);
    canvas.blank();
    draw_search(found, canvas);
}

void text_level(const Level& level, Canvas& canvas)
{
    const bool values = level.told && !level.told->values.empty();
    if (level.judgements.empty() && level.phases.empty() && level.recoveries.empty() && !values)
        return;
    canvas.heading(harmless(level.label), level.ended_early);
    for (const load::Judgement& judgement : level.judgements) {
        std::string text = harmless(judgement.objective) + ": " + harmless(judgement.said);
        if (judgement.verdict != load::Verdict::Unknown && !judgement.clear)
            text += " (within its interval: more requests would tell)";
        canvas.paragraph(text, 1, shouted_verdict(judgement.verdict) + " ", style_of(judgement.verdict));
    }
    if (!level.phases.empty())
        text_phases(level, canvas);
    for (const load::Recovery& recovery : level.recoveries) {
        const std::string limit = format_ns(static_cast<std::uint64_t>(recovery.limit_ns));
        canvas.paragraph(recovery.after_ns
                             ? fmt::format("after {}: all requests below {} again {} later",
                                           harmless(level.phases[recovery.phase].label), limit,
                                           format_ns(*recovery.after_ns))
                             : fmt::format("after {}: not all requests below {} before the next part's end",
                                           harmless(level.phases[recovery.phase].label), limit),
                         1);
    }
    if (values)
        for (const auto& [name, numbers] : level.told->values)
            canvas.paragraph(fmt::format("{}: {} told, from {:.6g} to {:.6g}", harmless(name), numbers.size(),
                                         std::ranges::min(numbers), std::ranges::max(numbers)),
                             1);
}

void text_kernel_use(const load::Outcomes& outcomes, Canvas& canvas)
{
    canvas.heading("KERNEL", "counters of each level's own cgroup");
    Table table({{"level", Side::Left, true},
                 {"CPU"},
                 {"throttled"},
                 {"periods"},
                 {"memory"},
                 {"OOM kills"},
                 {"pids"},
                 {"refused"}});
    const auto count = [](const std::optional<std::uint64_t>& number) {
        return number ? Cell(narrow_count(*number)) : Cell("n/a", Style::Dim);
    };
    for (const Level& level : outcomes.levels) {
        const load::KernelUse& use = level.kernel;
        const auto share = [&](const std::optional<std::uint64_t>& ns) {
            return ns && use.span_ns > 0 ? Cell(percent_of(*ns, use.span_ns)) : Cell("n/a", Style::Dim);
        };
        const bool periods = use.nr_periods && use.nr_throttled;
        table.row({harmless(level.label), share(use.cpu_ns), share(use.throttled_ns),
                   periods ? Cell(fmt::format("{}/{}", *use.nr_throttled, *use.nr_periods)) : Cell("n/a", Style::Dim),
                   use.memory_peak_bytes ? Cell(narrow_bytes(*use.memory_peak_bytes)) : Cell("n/a", Style::Dim),
                   count(use.oom_kills), count(use.pids_peak), count(use.pids_max_events)});
    }
    table.draw(canvas);
    canvas.paragraph(
        "CPU: of one CPU. throttled: by its cpu.max, summed over CPUs. periods: throttled of all. memory, pids: peak. "
        "refused: forks, by pids.max.",
        1, "", Style::Dim);
}

}  // namespace flyball::report
