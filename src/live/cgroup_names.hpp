// SPDX-License-Identifier: Apache-2.0
// Paths of the cpu controller's cgroups, of those that are gone as well. Not thread-safe.
#pragma once

#include "flyball/cgroup/mounts.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/tune/demand_trace.hpp"
#include "flyball/tune/disturbance.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace flyball::live {

class CgroupNames {
public:
    CgroupNames(const cgroup::Layout& layout, std::span<const profile::KnownCgroup> known);

    // For fb_cgroup records: those that are made later.
    void on_control(std::span<const std::byte> bytes);

    // In the words of `flyball explain`.
    [[nodiscard]] std::string of(std::uint64_t cgroup_id) const;
    [[nodiscard]] std::vector<tune::Displacer> of(std::span<const tune::DisplacedBy> all) const;

private:
    int hierarchy_;
    std::unordered_map<std::uint64_t, std::string> paths_;
};

}  // namespace flyball::live
