// SPDX-License-Identifier: Apache-2.0
// What a calibration found out, as P4.2's deliverables (section 8.3): docs/calibrate-report.md. Pure; any thread.
//
// Names from outside (components, scenarios, metrics, whatever a workload said) are escaped as each format demands.
#pragma once

#include "flyball/calibrate/result.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace flyball::report {

// The components of the specification, for what a result does not hold: floors, steps, the metrics that a component has
// declared. Those that are not among them are taken to have P4.2's defaults and the common metrics.
using AskedComponents = std::span<const calibrate::Component>;

struct CalibrationTextOptions {
    std::size_t width = 80;
    bool color = false;
};

// calibration_report.txt: the verdict and the limits of all components, then each component with its evidence.
[[nodiscard]] std::string render_calibration_report(const calibrate::Calibration& calibration,
                                                    AskedComponents asked = {},
                                                    const CalibrationTextOptions& options = {});
// performance_comparison.txt: every metric of every scenario, before and after, and what is left of the performance.
[[nodiscard]] std::string render_performance_comparison(const calibrate::Calibration& calibration,
                                                        AskedComponents asked = {},
                                                        const CalibrationTextOptions& options = {});
// oom_behavior.txt
[[nodiscard]] std::string render_oom_behavior(const calibrate::Calibration& calibration,
                                              const CalibrationTextOptions& options = {});
// optimal_values.json: flyball.optimal-values/1
[[nodiscard]] std::string render_optimal_values(const calibrate::Calibration& calibration);
// One page of HTML and inline SVG that needs nothing from elsewhere and no script. Well-formed as XML, too.
[[nodiscard]] std::string render_calibration_html(const calibrate::Calibration& calibration,
                                                  AskedComponents asked = {});

}  // namespace flyball::report
