// SPDX-License-Identifier: Apache-2.0
// Shapes of load as segments of a schedule, and the stretches of time that are reported of them.
#include "layout.hpp"

#include "numbers.hpp"
#include "shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::load {
namespace {

// Of a run that has none of its own: what changes with time is seen in them.
constexpr std::uint64_t kSlices = 10;
// A run without an end: nobody waits for it.
constexpr std::uint64_t kForeverNs = std::uint64_t{3650} * 24 * 3600 * kSecond;

std::uint64_t warmup_of(const Plan& plan, std::uint64_t length_ns)
{
    constexpr std::uint64_t kPart = 10, kMost = 5 * kSecond;
    return plan.warmup_ns.value_or(std::min(length_ns / kPart, kMost));
}

std::string label_of(const Values& combination, std::string_view rate)
{
    std::string label;
    for (const auto& [name, value] : combination)
        label += fmt::format("{}{}={}", label.empty() ? "" : " ", name, value);
    if (!rate.empty())
        label += fmt::format("{}{}/s", label.empty() ? "" : " ", rate);
    return label.empty() ? "run" : label;
}

Phase phase_of(std::string label, double from, double to, std::uint64_t begin_ns, std::uint64_t end_ns)
{
    Phase phase;
    phase.label = std::move(label);
    phase.from_rate = from;
    phase.to_rate = to;
    phase.begin_ns = begin_ns;
    phase.end_ns = end_ns;
    return phase;
}

// Equal parts of the time, each with the rates at its ends.
std::vector<Phase> slices(double from, double to, std::uint64_t begin_ns, std::uint64_t end_ns)
{
    std::vector<Phase> parts;
    const std::uint64_t length = end_ns - begin_ns;
    for (std::uint64_t i = 0; i < kSlices; ++i) {
        const double a = from + (to - from) * static_cast<double>(i) / kSlices;
        const double b = from + (to - from) * static_cast<double>(i + 1) / kSlices;
        const std::string label =
            from == to ? fmt::format("part {}", i + 1) : fmt::format("{}..{}/s", spell_number(a), spell_number(b));
        parts.push_back(phase_of(label, a, b, begin_ns + length * i / kSlices, begin_ns + length * (i + 1) / kSlices));
    }
    return parts;
}

LevelSpec at_rate(const Plan& plan, const Values& combination, double rate, std::uint64_t length_ns)
{
    LevelSpec level;
    const std::string spelled = spell_number(rate);
    level.label = label_of(combination, fmt::format("{:.4g}", rate));
    level.parameters = combination;
    level.parameters["rate"] = level.parameters["level"] = spelled;
    level.offered = rate;
    level.length_ns = length_ns;
    level.warmup_ns = warmup_of(plan, length_ns);
    if (!plan.generator)
        level.segments = {{.label = level.label, .from_rate = rate, .to_rate = rate, .length_ns = length_ns}};
    return level;
}

LevelSpec without_rate(const Plan& plan, const Values& combination, std::uint64_t length_ns)
{
    LevelSpec level;
    level.label = label_of(combination, "");
    level.parameters = combination;
    level.length_ns = length_ns;
    level.warmup_ns = warmup_of(plan, length_ns);
    return level;
}

LevelSpec sustained(const Plan& plan, const Values& combination, bool endless)
{
    LevelSpec level = at_rate(plan, combination, *plan.rate, endless ? kForeverNs : plan.hold_ns);
    // Parts with fewer requests than a p90 needs would say nothing.
    constexpr double kLeastInPart = 40;
    const bool many =
        *plan.rate * static_cast<double>(level.length_ns - level.warmup_ns) * 1e-9 >= kSlices * kLeastInPart;
    if (!endless && many && !plan.generator && plan.combinations.size() == 1)
        level.phases = slices(*plan.rate, *plan.rate, level.warmup_ns, level.length_ns);
    return level;
}

LevelSpec ramp(const Plan& plan, const Values& combination, const Ramp& shape)
{
    LevelSpec level;
    level.label = label_of(combination, fmt::format("{}..{}", spell_number(shape.from), spell_number(shape.to)));
    level.parameters = combination;
    level.warmup_ns = plan.warmup_ns.value_or(0);
    level.length_ns = shape.length_ns;
    level.segments = {
        {.label = level.label, .from_rate = shape.from, .to_rate = shape.to, .length_ns = shape.length_ns}};
    level.phases = slices(shape.from, shape.to, 0, shape.length_ns);
    return level;
}

// The rate between, then the burst, at the end of each of the burst's periods.
LevelSpec bursts(const Plan& plan, const Values& combination, const Burst& shape)
{
    const double base = *plan.rate, high = base * shape.factor;
    LevelSpec level;
    level.label = label_of(combination, fmt::format("{} with bursts of {}", spell_number(base), spell_number(high)));
    level.parameters = combination;
    level.warmup_ns = plan.warmup_ns.value_or(0);
    level.length_ns = plan.hold_ns;
    for (std::uint64_t at = 0, number = 0; at < plan.hold_ns; ++number) {
        const bool burst = number % 2 == 1;
        const std::uint64_t wanted = burst         ? shape.length_ns
                                     : number == 0 ? shape.every_ns
                                                   : shape.every_ns - shape.length_ns;
        const std::uint64_t end = std::min(at + wanted, plan.hold_ns);
        const double rate = burst ? high : base;
        const std::string label = fmt::format("{} {}", burst ? "burst" : "base", number / 2 + 1);
        level.segments.push_back({.label = label, .from_rate = rate, .to_rate = rate, .length_ns = end - at});
        if (burst)
            level.bursts.push_back(level.phases.size());
        level.phases.push_back(phase_of(label, rate, rate, at, end));
        at = end;
    }
    return level;
}

}  // namespace

Result<std::vector<LevelSpec>> lay_out(const Request& request, const Plan& plan)
{
    std::vector<LevelSpec> levels;
    for (const Values& combination : plan.combinations) {
        if (!request.steps.empty()) {
            const auto rates = parse_rates("--steps", request.steps);
            if (!rates)
                return std::unexpected(rates.error());
            for (const double rate : *rates)
                levels.push_back(at_rate(plan, combination, rate, plan.hold_ns));
        } else if (!request.ramp.empty()) {
            const auto shape = parse_ramp(request.ramp);
            if (!shape)
                return std::unexpected(shape.error());
            levels.push_back(ramp(plan, combination, *shape));
        } else if (!request.burst.empty()) {
            const auto shape = parse_burst(request.burst);
            if (!shape)
                return std::unexpected(shape.error());
            if (shape->every_ns >= plan.hold_ns)
                return fail(ErrorKind::Usage, "--burst: the run ends before the first burst",
                            "a longer -d, or bursts more often");
            levels.push_back(bursts(plan, combination, *shape));
        } else if (plan.rate) {
            levels.push_back(sustained(plan, combination, request.duration.empty() && request.sweeps.empty()));
        } else {
            const bool endless = request.duration.empty() && request.sweeps.empty();
            levels.push_back(without_rate(plan, combination, endless ? 0 : plan.hold_ns));
        }
    }
    return levels;
}

LevelSpec Plan::window(const Values& combination, double value) const
{
    const bool over_rate = search->parameter == "rate";
    Values values = combination;
    if (!over_rate)
        values[search->parameter] = spell_number(value);
    const std::optional<double> offered = over_rate ? std::optional(value) : rate;
    if (!offered)
        return without_rate(*this, values, hold_ns);
    // A tenth more than needed: Poisson arrivals and failures leave fewer.
    constexpr double kMore = 1.1;
    std::uint64_t counted = hold_ns - warmup_of(*this, hold_ns);
    if (!generator) {
        const double seconds = kMore * static_cast<double>(requests_needed(objectives)) / *offered;
        counted = std::max(counted, static_cast<std::uint64_t>(seconds * 1e9));
    }
    const std::uint64_t warm = warmup_of(*this, hold_ns);
    LevelSpec level = at_rate(*this, values, *offered, counted + warm);
    level.warmup_ns = warm;
    for (Segment& segment : level.segments)
        segment.length_ns = level.length_ns;
    return level;
}

}  // namespace flyball::load
