// SPDX-License-Identifier: Apache-2.0
// memory.high and memory.max of a cgroup, from what it keeps, how it grows, and what it can do without:
// docs/tune-memory.md.
//
// memory.max is never lowered to try something out: only memory.reclaim and memory.high are used, which do not kill.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/tune/experiment.hpp"
#include "flyball/tune/memory_bracket.hpp"
#include "flyball/tune/memory_descent.hpp"
#include "flyball/tune/memory_profile.hpp"
#include "flyball/tune/proposal.hpp"
#include "flyball/tune/subject.hpp"

#include <cstdint>

namespace flyball::tune {

struct MemoryOptions {
    std::uint64_t profile_ns = 60'000'000'000;  // in a steady state; three times as long is waited for one
    std::uint64_t window_ns = 2'000'000'000;    // of the profile
    LeakOptions leak;
    // Whoever watches memory.events or pressure needs one or two seconds to act: twice that is what it may grow
    // meanwhile.
    std::uint64_t growth_ns = 4'000'000'000;
    DescentOptions descent;
    std::uint64_t settle_ns = 6'000'000'000;  // after each step, and again as long as pages come back
    std::size_t most_settles = 10;            // in a row: a minute
    BracketOptions bracket;
    // Above the working set, for the first candidate: what a trial of exactly that would throttle at each new page.
    double margin = 0.02;
    // Of a second in which nobody got on because of memory: a candidate that does this is given up at once.
    double most_full = 0.25;
    std::uint64_t longest_ns = 900'000'000'000;  // with the profile; half of it at most for taking memory away
    ExperimentOptions trial{.most_pairs = 16, .settle_ns = 4'000'000'000};
};

// Errors: those of the subject; Stopped is told as Answer::Aborted; Interrupted is none of its answers.
[[nodiscard]] Result<Proposal> tune_memory(Subject& subject, const MemoryOptions& options = {});

}  // namespace flyball::tune
