// SPDX-License-Identifier: Apache-2.0
// The blocks of the texts about a calibration. A block without content is not there.
#pragma once

#include "calibration_facts.hpp"
#include "canvas.hpp"

namespace flyball::report {

[[nodiscard]] Canvas canvas_of(const CalibrationTextOptions& options);
// "clawos of spec.json, profile quick; 4 min 12 s on bench-7, ...": what is known, wrapped.
void text_calibration_head(const calibrate::Calibration& calibration, Canvas& canvas);
// The same on one line, for other forms.
[[nodiscard]] std::string calibration_origin(const calibrate::Calibration& calibration);
// "-- router ----- CALIBRATED --"
void text_component_title(const std::string& name, std::string_view word, Style style, Canvas& canvas);

void text_calibration_limits(const calibrate::Calibration& calibration, Canvas& canvas);
void text_criteria(const calibrate::Calibration& calibration, const CalibrationTally& tally, Canvas& canvas);

void text_component(const calibrate::ComponentResult& component, AskedComponents asked, Canvas& canvas);
// Targets and retention.
void text_calibrated_scenario(const calibrate::ScenarioResult& scenario, const calibrate::Tuning& tuning, bool changed,
                              Canvas& canvas);

[[nodiscard]] std::string_view mark(calibrate::Outcome outcome);  // "[✓]"
[[nodiscard]] Style style_of(calibrate::Outcome outcome);
[[nodiscard]] Style style_of(calibrate::End end);
[[nodiscard]] Style style_of(Retention retention);
[[nodiscard]] std::string_view mark(Retention retention);
// "91.2% (88.0 to 97.1%)"; "n/a".
[[nodiscard]] std::string retention_words(const calibrate::ScenarioResult& scenario);

// The reports of its OOM tests, one below the other. Empty: there is none.
[[nodiscard]] std::string oom_words(const calibrate::OomBehaviour& oom, std::size_t width);

}  // namespace flyball::report
