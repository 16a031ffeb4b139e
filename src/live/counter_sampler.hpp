// SPDX-License-Identifier: Apache-2.0
// The kernel's own counters at both ends of a recording, for the audit.
#pragma once

#include "flyball/cgroup/mounts.hpp"
#include "flyball/profile/snapshot.hpp"

#include <map>
#include <string>
#include <vector>

namespace flyball::live {

class CounterSampler {
public:
    explicit CounterSampler(const cgroup::Layout& layout) : layout_(layout) {}

    // Reads the counters of cgroups that exist before the recording begins.
    void sample_first(const std::vector<std::string>& paths);
    // Cgroups made since: they began at zero.
    void add_created(const std::vector<std::string>& paths);
    // Reads them all again. What is gone by now has no last reading: its removal record has one.
    [[nodiscard]] std::vector<profile::CounterWindow> sample_last();

private:
    const cgroup::Layout& layout_;
    std::map<std::string, profile::CounterWindow> windows_;
};

}  // namespace flyball::live
