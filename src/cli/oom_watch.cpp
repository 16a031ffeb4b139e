// SPDX-License-Identifier: Apache-2.0
// `flyball oom watch`: a verdict for each OOM kill as it is complete, live or from a recording.
#include "flag_value.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/live/caretaker.hpp"
#include "flyball/live/collector.hpp"
#include "flyball/live/loop.hpp"
#include "flyball/live/oom_live.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/profile/recording.hpp"
#include "oom_outlets.hpp"
#include "oom_replay.hpp"
#include "requests.hpp"

#include <unistd.h>

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace flyball::cli {
namespace {

struct WatchRequest {
    std::uint64_t duration_ns = 0;  // 0: no end of its own
    std::uint64_t ring_bytes = 0;
    cgroup::Limits limits;
};

Result<WatchRequest> parse_watch(const OomWatchOptions& options)
{
    WatchRequest request;
    if (!options.duration.empty()) {
        if (auto read = read_flag("-d", options.duration, parse_duration, request.duration_ns); !read)
            return std::unexpected(std::move(read.error()));
    }
    if (auto read = read_flag("--ring-size", options.ring_size, parse_bytes, request.ring_bytes); !read)
        return std::unexpected(std::move(read.error()));
    auto limits = parse_limits(options.limits, options.command);
    if (!limits)
        return std::unexpected(std::move(limits.error()));
    request.limits = *limits;
    return request;
}

// The watch over this machine.
class Watch {
public:
    Watch(const OomWatchOptions& options, const WatchRequest& request, StopToken& stop)
        : options_(options),
          request_(request),
          outlets_(options, stop),
          progress_(options.quiet, STDERR_FILENO),
          stop_(stop)
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
    Result<> start_command();
    Result<> loop();
    Result<bool> round();
    Result<int> finish();
    Result<> tell_kills();

    const OomWatchOptions& options_;
    const WatchRequest& request_;
    Outlets outlets_;
    live::Progress progress_;
    std::optional<live::Caretaker> caretaker_;
    std::vector<std::string> filters_;
    cgroup::Layout layout_;
    StopToken& stop_;
    std::optional<live::CommandInCgroup> command_;
    std::optional<process::ExitStatus> status_;
    std::optional<live::OomLive> live_;
    std::uint64_t end_ns_ = live::Loop::kForever;
};

Result<> Watch::start_command()
{
    auto command = live::CommandInCgroup::make(options_.command, layout_, request_.limits,
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
    if (!options_.command.empty()) {
        if (auto r = process::check_command(options_.command); !r)
            return r;
    }
    if (auto r = outlets_.open(); !r)
        return r;
    auto caretaker = live::Caretaker::start(progress_, live::Caretaker::of(options_.command));
    if (!caretaker)
        return std::unexpected(std::move(caretaker.error()));
    caretaker_.emplace(std::move(*caretaker));
    auto layout = cgroup::detect();
    if (!layout)
        return std::unexpected(std::move(layout.error()));
    layout_ = std::move(*layout);
    filters_ = options_.cgroups;
    for (const std::string& pattern : filters_) {
        if (auto found = cgroup::resolve(layout_, pattern); !found)
            return std::unexpected(std::move(found.error()).context("-c"));
    }
    progress_.say("loading and attaching");
    auto watch = live::OomLive::open(layout_,
                                     {.ring_bytes = request_.ring_bytes,
                                      .without = options_.without,
                                      .record = options_.record,
                                      .verbose = options_.verbose},
                                     stop_);
    if (!watch)
        return std::unexpected(std::move(watch.error()));
    live_.emplace(std::move(*watch));
    if (!options_.command.empty()) {
        if (auto r = start_command(); !r)
            return r;
    }
    progress_.say(command_ ? "watching the command's cgroup for OOM kills" : "watching for OOM kills, Ctrl-C to end");
    if (request_.duration_ns != 0)
        end_ns_ = monotonic_ns() + request_.duration_ns;
    outlets_.wait_until(end_ns_);
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
    if (outlets_.enough())
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
    live::Loop loop(stop_);
    loop.watch(live_->poll_fd());
    auto ended = loop.run(live::kTickNs, end_ns_, [this](std::uint64_t) { return round(); });
    return ended ? Result<>{} : std::unexpected(std::move(ended.error()));
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
    if (auto closed = live_->close_recording(); !closed)
        return std::unexpected(std::move(closed.error()));
    if (!outlets_.all_passed())
        return 1;
    // As `record` does: that of a command which we have ended is none.
    return status_ ? status_->shell_code() : 0;
}

Result<int> watch_here(const OomWatchOptions& options, StopToken& stop)
{
    const auto request = parse_watch(options);
    return request ? Watch(options, *request, stop).run() : std::unexpected(request.error());
}

}  // namespace

int run_oom_watch(const OomWatchOptions& options, StopToken& stop)
{
    if (!options.file.empty())
        stop.let_go();
    const Result<int> code = options.file.empty() ? watch_here(options, stop) : replay_oom(options, stop);
    return code ? *code : complain(code.error());
}

}  // namespace flyball::cli
