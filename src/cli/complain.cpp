// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/verbs.hpp"
#include "say.hpp"

namespace flyball::cli {

int complain(const Error& error)
{
    if (error.hint.empty())
        say("{}", error.what);
    else
        say("{} ({})", error.what, error.hint);
    return exit_code(error);
}

}  // namespace flyball::cli
