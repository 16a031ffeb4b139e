// SPDX-License-Identifier: Apache-2.0
// The parts of the page about a calibration, from top to bottom.
#pragma once

#include "calibration_facts.hpp"
#include "markup.hpp"

#include <string>
#include <string_view>

namespace flyball::report {

// One for all colours and sizes; light and dark, screen and paper.
[[nodiscard]] std::string_view html_style();

void html_header(const calibrate::Calibration& calibration, const CalibrationTally& counts, Markup& page);
// A line for each component, with links to them.
void html_overview(const calibrate::Calibration& calibration, Markup& page);
// What got worse by more than chance; nothing, where nothing did.
void html_worse(const calibrate::Calibration& calibration, AskedComponents asked, Markup& page);
// Dumbbells, resource by resource.
void svg_limits(const calibrate::Calibration& calibration, Markup& page);
// What is left of the performance, scenario by scenario, and the floor.
void svg_retention(const calibrate::Calibration& calibration, AskedComponents asked, Markup& page);

// index: from 0; "#c0" is where it is.
void html_component(const calibrate::ComponentResult& component, std::size_t index, AskedComponents asked,
                    Markup& page);
void html_matrix(const calibrate::ComponentResult& component, const calibrate::Tuning& tuning, Markup& page);
void svg_quantiles(const calibrate::ComponentResult& component, Markup& page);
void html_stalls(const calibrate::ComponentResult& component, Markup& page);
void html_attempts(const calibrate::ComponentResult& component, Markup& page);
void html_evidence(const calibrate::ComponentResult& component, Markup& page);
void html_metrics(const calibrate::ComponentResult& component, AskedComponents asked, Markup& page);

// "calibrated" on a ground of its colour.
void html_chip(std::string_view word, std::string_view kind, Markup& page);
[[nodiscard]] std::string_view kind_of(calibrate::End end);  // class names: "met", "doubt", "missed", "none"
[[nodiscard]] std::string_view kind_of(calibrate::Outcome outcome);
[[nodiscard]] std::string_view kind_of(Retention retention);
[[nodiscard]] std::string_view sign_of(calibrate::Outcome outcome);  // "✓"
[[nodiscard]] std::string_view sign_of(Retention retention);
void html_heading(std::string_view title, std::string_view remark, Markup& page);
// <th> or <td> with the class "n" for figures.
void html_cell(std::string_view text, Markup& page, std::string_view kind = {});
void html_head_row(std::initializer_list<std::string_view> titles, Markup& page);
[[nodiscard]] std::string component_anchor(std::size_t index);
// Before: hollow; after: filled.
void svg_legend(bool interval, std::string_view more, Markup& page);

}  // namespace flyball::report
