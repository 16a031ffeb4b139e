// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/recorder.hpp"

#include "counter_sampler.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/live/collector.hpp"
#include "flyball/live/loop.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/recording.hpp"
#include "oom_witness.hpp"
#include "stack_recording.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <memory>
#include <set>

namespace flyball::live {

namespace {

constexpr std::uint64_t kSlowTickNs = 1'000'000'000;

std::vector<std::string> audited_paths(const std::vector<profile::KnownCgroup>& nodes,
                                       const std::vector<std::string>& filters)
{
    std::set<std::string> paths;
    for (const profile::KnownCgroup& node : nodes) {
        if (!filters.empty() && !profile::filter_selects(filters, node.path))
            continue;
        // With those above: their limits hold it. The root keeps none of these counters of its own.
        for (std::string path = node.path; path.size() > 1; path.resize(std::max<std::size_t>(path.rfind('/'), 1)))
            paths.insert(path);
    }
    return {paths.begin(), paths.end()};
}

// Everything that lives while a recording runs, in the order of dependence.
class RecordingRun {
public:
    RecordingRun(const RecordRequest& request, Progress& progress, StopToken& stop, profile::Observer* observer,
                 const Host& host)
        : request_(request), observer_(observer), progress_(progress), stop_(stop), host_(host)
    {
    }

    Result<Recorded> run()
    {
        if (auto r = check(); !r)
            return std::unexpected(r.error());
        if (auto r = prepare(); !r)
            return std::unexpected(r.error());
        if (auto r = start(); !r)
            return std::unexpected(r.error());
        if (auto r = loop(); !r)
            return std::unexpected(r.error());
        return finish();
    }

private:
    Result<> check();
    Result<> prepare();
    Result<> start();
    Result<> loop();
    Result<Recorded> finish();
    Result<> make_command();
    Result<> open_file(const std::vector<profile::KnownCgroup>& known);
    Result<bool> round(std::uint64_t now_ns);
    void slow_tick(std::uint64_t now);
    Result<> close();
    [[nodiscard]] std::uint64_t until_ns() const
    {
        return request_.duration_ns != 0 ? start_ns_ + request_.duration_ns : Loop::kForever;
    }

    const RecordRequest& request_;
    profile::Observer* observer_;
    Progress& progress_;
    cgroup::Layout layout_;
    std::vector<std::string> filters_;
    std::optional<profile::RecordingFile> file_;  // until the writer has it
    StopToken& stop_;
    const Host& host_;
    std::optional<CommandInCgroup> command_;
    std::optional<process::ExitStatus> command_status_;
    std::unique_ptr<Collector> collector_;
    std::optional<StackRecording> stacks_;
    std::optional<profile::Accumulator> accumulator_;
    std::optional<profile::RecordingWriter> writer_;
    std::optional<OomWitness> witness_;
    std::optional<CounterSampler> counters_;
    profile::Meta meta_;
    profile::Closing closing_;
    std::uint64_t start_ns_ = 0;
    std::uint64_t next_slow_ns_ = 0;
};

// What can be known to be wrong before anything is loaded or made.
Result<> RecordingRun::check()
{
    if (!request_.command.empty()) {
        if (auto r = process::check_command(request_.command); !r)
            return r;
    }
    if (!request_.output.empty()) {
        auto file = profile::RecordingFile::open(request_.output, {.stop = &stop_});
        if (!file)
            return std::unexpected(std::move(file.error()).context("-o"));
        file_.emplace(std::move(*file));
    }
    return {};
}

Result<> RecordingRun::make_command()
{
    auto command = CommandInCgroup::make(request_.command, layout_, request_.limits,
                                         [this](std::string_view note) { progress_.say(note); });
    if (!command)
        return std::unexpected(std::move(command.error()));
    command_.emplace(std::move(*command));
    if (filters_.empty())
        filters_.push_back(command_->home.path());
    return {};
}

Result<> RecordingRun::prepare()
{
    auto layout = host_.layout();
    if (!layout)
        return std::unexpected(layout.error());
    layout_ = std::move(*layout);
    filters_ = request_.cgroups;
    for (const std::string& pattern : filters_) {
        if (auto found = cgroup::resolve(layout_, pattern); !found)
            return std::unexpected(std::move(found.error()).context("-c"));
    }
    progress_.say("loading and attaching");
    auto collector = host_.collector(
        layout_, {.ring_bytes = request_.ring_bytes, .without = request_.without, .verbose = request_.verbose}, stop_);
    if (!collector)
        return std::unexpected(std::move(collector.error()));
    collector_ = std::move(*collector);
    // Before there is a command: it is not run for nothing.
    if (request_.stacks_hz != 0) {
        auto stacks = StackRecording::open(collector_->plan(), request_.stacks_hz, request_.verbose);
        if (!stacks)
            return std::unexpected(stacks.error());
        stacks_.emplace(std::move(*stacks));
    }
    return request_.command.empty() ? Result<>{} : make_command();
}

Result<> RecordingRun::open_file(const std::vector<profile::KnownCgroup>& known)
{
    if (!file_)
        return {};
    auto writer =
        profile::RecordingWriter::create(std::move(*file_), meta_, known, {.stop = &stop_, .until_ns = until_ns()});
    if (!writer)
        return std::unexpected(writer.error());
    writer_.emplace(std::move(*writer));
    return {};
}

Result<> RecordingRun::start()
{
    auto known = collector_->known_cgroups();
    if (!known)
        return std::unexpected(known.error());
    meta_ = collector_->describe(request_.stacks_hz != 0);
    meta_.filters = filters_;
    meta_.command = fmt::format("{}", fmt::join(request_.command, " "));
    meta_.command_cgroup = command_ ? command_->home.path() : "";
    counters_.emplace(layout_);
    counters_->sample_first(audited_paths(*known, filters_));
    meta_.start_wall_ns = host_.clock->realtime_ns();
    auto tasks = collector_->read_tasks();
    if (!tasks)
        return std::unexpected(tasks.error());
    closing_.tasks_first = std::move(*tasks);
    // The window opens here: right after the kernel's counters were read, and whatever else takes time comes after.
    meta_.start_ns = start_ns_ = collector_->now_ns();
    collector_->set_recording(true);
    if (stacks_)
        stacks_->begin(start_ns_);
    next_slow_ns_ = start_ns_ + kSlowTickNs;
    if (auto r = open_file(*known); !r)
        return r;
    if (observer_ != nullptr) {
        observer_->on_begin(meta_, *known);
        observer_->on_tasks(closing_.tasks_first);
    }
    witness_.emplace(*collector_, layout_, meta_, *known);
    accumulator_.emplace(meta_, std::move(*known));
    collector_->attach(*accumulator_);
    if (writer_)
        collector_->attach(*writer_);
    if (observer_ != nullptr)
        collector_->attach(*observer_);
    witness_->begin();
    progress_.say(command_                    ? "recording the command"
                  : request_.duration_ns != 0 ? "recording"
                                              : "recording, Ctrl-C to end");
    return command_ ? command_->child.release() : Result<>{};
}

void RecordingRun::slow_tick(std::uint64_t now)
{
    if (now < next_slow_ns_)
        return;
    next_slow_ns_ = now + kSlowTickNs;
    counters_->add_created(accumulator_->take_created());
    progress_.update(now - start_ns_, request_.duration_ns, accumulator_->received());
    // A file that cannot be written is told at the end: the report is made all the same.
    if (writer_)
        (void)writer_->flush();
}

// False: the command has ended.
Result<bool> RecordingRun::round(std::uint64_t now_ns)
{
    // First: whoever was sampled may be gone soon, and its memory map with it.
    if (stacks_) {
        if (auto r = stacks_->consume(); !r)
            return std::unexpected(r.error());
    }
    const std::uint64_t collected_ns = collector_->now_ns();
    if (auto r = collector_->collect(); !r)
        return std::unexpected(r.error());
    // The verdicts are whoever's who reads the recording: what they need is in it.
    if (auto judged = witness_->tick(collected_ns); !judged)
        return std::unexpected(judged.error());
    (void)witness_->watcher().take_other_kills();
    if (command_) {
        auto status = command_->child.wait_ms(0);
        if (!status)
            return std::unexpected(status.error());
        command_status_ = *status;
    }
    slow_tick(now_ns);
    return !command_status_;
}

Result<> RecordingRun::loop()
{
    Loop loop(stop_, *host_.clock);
    loop.watch(collector_->poll_fd());
    loop.watch(command_ ? command_->child.pidfd() : -1);
    loop.watch(stacks_ ? stacks_->poll_fd() : -1);
    auto ended = loop.run(kTickNs, until_ns(), [this](std::uint64_t now_ns) { return round(now_ns); });
    return ended ? Result<>{} : std::unexpected(std::move(ended.error()));
}

// What the kernel has kept for the end.
Result<> RecordingRun::close()
{
    witness_->end();
    collector_->set_recording(false);
    closing_.end_ns = collector_->now_ns();
    if (stacks_) {
        stacks_->end(closing_.end_ns);
        if (auto r = stacks_->consume(); !r)
            return r;
    }
    auto tasks = collector_->read_tasks();
    if (!tasks)
        return std::unexpected(tasks.error());
    closing_.tasks_last = std::move(*tasks);
    if (auto r = collector_->collect(); !r)
        return r;
    counters_->add_created(accumulator_->take_created());
    closing_.counters = counters_->sample_last();
    if (auto r = collector_->finish(); !r)
        return r;
    if (auto judged = witness_->finish(); !judged)
        return std::unexpected(judged.error());
    auto losses = collector_->losses();
    if (!losses)
        return std::unexpected(losses.error());
    if (losses->unflushed)
        closing_.warnings.emplace_back("a batch of events could not be flushed: its events are missing");
    if (losses->malformed != 0)
        closing_.warnings.push_back(fmt::format("{} malformed records were skipped", losses->malformed));
    closing_.programs = std::move(losses->programs);
    closing_.recursion_misses = std::move(losses->recursion_misses);
    auto folded = collector_->folded();
    if (!folded)
        return std::unexpected(folded.error());
    closing_.folded = std::move(*folded);
    return {};
}

Result<Recorded> RecordingRun::finish()
{
    if (auto closed = close(); !closed)
        return std::unexpected(closed.error());
    // Before anything is written that may have to wait for a reader.
    if (command_) {
        if (auto gone = command_->end(); !gone)
            progress_.say(gone.error().what);
    }
    if (stacks_) {
        auto stacks = stacks_->finish();
        if (!stacks)
            return std::unexpected(stacks.error());
        progress_.say(summary(*stacks));
        for (const std::string& note : stacks->notes)
            progress_.say(note);
        closing_.stacks = std::move(*stacks);
    }

    Recorded recorded;
    recorded.command = command_status_;
    if (writer_) {
        if (auto closed = writer_->close(closing_); !closed)
            recorded.file_error = closed.error();
        recorded.file_bytes = writer_->bytes_written();
    }
    if (observer_ != nullptr)
        observer_->on_closing(closing_);
    recorded.snapshot = std::move(*accumulator_).finish(std::move(closing_));
    return recorded;
}

}  // namespace

Result<Recorded> record(const RecordRequest& request, Progress& progress, StopToken& stop, profile::Observer* observer,
                        const Host& host)
{
    return RecordingRun(request, progress, stop, observer, host).run();
}

}  // namespace flyball::live
