// SPDX-License-Identifier: Apache-2.0
// How many tasks a cgroup needs: docs/tune-pids.md. pids.max counts threads, not processes (kernel/cgroup/pids.c).
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/tune/proposal.hpp"
#include "flyball/tune/subject.hpp"

#include <cstdint>

namespace flyball::tune {

struct PidsOptions {
    std::uint64_t profile_ns = 60'000'000'000;
    double utilisation = 0.775;  // of the limit, at the peak: the middle of 70 to 85 %
    double most_utilisation = 0.85;
    std::uint64_t reaction_ns = 1'000'000'000;  // so long a burst of forks may go on before anybody can act
    double confidence = 0.95;
};

// From what was seen; nothing is ever tried out: a limit that is too low makes forks fail.
[[nodiscard]] Proposal propose_pids(const Window& window, Subject& subject, const PidsOptions& options);
[[nodiscard]] Result<Proposal> tune_pids(Subject& subject, const PidsOptions& options);

// The most that the count has grown within so long.
[[nodiscard]] std::uint32_t fork_envelope(const std::vector<TaskCount>& counts, std::uint64_t within_ns);

}  // namespace flyball::tune
