// SPDX-License-Identifier: Apache-2.0
// What one has to know about a comparison besides its numbers.
#include "parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace flyball::compare {
namespace {

// Windows that differ by more than this make counts hard to compare.
constexpr double kSameLength = 1.1;

std::set<std::string> machines_of(const Side& side)
{
    std::set<std::string> machines;
    for (const Run& run : side.runs) {
        if (!run.kernel.empty())
            machines.insert(fmt::format("{}, {} CPUs, Linux {}", run.host, run.cpus, run.kernel));
    }
    return machines;
}

std::string listed(const std::set<std::string>& names)
{
    std::string text;
    for (const std::string& name : names)
        text += (text.empty() ? "" : "; ") + name;
    return text;
}

template <class Field>
bool all_before(const Side& a, const Side& b, Field field)
{
    const auto known = [&](const Run& run) { return (run.*field).has_value(); };
    if (!std::ranges::all_of(a.runs, known) || !std::ranges::all_of(b.runs, known))
        return false;
    const auto value = [&](const Run& run) { return *(run.*field); };
    return std::ranges::max(a.runs, {}, value).*field < std::ranges::min(b.runs, {}, value).*field;
}

bool lengths_differ(const Side& a, const Side& b)
{
    std::uint64_t least = ~0ULL, most = 0;
    for (const Side* side : {&a, &b}) {
        for (const Run& run : side->runs) {
            least = std::min(least, run.window_ns.value_or(least));
            most = std::max(most, run.window_ns.value_or(most));
        }
    }
    return most > 0 && static_cast<double>(most) > kSameLength * static_cast<double>(least);
}

void on_runs(const Side& a, const Side& b, const Comparison& comparison, std::vector<std::string>& notes)
{
    if (comparison.basis == Basis::Slices)
        notes.push_back("One recording against one: the intervals come from slices of time within each. How much one "
                        "run differs from the "
                        "next is not in them; only repeated runs show that.");
    if (comparison.basis == Basis::None)
        notes.push_back("One run against one shows the difference, and nothing of its noise. Repeat the runs: --a A1 "
                        "A2 ... --b B1 B2 ...");
    if (comparison.basis != Basis::Runs)
        return;
    if (comparison.runs_needed > std::min(comparison.a_runs, comparison.b_runs) && comparison.tested > 0)
        notes.push_back(fmt::format(
            "With {} metrics tested at {:g} %, each side needs at least {} runs for any of them to be significant.",
            comparison.tested, comparison.confidence * 100, comparison.runs_needed));
    if (a.runs.size() > 1 && b.runs.size() > 1 &&
        (all_before(a, b, &Run::start_wall_ns) || all_before(b, a, &Run::start_wall_ns)))
        notes.push_back("All runs of one side came before all of the other: a machine that drifts would look like a "
                        "difference. Run them in turn.");
}

}  // namespace

std::vector<std::string> notes_on(const Side& a, const Side& b, const Comparison& comparison)
{
    std::vector<std::string> notes;
    on_runs(a, b, comparison, notes);
    const std::set<std::string> on_a = machines_of(a), on_b = machines_of(b);
    if (!on_a.empty() && !on_b.empty() && on_a != on_b)
        notes.push_back(fmt::format("A and B ran on different machines. A: {}. B: {}.", listed(on_a), listed(on_b)));
    const bool counts = std::ranges::any_of(
        comparison.rows, [](const Row& row) { return row.unit == Unit::Count && (row.a != 0 || row.b != 0); });
    if (counts && lengths_differ(a, b))
        notes.push_back(
            "The runs were not of the same length: counts over a whole run (oom.kills, pids.refused) do not compare.");
    const auto joined =
        std::ranges::count_if(comparison.rows, [](const Row& row) { return row.batch_a > 1 || row.batch_b > 1; });
    if (joined > 0)
        notes.push_back(fmt::format(
            "In {} of the metrics runs that follow each other are alike: neighbours were joined, and count as one.",
            joined));
    for (const Side* side : {&a, &b}) {
        for (const Run& run : side->runs) {
            for (const std::string& doubt : run.doubts)
                notes.push_back(fmt::format("{}: {}.", run.source, doubt));
        }
    }
    return notes;
}

}  // namespace flyball::compare
