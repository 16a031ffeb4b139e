// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGINT end a load early, and it prints its truth all the same. For the verbs that run for a time.
#pragma once

#include <cstdint>

namespace workload {

// To be called before threads are started.
void stop_on_signals();
[[nodiscard]] bool stopped();
// Sleeps until that time (CLOCK_MONOTONIC). False, and at once in all threads: stopped.
bool wait_until(std::uint64_t at_ns);
// Computes for so much CPU time of the calling thread, however long that takes. False: stopped before.
bool burn_cpu(std::uint64_t ns);

}  // namespace workload
