// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/verbs.hpp"
#include "flyball/profile/recording.hpp"
#include "output.hpp"

#include <fmt/core.h>

namespace flyball::cli {

int run_report(const ReportOptions& options, StopToken& stop)
{
    stop.let_go();
    const auto snapshot = profile::replay(options.file, {.salvage = options.salvage, .filters = options.cgroups});
    if (!snapshot)
        return complain(snapshot.error());
    if (!options.cgroups.empty() && snapshot->cgroups.empty()) {
        return complain(
            Error{ErrorKind::Usage,
                  fmt::format("{}: no cgroup in this recording matches -c {}", options.file, options.cgroups.front()),
                  "`flyball report FILE --all` shows them all"});
    }
    if (auto printed = print_report(*snapshot, options.out, options.cgroups, stop); !printed)
        return complain(printed.error());
    return 0;
}

}  // namespace flyball::cli
