// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/report/model.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace flyball::report {

// Keys stay in the order in which they are written.
using Json = nlohmann::ordered_json;

// Meta, as every report has it.
[[nodiscard]] Json json_recording(const profile::Meta& meta, std::uint64_t window_ns, bool incomplete);
[[nodiscard]] Json json_strings(const std::vector<std::string>& texts);
// null: not known.
[[nodiscard]] Json json_known(std::uint64_t value);
// JSON has no infinity; what is not finite is not known either.
[[nodiscard]] Json json_known_number(const std::optional<double>& value);
// A cgroup; null: which one is not known.
[[nodiscard]] Json json_path(const std::string& path);
// The whole document, lists of plain values on one line each.
[[nodiscard]] std::string written(const Json& root);

[[nodiscard]] Json json_cgroup(const CgroupReport& cgroup);
[[nodiscard]] Json json_oom(const OomReport& oom, std::uint64_t start_ns);
[[nodiscard]] Json json_coverage(const profile::Meta& meta);
[[nodiscard]] Json json_audit(const ReportModel& model);
[[nodiscard]] Json json_losses(const ReportModel& model);

template <class List, class One>
[[nodiscard]] Json json_list(const List& list, One one)
{
    Json array = Json::array();
    for (const auto& item : list)
        array.push_back(one(item));
    return array;
}

template <class T>
[[nodiscard]] Json json_maybe(const std::optional<T>& value)
{
    return value ? Json(*value) : Json(nullptr);
}

}  // namespace flyball::report
