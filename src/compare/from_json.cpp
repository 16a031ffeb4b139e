// SPDX-License-Identifier: Apache-2.0
// nlohmann's exceptions end here: parsing is asked not to throw, and no value is taken before its type was looked at.
#include "figures.hpp"
#include "flyball/abi/histogram.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace flyball::compare {
namespace {

using Json = nlohmann::json;

constexpr int kDeepest = 32;

std::unexpected<Error> malformed(std::string_view what)
{
    return fail(ErrorKind::Usage, fmt::format("is no flyball.report/1: {}", what));
}

Maybe whole(const Json& object, const char* key)
{
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number_integer() ||
        (found->is_number_integer() && !found->is_number_unsigned() && *found < 0))
        return std::nullopt;
    return found->get<std::uint64_t>();
}

std::string string_at(const Json& object, const char* key)
{
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& member(const Json& object, const char* key)
{
    static const Json kNothing = Json::object();
    const auto found = object.find(key);
    return found != object.end() && found->is_structured() ? *found : kNothing;
}

// Of "sum_ns", "sum_bytes".
Maybe with_unit(const Json& stats, const std::string& key)
{
    const Maybe ns = whole(stats, (key + "_ns").c_str());
    return ns ? ns : whole(stats, (key + "_bytes").c_str());
}

// The buckets are those of the recording's own histogram: it comes back as it was.
Result<profile::Histogram> histogram_of(const Json& stats)
{
    profile::Histogram hist;
    fb_fold_value total{};
    const Maybe count = whole(stats, "count"), sum = with_unit(stats, "sum"), min = with_unit(stats, "min"),
                max = with_unit(stats, "max");
    if (!count || !sum || !min || !max)
        return malformed("a metric lacks count, sum, min or max");
    total.count = *count;
    total.sum = *sum;
    total.min = *min;
    total.max = *max;
    hist.add_folded_total(total);
    for (const Json& bucket : member(stats, "buckets")) {
        const bool three = bucket.is_array() && bucket.size() == 3 &&
                           std::ranges::all_of(bucket, [](const Json& n) { return n.is_number_unsigned(); });
        if (!three)
            return malformed("a bucket is not [low, high, count]");
        const std::uint32_t index = fb_hist_bucket(bucket[0].get<std::uint64_t>());
        if (fb_hist_low(index) != bucket[0].get<std::uint64_t>())
            return malformed("a bucket begins where none does");
        hist.add_folded_bucket(index, bucket[2].get<std::uint64_t>());
    }
    if (hist.bucket_total() == 0 || hist.count() == 0)
        return malformed("a metric without samples");
    return hist;
}

Result<Figures> figures_of(const Json& cgroup)
{
    Figures figures{.path = string_at(cgroup, "path")};
    if (figures.path.empty())
        return malformed("a cgroup without a path");
    const Json& time = member(cgroup, "time");
    figures.on_cpu_ns = whole(time, "on_cpu_ns");
    figures.wait_ns = whole(time, "wait_ns");
    figures.held_ns = whole(time, "held_ns");
    figures.mem_stall_ns = whole(time, "mem_stall_ns");
    figures.oom_kills = whole(time, "oom_kills");
    for (const auto& [name, stats] : member(cgroup, "metrics").items()) {
        if (!stats.is_object())
            return malformed(fmt::format("{} of {} is no object", name, figures.path));
        auto hist = histogram_of(stats);
        if (!hist)
            return std::unexpected(std::move(hist).error());
        figures.histograms[name] = std::move(*hist);
    }
    for (const auto& [name, count] : member(cgroup, "counts").items()) {
        if (name != "pids.peak")
            figures.counts[name] = count.is_object() ? whole(count, "count") : std::nullopt;
    }
    return figures;
}

Result<Run> run_of_report(const Json& root, const std::string& source)
{
    const Json& recording = member(root, "recording");
    const Maybe window = whole(recording, "window_ns");
    if (!window)
        return malformed("it has no recording.window_ns");
    Run run{.source = source};
    run.window_ns = window;
    run.start_wall_ns = whole(recording, "start_wall_ns");
    run.host = string_at(recording, "host");
    run.kernel = string_at(recording, "kernel");
    run.command_cgroup = string_at(recording, "command_cgroup");
    run.cpus = static_cast<std::uint32_t>(whole(recording, "cpus").value_or(0));
    for (const Json& cgroup : member(root, "cgroups")) {
        if (!cgroup.is_object())
            return malformed("a cgroup is no object");
        auto figures = figures_of(cgroup);
        if (!figures)
            return std::unexpected(std::move(figures).error());
        if (!is_idle(*figures))
            add_figures(run, *figures, *window);
    }
    for (const Json& warning : member(root, "warnings")) {
        if (warning.is_object() && (string_at(warning, "id") == "dropped" || string_at(warning, "id") == "incomplete"))
            run.doubts.push_back(string_at(warning, "text"));
    }
    return run;
}

// Repetitions of the scenarios are runs.
std::vector<Run> runs_of_oom_test(const Json& root, const std::string& source)
{
    std::map<std::uint64_t, Run> runs;
    for (const Json& scenario : member(root, "scenarios")) {
        if (!scenario.is_object() || string_at(scenario, "status") == "skipped")
            continue;
        const std::uint64_t repetition = whole(scenario, "repetition").value_or(1);
        Run& run = runs[repetition];
        run.source = fmt::format("{}, repetition {}", source, repetition);
        const std::string name = string_at(scenario, "name");
        run.values[{"", name + ".failed"}] = {string_at(scenario, "status") == "pass" ? 0.0 : 1.0, Unit::Count,
                                              Good::Lower, true};
        for (const Json& bound : member(scenario, "bounds")) {
            const Maybe ns = bound.is_object() ? whole(bound, "value_ns") : std::nullopt;
            if (!ns)
                continue;
            std::string what = string_at(bound, "name");
            std::ranges::replace(what, ' ', '_');
            run.values[{"", name + "." + what}] = {static_cast<double>(*ns), Unit::Nanoseconds, Good::Lower, true};
        }
    }
    std::vector<Run> result;
    for (auto& [repetition, run] : runs)
        result.push_back(std::move(run));
    return result;
}

// When and who, not how much.
bool is_no_figure(std::string_view name)
{
    constexpr std::array<std::string_view, 8> kNames{"timestamp",     "ts",  "ts_ns", "start_ns", "end_ns",
                                                     "start_wall_ns", "pid", "seed"};
    return std::ranges::find(kNames, name) != kNames.end();
}

std::string name_in_list(const Json& item)
{
    for (const char* key : {"name", "metric", "path"}) {
        if (std::string name = string_at(item, key); !name.empty())
            return name;
    }
    return {};
}

void flatten(const Json& value, const std::string& path, int depth, Run& run)
{
    if (value.is_number() && std::isfinite(value.get<double>())) {
        run.values[{"", path}] = {value.get<double>(), Unit::Number, guess_good(path), true};
        return;
    }
    if (!value.is_structured() || depth > kDeepest)
        return;
    const std::string before = path.empty() ? "" : path + ".";
    if (value.is_object()) {
        for (const auto& [name, item] : value.items()) {
            if (!is_no_figure(name))
                flatten(item, before + name, depth + 1, run);
        }
        return;
    }
    // Items of a list that have no name of their own cannot be told apart from run to run.
    for (const Json& item : value) {
        if (!item.is_object())
            continue;
        if (const std::string name = name_in_list(item); !name.empty())
            flatten(item, before + name, depth + 1, run);
    }
}

Result<std::vector<Run>> runs_of_object(const Json& root, const std::string& source)
{
    const std::string schema = string_at(root, "schema");
    if (schema == "flyball.report/1") {
        auto run = run_of_report(root, source);
        if (!run)
            return std::unexpected(std::move(run).error());
        return std::vector{std::move(*run)};
    }
    for (const std::string_view other : {"flyball.report/", "flyball.oom-test/"}) {
        if (schema.starts_with(other) && schema != std::string(other) + "1")
            return fail(ErrorKind::Usage, fmt::format("is {}, which this version cannot read", schema),
                        "make it again with this version");
    }
    if (schema.starts_with("flyball.compare/") || schema.starts_with("flyball.explain/") ||
        schema.starts_with("flyball.oom/"))
        return fail(ErrorKind::Usage, fmt::format("is {}, which has no results to compare", schema),
                    "give the recordings, or their `flyball report -j`");
    if (schema == "flyball.oom-test/1")
        return runs_of_oom_test(root, source);
    Run run{.source = source};
    flatten(root, "", 0, run);
    if (run.values.empty())
        return fail(ErrorKind::Usage, "there is no number in it");
    return std::vector{std::move(run)};
}

}  // namespace

Result<std::vector<Run>> runs_of_json(std::string_view text, const std::string& source)
{
    const Json root = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (root.is_discarded())
        return fail(ErrorKind::Usage, "is no JSON");
    if (root.is_object())
        return runs_of_object(root, source);
    if (!root.is_array())
        return fail(ErrorKind::Usage, "is JSON without results", "give an object of numbers, or an array of them");
    std::vector<Run> runs;
    std::size_t number = 0;
    for (const Json& item : root) {
        const std::string name = fmt::format("{}, item {}", source, ++number);
        if (item.is_number() && std::isfinite(item.get<double>())) {
            runs.push_back(Run{.source = name,
                               .values = {{{"", "value"}, {item.get<double>(), Unit::Number, Good::Unknown, true}}}});
            continue;
        }
        if (!item.is_object())
            return fail(ErrorKind::Usage, fmt::format("item {} is neither an object nor a number", number));
        auto more = runs_of_object(item, name);
        if (!more)
            return std::unexpected(std::move(more).error().context(fmt::format("item {}", number)));
        std::ranges::move(*more, std::back_inserter(runs));
    }
    return runs;
}

}  // namespace flyball::compare
