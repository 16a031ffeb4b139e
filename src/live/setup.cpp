// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/setup.hpp"

#include "flyball/base/version.hpp"
#include "flyball/cgroup/tree.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <utility>

namespace flyball::live {

Result<CommandInCgroup> CommandInCgroup::make(const std::vector<std::string>& command, const cgroup::Layout& layout,
                                              const cgroup::Limits& limits,
                                              const std::function<void(std::string_view)>& note,
                                              const process::SpawnOptions& spawn)
{
    auto home = cgroup::TransientCgroup::create(layout, limits);
    if (!home)
        return std::unexpected(std::move(home.error()));
    for (const std::string& text : home->notes())
        note(text);
    auto child = process::Child::spawn(command, home->place(), spawn);
    if (!child)
        return std::unexpected(std::move(child.error()));
    return CommandInCgroup{std::move(*home), std::move(*child)};
}

Result<> CommandInCgroup::end()
{
    {
        const process::Child killed = std::move(child);
    }
    return home.destroy();
}

}  // namespace flyball::live
