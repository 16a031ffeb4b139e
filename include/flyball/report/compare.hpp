// SPDX-License-Identifier: Apache-2.0
// A comparison for people and for machines. Pure; any thread.
#pragma once

#include "flyball/compare/comparison.hpp"

#include <cstddef>
#include <string>

namespace flyball::report {

struct CompareTextOptions {
    int width = 80;  // at least 60
    bool color = false;
    bool all = false;               // also metrics that are the same in every run, and every distribution
    std::size_t distributions = 3;  // the farthest apart
};

[[nodiscard]] std::string render_compare_text(const compare::Comparison& comparison,
                                              const CompareTextOptions& options = {});

// docs/compare-json.md has it in full.
inline constexpr const char* kCompareSchema = "flyball.compare/1";
[[nodiscard]] std::string render_compare_json(const compare::Comparison& comparison);

}  // namespace flyball::report
