// SPDX-License-Identifier: Apache-2.0
// Tells how the work goes on to $FLYBALL_METRICS_FD (docs/workload-metrics.md), when it is set. Never waits: lines are
// kept and written at most every 10 ms, when there is something new to tell, and dropped when nobody reads for long.
// Thread-safe.
#pragma once

#include "system.hpp"

#include <cstdint>
#include <mutex>
#include <string>

namespace workload {

class Tell {
public:
    Tell();
    ~Tell() { flush(); }
    Tell(const Tell&) = delete;
    Tell& operator=(const Tell&) = delete;

    void done(double units);
    void op(std::uint64_t latency_ns);
    void fail(double units);
    // Writes what is kept, as far as there is room.
    void flush();
    // Lines that could not be told.
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

private:
    void flush_when_due();
    void end_sums();
    void write_kept();

    std::mutex mutex_;
    Fd fd_;
    std::string kept_;
    double done_ = 0, failed_ = 0;
    std::uint64_t last_ns_ = 0, dropped_ = 0;
};

}  // namespace workload
