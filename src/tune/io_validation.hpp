// SPDX-License-Identifier: Apache-2.0
// A weight tried out: the subject alone, then with an antagonist, block by block in turn.
#pragma once

#include "flyball/stats/statistics.hpp"
#include "flyball/tune/io.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::tune::detail {

// What one block showed.
struct Block {
    double rate = 0;                       // units, or requests, a second
    std::optional<double> latency_p99_ns;  // nullopt: too few for a p99
    double own_share = 0;                  // of the time that anyone was in the device
    double busy_share = 0;                 // of the block
    double depth = 0;                      // requests in the device, on average while it was busy
    double device_p99_ns = 0;
    std::uint64_t took_ns = 0;
};

// Of the blocks of one kind: means.
struct Seen {
    std::size_t blocks = 0;
    double rate = 0, own_share = 0, busy_share = 0, depth = 0, device_p99_ns = 0;
    void add(const Block& block);
};

struct Tried {
    std::uint64_t weight = 0;
    Verdict verdict = Verdict::Inconclusive;
    std::size_t rounds = 0;
    std::optional<stats::Interval> throughput, latency;  // with the antagonist / alone
    Seen alone, contended;
    std::string note;
    std::uint64_t took_ns = 0;
};

struct Contest {
    std::vector<Tried> tried;      // in their order; the first may be the present weight
    std::optional<Seen> at_least;  // at weight 1 with the antagonist: whether the weight acts at all
    bool acts = false;             // and it does
    double regret_s = 0;
    std::string judged_by;
};

struct ContestPlan {
    std::string file, before;  // before: put back at the end
    std::uint64_t present = 0;
    std::vector<std::uint64_t> candidates;  // the next one is tried when one is rejected
    cgroup::DeviceNumber device = 0;
    std::uint64_t rival = 100;  // the antagonist's weight
    std::uint64_t longest_ns = 1'200'000'000'000;
};

// The antagonist does not run and the weight is `before` again when it returns, with an error too (as far as the
// subject allows: once it is Stopped it has restored everything itself).
[[nodiscard]] Result<Contest> contest(Subject& subject, const IoOptions& options, const ContestPlan& plan);

}  // namespace flyball::tune::detail
