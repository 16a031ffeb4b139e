// SPDX-License-Identifier: Apache-2.0
// All latencies of a run, for its truth line. Not thread-safe: one a thread, joined at the end.
#pragma once

#include "truth.hpp"

#include <cstdint>
#include <vector>

namespace workload {

class Latencies {
public:
    void add(std::uint64_t ns) { ns_.push_back(ns); }
    void join(const Latencies& other) { ns_.insert(ns_.end(), other.ns_.begin(), other.ns_.end()); }
    [[nodiscard]] std::uint64_t count() const { return ns_.size(); }
    // latency_p50_ns, _p99_ns, _max_ns (nearest rank; 0 of none) and _mean_ns.
    void add_to(Truth& truth);

private:
    std::vector<std::uint64_t> ns_;
};

}  // namespace workload
