// SPDX-License-Identifier: Apache-2.0
// The comparisons, one file a subject. Each appends its rows.
#pragma once

#include "compare.hpp"

namespace flyball::audit {

// Of one cgroup.
void check_throttling(const Subject& subject, Rows& rows);
void check_tasks(const Subject& subject, Rows& rows);
void check_oom(const Subject& subject, Rows& rows);
void check_pids(const Subject& subject, Rows& rows);

// io.stat is hierarchical: our side is summed over the subtree, once for all cgroups.
struct IoTotals {
    std::map<std::string, profile::Histogram> read, write;
};
[[nodiscard]] IoTotals io_totals(const Snapshot& snapshot);
void check_io(const Subject& subject, const IoTotals& totals, Rows& rows);

// Of the whole recording.
void check_losses(const Snapshot& snapshot, Rows& rows);
void check_buckets(const Snapshot& snapshot, Rows& rows);

}  // namespace flyball::audit
