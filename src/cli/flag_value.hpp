// SPDX-License-Identifier: Apache-2.0
// The value of a flag, whose error names the flag.
#pragma once

#include "flyball/base/result.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace flyball::cli {

template <class Parser, class T>
[[nodiscard]] Result<> read_flag(std::string_view flag, const std::string& text, Parser parser, T& into)
{
    auto value = parser(text);
    if (!value)
        return std::unexpected(std::move(value.error()).context(flag));
    into = *value;
    return {};
}

}  // namespace flyball::cli
