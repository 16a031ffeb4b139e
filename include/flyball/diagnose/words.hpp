// SPDX-License-Identifier: Apache-2.0
// How an explanation calls things: shared by what makes it and what shows it. Pure; any thread.
#pragma once

#include "flyball/ledger/books.hpp"
#include "flyball/profile/snapshot.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flyball::diagnose {

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

// The share of the quota that each spent, worst first: (path, share).
[[nodiscard]] std::vector<std::pair<std::string, double>> spenders(const ledger::QuotaFinding& quota);

}  // namespace flyball::diagnose
