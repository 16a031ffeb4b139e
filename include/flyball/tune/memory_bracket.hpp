// SPDX-License-Identifier: Apache-2.0
// Which memory.high is tried next. Pure; not thread-safe.
//
// From above: the first candidate is what should do. It has to be accepted, or wider ones are tried; only then tighter
// ones, by bisection, until one is not accepted. (A search from below, or one that trusts the first candidate, ends too
// low where the kernel's pressure counters are silent.)
#pragma once

#include "flyball/tune/proposal.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>

namespace flyball::tune {

struct BracketOptions {
    double widen = 1.15;
    std::size_t most_trials = 6, most_tighter = 2;
    double reach = 0.7;        // of what was accepted: tighter ones are looked for above that
    double resolution = 0.04;  // closer than that to what was accepted is not worth a trial
};

class Bracket {
public:
    // Bytes. lowest: no candidate is below; ceiling: above it the limit would do nothing.
    Bracket(const BracketOptions& options, std::uint64_t first, std::uint64_t lowest, std::uint64_t ceiling);

    // nullopt: nothing is to be tried any more.
    [[nodiscard]] std::optional<std::uint64_t> next() const;
    // Of next(). Whatever is not Accepted counts as too tight; Rejected alone as surely so.
    void add(Verdict verdict);

    [[nodiscard]] std::optional<std::uint64_t> accepted() const { return accepted_; }  // the lowest
    [[nodiscard]] std::optional<std::uint64_t> rejected() const { return rejected_; }  // the highest, surely
    [[nodiscard]] std::size_t trials() const { return trials_; }

private:
    BracketOptions options_;
    std::uint64_t candidate_, lowest_, ceiling_;
    std::size_t trials_ = 0, tighter_ = 0;
    bool failed_below_ = false;
    std::optional<std::uint64_t> accepted_, rejected_;
};

}  // namespace flyball::tune
