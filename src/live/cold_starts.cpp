// SPDX-License-Identifier: Apache-2.0
#include "cold_starts.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/live/loop.hpp"
#include "flyball/live/setup.hpp"
#include "limit_files.hpp"
#include "service_command.hpp"
#include "workload_listener.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::live {
namespace {

constexpr std::uint64_t kStartPatienceNs = 60'000'000'000;
constexpr std::uint64_t kStartTickNs = 5'000'000;

class Start {
public:
    Start(const ColdStartRequest& request, StopToken& stop, WorkloadListener& listener, CommandInCgroup& command)
        : request_(request), stop_(stop), listener_(listener), command_(command)
    {
    }

    Result<double> time()
    {
        const std::uint64_t begin_ns = monotonic_ns();
        (void)listener_.take();
        if (auto released = command_.child.release(); !released)
            return std::unexpected(std::move(released.error()));
        std::optional<double> time;
        Loop loop(stop_);
        loop.watch(command_.child.pidfd());
        const auto waited =
            loop.run(kStartTickNs, begin_ns + kStartPatienceNs, [&](std::uint64_t now_ns) -> Result<bool> {
                auto ended = command_.child.wait_ms(0);
                if (!ended)
                    return std::unexpected(std::move(ended.error()));
                auto started = look(*ended, now_ns - begin_ns);
                if (!started)
                    return std::unexpected(std::move(started.error()));
                time = *started;
                return !time;
            });
        if (!waited)
            return std::unexpected(waited.error());
        if (time)
            return *time;
        if (*waited == Loop::End::Stop)
            return std::unexpected(stop_.interrupted());
        return fail(ErrorKind::Io, "it had not started after a minute");
    }

private:
    using Ended = std::optional<process::ExitStatus>;

    // nullopt: not yet.
    Result<std::optional<double>> look(const Ended& ended, std::uint64_t passed_ns)
    {
        using Until = calibrate::ColdStart::Until;
        if (ended && ended->shell_code() != 0)
            return fail(ErrorKind::Io, fmt::format("it ended with {}", ended->shell_code()));
        switch (request_.how.until) {
        case Until::Exit:
            return ended ? std::optional(static_cast<double>(passed_ns)) : std::nullopt;
        case Until::Health: {
            auto well = succeeds(request_.health, request_.output_fd, stop_);
            if (!well)
                return std::unexpected(std::move(well.error()));
            if (!*well && ended)
                return fail(ErrorKind::Io, "it has ended, and was never well");
            return *well ? std::optional(static_cast<double>(passed_ns)) : std::nullopt;
        }
        case Until::Metric: {
            const auto told = listener_.take().values;
            const auto found = told.find(request_.how.metric);
            if (found != told.end() && !found->second.empty())
                return found->second.front() * request_.metric_scale;
            if (ended)
                return fail(ErrorKind::Io, fmt::format("it has ended, and did not tell {}", request_.how.metric));
            return std::nullopt;
        }
        }
        return std::nullopt;
    }

    const ColdStartRequest& request_;
    StopToken& stop_;
    WorkloadListener& listener_;
    CommandInCgroup& command_;
};

}  // namespace

Result<ColdStarts> cold_starts(const ColdStartRequest& request, const cgroup::Layout& layout, StopToken& stop,
                               const std::function<void(std::string_view)>& say)
{
    ColdStarts all;
    const auto keep_most = [](std::optional<double>& most, std::optional<std::uint64_t> peak) {
        if (peak)
            most = std::max(most.value_or(0), static_cast<double>(*peak));
    };
    for (std::uint32_t i = 0; i < request.how.samples; ++i) {
        auto listener = WorkloadListener::start({.file = {}, .patterns = {}, .output_fd = request.output_fd});
        if (!listener)
            return std::unexpected(std::move(listener.error()));
        process::SpawnOptions spawn = listener->spawn_options();
        spawn.output_to(request.output_fd);
        spawn.environment.insert(spawn.environment.end(), request.environment.begin(), request.environment.end());
        auto command = command_under(request.limits, request.command, layout, say, spawn);
        if (!command)
            return std::unexpected(std::move(command.error()));
        auto took = Start(request, stop, *listener, *command).time();
        if (!took)
            return std::unexpected(
                std::move(took.error()).context(fmt::format("start {} of {}", i + 1, request.how.samples)));
        all.times_ns.push_back(*took);
        const std::string& path = command->home.path();
        keep_most(all.peak_bytes, number_in(layout, path, "memory", "memory.peak", "memory.max_usage_in_bytes"));
        keep_most(all.peak_tasks, number_in(layout, path, "pids", "pids.peak", "pids.peak"));
    }
    return all;
}

}  // namespace flyball::live
