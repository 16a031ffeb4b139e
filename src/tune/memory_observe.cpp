// SPDX-License-Identifier: Apache-2.0
// The profile: nothing is changed.
#include "flyball/base/units.hpp"
#include "memory_tuner.hpp"
#include "units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::tune {
namespace {

constexpr std::uint64_t kLongestProfiles = 3;

double kept_level(const Window& window)
{
    double sum = 0;
    const auto kept = kept_use(window);
    for (const MemoryUse& use : kept)
        sum += static_cast<double>(use.bytes);
    return kept.empty() ? 0 : sum / static_cast<double>(kept.size());
}

// The profile is kept until it is known where it begins; what only the CPU tuner needs is not.
void lighten(Window& window)
{
    window.trace = {};
}

double refaulted_bytes(const Reading& before, const Reading& after)
{
    double pages = 0;
    const auto add = [&](const std::optional<std::uint64_t>& a, const std::optional<std::uint64_t>& b) {
        pages += a && b && *b > *a ? static_cast<double>(*b - *a) : 0;
    };
    add(before.memory.refault_anon, after.memory.refault_anon);
    add(before.memory.refault_file, after.memory.refault_file);
    return pages * kPage;
}

}  // namespace

Result<> MemoryTuner::observe()
{
    subject_.say(fmt::format("watching its memory for {}", format_ns(options_.profile_ns)));
    std::vector<Window> windows;
    const std::uint64_t length_ns = std::min(options_.window_ns, options_.profile_ns);
    while (took_ns_ + length_ns <= kLongestProfiles * options_.profile_ns) {
        auto window = go_on(length_ns);
        if (!window)
            return std::unexpected(std::move(window.error()));
        lighten(*window);
        levels_.push_back(kept_level(*window));
        if (const auto& rate = window->performance.rate)
            rates_.push_back(*rate);
        windows.push_back(std::move(*window));
        const auto enough_since = [&](std::size_t from) {
            return windows.back().end_ns - windows[from].begin_ns >= options_.profile_ns;
        };
        // To judge takes longer than to ask whether there is enough to judge.
        if (windows.back().finished || (enough_since(0) && enough_since(steady_from(windows.size()))))
            break;
    }
    digest(windows);
    return {};
}

// Where both, what it keeps and how it gets on, have settled; while they have not, as long as it may take, the end.
std::size_t MemoryTuner::steady_from(std::size_t windows) const
{
    const auto kept = settled_from(levels_);
    const auto rate = !kept || rates_.size() < windows ? kept : settled_from(rates_);
    return kept && rate ? std::max(*kept, *rate) : windows - 1;
}

void MemoryTuner::digest(const std::vector<Window>& windows)
{
    workload_tells_ = rates_.size() == windows.size();
    seen_.kept_course = steadiness(levels_);
    seen_.rate_course =
        workload_tells_ ? steadiness(rates_)
                        : Steadiness{.course = Course::Flat, .steady_from = 0, .level = 0, .slope = {}, .changes = {}};
    std::size_t from = std::max(seen_.kept_course.steady_from, seen_.rate_course.steady_from);
    if (!seen_.kept_course.steady() || !seen_.rate_course.steady())
        from = windows.size() / 2;
    // A start of one window or two is no level of its own to the change points.
    const double level = seen_.kept_course.level;
    while (from < windows.size() / 2 && std::abs(levels_[from] - level) > SteadyOptions{}.tolerance * level)
        ++from;
    for (const Window& window : windows) {
        const auto kept = kept_use(window);
        seen_.kept_peak = std::max(seen_.kept_peak, most_bytes(kept));
        seen_.usage_peak = std::max(seen_.usage_peak, most_bytes(window.memory_use));
        seen_.cache = std::max(seen_.cache, cache_bytes(window.after.memory));
    }
    double sum = 0, squares = 0, stalled = 0;
    for (const Window& window : std::span(windows).subspan(from)) {
        const auto kept = kept_use(window);
        seen_.kept.insert(seen_.kept.end(), kept.begin(), kept.end());
        seen_.usage.insert(seen_.usage.end(), window.memory_use.begin(), window.memory_use.end());
        seen_.floor = std::max(seen_.floor, memory_floor(window.after.memory).value_or(0));
        const double rate = window.performance.rate.value_or(0);
        sum += rate;
        squares += rate * rate;
        stalled += stalled_between(window.before, window.after, "some").value_or(0);
    }
    seen_.steady_peak = most_bytes(seen_.kept);
    const auto n = static_cast<double>(windows.size() - from);
    seen_.windows = windows.size() - from;
    seen_.before = windows[from].before;
    seen_.after = windows.back().after;
    seen_.span_s = static_cast<double>(windows.back().end_ns - windows[from].begin_ns) / kNsPerS;
    seen_.baseline.refaults_per_s = refaulted_bytes(seen_.before, seen_.after) / std::max(seen_.span_s, 1e-3);
    seen_.baseline.stalled = stalled / n;
    if (workload_tells_) {
        seen_.baseline.rate = sum / n;
        seen_.baseline.rate_deviation = std::sqrt(std::max(squares / n - sum * sum / n / n, 0.0));
    }
    const Measure stand_in{"time not lost to memory (memory.pressure)",
                           [](const Window& window) -> std::optional<double> {
                               const auto lost = stalled_between(window.before, window.after, "some");
                               return lost ? std::optional(std::max(1 - *lost, 0.001)) : std::nullopt;
                           }};
    measure_ = workload_tells_ ? measure_for(windows.back(), stand_in) : stand_in;
}

void MemoryTuner::add_evidence()
{
    const auto bytes = [&](const char* name, std::uint64_t value, const char* source) {
        proposal_.evidence.push_back({name, static_cast<double>(value), Unit::Bytes, std::nullopt, source});
    };
    bytes("usage_peak", seen_.usage_peak, "memory.current");
    bytes("kept_peak", seen_.kept_peak, "memory.current without cache");
    bytes("floor", seen_.floor, "memory.stat");
    bytes("cache", seen_.cache, "memory.stat");
    bytes("growth_within_reaction_time", growth_envelope(seen_.kept, options_.growth_ns),
          "memory.current without cache");
    proposal_.evidence.push_back(
        {"refaults", seen_.baseline.refaults_per_s, Unit::PerSecond, std::nullopt, "memory.stat, bytes"});
    if (stalled_between(seen_.before, seen_.after, "some"))
        proposal_.evidence.push_back(
            {"stalled_on_memory", seen_.baseline.stalled, Unit::Share, std::nullopt, "memory.pressure"});
    if (seen_.after.memory.peak && *seen_.after.memory.peak > seen_.usage_peak)
        bytes("peak_since_it_was_made", *seen_.after.memory.peak, "memory.peak");
    if (!seen_.kept_course.steady())
        proposal_.notes.push_back(fmt::format("what it keeps has not settled: {}", name(seen_.kept_course.course)));
    if (!seen_.rate_course.steady())
        proposal_.notes.push_back(fmt::format("its rate has not settled: {}", name(seen_.rate_course.course)));
}

bool MemoryTuner::refuse()
{
    const auto leak = memory_leak(seen_.kept, options_.leak);
    if (leak && is_filling(levels_, options_.leak.confidence)) {
        proposal_.answer = Answer::Inconclusive;
        proposal_.summary =
            "what it keeps is still filling, ever more slowly: look for longer, or let it warm up before";
        return true;
    }
    if (leak) {
        proposal_.answer = Answer::Refused;
        proposal_.evidence.push_back(
            {"growth", leak->slope, Unit::PerSecond, leak->interval, "memory.current without cache, bytes"});
        const auto a_second = [](double slope) {
            return format_bytes(static_cast<std::uint64_t>(std::max(slope, 0.0)));
        };
        proposal_.summary =
            fmt::format("it leaks: {} more each second ({} to {}), and no limit is enough for long",
                        a_second(leak->slope), a_second(leak->interval.low), a_second(leak->interval.high));
        proposal_.refused.push_back({"memory.high and memory.max", "a leak makes any limit a date on which it is hit"});
        return true;
    }
    for (const char* const limit : {"max", "high", "v1.failcnt"}) {
        const std::uint64_t hits = events_between(seen_.before, seen_.after, limit);
        if (hits == 0)
            continue;
        const std::string file = std::string(limit) == "high" ? "memory.high" : "memory.max";
        proposal_.answer = Answer::Inconclusive;
        proposal_.summary =
            fmt::format("{} was hit {} times: the present limit ({}) hides how much it needs; raise it and look again",
                        file, hits, subject_.limit(file).value_or("an ancestor's"));
        return true;
    }
    if (seen_.usage.empty() || !seen_.after.memory.anon) {
        proposal_.answer = Answer::Inconclusive;
        proposal_.summary =
            "memory.current or memory.stat cannot be read: is the memory controller on for this cgroup?";
        return true;
    }
    return false;
}

}  // namespace flyball::tune
