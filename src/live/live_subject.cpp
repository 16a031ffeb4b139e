// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/live_subject.hpp"

#include "event_tap.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/signals.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/live/setup.hpp"
#include "health_check.hpp"
#include "live_limits.hpp"
#include "machine_time.hpp"
#include "workload_listener.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace flyball::live {
namespace {

constexpr int kSubjectTickMs = 50;
constexpr std::uint64_t kSampleNs = 100'000'000, kGuardNs = 250'000'000;
// memory.reclaim keeps us until it is done: in pieces, between which the rings are read.
constexpr std::uint64_t kReclaimPiece = std::uint64_t{16} << 20U;

}  // namespace

struct LiveSubject::State {
    LiveSubjectOptions options;
    cgroup::Layout layout;
    std::string path;
    std::optional<StopSignal> stop;
    std::optional<WorkloadListener> listener;
    std::optional<CommandInCgroup> command;
    std::optional<process::Child> load;
    std::optional<process::ExitStatus> status;
    std::vector<std::string> not_written;
    std::optional<EventTap> tap;
    std::optional<LiveLimits> limits;
    std::optional<HealthCheck> health;
    std::optional<tune::Guard> guard;
    std::uint64_t next_guard_ns = 0;
    std::optional<Error> why_stopped;
    tune::Window seen;  // see seen_so_far()

    void remember(const tune::Window& window);
    Result<> find_cgroup();
    Result<> spawn();
    Result<> write_limits();
    Result<> look_for_end();
    // Whose end ends it.
    [[nodiscard]] process::Child* teller() { return load ? &*load : command ? &command->child : nullptr; }
    Result<> tick(std::uint64_t now_ns);
    Result<> check(std::uint64_t now_ns);
    Result<> make_room(std::string_view file, std::string_view value);
    [[nodiscard]] std::optional<std::string> reclaims_in() const;   // the directory, where that is possible
    [[nodiscard]] std::optional<std::uint64_t> memory_use() const;  // bytes
    Result<std::uint64_t> reclaim(const std::string& directory, std::uint64_t bytes);
    // Puts back what was changed; the error is that of every later call.
    std::unexpected<Error> over(Error why);
    std::unexpected<Error> guarded(std::string why) { return over({ErrorKind::Stopped, std::move(why)}); }
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

Result<> LiveSubject::State::spawn()
{
    process::SpawnOptions told = listener->spawn_options();
    told.output_to(options.output_fd);
    told.environment.insert(told.environment.end(), options.environment.begin(), options.environment.end());
    process::SpawnOptions plain{.environment = options.environment, .descriptors = {}};
    plain.output_to(options.output_fd);
    if (!options.command.empty()) {
        auto made = CommandInCgroup::make(options.command, layout, options.limits, options.say,
                                          options.load.empty() ? told : plain);
        if (!made)
            return std::unexpected(std::move(made.error()));
        command.emplace(std::move(*made));
        path = command->home.path();
    }
    if (!options.load.empty()) {
        auto child = process::Child::spawn(options.load, {}, told);
        if (!child)
            return std::unexpected(std::move(child.error()));
        load.emplace(std::move(*child));
    }
    return {};
}

Result<> LiveSubject::State::write_limits()
{
    // A cgroup that is made for the command goes with it.
    auto left_out =
        limits->write_what_is_there(options.writes, command ? LiveLimits::Stays::Yes : LiveLimits::Stays::No);
    if (!left_out)
        return std::unexpected(std::move(left_out.error()));
    not_written = std::move(*left_out);
    return {};
}

Result<> LiveSubject::State::look_for_end()
{
    process::Child* const child = teller();
    if (child == nullptr || status)
        return {};
    auto ended = child->wait_ms(0);
    if (!ended)
        return std::unexpected(std::move(ended.error()));
    status = *ended;
    return {};
}

std::unexpected<Error> LiveSubject::State::over(Error why)
{
    for (const std::string& said : limits->revert())
        options.say(said);
    if (!why_stopped)
        why_stopped = why;
    return std::unexpected(std::move(why));
}

Result<> LiveSubject::State::check(std::uint64_t now_ns)
{
    if (now_ns < next_guard_ns)
        return {};
    next_guard_ns = now_ns + kGuardNs;
    if (!options.guarded)
        return {};
    if (auto why = guard->check(cgroup::read_counters(layout, path), limits->allowed() && limits->touched()))
        return guarded(*why);
    if (auto ours = limits->verify(); !ours)
        return guarded(ours.error().what);
    if (health) {
        if (auto why = health->tick(now_ns))
            return guarded(*why);
    }
    return {};
}

Result<> LiveSubject::State::tick(std::uint64_t now_ns)
{
    limits->heard();
    if (auto drained = tap->drain(); !drained)
        return drained;
    if (stop->requested())
        return over(stop->interrupted());
    return check(now_ns);
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
    auto stop = StopSignal::install();
    if (!stop)
        return std::unexpected(std::move(stop.error()));
    state->stop.emplace(std::move(*stop));
    // Also for limits that are set for a time in a cgroup that is not ours.
    if (options.may_experiment || (options.command.empty() && !options.writes.empty())) {
        if (auto allowed = state->limits->allow(); !allowed)
            return std::unexpected(std::move(allowed.error()));
    }
    // Standard output is for the result.
    auto listener = WorkloadListener::start(
        {.file = options.metrics_file, .patterns = options.metrics_patterns, .output_fd = options.output_fd});
    if (!listener)
        return std::unexpected(std::move(listener.error()));
    state->listener.emplace(std::move(*listener));
    if (auto spawned = state->spawn(); !spawned)
        return std::unexpected(std::move(spawned.error()));
    state->limits->aim(state->path);
    if (auto written = state->write_limits(); !written)
        return std::unexpected(std::move(written.error()));
    state->guard.emplace(options.guard);
    if (!options.health.empty())
        state->health.emplace(options.health);
    auto source = options.events
                      ? Result<std::shared_ptr<EventSource>>(options.events)
                      : EventSource::open({.without = options.without, .io = options.io, .verbose = options.verbose});
    if (!source)
        return std::unexpected(std::move(source.error()));
    auto tap = EventTap::open(state->layout, state->path, std::move(*source));
    if (!tap)
        return std::unexpected(std::move(tap.error()));
    state->tap.emplace(std::move(*tap));
    return LiveSubject(std::move(state));
}

Result<> LiveSubject::start()
{
    for (process::Child* child :
         {state_->command ? &state_->command->child : nullptr, state_->load ? &*state_->load : nullptr}) {
        if (child == nullptr)
            continue;
        if (auto released = child->release(); !released)
            return released;
    }
    return {};
}

const std::string& LiveSubject::cgroup() const
{
    return state_->path;
}

unsigned LiveSubject::cpus() const
{
    const auto online = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
    return std::max(online, 1U);
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
        return std::unexpected(state.why_stopped.value_or(Error{ErrorKind::Stopped, "the experiment is over", {}}));
    if (state.status)
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
    (void)state.listener->take();
    std::uint64_t next_sample_ns = window.begin_ns;
    std::array<pollfd, 3> fds{{{state.tap->poll_fd(), POLLIN, 0},
                               {state.stop->fd(), POLLIN, 0},
                               {state.teller() != nullptr ? state.teller()->pidfd() : -1, POLLIN, 0}}};
    for (std::uint64_t now_ns = monotonic_ns(); now_ns < window.begin_ns + length_ns && !window.finished;
         now_ns = monotonic_ns()) {
        const auto left_ms = static_cast<int>((window.begin_ns + length_ns - now_ns) / 1'000'000 + 1);
        (void)::poll(fds.data(), fds.size(), std::min(kSubjectTickMs, left_ms));
        now_ns = monotonic_ns();
        if (auto ticked = state.tick(now_ns); !ticked)
            return std::unexpected(std::move(ticked.error()));
        if (now_ns >= next_sample_ns) {
            next_sample_ns = now_ns + kSampleNs;
            if (const auto bytes = state.memory_use())
                window.memory_use.push_back({now_ns, *bytes});
        }
        if (auto looked = state.look_for_end(); !looked)
            return std::unexpected(std::move(looked.error()));
        window.finished = state.status.has_value();
    }
    auto taken = state.tap->take();
    if (!taken)
        return std::unexpected(std::move(taken.error()));
    window.end_ns = taken->end_ns;
    window.trace = std::move(taken->trace);
    window.io = std::move(taken->io);
    window.lost_events = taken->lost;
    window.performance = state.listener->take();
    auto after = read();
    if (!after)
        return std::unexpected(std::move(after.error()));
    window.after = std::move(*after);
    window.disturbance = disturbance(window, machine_before, machine_time());
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
    if (auto room = state_->make_room(file, value); !room)
        return room;
    auto set = state_->limits->set(file, value);
    // Whoever has changed it, or whatever the kernel refused: nothing half done stays.
    return set ? set : state_->guarded(set.error().what);
}

std::optional<std::string> LiveSubject::State::reclaims_in() const
{
    const cgroup::Mount* const memory = layout.controller("memory");
    auto directory = memory == nullptr || !memory->unified ? std::nullopt : memory->directory(path);
    return directory && ::access((*directory + "/memory.reclaim").c_str(), W_OK) == 0 ? directory : std::nullopt;
}

std::optional<std::uint64_t> LiveSubject::State::memory_use() const
{
    return number_in(layout, path, "memory", "memory.current", "memory.usage_in_bytes");
}

Result<std::uint64_t> LiveSubject::State::reclaim(const std::string& directory, std::uint64_t bytes)
{
    limits->touch();
    std::uint64_t reclaimed = 0;
    for (std::uint64_t left = bytes; left > 0;) {
        const std::uint64_t piece = std::min(left, kReclaimPiece), before = memory_use().value_or(0);
        // EAGAIN: less than asked for could be reclaimed. That is an answer.
        auto written = write_file_once(directory + "/memory.reclaim", fmt::format("{}", piece));
        const std::uint64_t after = memory_use().value_or(0);
        reclaimed += before - std::min(before, after);
        left -= piece;
        if (auto ticked = tick(monotonic_ns()); !ticked)
            return std::unexpected(std::move(ticked.error()));
        if (!written)
            break;
    }
    return reclaimed;
}

// Below what is used, a write to memory.high comes back when the kernel has reclaimed the rest, and nobody looks
// meanwhile: guards, signals, the workload's pipe. So it is reclaimed piece by piece before. What cannot be is left to
// the write.
Result<> LiveSubject::State::make_room(std::string_view file, std::string_view value)
{
    const auto high = file == "memory.high" ? parse_u64(value) : std::nullopt;
    const auto directory = high ? reclaims_in() : std::nullopt;
    if (!directory)
        return {};
    const std::uint64_t use = memory_use().value_or(0);
    if (use <= *high)
        return {};
    auto reclaimed = reclaim(*directory, use - *high);
    return reclaimed ? Result<>{} : std::unexpected(std::move(reclaimed.error()));
}

Result<std::uint64_t> LiveSubject::reclaim(std::uint64_t bytes)
{
    const auto directory = state_->reclaims_in();
    if (!directory)
        return fail(ErrorKind::Unavailable, "memory.reclaim: not on this machine (cgroup v2, since v5.19)");
    return state_->reclaim(*directory, bytes);
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
    if (auto why = state_->guard->spend(lost_s))
        return state_->guarded(*why);
    return {};
}

std::vector<std::string> LiveSubject::revert()
{
    return state_->limits->revert();
}

Result<> LiveSubject::apply(const tune::Proposal& proposal)
{
    if (state_->why_stopped)
        return fail(ErrorKind::Stopped,
                    fmt::format("nothing is written after it was stopped: {}", state_->why_stopped->what));
    for (const tune::Value& value : proposal.values) {
        // Lines after the first are of single devices.
        const std::string now = state_->limits->read(value.file).value_or("");
        if (trim(split(now, '\n').front()) != trim(split(value.before, '\n').front()))
            return fail(ErrorKind::Io,
                        fmt::format("{}: somebody else has set {} (it was {})", value.file, now, value.before));
    }
    const auto writes = tune::writes_of(proposal);
    for (const tune::Write& one : writes) {
        if (auto room = state_->make_room(one.file, one.text); !room)
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
    return state_->status;
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
    std::vector<std::string> all;
    const Understanding told = state_->listener->understanding();
    if (told.not_understood > 0)
        all.push_back(fmt::format("{} {} of the workload's metrics not understood, the first: {}", told.not_understood,
                                  told.not_understood == 1 ? "line was" : "lines were", told.first_not_understood));
    if (std::string trouble = state_->listener->trouble(); !trouble.empty())
        all.push_back(std::move(trouble));
    return all;
}

}  // namespace flyball::live
