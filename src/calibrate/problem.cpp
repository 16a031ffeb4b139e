// SPDX-License-Identifier: Apache-2.0
#include "flyball/calibrate/problem.hpp"

#include <fmt/format.h>

namespace flyball::calibrate {

std::string text(const Problem& problem, std::string_view file)
{
    const std::string field = problem.field.empty() ? "" : problem.field + ": ";
    return fmt::format("{}:{}:{}: {}{} ({})", file, problem.place.line, problem.place.column, field, problem.what,
                       problem.remedy);
}

}  // namespace flyball::calibrate
