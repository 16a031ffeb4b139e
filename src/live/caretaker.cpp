// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/caretaker.hpp"

#include "flyball/cgroup/actuator.hpp"
#include "flyball/cgroup/transient.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace flyball::live {

void put_back(Progress& progress)
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

void sweep(const cgroup::Layout& layout, Progress& progress)
{
    if (const int swept = cgroup::sweep_leftovers(layout); swept > 0)
        progress.say(fmt::format("removed {} {} that a flyball that was killed had left", swept,
                                 swept == 1 ? "cgroup" : "cgroups"));
}

Result<Caretaker> Caretaker::start(Progress& progress, Makes makes)
{
    Caretaker made;
    auto layout = cgroup::detect();
    if (!layout)
        return made;
    made.layout_ = std::make_unique<cgroup::Layout>(std::move(*layout));
    sweep(*made.layout_, progress);
    if (makes == Makes::Nothing)
        return made;
    auto reaper = process::Reaper::start(
        [where = made.layout_.get(), owner = ::getpid()] { (void)cgroup::end_runs_of(*where, owner); });
    if (!reaper)
        return std::unexpected(std::move(reaper.error()));
    made.reaper_.emplace(std::move(*reaper));
    return made;
}

}  // namespace flyball::live
