// SPDX-License-Identifier: Apache-2.0
// `flyball oom watch`: a verdict for each OOM kill as it is complete, live or from a recording.
#include "flag_value.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/signals.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/live/oom_live.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/profile/recording.hpp"
#include "oom_outlets.hpp"
#include "oom_replay.hpp"
#include "requests.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace flyball::cli {
namespace {

constexpr int kWatchTickMs = 50;

// The watch over this machine.
class Watch {
public:
    explicit Watch(const OomWatchOptions& options)
        : options_(options), outlets_(options), progress_(options.quiet, STDERR_FILENO)
    {
    }

    Result<int> run()
    {
        if (auto r = prepare(); !r)
            return std::unexpected(std::move(r.error()));
        if (auto r = loop(); !r)
            return std::unexpected(std::move(r.error()));
        return finish();
    }

private:
    Result<> prepare();
    Result<> start_command(const cgroup::Limits& limits);
    Result<> loop();
    Result<bool> round();
    Result<int> finish();
    Result<> tell_kills();

    const OomWatchOptions& options_;
    Outlets outlets_;
    live::Progress progress_;
    std::uint64_t end_ns_ = 0;
    std::vector<std::string> filters_;
    cgroup::Layout layout_;
    std::optional<StopSignal> stop_;
    std::optional<live::CommandInCgroup> command_;
    std::optional<process::ExitStatus> status_;
    std::optional<live::OomLive> live_;
};

Result<> Watch::start_command(const cgroup::Limits& limits)
{
    auto command = live::CommandInCgroup::make(options_.command, layout_, limits,
                                               [this](std::string_view note) { progress_.say(note); });
    if (!command)
        return std::unexpected(std::move(command.error()));
    command_.emplace(std::move(*command));
    if (filters_.empty())
        filters_.push_back(command_->home.path());
    return {};
}

Result<> Watch::prepare()
{
    std::uint64_t duration_ns = 0;
    if (!options_.duration.empty()) {
        if (auto read = read_flag("-d", options_.duration, parse_duration, duration_ns); !read)
            return std::unexpected(std::move(read.error()));
    }
    const auto limits = parse_limits(options_.limits, options_.command);
    if (!limits)
        return std::unexpected(limits.error());
    if (!options_.command.empty()) {
        if (auto r = process::check_command(options_.command); !r)
            return r;
    }
    if (auto r = outlets_.open(); !r)
        return r;
    auto layout = cgroup::detect();
    if (!layout)
        return std::unexpected(std::move(layout.error()));
    layout_ = std::move(*layout);
    filters_ = options_.cgroups;
    for (const std::string& pattern : filters_) {
        if (auto found = cgroup::resolve(layout_, pattern); !found)
            return std::unexpected(std::move(found.error()).context("-c"));
    }
    auto stop = StopSignal::install();
    if (!stop)
        return std::unexpected(std::move(stop.error()));
    stop_.emplace(std::move(*stop));
    if (!options_.command.empty()) {
        if (auto r = start_command(*limits); !r)
            return r;
    }
    auto watch = live::OomLive::open(
        layout_, {.ring_size = options_.ring_size, .without = options_.without, .verbose = options_.verbose});
    if (!watch)
        return std::unexpected(std::move(watch.error()));
    live_.emplace(std::move(*watch));
    progress_.say(command_ ? "watching the command's cgroup for OOM kills" : "watching for OOM kills, Ctrl-C to end");
    end_ns_ = duration_ns == 0 ? 0 : monotonic_ns() + duration_ns;
    return command_ ? command_->child.release() : Result<>{};
}

Result<> Watch::tell_kills()
{
    for (const profile::OtherKill& kill : live_->watcher().take_other_kills()) {
        if (!options_.kills || !profile::filter_selects(filters_, kill.cgroup))
            continue;
        if (auto told = outlets_.kill(kill); !told)
            return told;
    }
    return {};
}

// False: it is over.
Result<bool> Watch::round()
{
    auto due = live_->tick();
    if (!due)
        return std::unexpected(std::move(due.error()));
    if (auto given = outlets_.give(*due, filters_); !given)
        return std::unexpected(std::move(given.error()));
    if (auto told = tell_kills(); !told)
        return std::unexpected(std::move(told.error()));
    outlets_.tick();
    if (stop_->requested() || (end_ns_ != 0 && monotonic_ns() >= end_ns_) || outlets_.enough())
        return false;
    if (command_ && !status_) {
        auto status = command_->child.wait_ms(0);
        if (!status)
            return std::unexpected(std::move(status.error()));
        status_ = *status;
    }
    // What its end has begun is seen through.
    return !status_ || !live_->watcher().idle();
}

Result<> Watch::loop()
{
    std::array<pollfd, 2> fds{{{live_->poll_fd(), POLLIN, 0}, {stop_->fd(), POLLIN, 0}}};
    for (;;) {
        (void)::poll(fds.data(), fds.size(), kWatchTickMs);
        const auto more = round();
        if (!more)
            return std::unexpected(more.error());
        if (!*more)
            return {};
    }
}

Result<int> Watch::finish()
{
    auto rest = live_->finish();
    if (!rest)
        return std::unexpected(std::move(rest.error()));
    if (auto given = outlets_.give(*rest, filters_); !given)
        return std::unexpected(std::move(given.error()));
    if (auto told = tell_kills(); !told)
        return std::unexpected(std::move(told.error()));
    outlets_.finish(progress_);
    if (command_) {
        if (auto gone = command_->end(); !gone)
            progress_.say(gone.error().what);
    }
    if (!outlets_.all_passed())
        return 1;
    // As `record` does: that of a command which we have ended is none.
    return status_ ? status_->shell_code() : 0;
}

}  // namespace

int run_oom_watch(const OomWatchOptions& options)
{
    // A reader that goes away must not end the watch before it has cleaned up.
    (void)std::signal(SIGPIPE, SIG_IGN);
    const Result<int> code = options.file.empty() ? Watch(options).run() : replay_oom(options);
    return code ? *code : complain(code.error());
}

}  // namespace flyball::cli
