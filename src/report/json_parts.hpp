// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "flyball/report/model.hpp"

namespace flyball::report {

// Keys stay in the order in which they are written.
using Json = nlohmann::ordered_json;

[[nodiscard]] Json json_cgroup(const CgroupReport& cgroup);
[[nodiscard]] Json json_oom(const OomReport& oom, std::uint64_t start_ns);
[[nodiscard]] Json json_coverage(const profile::Meta& meta);
[[nodiscard]] Json json_audit(const ReportModel& model);
[[nodiscard]] Json json_losses(const ReportModel& model);

template <class T>
[[nodiscard]] Json json_maybe(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

}  // namespace flyball::report
