// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/verbs.hpp"
#include "say.hpp"

#include <csignal>

namespace flyball::cli {

int complain(const Error& error)
{
    // Who has stopped reading wants nothing more: as any filter goes by SIGPIPE.
    if (error.kind == ErrorKind::Interrupted && error.signal == SIGPIPE)
        return exit_code(error);
    if (error.hint.empty())
        say("{}", error.what);
    else
        say("{} ({})", error.what, error.hint);
    return exit_code(error);
}

}  // namespace flyball::cli
