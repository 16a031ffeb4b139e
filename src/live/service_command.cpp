// SPDX-License-Identifier: Apache-2.0
#include "service_command.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/base/units.hpp"
#include "flyball/live/collector.hpp"
#include "flyball/live/loop.hpp"
#include "flyball/process/child.hpp"
#include "live_limits.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace flyball::live {
namespace {

constexpr std::uint64_t kPatienceNs = 60'000'000'000;
constexpr int kBetweenMs = 50;

}  // namespace

Result<CommandInCgroup> command_under(const std::vector<tune::Write>& limits, const std::vector<std::string>& command,
                                      const cgroup::Layout& layout, const std::function<void(std::string_view)>& note,
                                      const process::SpawnOptions& spawn)
{
    auto made = CommandInCgroup::make(command, layout, {}, note, spawn);
    if (!made)
        return made;
    LiveLimits live(layout);
    live.aim(made->home.path());
    if (auto written = live.write_what_is_there(limits, LiveLimits::Stays::Yes); !written)
        return std::unexpected(std::move(written.error()));
    return made;
}

Result<bool> succeeds(const std::vector<std::string>& command, int output_fd, StopToken& stop,
                      const std::function<Result<>()>& meanwhile)
{
    process::SpawnOptions spawn;
    spawn.output_to(output_fd);
    auto child = process::Child::spawn(command, {}, spawn);
    if (!child)
        return std::unexpected(std::move(child.error()));
    if (auto released = child->release(); !released)
        return std::unexpected(std::move(released.error()));
    std::optional<process::ExitStatus> status;
    Loop loop(stop);
    loop.watch(child->pidfd());
    const auto waited = loop.run(kTickNs, loop.now_ns() + kPatienceNs, [&](std::uint64_t) -> Result<bool> {
        auto ended = child->wait_ms(0);
        if (!ended)
            return std::unexpected(std::move(ended.error()));
        status = *ended;
        if (auto kept_up = meanwhile ? meanwhile() : Result<>{}; !kept_up)
            return std::unexpected(std::move(kept_up.error()));
        return !status;
    });
    if (!waited)
        return std::unexpected(waited.error());
    if (!status && *waited == Loop::End::Stop)
        return std::unexpected(stop.interrupted());
    return status && status->shell_code() == 0;
}

Result<std::optional<std::uint64_t>> until_well(const std::vector<std::string>& health, std::uint64_t within_ns,
                                                int output_fd, StopToken& stop, const Meanwhile& meanwhile)
{
    const std::uint64_t begin_ns = monotonic_ns();
    while (true) {
        const auto well = succeeds(health, output_fd, stop, meanwhile.keep_up);
        if (!well)
            return std::unexpected(well.error());
        const std::uint64_t passed_ns = monotonic_ns() - begin_ns;
        if (*well)
            return passed_ns;
        const auto never = meanwhile.never_will ? meanwhile.never_will() : Result<bool>(false);
        if (!never)
            return std::unexpected(never.error());
        if (passed_ns > within_ns || *never)
            return std::nullopt;
        if (stop.wait_ms(kBetweenMs))
            return std::unexpected(stop.interrupted());
    }
}

Result<> restart_service(const std::vector<std::string>& restart, const std::vector<std::string>& health,
                         std::uint64_t within_ns, int output_fd, StopToken& stop)
{
    const std::uint64_t begin_ns = monotonic_ns();
    auto done = succeeds(restart, output_fd, stop);
    if (!done)
        return std::unexpected(std::move(done.error()));
    if (!*done)
        return fail(ErrorKind::Io, fmt::format("the restart command '{}' failed", fmt::join(restart, " ")));
    if (health.empty())
        return {};
    const std::uint64_t left_ns = within_ns - std::min(within_ns, monotonic_ns() - begin_ns);
    const auto well = until_well(health, left_ns, output_fd, stop);
    if (!well)
        return std::unexpected(well.error());
    if (!*well)
        return fail(ErrorKind::Io, fmt::format("the service was not well {} after '{}'", format_ns(within_ns),
                                               fmt::join(restart, " ")));
    return {};
}

}  // namespace flyball::live
