// SPDX-License-Identifier: Apache-2.0
// Our numbers against the kernel's own, over the same window. A disagreement is shown, not hidden;
// what cannot be compared says why; a recording that compared nothing does not pass.
#pragma once

#include "flyball/audit/metrics.hpp"
#include "flyball/profile/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::audit {

enum class Verdict { Agree, Disagree, NotComparable };

enum class Scope {
    Cgroup,     // our number of a cgroup against the kernel's
    Recording,  // the recording against itself: the loss equation, buckets against counts
};

struct AuditRow {
    Scope scope = Scope::Cgroup;
    std::string cgroup;    // path; empty for the whole recording
    std::string quantity;  // "cpu.throttled", "io.read.bytes", "loss.sched_switch.cpu0"
    Unit unit = Unit::Count;
    // nullopt: that side does not know. Of Scope::Recording, kernel is the side that is the reference.
    std::optional<std::uint64_t> ours, kernel;
    std::uint64_t tolerance = 0;  // in the row's unit, of this row
    std::string rule;             // how the tolerance came about: "1 % or 2 ms", "exact"
    Verdict verdict = Verdict::NotComparable;
    std::string reason;  // why not comparable; what may be behind a disagreement; a remark

    [[nodiscard]] bool both() const { return ours && kernel; }
    // |ours - kernel|; 0 unless both are known.
    [[nodiscard]] std::uint64_t difference() const;
    // (ours - kernel) / kernel * 100; nullopt where that means nothing.
    [[nodiscard]] std::optional<double> percent() const;
    // Is either side known and not zero? Only these are listed unless all are asked for.
    [[nodiscard]] bool matters() const;
    friend bool operator==(const AuditRow&, const AuditRow&) = default;
};

// One row for every quantity of every cgroup of which either side knows something, by path; then
// those of the whole recording. Pure.
[[nodiscard]] std::vector<AuditRow> audit(const profile::Snapshot& snapshot);

enum class Outcome { Agree, Disagree, NothingCompared };

struct Summary {
    std::size_t rows = 0;
    std::size_t agree = 0, disagree = 0, not_comparable = 0;
    // Agreements and disagreements with the kernel in which a side was not zero. 0 = 0 proves
    // nothing about our hooks, so that it takes one of these to pass.
    std::size_t compared_with_kernel = 0;
    Outcome outcome = Outcome::NothingCompared;
    friend bool operator==(const Summary&, const Summary&) = default;
};

[[nodiscard]] Summary summarize(std::span<const AuditRow> rows);

// "agree", "disagree", "not comparable"; "agree", "disagree", "nothing compared".
[[nodiscard]] std::string_view name(Verdict verdict);
[[nodiscard]] std::string_view name(Outcome outcome);

}  // namespace flyball::audit
