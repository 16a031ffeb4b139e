// SPDX-License-Identifier: Apache-2.0
// Is setting B no worse for the workload than setting A? Both in turn, so that what drifts touches both, and no longer
// than it takes to know. Not thread-safe, as its subject.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/tune/proposal.hpp"
#include "flyball/tune/subject.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace flyball::tune {

// In the order in which the files are to be written when the other setting is in force.
struct Setting {
    struct File {
        std::string file, value;
    };
    std::vector<File> files;
    [[nodiscard]] std::string text() const;  // "cpu.max 21000 100000, cpu.max.burst 20000"
};

// How well it went in a window: a rate, larger is better, never negative. nullopt: this window does not say.
using Score = std::function<std::optional<double>(const Window&)>;

struct Measure {
    std::string judged_by;  // "the workload's throughput"
    Score score;
    // It tells of each window while it works: saying nothing in B and never so in A is then a rate of zero.
    bool silence_is_zero = false;
};

// The workload's own rate if it tells one in this window, which has to be longer than the workload's reporting
// interval; else the caller's.
[[nodiscard]] Measure measure_for(const Window& sample, Measure stand_in);

// Blocks so long that the workload tells enough latencies in each for their p99, where that is no longer than most_ns;
// else as they are.
[[nodiscard]] std::uint64_t block_for_p99(const Window& sample, std::uint64_t block_ns, std::uint64_t most_ns);

struct ExperimentOptions {
    double floor = 0.8;  // part of A's rate that B has to keep; its latencies may be 1 / floor times A's
    double alpha = 0.05;
    std::size_t most_pairs = 30;
    std::uint64_t block_ns = 5'000'000'000;
    std::uint64_t settle_ns = 1'000'000'000;       // after each change of setting, left out
    double most_disturbed = 0.1;                   // possible_error() of a block: with more it is repeated
    std::size_t most_repeats = 10;                 // of blocks, over all
    std::uint64_t longest_ns = 3'600'000'000'000;  // no pair begins that would end after it
    std::uint64_t seed = 1;                        // of the order
};

// B over A by the workload's rate, and by its p50 and p99 if it tells latencies (20 and 300 units a block at least).
//
// Blocks come as ABBA or BAAB, by lot. Accepted: each of these metrics is non-inferior at alpha, which needs no
// correction for their number (an intersection-union test: Berger 1982). Rejected: one of them is surely below its
// bound at alpha divided by their number (Bonferroni), or B keeps less than half of the floor in two pairs in a row.
// Inconclusive: not decided at most_pairs or within the time, or too many blocks that a busy machine or a silent
// workload spoilt; the note says which. Where the time is too short for any decision, nothing is tried. Work lost in B
// goes to Subject::spend. A is in force at the end, also after an error, which is the subject's.
[[nodiscard]] Result<Trial> compare(Subject& subject, const Setting& a, const Setting& b, const Measure& measure,
                                    const ExperimentOptions& options = {});

}  // namespace flyball::tune
