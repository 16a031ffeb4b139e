// SPDX-License-Identifier: Apache-2.0
// Text for XML 1.0, which forbids most control characters even when they are escaped.
#pragma once

#include <string>
#include <string_view>

namespace flyball::report {

// On one line; fit for an attribute in double quotes as well.
[[nodiscard]] std::string xml_line(std::string_view text);
// Lines stay lines.
[[nodiscard]] std::string xml_lines(std::string_view text);

}  // namespace flyball::report
