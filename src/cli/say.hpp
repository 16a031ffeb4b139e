// SPDX-License-Identifier: Apache-2.0
// What a person is told on standard error.
#pragma once

#include "flyball/base/standard_streams.hpp"

#include <fmt/format.h>

#include <utility>

namespace flyball::cli {

// "flyball: ..." and a newline.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args)
{
    write_to_stderr("flyball: " + fmt::format(format, std::forward<Args>(args)...) + "\n");
}

}  // namespace flyball::cli
