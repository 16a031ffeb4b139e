// SPDX-License-Identifier: Apache-2.0
// How much CPU time a cgroup asked for, over time: bounded memory whatever the length of the run.
//
// Which period and phase the quota has is known at the end (cpu.max) or found out on the way, so the bins are
// finer than a period as long as there is room: 1 ms, then 5 ms, then the period found out. After that the
// oldest go, into a histogram.
#pragma once

#include "quota_ticks.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace flyball::ledger {

struct Demand {
    std::uint64_t work_ns = 0;      // to be done once: what is not done now is done later
    std::uint64_t appetite_ns = 0;  // of tasks that never finish: what they do not get now is gone
    [[nodiscard]] std::uint64_t total_ns() const { return work_ns + appetite_ns; }
    friend bool operator==(const Demand&, const Demand&) = default;
};

struct DemandGrid {
    std::int64_t begin_ns = 0;  // of the first bin
    std::uint64_t width_ns = 0;
    std::vector<Demand> bins;
};

class DemandSeries {
public:
    static constexpr std::size_t kBins = 65'536;
    static constexpr std::uint64_t kFineNs = 1'000'000, kCoarseNs = 5'000'000;

    // edge_ns: a bin shall begin there.
    explicit DemandSeries(std::uint64_t edge_ns);

    enum class Kind : std::uint8_t { Work, Appetite };
    // Spreads ns evenly over the stretch. ticks: where periods begin, should the bins have to grow.
    void add(std::uint64_t begin_ns, std::uint64_t end_ns, std::uint64_t ns, Kind kind, const Ticks& ticks);

    // By period; where the bins have become wider than a period, by the bin.
    [[nodiscard]] DemandGrid by_period(std::uint64_t period_ns, std::uint64_t phase_ns) const;

    // What no longer fits: hundredths of a CPU -> periods.
    [[nodiscard]] const std::map<std::uint64_t, std::uint64_t>& evicted() const { return evicted_; }

private:
    bool make_room(std::int64_t begin_ns, std::int64_t end_ns, const Ticks& ticks);
    void evict(std::size_t bins);
    [[nodiscard]] std::int64_t end_of_room() const;

    enum class Stage : std::uint8_t { Fine, Coarse, Periods };
    Stage stage_ = Stage::Fine;
    DemandGrid grid_;
    std::map<std::uint64_t, std::uint64_t> evicted_;
};

// The same demand in other bins; exact where the new edges are edges already.
[[nodiscard]] DemandGrid regrid(const DemandGrid& from, std::uint64_t width_ns, std::uint64_t phase_ns);

}  // namespace flyball::ledger
