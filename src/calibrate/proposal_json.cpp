// SPDX-License-Identifier: Apache-2.0
#include "proposal_json.hpp"

#include "flyball/base/version.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace flyball::calibrate {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kProposalSchema = "flyball.calibrate-proposal/2";

// By its name, so that a later flyball with more of them reads it rightly.
template <class Enum>
Enum enumerator(const Json& json)
{
    constexpr std::uint8_t kMost = 32;
    const auto wanted = json.get<std::string>();
    for (std::uint8_t i = 0; i < kMost; ++i) {
        if (const auto value = static_cast<Enum>(i); tune::name(value) == wanted)
            return value;
    }
    throw Json::other_error::create(501, "no such name: " + wanted, nullptr);
}

Json of(const std::optional<stats::Interval>& interval)
{
    return interval ? Json{interval->low, interval->high} : Json(nullptr);
}

std::optional<stats::Interval> interval_of(const Json& json)
{
    if (json.is_null())
        return std::nullopt;
    return stats::Interval{json.at(0).get<double>(), json.at(1).get<double>()};
}

Json of(const tune::Value& v)
{
    return {{"file", v.file},
            {"text", v.text},
            {"before", v.before},
            {"estimate", v.estimate},
            {"unit", tune::name(v.unit)},
            {"interval", of(v.interval)},
            {"confidence", v.confidence},
            {"method", v.method}};
}

tune::Value value_of(const Json& j)
{
    return {.file = j.at("file"),
            .text = j.at("text"),
            .before = j.at("before"),
            .estimate = j.at("estimate"),
            .unit = enumerator<tune::Unit>(j.at("unit")),
            .interval = interval_of(j.at("interval")),
            .confidence = j.at("confidence"),
            .method = j.at("method")};
}

Json of(const tune::Evidence& e)
{
    return {{"name", e.name},
            {"value", e.value},
            {"unit", tune::name(e.unit)},
            {"interval", of(e.interval)},
            {"source", e.source}};
}

tune::Evidence evidence_of(const Json& j)
{
    return {j.at("name"), j.at("value"), enumerator<tune::Unit>(j.at("unit")), interval_of(j.at("interval")),
            j.at("source")};
}

Json of(const tune::Trial& t)
{
    return {{"setting", t.setting},
            {"verdict", tune::name(t.verdict)},
            {"took_ns", t.took_ns},
            {"pairs", t.pairs},
            {"judged_by", t.judged_by},
            {"throughput", of(t.throughput)},
            {"latency_p50", of(t.latency_p50)},
            {"latency_p99", of(t.latency_p99)},
            {"note", t.note}};
}

tune::Trial trial_of(const Json& j)
{
    return {.setting = j.at("setting"),
            .verdict = enumerator<tune::Verdict>(j.at("verdict")),
            .took_ns = j.at("took_ns"),
            .pairs = j.at("pairs"),
            .judged_by = j.at("judged_by"),
            .throughput = interval_of(j.at("throughput")),
            .latency_p50 = interval_of(j.at("latency_p50")),
            .latency_p99 = interval_of(j.at("latency_p99")),
            .note = j.at("note")};
}

Json of(const tune::Refusal& r)
{
    return {r.what, r.why};
}

tune::Refusal refusal_of(const Json& j)
{
    return {j.at(0), j.at(1)};
}

template <class T>
Json list(const std::vector<T>& all)
{
    Json json = Json::array();
    for (const T& one : all)
        json.push_back(of(one));
    return json;
}

template <class T>
std::vector<T> list_of(const Json& json, T (*one)(const Json&))
{
    std::vector<T> all;
    for (const Json& each : json)
        all.push_back(one(each));
    return all;
}

std::string written(const Json& json)
{
    return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string proposal_to_json(const tune::Proposal& p)
{
    return written({{"schema", kProposalSchema},
                    {"flyball_version", kVersion},
                    {"resource", tune::name(p.resource)},
                    {"cgroup", p.cgroup},
                    {"answer", tune::name(p.answer)},
                    {"summary", p.summary},
                    {"values", list(p.values)},
                    {"evidence", list(p.evidence)},
                    {"trials", list(p.trials)},
                    {"refused", list(p.refused)},
                    {"notes", p.notes},
                    {"took_ns", p.took_ns},
                    {"regret_s", p.regret_s},
                    {"experimented", p.experimented},
                    {"applied", p.applied}});
}

std::optional<tune::Proposal> proposal_from_json(std::string_view text)
{
    try {
        const Json j = Json::parse(text);
        if (j.at("schema") != kProposalSchema)
            return std::nullopt;
        return tune::Proposal{.resource = enumerator<tune::Resource>(j.at("resource")),
                              .cgroup = j.at("cgroup"),
                              .answer = enumerator<tune::Answer>(j.at("answer")),
                              .summary = j.at("summary"),
                              .values = list_of(j.at("values"), value_of),
                              .evidence = list_of(j.at("evidence"), evidence_of),
                              .trials = list_of(j.at("trials"), trial_of),
                              .refused = list_of(j.at("refused"), refusal_of),
                              .notes = j.at("notes"),
                              .took_ns = j.at("took_ns"),
                              .regret_s = j.at("regret_s"),
                              .experimented = j.at("experimented"),
                              .applied = j.at("applied")};
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

}  // namespace flyball::calibrate
