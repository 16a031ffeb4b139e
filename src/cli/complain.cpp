// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/verbs.hpp"

#include <fmt/core.h>

namespace flyball::cli {

int complain(const Error& error)
{
    if (error.hint.empty())
        fmt::print(stderr, "flyball: {}\n", error.what);
    else
        fmt::print(stderr, "flyball: {} ({})\n", error.what, error.hint);
    return exit_code(error.kind);
}

}  // namespace flyball::cli
