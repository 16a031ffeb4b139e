// SPDX-License-Identifier: Apache-2.0
#include "flyball/compare/comparison.hpp"

#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "flyball/compare/table.hpp"
#include "flyball/stats/two_sample.hpp"
#include "parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace flyball::compare {
namespace {

Basis basis_of(const Side& a, const Side& b)
{
    if (a.runs.size() > 1 || b.runs.size() > 1)
        return Basis::Runs;
    return a.without_slice.empty() || b.without_slice.empty() ? Basis::None : Basis::Slices;
}

Threshold threshold_for(const Key& key, const Options& options)
{
    Threshold threshold{.value = options.threshold};
    for (const ThresholdRule& rule : options.thresholds) {
        if (rule.pattern.empty() || named({rule.pattern}, key))
            threshold = rule.threshold;
    }
    return threshold;
}

// Each metric that can differ at all is one chance to err: those are the family.
std::size_t correct(std::vector<Row>& rows)
{
    std::vector<double> p;
    for (const Row& row : rows) {
        if (row.p)
            p.push_back(*row.p);
    }
    const std::vector<double> adjusted = stats::holm(p);
    auto next = adjusted.begin();
    for (Row& row : rows) {
        if (row.p)
            row.p_family = *next++;
    }
    return p.size();
}

// Cgroups that only one side has, and metrics that are of none. A metric that one side lacks in a cgroup that both have
// is no news: what did not happen has no quantile.
std::vector<std::string> missing_in(const Side& there, const Side& here)
{
    const auto names_of = [](const Side& side) {
        std::set<std::string> names;
        for (const Run& run : side.runs) {
            for (const auto& [key, value] : run.values)
                names.insert(key.cgroup.empty() ? key.name : key.cgroup);
        }
        return names;
    };
    const std::set<std::string> in_there = names_of(there), in_here = names_of(here);
    std::vector<std::string> missing;
    std::ranges::set_difference(in_there, in_here, std::back_inserter(missing));
    return missing;
}

int order_of(const Row& row)
{
    switch (row.verdict) {
    case Verdict::Worse:
        return 1;
    case Verdict::Changed:
        return 2;
    case Verdict::Better:
        return 3;
    default:
        return 4;
    }
}

std::unexpected<Error> nothing_in_common(const Side& a, const Side& b)
{
    const std::vector<std::string> only_a = missing_in(a, b), only_b = missing_in(b, a);
    const std::string example_a = only_a.empty() ? "" : only_a.front(),
                      example_b = only_b.empty() ? "" : only_b.front();
    std::string what = "A and B have no metric in common";
    if (!example_a.empty() && !example_b.empty())
        what += fmt::format(" (A has {}, B has {})", example_a, example_b);
    return fail(ErrorKind::Usage, std::move(what), "--map A=B pairs cgroups of different names");
}

Result<> check(const Side& a, const Side& b)
{
    for (const auto& [side, name] : {std::pair{&a, "A"}, std::pair{&b, "B"}}) {
        if (side->runs.empty())
            return fail(ErrorKind::Usage, fmt::format("{} ({}) has no run", name, side->name),
                        "give at least one result with a number in it");
    }
    return {};
}

}  // namespace

bool named(const std::vector<std::string>& globs, const Key& key)
{
    const std::string full = key.cgroup + ":" + key.name;
    return std::ranges::any_of(
        globs, [&](const std::string& glob) { return glob_match(glob, key.name) || glob_match(glob, full); });
}

Result<ThresholdRule> parse_threshold(std::string_view text)
{
    const auto refuse = [&] {
        return fail(ErrorKind::Usage, fmt::format("--threshold {}: not a threshold", text),
                    "try 10%, cpu.wait.p99=5% or cpu.wait.p99=200us");
    };
    ThresholdRule rule;
    std::string_view amount = text;
    if (const std::size_t equals = text.rfind('='); equals != std::string_view::npos) {
        rule.pattern = text.substr(0, equals);
        amount = text.substr(equals + 1);
        if (rule.pattern.empty())
            return refuse();
        rule.threshold.named = true;
    }
    rule.threshold.relative = amount.ends_with('%');
    if (rule.threshold.relative)
        amount.remove_suffix(1);
    auto number = parse_number(amount);
    if (!number && !rule.threshold.relative) {
        if (const auto duration = parse_duration(amount))
            number = static_cast<double>(*duration);
    }
    // Without a name there is no unit that an absolute number could have.
    if (!number || *number < 0 || (rule.pattern.empty() && !rule.threshold.relative))
        return refuse();
    rule.threshold.value = rule.threshold.relative ? *number / 100 : *number;
    return rule;
}

std::set<Key> chosen(const Side& a, const Side& b, const Options& options)
{
    std::set<Key> in_b, keys;
    for (const Run& run : b.runs) {
        for (const auto& [key, value] : run.values)
            in_b.insert(key);
    }
    const auto by_threshold = [&](const Key& key) {
        return std::ranges::any_of(options.thresholds, [&](const ThresholdRule& rule) {
            return rule.threshold.named && named({rule.pattern}, key);
        });
    };
    for (const Run& run : a.runs) {
        for (const auto& [key, value] : run.values) {
            const bool default_set = options.metrics.empty() && value.headline;
            if (in_b.contains(key) && (options.all || default_set || named(options.metrics, key) || by_threshold(key)))
                keys.insert(key);
        }
    }
    return keys;
}

bool Comparison::regressed() const
{
    return std::ranges::any_of(rows, &Row::regression);
}

Result<Comparison> compare(const Side& a, const Side& b, const Options& options)
{
    if (auto good = check(a, b); !good)
        return std::unexpected(std::move(good).error());
    Comparison result{.a_name = a.name, .b_name = b.name, .a_runs = a.runs.size(), .b_runs = b.runs.size()};
    result.a_slices = a.slices.size();
    result.b_slices = b.slices.size();
    result.basis = basis_of(a, b);
    result.confidence = options.confidence;
    const std::set<Key> keys = chosen(a, b, options);
    if (keys.empty()) {
        if (chosen(a, b, {.all = true}).empty())
            return nothing_in_common(a, b);
        return fail(ErrorKind::Usage, "no metric that A and B have in common was chosen", "--all shows them");
    }
    for (const Key& key : keys)
        result.rows.push_back(measure(a, b, key, result.basis, options));
    result.tested = correct(result.rows);
    const double alpha = 1 - options.confidence;
    result.runs_needed = stats::least_runs(alpha / static_cast<double>(std::max<std::size_t>(1, result.tested)));
    for (Row& row : result.rows) {
        row.threshold = threshold_for(row.key, options);
        judge(row, result.basis, alpha, result.tested);
    }
    std::ranges::stable_sort(result.rows, {}, [](const Row& row) {
        return std::tuple(!row.regression, row.key.cgroup, order_of(row), row.key.name);
    });
    result.distributions = distributions(a, b, result.rows, result.basis, options.confidence);
    result.only_a = missing_in(a, b);
    result.only_b = missing_in(b, a);
    result.notes = notes_on(a, b, result);
    return result;
}

}  // namespace flyball::compare
