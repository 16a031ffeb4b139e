// SPDX-License-Identifier: Apache-2.0
// Threads that serve one stream of jobs; latency is from when a job was due.
#pragma once

#include "arrivals.hpp"
#include "latencies.hpp"
#include "tell.hpp"

#include <cstdint>
#include <functional>

namespace workload {

// Does one job for the worker of that index; false: stopped within it.
using Job = std::function<bool(std::uint64_t)>;

struct Served {
    Latencies latencies;
    std::uint64_t cpu_ns = 0;    // of the workers
    std::uint64_t unserved = 0;  // due before the end, and not begun by then; 0 when stopped
    void join(const Served& other);
};

// At end_ns what is not begun stays undone. The calling thread is worker 0.
[[nodiscard]] Served serve_arrivals(Arrivals& arrivals, std::uint64_t end_ns, std::uint64_t workers, Tell& tell,
                                    const Job& job);
// Each worker does one job after the other.
[[nodiscard]] Served serve_always(std::uint64_t end_ns, std::uint64_t workers, Tell& tell, const Job& job);

// Says what jobs of busy_ns of CPU time each came to, under the name that the verb has for them. Gives the exit code.
[[nodiscard]] int print_truth(const char* verb, const char* jobs, std::uint64_t wall_ns, std::uint64_t busy_ns,
                              Served& served, Tell& tell);

}  // namespace workload
