// SPDX-License-Identifier: Apache-2.0
// The parts that build_explanation() puts together.
#pragma once

#include "flyball/diagnose/explanation.hpp"
#include "flyball/diagnose/words.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flyball::diagnose {

// What a finding is made from.
struct Evidence {
    const profile::Snapshot& snapshot;
    const ledger::Books& books;
    const ShortNames& names;

    [[nodiscard]] const ledger::QuotaFinding* quota(std::string_view path) const;
    // Whose requests those of the finding waited behind, worst first.
    [[nodiscard]] std::vector<ledger::Blame> queued_behind(const Finding& finding) const;
};

[[nodiscard]] std::vector<Reason> build_reasons(const Finding& finding, const Evidence& evidence);
[[nodiscard]] std::string build_sentence(const Finding& finding, const Evidence& evidence);
[[nodiscard]] std::vector<Note> build_advice(const Finding& finding, const Evidence& evidence);
[[nodiscard]] std::vector<Note> build_doubts(const Finding& finding);
[[nodiscard]] std::vector<Note> build_doubts(const Evidence& evidence);

// The sum of several blames by path, worst first.
[[nodiscard]] std::vector<ledger::Blame> merged(const std::vector<const std::vector<ledger::Blame>*>& lists);

struct Victim {
    std::string path;
    std::uint64_t sum_ns = 0;
    const std::vector<ledger::Blame>* blames = nullptr;
    std::uint64_t unknown_ns = 0;
};
[[nodiscard]] Matrix build_matrix(const std::vector<Victim>& victims, std::size_t top);

}  // namespace flyball::diagnose
