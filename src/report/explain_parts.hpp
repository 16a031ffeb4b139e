// SPDX-License-Identifier: Apache-2.0
// The parts that build_explanation() puts together, and what its renderers share.
#pragma once

#include "flyball/report/explain.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::report {

// Less than this is not spoken of.
inline constexpr double kWorthNaming = 0.001;

[[nodiscard]] inline double ratio(std::uint64_t part, std::uint64_t whole)
{
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// "checkout.service" where only one path ends so, else as much of the path as tells it apart.
class ShortNames {
public:
    explicit ShortNames(const std::vector<std::string>& paths);
    [[nodiscard]] std::string of(std::string_view path) const;

private:
    std::map<std::string, std::size_t, std::less<>> tails_;  // how many paths end so
};

// "/a/b" of "/a/b/c", "/" of "/a"; empty of "/" and of what is no path.
[[nodiscard]] std::string_view parent_of(std::string_view path);

// "CPU 3", "CPUs 0-3, 7": those with at least a hundredth of the time.
[[nodiscard]] std::string cpu_ranges(const std::map<std::uint32_t, std::uint64_t>& by_cpu);

// "200 ms", not "200.0 ms": a limit as people write it.
[[nodiscard]] std::string plain_ns(std::uint64_t ns);

// In tenths of a percent, rounded so that they sum to 1000.
[[nodiscard]] std::vector<std::uint64_t> per_mille(const ledger::Parts& parts);

// "runs", "held by cpu.max": for a table.
[[nodiscard]] std::string_view title(ledger::Part part);

[[nodiscard]] bool is_memory(ledger::Part part);
[[nodiscard]] bool is_io(ledger::Part part);

// Why a metric was not measured; nullopt if it was.
[[nodiscard]] std::optional<std::string> unmeasured(const profile::Meta& meta, std::string_view metric);

// What a finding is made from.
struct Evidence {
    const profile::Snapshot& snapshot;
    const ledger::Books& books;
    const ShortNames& names;

    [[nodiscard]] const ledger::QuotaFinding* quota(std::string_view path) const;
    // Whose requests those of the finding waited behind, worst first.
    [[nodiscard]] std::vector<ledger::Blame> queued_behind(const Finding& finding) const;
    // The share of the quota that each spent, worst first: (path, share).
    [[nodiscard]] static std::vector<std::pair<std::string, double>> spent(const ledger::QuotaFinding& quota);
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

}  // namespace flyball::report
