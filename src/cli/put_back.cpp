// SPDX-License-Identifier: Apache-2.0
#include "put_back.hpp"

#include "flyball/cgroup/actuator.hpp"

#include <fmt/format.h>

#include <string>

namespace flyball::cli {

void put_back(live::Progress& progress)
{
    const cgroup::RestoreReport report = cgroup::recover();
    if (report.restored > 0)
        progress.say(fmt::format("put back {} {} that a flyball that was killed had left", report.restored,
                                 report.restored == 1 ? "limit" : "limits"));
    for (const std::string& foreign : report.foreign)
        progress.say("left as somebody else has set it: " + foreign);
    for (const std::string& failed : report.failed)
        progress.say("could not be put back: " + failed);
}

}  // namespace flyball::cli
