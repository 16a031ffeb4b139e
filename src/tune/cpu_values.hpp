// SPDX-License-Identifier: Apache-2.0
// A bandwidth as the files of the cgroup have it.
#pragma once

#include "flyball/tune/bandwidth.hpp"
#include "flyball/tune/experiment.hpp"
#include "flyball/tune/proposal.hpp"
#include "flyball/tune/subject.hpp"

#include <string>
#include <vector>

namespace flyball::tune {

[[nodiscard]] std::string cpu_max_of(const Bandwidth& limit);

// Of an interval whose bounds hold at this confidence each.
[[nodiscard]] inline double two_sided(double confidence)
{
    return 2 * confidence - 1;
}

[[nodiscard]] std::vector<Value> cpu_values(const Bandwidth& limit, Subject& subject,
                                            const stats::Interval& quota_interval, double confidence,
                                            const std::string& method);

// What to write to get there from anywhere. The burst goes to 0 first: the kernel refuses a quota below it (EINVAL,
// since v5.14), and some divide it by 1000 when the quota is written (v5.14 to v6.9, mended by 49217ea147df).
[[nodiscard]] Setting cpu_setting(const std::string& cpu_max, const std::optional<std::string>& burst);

}  // namespace flyball::tune
