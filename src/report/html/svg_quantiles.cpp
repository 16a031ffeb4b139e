// SPDX-License-Identifier: Apache-2.0
// Latency distributions as quantile curves: the share of events on a scale of nines, the latency on a logarithmic one.
// The band of a curve is as wide as its runs differ.
#include "flyball/profile/histogram.hpp"
#include "parts.hpp"
#include "svg_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::report {
namespace {

using calibrate::ComponentResult;
using calibrate::Measurements;
using calibrate::ScenarioResult;
using profile::Histogram;

constexpr double kMostNines = 5, kLeastNines = 1;
constexpr int kSteps = 72;

struct SideRuns {
    std::vector<Histogram> runs;
    Histogram all;
};

SideRuns side_of(const Measurements& measured, const std::string& metric)
{
    SideRuns side;
    const auto found = measured.metrics.find(metric);
    if (found == measured.metrics.end())
        return side;
    for (const Histogram& run : found->second.events) {
        if (run.empty())
            continue;
        side.runs.push_back(run);
        side.all.merge(run);
    }
    return side;
}

// -log10(1 - q): 1 is p90, 2 is p99.
double quantile_at(double nines)
{
    return 1 - std::pow(10, -nines);
}

// One event alone is the last one: beyond it a curve would tell nothing.
double nines_of(const SideRuns& side)
{
    return side.all.empty() ? 0 : std::log10(static_cast<double>(side.all.count()));
}

struct Plot {
    Axis latency = Axis::logarithmic(1, 10);
    double nines = 2;
    [[nodiscard]] double x(double at) const { return 100 * at / nines; }
    [[nodiscard]] double y(double value) const { return 100 - latency.at(value); }
};

double value_at(const Histogram& histogram, double nines)
{
    return static_cast<double>(std::max<std::uint64_t>(histogram.quantile(quantile_at(nines)), 1));
}

std::string curve_path(const SideRuns& side, const Plot& plot)
{
    std::string path;
    const double end = std::min(nines_of(side), plot.nines);
    for (int i = 0; i <= kSteps; ++i) {
        const double nines = end * i / kSteps;
        path += fmt::format("{}{} {}", i == 0 ? "M" : " L", number(plot.x(nines)),
                            number(plot.y(value_at(side.all, nines))));
    }
    return path;
}

// As far as the shortest run goes.
std::string band_path(const SideRuns& side, const Plot& plot)
{
    double end = plot.nines;
    for (const Histogram& run : side.runs)
        end = std::min(end, std::log10(static_cast<double>(run.count())));
    if (side.runs.size() < 2 || end <= 0)
        return {};
    std::string upper, lower;
    for (int i = 0; i <= kSteps; ++i) {
        const double nines = end * i / kSteps;
        double least = INFINITY, most = 0;
        for (const Histogram& run : side.runs) {
            least = std::min(least, value_at(run, nines));
            most = std::max(most, value_at(run, nines));
        }
        upper += fmt::format("{}{} {}", i == 0 ? "M" : " L", number(plot.x(nines)), number(plot.y(most)));
        lower.insert(0, fmt::format(" L{} {}", number(plot.x(nines)), number(plot.y(least))));
    }
    return upper + lower + " Z";
}

void draw_grid(const Plot& plot, Markup& page)
{
    for (const double tick : plot.latency.ticks()) {
        const std::string y = percent(plot.y(tick));
        page.shape("line", {{"x1", "0"}, {"x2", "100%"}, {"y1", y}, {"y2", y}, {"class", "grid"}});
    }
    for (double nines = 1; nines <= plot.nines; ++nines) {
        const std::string x = percent(plot.x(nines));
        page.shape("line", {{"x1", x}, {"x2", x}, {"y1", "0"}, {"y2", "100%"}, {"class", "grid"}});
    }
}

void draw_latency_labels(const Plot& plot, calibrate::Unit unit, Markup& page)
{
    const auto svg = page.in("svg", {{"class", "curve"}, {"aria-hidden", "true"}});
    for (const double tick : plot.latency.ticks())
        page.element("text",
                     {{"x", "100%"}, {"y", percent(plot.y(tick))}, {"dx", "-6"}, {"dy", "4"}, {"class", "last"}},
                     tick_words(tick, unit));
}

void draw_curves(const SideRuns& before, const SideRuns& after, bool changed, const Plot& plot, Markup& page)
{
    const auto svg = page.in(
        "svg", {{"viewBox", "0 0 100 100"}, {"preserveAspectRatio", "none"}, {"width", "100%"}, {"height", "100%"}});
    const auto draw = [&](const SideRuns& side, std::string_view which) {
        if (side.all.empty())
            return;
        if (const std::string band = band_path(side, plot); !band.empty())
            page.shape("path", {{"d", band}, {"class", fmt::format("band-{}", which)}});
        page.shape("path", {{"d", curve_path(side, plot)}, {"class", fmt::format("line-{}", which)}});
    };
    if (changed)
        draw(before, "before");
    draw(after, "after");
}

bool is_quantile(const calibrate::Target& target)
{
    const bool quantile =
        target.statistic == calibrate::Statistic::Quantile || target.statistic == calibrate::Statistic::Median;
    return quantile && target.of.empty() && target.per.empty() && !target.share;
}

// A short line at the quantile and the bound of each target.
void draw_targets(const ScenarioResult& scenario, const std::string& metric, const Plot& plot, Markup& page)
{
    constexpr double kHalf = 0.25;
    for (const calibrate::TargetResult& result : scenario.targets) {
        const calibrate::Target& target = result.target;
        const double q = target.statistic == calibrate::Statistic::Quantile ? target.quantile : 0.5;
        if (target.metric != metric || !is_quantile(target) || q >= 1)
            continue;
        const double nines = -std::log10(1 - q);
        const std::string y = percent(plot.y(target.bound));
        page.shape("line",
                   {{"x1", percent(plot.x(std::max(nines - kHalf, 0.0)))},
                    {"x2", percent(plot.x(std::min(nines + kHalf, plot.nines)))},
                    {"y1", y},
                    {"y2", y},
                    {"class", fmt::format("bound {}", kind_of(result.after.outcome))}},
                   fmt::format("{}: {}", target.text, name(result.after.outcome)));
    }
}

void draw_quantile_labels(const Plot& plot, Markup& page)
{
    const auto svg = page.in("svg", {{"class", "axis"}, {"aria-hidden", "true"}});
    page.element("text", {{"x", percent(plot.x(-std::log10(0.5)))}, {"y", "14"}, {"class", "mid"}}, "p50");
    for (int nines = 1; nines <= static_cast<int>(plot.nines); ++nines) {
        const double at = plot.x(nines);
        page.element("text", {{"x", percent(at)}, {"y", "14"}, {"class", at > 94 ? "last" : "mid"}},
                     fmt::format("p{:.6g}", 100 * quantile_at(nines)));
    }
}

std::string spoken(const SideRuns& before, const SideRuns& after, bool changed, const std::string& metric,
                   calibrate::Unit unit)
{
    const auto words = [&](const SideRuns& side) {
        if (side.all.empty())
            return std::string("not measured");
        return fmt::format("median {}, p99 {}", calibrate::format(value_at(side.all, -std::log10(0.5)), unit),
                           calibrate::format(value_at(side.all, 2), unit));
    };
    return changed ? fmt::format("{} before: {}; after: {}", metric, words(before), words(after))
                   : fmt::format("{}: {}", metric, words(after));
}

struct Chart {
    const ScenarioResult* scenario;
    SideRuns before, after;
};

void draw_chart(const Chart& chart, const std::string& metric, calibrate::Unit unit, bool changed, const Plot& plot,
                Markup& page)
{
    const auto figure = page.in("figure");
    {
        const auto caption = page.in("figcaption");
        page.text(chart.scenario->name);
        page.element("span", {},
                     fmt::format("  {} events", chart.after.all.count() + (changed ? chart.before.all.count() : 0)));
    }
    const auto box = page.in("div", {{"class", "plotbox"}});
    draw_latency_labels(plot, unit, page);
    {
        const auto svg = page.in("svg", {{"class", "curve"},
                                         {"role", "img"},
                                         {"aria-label", spoken(chart.before, chart.after, changed, metric, unit)}});
        draw_grid(plot, page);
        draw_curves(chart.before, chart.after, changed, plot, page);
        draw_targets(*chart.scenario, metric, plot, page);
    }
    draw_quantile_labels(plot, page);
}

// One scale for all scenarios, so that they can be compared.
Plot plot_of(const std::vector<Chart>& charts)
{
    double least = INFINITY, most = 1, nines = kLeastNines;
    for (const Chart& chart : charts) {
        for (const SideRuns* side : {&chart.before, &chart.after}) {
            if (side->all.empty())
                continue;
            least = std::min(least, static_cast<double>(std::max<std::uint64_t>(side->all.min(), 1)));
            most = std::max(most, static_cast<double>(side->all.max()));
            nines = std::max(nines, nines_of(*side));
        }
    }
    least = std::isfinite(least) ? least : 1;
    return {.latency = Axis::logarithmic(least, std::max(most, least * 1.1)),
            .nines = std::clamp(nines, kLeastNines, kMostNines)};
}

std::vector<std::string> metrics_with_events(const ComponentResult& component)
{
    std::vector<std::string> metrics;
    for (const ScenarioResult& scenario : component.scenarios)
        for (const Measurements* measured : {&scenario.before, &scenario.after})
            for (const auto& [name, series] : measured->metrics)
                if (!series.events.empty() && std::ranges::find(metrics, name) == metrics.end())
                    metrics.push_back(name);
    return metrics;
}

void legend(bool changed, Markup& page)
{
    const auto legend = page.in("p", {{"class", "legend"}});
    const auto item = [&](std::string_view shown, std::string_view text) {
        const auto scope = page.in("span");
        {
            const auto svg = page.in("svg", {{"aria-hidden", "true"}});
            page.shape("line", {{"x1", "0"}, {"x2", "22"}, {"y1", "6"}, {"y2", "6"}, {"class", shown}});
        }
        page.text(text);
    };
    if (changed)
        item("line-before", "before");
    item("line-after", changed ? "after" : "measured once");
    item("bound met", "bound of a target, in the colour of its outcome");
}

}  // namespace

void svg_quantiles(const ComponentResult& component, Markup& page)
{
    for (const std::string& metric : metrics_with_events(component)) {
        std::vector<Chart> charts;
        for (const ScenarioResult& scenario : component.scenarios) {
            Chart chart{&scenario, side_of(scenario.before, metric), side_of(scenario.after, metric)};
            if (!chart.before.all.empty() || !chart.after.all.empty())
                charts.push_back(std::move(chart));
        }
        if (charts.empty())
            continue;
        html_heading(
            fmt::format("Distribution of {}", metric),
            "So many of the events took no longer than that. Both axes are logarithmic; bands show how runs differ.",
            page);
        const auto panel = page.in("div", {{"class", "panel"}});
        const bool changed = limits_changed(component);
        {
            const Plot plot = plot_of(charts);
            const auto grid = page.in("div", {{"class", "charts"}});
            for (const Chart& chart : charts)
                draw_chart(chart, metric, calibrate::Unit::Nanoseconds, changed, plot, page);
        }
        legend(changed, page);
    }
}

}  // namespace flyball::report
