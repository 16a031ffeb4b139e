// SPDX-License-Identifier: Apache-2.0
// The parts that build() puts together.
#pragma once

#include "flyball/report/model.hpp"

namespace flyball::report {

[[nodiscard]] CgroupReport build_cgroup(const profile::Snapshot& snapshot, const profile::CgroupProfile& profile,
                                        const profile::CounterWindow* window);

// Reads the rest of the model.
[[nodiscard]] std::vector<Warning> build_warnings(const ReportModel& model, const profile::Snapshot& snapshot);

}  // namespace flyball::report
