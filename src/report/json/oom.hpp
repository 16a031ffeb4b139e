// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/report/oom.hpp"
#include "parts.hpp"

namespace flyball::report {

inline constexpr std::string_view kOomSchema = "flyball.oom/1";
inline constexpr std::string_view kOomTestSchema = "flyball.oom-test/1";

[[nodiscard]] Json json_episode(const oom::Judged& judged);
[[nodiscard]] Json json_check(const oom::Check& check);

}  // namespace flyball::report
