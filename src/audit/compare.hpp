// SPDX-License-Identifier: Apache-2.0
// What all comparisons share: counters over the window, coverage, tolerances, rows.
#pragma once

#include "flyball/audit/audit.hpp"
#include "flyball/audit/coverage.hpp"
#include "flyball/profile/snapshot.hpp"

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::audit {

using profile::CgroupProfile;
using profile::CounterWindow;
using profile::KernelCounters;
using profile::Snapshot;

// A number, or why there is none.
struct Reading {
    std::optional<std::uint64_t> value;
    std::string why;     // set when there is no value
    bool stale = false;  // last read some time before the cgroup was removed
};

using Field = std::function<std::optional<std::uint64_t>(const KernelCounters&)>;

// Growth of a counter over the window. FILE names it for people. AT_REMOVAL: the kernel's last value
// is kept when the cgroup is removed.
[[nodiscard]] Reading growth(const CounterWindow* window, const Field& field, std::string_view file, bool at_removal);

// Of a counter in memory.events or memory.events.local.
[[nodiscard]] Field event(const char* name, bool local);

// What is allowed to differ: relative to the kernel's number, or absolute, whichever is more.
struct Tolerance {
    double relative = 0;
    std::uint64_t absolute = 0;
    std::string rule = "exact";
};

// The comparison itself. Not comparable when the reading has no value or OURS has none.
[[nodiscard]] AuditRow compare(std::string cgroup, std::string quantity, Unit unit, const Reading& ours,
                               const Reading& kernel, const Tolerance& tolerance);

[[nodiscard]] AuditRow not_comparable(AuditRow row, std::string reason);

// A cgroup's two halves: what was measured and what the kernel counted. Either may be missing.
struct Subject {
    const Snapshot* snapshot = nullptr;
    std::string path;
    const CgroupProfile* profile = nullptr;
    const CounterWindow* window = nullptr;
};

// OURS where the metric is covered, else why not.
[[nodiscard]] Reading measured(const Subject& subject, std::string_view metric, std::uint64_t ours);

using Rows = std::vector<AuditRow>;

}  // namespace flyball::audit
