// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/recorder.hpp"

#include "counter_sampler.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/signals.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/probe/session.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/recording.hpp"
#include "flyball/stream/reader.hpp"
#include "stack_recording.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <initializer_list>
#include <set>
#include <thread>

namespace flyball::live {

namespace {

using std::chrono::milliseconds;

// With kMaxBatchAgeNs an event is read within 80 ms in all.
constexpr int kRecordTickMs = 50;
constexpr std::uint64_t kSlowTickNs = 1'000'000'000;

// Hands everything to the accumulator, to the file and to the observer where there are such.
class Tee final : public stream::Sink {
public:
    explicit Tee(std::initializer_list<stream::Sink*> sinks) : sinks_(sinks) { std::erase(sinks_, nullptr); }
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override
    {
        for (stream::Sink* sink : sinks_)
            sink->on_batch(header, events);
    }
    void on_control(std::span<const std::byte> bytes) override
    {
        for (stream::Sink* sink : sinks_)
            sink->on_control(bytes);
    }
    void on_round(std::uint64_t until_ns) override
    {
        for (stream::Sink* sink : sinks_)
            sink->on_round(until_ns);
    }

private:
    std::vector<stream::Sink*> sinks_;
};

profile::Meta make_meta(const RecordRequest& request, const cgroup::Layout& layout, const kernel::Plan& plan)
{
    profile::Meta meta = describe(layout, plan, request.stacks_hz != 0);
    meta.filters = request.cgroups;
    meta.command = fmt::format("{}", fmt::join(request.command, " "));
    return meta;
}

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
    RecordingRun(const RecordRequest& request, Progress& progress, profile::Observer* observer)
        : request_(request), observer_(observer), progress_(progress)
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
    Result<> slow_tick(std::uint64_t now);

    const RecordRequest& request_;
    profile::Observer* observer_;
    Progress& progress_;
    cgroup::Layout layout_;
    std::vector<std::string> filters_;
    std::optional<profile::RecordingFile> file_;  // until the writer has it
    std::optional<StopSignal> stop_;
    std::optional<CommandInCgroup> command_;
    std::optional<process::ExitStatus> command_status_;
    std::optional<probe::Session> session_;
    std::optional<stream::Reader> reader_;
    std::optional<StackRecording> stacks_;
    std::optional<profile::Accumulator> accumulator_;
    std::optional<profile::RecordingWriter> writer_;
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
        auto file = profile::RecordingFile::open(request_.output);
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
    auto plan = make_plan(request_.without);
    if (!plan)
        return std::unexpected(plan.error());
    // Before there is a command: it is not run for nothing.
    if (request_.stacks_hz != 0) {
        auto stacks = StackRecording::open(*plan, request_.stacks_hz, request_.verbose);
        if (!stacks)
            return std::unexpected(stacks.error());
        stacks_.emplace(std::move(*stacks));
    }
    auto layout = cgroup::detect();
    if (!layout)
        return std::unexpected(layout.error());
    layout_ = std::move(*layout);
    filters_ = request_.cgroups;
    for (const std::string& pattern : filters_) {
        if (auto found = cgroup::resolve(layout_, pattern); !found)
            return std::unexpected(std::move(found.error()).context("-c"));
    }
    // Signals before the fork, so that a Ctrl-C at any time leaves nothing behind.
    auto stop = StopSignal::install();
    if (!stop)
        return std::unexpected(stop.error());
    stop_.emplace(std::move(*stop));
    if (!request_.command.empty()) {
        if (auto r = make_command(); !r)
            return r;
    }
    progress_.say("loading and attaching");
    auto session =
        probe::Session::open(std::move(*plan), {.ring_bytes = request_.ring_bytes, .verbose = request_.verbose});
    if (!session)
        return std::unexpected(session.error());
    session_.emplace(std::move(*session));
    auto reader = stream::Reader::open(source_of(*session_));
    if (!reader)
        return std::unexpected(reader.error());
    reader_.emplace(std::move(*reader));
    return {};
}

Result<> RecordingRun::open_file(const std::vector<profile::KnownCgroup>& known)
{
    if (!file_)
        return {};
    auto writer = profile::RecordingWriter::create(std::move(*file_), meta_, known);
    if (!writer)
        return std::unexpected(writer.error());
    writer_.emplace(std::move(*writer));
    return {};
}

Result<> RecordingRun::start()
{
    // Makes the state of all tasks; what was created since attaching has it already.
    if (auto tasks = session_->read_tasks(); !tasks)
        return std::unexpected(tasks.error());
    std::this_thread::sleep_for(kSettle);
    auto known = known_cgroups(layout_);
    if (!known)
        return std::unexpected(known.error());
    meta_ = make_meta(request_, layout_, session_->plan());
    meta_.filters = filters_;
    counters_.emplace(layout_);
    counters_->sample_first(audited_paths(*known, filters_));
    meta_.start_wall_ns = realtime_ns();
    auto tasks = session_->read_tasks();
    if (!tasks)
        return std::unexpected(tasks.error());
    closing_.tasks_first = std::move(*tasks);
    // The window opens here: right after the kernel's counters were read, and whatever else takes time comes after.
    meta_.start_ns = start_ns_ = monotonic_ns();
    session_->set_recording(true);
    if (stacks_)
        stacks_->begin(start_ns_);
    next_slow_ns_ = start_ns_ + kSlowTickNs;
    if (auto r = open_file(*known); !r)
        return r;
    if (observer_ != nullptr) {
        observer_->on_begin(meta_, *known);
        observer_->on_tasks(closing_.tasks_first);
    }
    accumulator_.emplace(meta_, std::move(*known));
    progress_.say(command_                    ? "recording the command"
                  : request_.duration_ns != 0 ? "recording"
                                              : "recording, Ctrl-C to end");
    if (command_) {
        if (auto released = command_->child.release(); !released)
            return std::unexpected(released.error());
    }
    return {};
}

Result<> RecordingRun::slow_tick(std::uint64_t now)
{
    if (now < next_slow_ns_)
        return {};
    next_slow_ns_ = now + kSlowTickNs;
    counters_->add_created(accumulator_->take_created());
    progress_.update(now - start_ns_, request_.duration_ns, accumulator_->received());
    // A file that cannot be written is told at the end: the report is made all the same.
    if (writer_)
        (void)writer_->flush();
    return {};
}

Result<> RecordingRun::loop()
{
    Tee tee{&*accumulator_, writer_ ? &*writer_ : nullptr, observer_};
    std::array<pollfd, 4> fds{{{reader_->poll_fd(), POLLIN, 0},
                               {stop_->fd(), POLLIN, 0},
                               {command_ ? command_->child.pidfd() : -1, POLLIN, 0},
                               {stacks_ ? stacks_->poll_fd() : -1, POLLIN, 0}}};
    for (;;) {
        (void)::poll(fds.data(), fds.size(), kRecordTickMs);
        const std::uint64_t now = monotonic_ns();
        // First: whoever was sampled may be gone soon, and its memory map with it.
        if (stacks_) {
            if (auto r = stacks_->consume(); !r)
                return r;
        }
        reader_->flush_older_than(kMaxBatchAgeNs);
        if (auto r = reader_->consume(tee); !r)
            return r;
        if (stop_->requested())
            return {};
        if (request_.duration_ns != 0 && now - start_ns_ >= request_.duration_ns)
            return {};
        if (command_) {
            auto status = command_->child.wait_ms(0);
            if (!status)
                return std::unexpected(status.error());
            if (status->has_value()) {
                command_status_ = **status;
                return {};
            }
        }
        if (auto r = slow_tick(now); !r)
            return r;
    }
}

Result<Recorded> RecordingRun::finish()
{
    Tee tee{&*accumulator_, writer_ ? &*writer_ : nullptr, observer_};
    session_->set_recording(false);
    closing_.end_ns = monotonic_ns();
    if (stacks_) {
        stacks_->end(closing_.end_ns);
        if (auto r = stacks_->consume(); !r)
            return std::unexpected(r.error());
    }
    auto tasks = session_->read_tasks();
    if (!tasks)
        return std::unexpected(tasks.error());
    closing_.tasks_last = std::move(*tasks);
    if (auto r = reader_->consume(tee); !r)
        return std::unexpected(r.error());
    counters_->add_created(accumulator_->take_created());
    closing_.counters = counters_->sample_last();
    session_->detach();
    auto drained = reader_->drain(tee);
    if (!drained)
        return std::unexpected(drained.error());
    if (!*drained)
        closing_.warnings.emplace_back("a batch of events could not be flushed: its events are missing");
    if (reader_->malformed() != 0)
        closing_.warnings.push_back(fmt::format("{} malformed records were skipped", reader_->malformed()));
    auto stats = session_->read_stats();
    if (!stats)
        return std::unexpected(stats.error());
    for (const probe::ProgramStats& s : *stats) {
        if (s.stats.attempted == 0 && s.stats.untracked == 0)
            continue;
        closing_.programs.push_back({.prog = s.prog,
                                     .cpu = s.cpu,
                                     .attempted = s.stats.attempted,
                                     .folded = s.stats.folded,
                                     .dropped = s.stats.dropped,
                                     .untracked = s.stats.untracked});
    }
    auto folded = session_->read_folded();
    if (!folded)
        return std::unexpected(folded.error());
    for (const probe::FoldedBucket& f : *folded)
        closing_.folded.push_back({.key = f.key, .value = f.value});
    closing_.recursion_misses = session_->read_recursion_misses();

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
    if (command_) {
        if (auto gone = command_->end(); !gone)
            progress_.say(gone.error().what);
    }
    return recorded;
}

}  // namespace

Result<Recorded> record(const RecordRequest& request, Progress& progress, profile::Observer* observer)
{
    return RecordingRun(request, progress, observer).run();
}

}  // namespace flyball::live
