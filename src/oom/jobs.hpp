// SPDX-License-Identifier: Apache-2.0
// The processes that scenarios are made of, in proportion to the limit.
#pragma once

#include "policy.hpp"
#include "process.hpp"
#include "trial.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace flyball::oom {

// So many of them, and the limit is not hit by them alone.
inline Job sitter(const Trial& trial)
{
    return {.kind = Job::Kind::Sit, .bytes = trial.limit() / 4 / (trial.options().processes + 1), .name = "oom-sitter"};
}

// At a word it runs over any limit: it is the largest by then, and the one that the kernel chooses.
inline Job hog(const Trial& trial)
{
    return {.kind = Job::Kind::Grow, .bytes = trial.limit() / 4, .grow_to = 2 * trial.limit(), .name = "oom-hog"};
}

// Holds most of the limit as shared memory, and may not be killed.
inline Job untouchable(const Trial& trial)
{
    return {.kind = Job::Kind::Shared,
            .bytes = trial.limit() / 4 * 3,
            .grow_to = 2 * trial.limit(),
            .oom_score_adj = kNever,
            .name = "oom-untouchable"};
}

// One hog and so many sitters; the hog is the first.
[[nodiscard]] std::vector<Process*> start_crowd(Trial& trial, const std::string& path, std::size_t sitters);

// It is told to go, and the kill is waited for.
void run_over(Trial& trial, Process& hog);

// Says what came if it is not the one kill that was to come; nullptr: none did.
[[nodiscard]] const Judged* the_kill(Trial& trial);

// "1 was seen"
[[nodiscard]] std::string seen(std::size_t n);

}  // namespace flyball::oom
