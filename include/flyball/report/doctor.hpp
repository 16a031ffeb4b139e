// SPDX-License-Identifier: Apache-2.0
// What this kernel offers, and what follows from it. Pure; any thread.
#pragma once

#include "flyball/kernel/plan.hpp"

#include <string>

namespace flyball::report {

[[nodiscard]] std::string render_doctor_text(const kernel::Plan& plan);
// flyball.doctor/1
[[nodiscard]] std::string render_doctor_json(const kernel::Plan& plan);

}  // namespace flyball::report
