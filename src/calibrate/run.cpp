// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/run.hpp"

#include "flyball/base/version.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cctype>
#include <utility>

namespace flyball::calibrate {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kRunSchema = "flyball.calibrate-run/2";

// A name as a component of a path: what is not plain is %XX, so that different names stay different.
std::string plain(std::string_view name)
{
    std::string text;
    for (const char c : name) {
        const bool keeps = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
        text += keeps ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return text;
}

Json of_histogram(const profile::Histogram& histogram)
{
    Json buckets = Json::array();
    for (const profile::Histogram::Bucket& bucket : histogram.buckets())
        buckets.push_back({bucket.index, bucket.count});
    return {{"count", histogram.count()},
            {"sum", histogram.sum64()},
            {"min", histogram.min()},
            {"max", histogram.max()},
            {"buckets", std::move(buckets)}};
}

profile::Histogram histogram_of(const Json& json)
{
    profile::Histogram histogram;
    for (const Json& bucket : json.at("buckets"))
        histogram.add_folded_bucket(bucket.at(0).get<std::uint32_t>(), bucket.at(1).get<std::uint64_t>());
    fb_fold_value total{};
    total.count = json.at("count").get<std::uint64_t>();
    total.sum = json.at("sum").get<std::uint64_t>();
    total.min = json.at("min").get<std::uint64_t>();
    total.max = json.at("max").get<std::uint64_t>();
    if (total.count > 0)
        histogram.add_folded_total(total);
    return histogram;
}

Json of_series(const Series& series)
{
    Json events = Json::array();
    for (const profile::Histogram& histogram : series.events)
        events.push_back(of_histogram(histogram));
    return {{"runs", series.runs},
            {"samples", series.samples},
            {"events", std::move(events)},
            {"good", series.good},
            {"all", series.all}};
}

Series series_of(const Json& json)
{
    Series series{.runs = json.at("runs").get<std::vector<double>>(),
                  .samples = json.at("samples").get<std::vector<double>>(),
                  .events = {},
                  .good = json.at("good").get<double>(),
                  .all = json.at("all").get<double>()};
    for (const Json& histogram : json.at("events"))
        series.events.push_back(histogram_of(histogram));
    return series;
}

template <class T>
void append(std::vector<T>& into, const std::vector<T>& more)
{
    into.insert(into.end(), more.begin(), more.end());
}

}  // namespace

std::string RunKey::file() const
{
    return fmt::format("raw/{}/{}/{}/{}-{}{}.json", plain(component), plain(phase), plain(scenario),
                       stage.empty() ? "all" : "stage_" + plain(stage), repetition,
                       again > 0 ? fmt::format(".again-{}", again) : "");
}

std::string run_to_json(const Run& run)
{
    Json metrics = Json::object();
    for (const auto& [name, series] : run.metrics)
        metrics[name] = of_series(series);
    const Json json{{"schema", kRunSchema},
                    {"flyball_version", kVersion},
                    {"component", run.key.component},
                    {"phase", run.key.phase},
                    {"scenario", run.key.scenario},
                    {"stage", run.key.stage},
                    {"repetition", run.key.repetition},
                    {"again", run.key.again},
                    {"limits", run.limits},
                    {"start_wall_ns", run.start_wall_ns},
                    {"span_ns", run.span_ns},
                    {"displaced", run.displaced},
                    {"disturbed", run.disturbed},
                    {"trouble", run.trouble},
                    {"metrics", std::move(metrics)}};
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Run> run_from_json(std::string_view text)
{
    try {
        const Json json = Json::parse(text);
        if (json.at("schema") != kRunSchema)
            return fail(ErrorKind::Io, "a run of another version of flyball");
        Run run{.key = {.component = json.at("component"),
                        .phase = json.at("phase"),
                        .scenario = json.at("scenario"),
                        .stage = json.at("stage"),
                        .repetition = json.at("repetition"),
                        .again = json.at("again")},
                .limits = json.at("limits").get<Limits>(),
                .start_wall_ns = json.at("start_wall_ns"),
                .span_ns = json.at("span_ns"),
                .metrics = {},
                .displaced = json.at("displaced"),
                .disturbed = json.at("disturbed"),
                .trouble = json.at("trouble")};
        for (const auto& [name, series] : json.at("metrics").items())
            run.metrics[name] = series_of(series);
        return run;
    } catch (const Json::exception& error) {
        return fail(ErrorKind::Io, fmt::format("not a run that flyball has written: {}", error.what()));
    }
}

Measurements gather(std::span<const Run* const> runs, const std::map<std::string, double>& parameters)
{
    Measurements all{.metrics = {}, .parameters = parameters};
    for (const Run* run : runs) {
        for (const auto& [name, series] : run->metrics) {
            Series& into = all.metrics[name];
            append(into.runs, series.runs);
            append(into.samples, series.samples);
            append(into.events, series.events);
            into.good += series.good;
            into.all += series.all;
        }
    }
    return all;
}

}  // namespace flyball::calibrate
