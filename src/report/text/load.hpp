// SPDX-License-Identifier: Apache-2.0
// The blocks of the text about a load.
#pragma once

#include "canvas.hpp"
#include "flyball/report/load.hpp"

namespace flyball::report {

[[nodiscard]] Style style_of(load::Verdict verdict);
// "MET", "BROKEN", "UNKNOWN".
[[nodiscard]] std::string shouted_verdict(load::Verdict verdict);
// "12.3ms"; "n<368": too few requests for it; ">": beyond the time-out.
[[nodiscard]] Cell quantile_cell(const load::Phase& phase, double q);
// "12.3", "160", "1.23k": a rate.
[[nodiscard]] std::string spelled_rate(double rate);
[[nodiscard]] std::string percent_of(std::uint64_t part, std::uint64_t whole);

void text_found(const load::Found& found, Canvas& canvas);
void text_levels(const load::Outcomes& outcomes, Canvas& canvas);
// What is behind the line of a level: its course, its bursts, what a generator told.
void text_level(const load::Level& level, Canvas& canvas);
void text_kernel_use(const load::Outcomes& outcomes, Canvas& canvas);

}  // namespace flyball::report
