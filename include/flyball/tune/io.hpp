// SPDX-License-Identifier: Apache-2.0
// The weight that a cgroup's I/O needs. docs/tune-io.md has the method. Not thread-safe.
//
// A weight says who goes first when several want the device, and nothing otherwise. So three questions come first: does
// any controller make weights act on the device that matters; how much of it does the subject want at most; against
// whom. The least weight w that gives it this share u with headroom h satisfies  f * w / (w + S) >= u (1 + h),  where S
// is the sum of its siblings' weights and f what its ancestors get in the same way.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/io_control.hpp"
#include "flyball/tune/proposal.hpp"
#include "flyball/tune/subject.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace flyball::tune {

// Somebody who takes all of a device that he can get, in a cgroup beside the subject. stop() also by the destructor.
class Antagonist {
public:
    virtual ~Antagonist() = default;
    [[nodiscard]] virtual std::string describe() const = 0;  // "8 direct readers of 4 KiB on 8:0"
    // weight: written to `file` of its cgroup. Does nothing but set the weight while it runs.
    [[nodiscard]] virtual Result<> start(cgroup::DeviceNumber device, std::string_view file, std::uint64_t weight) = 0;
    virtual void stop() = 0;
};

struct IoOptions {
    double headroom = 0.2;                      // h
    double least_throughput = 0.8;              // of what it has alone
    double most_latency = 1.1;                  // p99, of what it is alone
    double alpha = 0.05;                        // of a wrong verdict, over all candidates
    std::uint64_t profile_ns = 60'000'000'000;  // watched, in windows of 100 ms
    std::uint64_t block_ns = 5'000'000'000, settle_ns = 500'000'000;
    std::size_t most_rounds = 20;
    std::uint64_t longest_ns = 1'200'000'000'000;  // with the profile
    std::uint64_t assumed_rival = 100;             // when no sibling has used the device
    double most_others = 0.2;  // of the device while it is watched: above that, its own wish cannot be told

    // The machine: cgroup::io_control() and cgroup::weight_levels() with the subject's cgroup.
    std::function<cgroup::IoControl(cgroup::DeviceNumber)> control;
    std::function<Result<std::vector<cgroup::WeightLevel>>(std::string_view file, cgroup::DeviceNumber)> levels;
    Antagonist* antagonist = nullptr;  // nullptr: the weight is not tried out
};

// Errors: those of the subject; Stopped is told as Answer::Aborted; Interrupted is none of its answers.
[[nodiscard]] Result<Proposal> tune_io(Subject& subject, const IoOptions& options);

// ---- its parts, pure
// ------------------------------------------------------------------------------------------------------

// Who it competes with, on the whole way up.
struct Competition {
    double rivals = 0;           // S
    double ancestors_share = 1;  // f
    bool assumed = false;        // S is an assumption: there is no sibling that has used the device
    std::string text;            // in words
};
[[nodiscard]] Competition competition(const std::vector<cgroup::WeightLevel>& levels, std::uint64_t assumed_rival);

// What the weight gives, and the least one that gives the share; nullopt: none does.
[[nodiscard]] double share_of(double weight, const Competition& competition);
[[nodiscard]] std::optional<std::uint64_t> least_weight(double share, const Competition& competition,
                                                        std::uint64_t most);

// The share to ask for, when u is wanted. One who fills the device cannot keep all of it. Of a closed loop rate *
// latency is constant (Little), so that a share of 1 / most_latency is where its latency is at the bound.
[[nodiscard]] double share_wanted(double u, const IoOptions& options);

}  // namespace flyball::tune
