// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/live_subject.hpp"

#include "ceilings.hpp"
#include "event_tap.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/live/collector.hpp"
#include "flyball/live/loop.hpp"
#include "live_limits.hpp"
#include "machine_time.hpp"
#include "memory_room.hpp"
#include "subject_guard.hpp"
#include "workload.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace flyball::live {
namespace {

constexpr std::uint64_t kSampleNs = 100'000'000;  // of memory in use

}  // namespace

struct LiveSubject::State {
    LiveSubjectOptions options;
    cgroup::Layout layout;
    std::string path;
    std::optional<Workload> workload;
    std::vector<std::string> not_written;
    std::optional<EventTap> tap;
    std::optional<LiveLimits> limits;
    std::optional<SubjectGuard> guard;
    std::optional<MemoryRoom> room;
    tune::Window seen;  // see seen_so_far()

    void remember(const tune::Window& window);
    Result<> find_cgroup();
    Result<> write_limits();
    Result<> tick(std::uint64_t now_ns);
};

Result<> LiveSubject::State::find_cgroup()
{
    auto found = cgroup::resolve(layout, options.cgroup);
    if (!found)
        return std::unexpected(std::move(found.error()));
    if (found->size() > 1)
        return fail(
            ErrorKind::Usage,
            fmt::format("'{}' is {} cgroups ({}, {}, ...)", options.cgroup, found->size(), (*found)[0], (*found)[1]),
            "name one");
    if (found->front() == "/")
        return fail(ErrorKind::Usage, "the root cgroup has no limits", "name one below it");
    path = found->front();
    // Its limits would hold flyball and its watchdog, and flyball's work would be taken for the cgroup's.
    const auto holds = [&](const std::string& own) { return own == path || own.starts_with(path + "/"); };
    if (options.may_experiment && std::ranges::any_of(layout.self, [&](const auto& one) { return holds(one.second); }))
        return fail(ErrorKind::Usage,
                    fmt::format("{} has flyball itself in it: what is tried there would hold it too", path),
                    "start flyball outside of it, or leave out --try and --apply");
    return {};
}

Result<> LiveSubject::State::write_limits()
{
    // A cgroup that is made for the command goes with it.
    auto left_out = limits->write_what_is_there(options.writes, workload->cgroup() != nullptr ? LiveLimits::Stays::Yes
                                                                                              : LiveLimits::Stays::No);
    if (!left_out)
        return std::unexpected(std::move(left_out.error()));
    not_written = std::move(*left_out);
    return {};
}

Result<> LiveSubject::State::tick(std::uint64_t now_ns)
{
    limits->heard();
    if (auto drained = tap->drain(); !drained)
        return drained;
    if (options.stop->requested())
        return guard->over(options.stop->interrupted());
    return guard->check(now_ns, [this] { return cgroup::read_counters(layout, path); });
}

void LiveSubject::State::remember(const tune::Window& window)
{
    if (seen.end_ns == 0) {
        seen.begin_ns = window.begin_ns;
        seen.before = window.before;
    }
    seen.end_ns = window.end_ns;
    seen.after = window.after;
    seen.lost_events += window.lost_events;
    seen.trace.forks += window.trace.forks;
    seen.trace.refused_forks += window.trace.refused_forks;
    seen.trace.tasks.insert(seen.trace.tasks.end(), window.trace.tasks.begin(), window.trace.tasks.end());
}

LiveSubject::LiveSubject(std::unique_ptr<State> state) : state_(std::move(state)) {}
LiveSubject::~LiveSubject() = default;
LiveSubject::LiveSubject(LiveSubject&&) noexcept = default;
LiveSubject& LiveSubject::operator=(LiveSubject&&) noexcept = default;

Result<LiveSubject> LiveSubject::open(const LiveSubjectOptions& options)
{
    auto state = std::make_unique<State>();
    state->options = options;
    auto layout = cgroup::detect();
    if (!layout)
        return std::unexpected(std::move(layout.error()));
    state->layout = std::move(*layout);
    state->limits.emplace(state->layout);
    if (options.command.empty()) {
        if (auto found = state->find_cgroup(); !found)
            return std::unexpected(std::move(found.error()));
    } else if (auto r = process::check_command(options.command); !r)
        return std::unexpected(std::move(r.error()));
    // Also for limits that are set for a time in a cgroup that is not ours.
    if (options.may_experiment || (options.command.empty() && !options.writes.empty())) {
        if (auto allowed = state->limits->allow(); !allowed)
            return std::unexpected(std::move(allowed.error()));
    }
    // Standard output is for the result.
    auto workload = Workload::open({.command = options.command,
                                    .limits = options.limits,
                                    .load = options.load,
                                    .environment = options.environment,
                                    .output_fd = options.output_fd,
                                    .metrics_file = options.metrics_file,
                                    .metrics_patterns = options.metrics_patterns},
                                   state->layout, options.say);
    if (!workload)
        return std::unexpected(std::move(workload.error()));
    state->workload.emplace(std::move(*workload));
    if (const std::string* const own = state->workload->cgroup())
        state->path = *own;
    state->limits->aim(state->path);
    if (auto written = state->write_limits(); !written)
        return std::unexpected(std::move(written.error()));
    state->guard.emplace(
        SubjectGuardOptions{.armed = options.guarded, .guard = options.guard, .health = options.health}, *state->limits,
        options.say);
    // Memory that is taken away for a time is an experiment: the guard has to know before it looks.
    state->room.emplace(state->layout, state->path, [raw = state.get()] {
        raw->limits->touch();
        return raw->tick(monotonic_ns());
    });
    auto source = options.events
                      ? Result<std::shared_ptr<EventSource>>(options.events)
                      : EventSource::open(state->layout,
                                          {.without = options.without, .io = options.io, .verbose = options.verbose},
                                          *options.stop);
    if (!source)
        return std::unexpected(std::move(source.error()));
    auto tap = EventTap::open(state->layout, state->path, state->workload->load_cgroup(), std::move(*source));
    if (!tap)
        return std::unexpected(std::move(tap.error()));
    state->tap.emplace(std::move(*tap));
    return LiveSubject(std::move(state));
}

Result<> LiveSubject::start()
{
    auto started = start_service();
    return started ? start_load() : started;
}

bool LiveSubject::has_load() const
{
    return !state_->options.load.empty();
}

Result<> LiveSubject::verify() const
{
    return state_->limits->verify();
}

Result<> LiveSubject::start_service()
{
    return state_->workload->start_command();
}

Result<> LiveSubject::start_load()
{
    return state_->workload->start_load();
}

const std::string& LiveSubject::cgroup() const
{
    return state_->path;
}

unsigned LiveSubject::cpus() const
{
    return usable_cpus(state_->layout, state_->path);
}

std::uint64_t LiveSubject::memory_bytes() const
{
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<tune::Reading> LiveSubject::read()
{
    tune::Reading reading{.at_ns = monotonic_ns()};
    reading.counters = cgroup::read_counters(state_->layout, state_->path);
    if (reading.counters.empty())
        return fail(ErrorKind::Finished, fmt::format("{} is gone", state_->path));
    reading.memory = cgroup::read_memory_state(state_->layout, state_->path);
    reading.pids_current = number_in(state_->layout, state_->path, "pids", "pids.current", "pids.current");
    return reading;
}

Result<tune::Window> LiveSubject::run(std::uint64_t length_ns)
{
    State& state = *state_;
    if (state.limits->over())
        return std::unexpected(
            state.guard->why_over().value_or(Error{ErrorKind::Stopped, "the experiment is over", {}}));
    if (state.workload->status())
        return fail(ErrorKind::Finished, "the command has ended");
    tune::Window window;
    auto before = read();
    if (!before)
        return std::unexpected(std::move(before.error()));
    window.before = std::move(*before);
    const MachineTime machine_before = machine_time();
    auto began = state.tap->begin();
    if (!began)
        return std::unexpected(std::move(began.error()));
    window.begin_ns = *began;
    (void)state.workload->take();
    std::uint64_t next_sample_ns = window.begin_ns;
    Loop loop(*state.options.stop);
    loop.watch(state.tap->poll_fd());
    loop.watch(state.workload->end_fd());
    const auto round = [&](std::uint64_t now_ns) -> Result<bool> {
        if (auto ticked = state.tick(now_ns); !ticked)
            return std::unexpected(std::move(ticked.error()));
        if (now_ns >= next_sample_ns) {
            next_sample_ns = now_ns + kSampleNs;
            if (const auto bytes = state.room->use())
                window.memory_use.push_back({now_ns, *bytes});
        }
        auto ended = state.workload->look();
        if (!ended)
            return std::unexpected(std::move(ended.error()));
        window.finished = ended->has_value();
        return !window.finished;
    };
    const auto passed = loop.run(kTickNs, window.begin_ns + length_ns, round);
    if (!passed)
        return std::unexpected(passed.error());
    if (*passed == Loop::End::Stop)
        return state.guard->over(state.options.stop->interrupted());
    auto taken = state.tap->take();
    if (!taken)
        return std::unexpected(std::move(taken.error()));
    window.end_ns = taken->end_ns;
    window.trace = std::move(taken->trace);
    window.io = std::move(taken->io);
    window.lost_events = taken->lost;
    window.performance = state.workload->take();
    auto after = read();
    if (!after)
        return std::unexpected(std::move(after.error()));
    window.after = std::move(*after);
    window.disturbance = disturbance(window, machine_before, machine_time(), std::move(taken->displaced_by));
    state.remember(window);
    return window;
}

bool LiveSubject::may_experiment() const
{
    // Limits may be there for a time, and no others tried.
    return state_->options.may_experiment && state_->limits->allowed();
}

std::optional<std::string> LiveSubject::limit(std::string_view file)
{
    return state_->limits->read(file);
}

Result<> LiveSubject::set(std::string_view file, std::string_view value)
{
    if (auto room = state_->room->make_for(file, value); !room)
        return room;
    auto set = state_->limits->set(file, value);
    // Whoever has changed it, or whatever the kernel refused: nothing half done stays.
    return set ? set : state_->guard->tripped(set.error().what);
}

Result<std::uint64_t> LiveSubject::reclaim(std::uint64_t bytes)
{
    return state_->room->reclaim(bytes);
}

Result<> LiveSubject::keep_up()
{
    return state_->tick(monotonic_ns());
}

void LiveSubject::say(std::string_view what)
{
    state_->options.say(what);
}

Result<> LiveSubject::spend(double lost_s)
{
    return state_->guard->spend(lost_s);
}

std::vector<std::string> LiveSubject::revert()
{
    return state_->limits->revert();
}

Result<> LiveSubject::apply(const tune::Proposal& proposal)
{
    if (const auto& why = state_->guard->why_over())
        return fail(ErrorKind::Stopped, fmt::format("nothing is written after it was stopped: {}", why->what));
    for (const tune::Value& value : proposal.values) {
        // Lines after the first are of single devices.
        const std::string now = state_->limits->read(value.file).value_or("");
        if (trim(split(now, '\n').front()) != trim(split(value.before, '\n').front()))
            return fail(ErrorKind::Io,
                        fmt::format("{}: somebody else has set {} (it was {})", value.file, now, value.before));
    }
    const auto writes = tune::writes_of(proposal);
    for (const tune::Write& one : writes) {
        if (auto room = state_->room->make_for(one.file, one.text); !room)
            return room;
    }
    return state_->limits->apply(writes);
}

const cgroup::Layout& LiveSubject::layout() const
{
    return state_->layout;
}

std::optional<process::ExitStatus> LiveSubject::status() const
{
    return state_->workload->status();
}

Result<> LiveSubject::look()
{
    if (auto ended = state_->workload->look(); !ended)
        return std::unexpected(std::move(ended.error()));
    return {};
}

std::optional<process::ExitStatus> LiveSubject::failed_service() const
{
    return state_->workload->failed_service();
}

const std::vector<std::string>& LiveSubject::not_written() const
{
    return state_->not_written;
}

tune::Window LiveSubject::seen_so_far() const
{
    return state_->seen;
}

double LiveSubject::spent_s() const
{
    return state_->guard->spent_s();
}

std::vector<std::string> LiveSubject::complaints() const
{
    return state_->workload->complaints();
}

}  // namespace flyball::live
