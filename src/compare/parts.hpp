// SPDX-License-Identifier: Apache-2.0
// The steps of a comparison.
#pragma once

#include "flyball/compare/comparison.hpp"

#include <set>
#include <vector>

namespace flyball::compare {

// What is compared: metrics that both sides have and that are asked for.
[[nodiscard]] std::set<Key> chosen(const Side& a, const Side& b, const Options& options);

// Differences, intervals and p values of one metric; no verdict yet.
[[nodiscard]] Row measure(const Side& a, const Side& b, const Key& key, Basis basis, const Options& options);

// With p_family and threshold filled in. tested: metrics in the family.
void judge(Row& row, Basis basis, double alpha, std::size_t tested);

[[nodiscard]] std::vector<DistributionRow> distributions(const Side& a, const Side& b, const std::vector<Row>& rows,
                                                         Basis basis, double confidence);

[[nodiscard]] std::vector<std::string> notes_on(const Side& a, const Side& b, const Comparison& comparison);

// Of one metric, in the order of the runs; those that lack it are left out.
[[nodiscard]] std::vector<double> values_of(const std::vector<Run>& runs, const Key& key);

}  // namespace flyball::compare
