// SPDX-License-Identifier: Apache-2.0
#include "load.hpp"

#include "cells.hpp"
#include "flyball/base/units.hpp"
#include "flyball/load/quantiles.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::report {
namespace {

using load::Level;

void draw_load_head(const LoadReport& report, Canvas& canvas)
{
    constexpr std::string_view kName = "flyball load";
    const std::string where =
        fmt::format(": {} on {}, {} CPUs, Linux {}, {}", format_ns(report.duration_ns),
                    squeeze(harmless(report.host), 30), report.cpus, harmless(report.kernel), harmless(report.arch));
    canvas.put(kName, Style::Bold).put(squeeze(where, canvas.width() - kName.size())).end();
    canvas.line(squeeze(fmt::format("flyball {}, from {}", harmless(report.flyball_version), utc(report.start_wall_ns)),
                        canvas.width()),
                Style::Dim);
    canvas.paragraph(harmless(report.command), 0, "command: ", Style::Dim);
    const load::Plan& plan = report.plan;
    canvas.paragraph(plan.generator ? "a generator, run once a level"
                                    : fmt::format("open loop, {} arrivals, at most {} in flight, time-out {}",
                                                  plan.arrivals == load::Arrivals::Poisson ? "Poisson" : "fixed",
                                                  plan.in_flight, format_ns(plan.timeout_ns)),
                     0, "load: ", Style::Dim);
    std::string limits;
    for (const auto& [file, value] : report.limits)
        limits += fmt::format("{}{} {}", limits.empty() ? "" : ", ", file, value);
    if (!limits.empty())
        canvas.paragraph(harmless(limits), 0, "limits: ", Style::Dim);
}

// What casts doubt on the numbers.
std::vector<std::string> doubts(const LoadReport& report)
{
    std::vector<std::string> all = report.notes;
    std::size_t late = 0;
    double latest = 0;
    for (const Level& level : report.outcomes.levels) {
        constexpr double kTail = 0.99, kPart = 0.1;
        const auto own = static_cast<double>(level.own_delay_ns.quantile(kTail));
        if (own > kPart * static_cast<double>(level.total.latency_ns.quantile(kTail)) && level.total.counts.ok > 0) {
            ++late;
            latest = std::max(latest, own);
        }
        if (!level.first_error.empty())
            all.push_back(fmt::format("{}: the first error: {}", level.label, level.first_error));
        if (level.told && !level.told->not_understood.empty())
            all.push_back(fmt::format("{}: {}", level.label, level.told->not_understood));
        if (level.told && !level.told->rate)
            all.push_back(
                fmt::format("{}: the generator told nothing of its work (docs/workload-metrics.md)", level.label));
    }
    if (late > 0)
        all.insert(
            all.begin(),
            fmt::format("flyball itself was late in {} of {} levels, by {} with one request in a hundred at worst: the "
                        "CPUs were busy, and more than a tenth of that latency is its own",
                        late, report.outcomes.levels.size(), format_ns(static_cast<std::uint64_t>(latest))));
    constexpr std::size_t kMost = 6;
    if (all.size() > kMost) {
        const std::size_t more = all.size() - kMost;
        all.resize(kMost);
        all.push_back(fmt::format("and {} more of the kind", more));
    }
    return all;
}

load::Outcomes ends_of(const load::Outcomes& outcomes)
{
    load::Outcomes ends;
    for (const load::Found& found : outcomes.found)
        for (const load::TrialRecord& trial : found.trials)
            if (trial.counted && (trial.level == found.result.held || trial.level == found.result.broken))
                ends.levels.push_back(outcomes.levels[trial.index]);
    return ends.levels.empty() ? outcomes : ends;
}

std::string bar_of(const Level& level, double most, std::size_t width)
{
    const double offered = level.offered.value_or(std::max(level.total.from_rate, level.total.to_rate));
    const double achieved = level.achieved().value_or(0);
    const auto length = [&](double rate) {
        if (most <= 0)  // nothing was done in any level
            return std::size_t{0};
        return static_cast<std::size_t>(std::lround(std::clamp(rate / most, 0.0, 1.0) * static_cast<double>(width)));
    };
    const std::size_t full = length(std::max(offered, achieved)), done = std::min(length(achieved), full);
    return std::string(done, '@') + std::string(full - done, '.');
}

}  // namespace

Style style_of(load::Verdict verdict)
{
    switch (verdict) {
    case load::Verdict::Met:
        return Style::Green;
    case load::Verdict::Broken:
        return Style::Red;
    case load::Verdict::Unknown:
        return Style::Yellow;
    }
    return Style::Plain;
}

std::string shouted_verdict(load::Verdict verdict)
{
    std::string text(load::name(verdict));
    std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
    return text;
}

Cell quantile_cell(const load::Phase& phase, double q)
{
    const load::Quantile quantile = load::quantile_of(phase.latency_ns, phase.counts.endless(), q);
    if (!quantile.value)
        return {fmt::format("n<{}", quantile.needed), Style::Dim};
    if (std::isinf(*quantile.value))
        return {">", Style::Red};
    return {narrow_ns(static_cast<std::uint64_t>(*quantile.value))};
}

std::string spelled_rate(double rate)
{
    constexpr double kThousand = 1000, kHundred = 100;
    if (rate >= 10 * kThousand)
        return narrow_count(static_cast<std::uint64_t>(std::llround(rate)));
    return rate >= kHundred ? fmt::format("{:.0f}", rate) : fmt::format("{:.3g}", rate);
}

std::string percent_of(std::uint64_t part, std::uint64_t whole)
{
    return whole == 0 ? "-" : part == 0 ? "0" : format_percent(static_cast<double>(part) / static_cast<double>(whole));
}

void text_levels(const load::Outcomes& outcomes, Canvas& canvas)
{
    canvas.heading("LEVELS", "latency from the instant at which a request was intended");
    double most = 0;
    bool judged = false;
    for (const Level& level : outcomes.levels) {
        most = std::max({most, level.offered.value_or(0), level.total.from_rate, level.total.to_rate,
                         level.achieved().value_or(0)});
        judged = judged || !level.judgements.empty();
    }
    Table table({{"level", Side::Left, true},
                 {"done/s"},
                 {"errors"},
                 {"p50"},
                 {"p90"},
                 {"p99"},
                 {"p99.9"},
                 {"max"},
                 {judged ? "verdict" : "", Side::Left},
                 {"", Side::Left}});
    constexpr std::size_t kBar = 16;
    for (const Level& level : outcomes.levels) {
        const load::Phase& all = level.total;
        const auto achieved = level.achieved();
        table.row({harmless(level.label), achieved ? spelled_rate(*achieved) : "n/a",
                   percent_of(all.counts.errors(), all.counts.known()), quantile_cell(all, 0.5),
                   quantile_cell(all, 0.9), quantile_cell(all, 0.99), quantile_cell(all, 0.999),
                   all.counts.endless() > 0 ? Cell(">", Style::Red)
                   : all.latency_ns.empty() ? Cell("-")
                                            : Cell(narrow_ns(all.latency_ns.max())),
                   judged ? Cell(shouted_verdict(level.verdict()), style_of(level.verdict())) : Cell(""),
                   Cell("|" + pad_right(bar_of(level, most, kBar), kBar) + "|", Style::Cyan)});
    }
    table.draw(canvas);
    canvas.paragraph(
        "@: done, .: offered and not done. n<N: too few requests for that quantile. >: beyond the time-out. "
        "Latencies of successes; what was shed or timed out counts as slower than all.",
        1, "", Style::Dim);
}

std::string render_load_text(const LoadReport& report, const LoadTextOptions& options)
{
    Canvas canvas(options.width, options.color);
    draw_load_head(report, canvas);
    for (const load::Found& found : report.outcomes.found)
        text_found(found, canvas);
    if (report.outcomes.levels.empty()) {
        canvas.blank();
        canvas.line("Nothing was measured.", Style::Red);
        return canvas.take();
    }
    // Of a search the table of its trials tells of all windows, and these of the ends of the result.
    const load::Outcomes shown = report.outcomes.found.empty() ? report.outcomes : ends_of(report.outcomes);
    text_levels(shown, canvas);
    if (report.outcomes.found.empty())
        for (const Level& level : report.outcomes.levels)
            text_level(level, canvas);
    text_kernel_use(shown, canvas);
    const std::vector<std::string> notes = doubts(report);
    if (report.outcomes.interrupted || !notes.empty())
        canvas.heading("NOTES");
    if (report.outcomes.interrupted)
        canvas.paragraph("Interrupted: this is what there was until then.", 1, "! ");
    for (const std::string& note : notes)
        canvas.paragraph(harmless(note), 1, "! ");
    return canvas.take();
}

}  // namespace flyball::report
