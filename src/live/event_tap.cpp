// SPDX-License-Identifier: Apache-2.0
#include "event_tap.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/kernel/programs.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/probe/session.hpp"
#include "flyball/stream/in_order.hpp"
#include "flyball/stream/reader.hpp"

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

namespace flyball::live {
namespace {

constexpr std::uint64_t kRingBytes = std::uint64_t{1} << 20U;

bool needed_for_demand(kernel::ProgramGroup group, bool io)
{
    using enum kernel::ProgramGroup;
    return group == Core || group == Sched || group == Throttle || group == ThrottlePerTask || group == Task ||
           group == Refused || group == Cgroup || (io && group == Block);
}

// Whose loss would be missed in a trace of demand.
bool counts(std::uint32_t program, bool io)
{
    if (io && (program == FB_P_BIO || program == FB_P_RQ))
        return true;
    return program == FB_P_SWITCH || program == FB_P_FORK || program == FB_P_EXIT || program == FB_P_FORK_REFUSED;
}

Result<kernel::Plan> plan_for_demand(const EventSourceOptions& options)
{
    auto plan = make_plan(options.without);
    if (!plan)
        return plan;
    keep_only(
        *plan, [&](kernel::ProgramGroup group) { return needed_for_demand(group, options.io); },
        "demand is seen without it");
    const kernel::MetricPlan* const slices = plan->metric("cpu.slice");
    if (slices == nullptr || !slices->available)
        return fail(ErrorKind::Unavailable,
                    "what it asks for cannot be observed: " +
                        (slices == nullptr ? std::string("no scheduler events") : slices->note),
                    "`flyball doctor` says why");
    return plan;
}

}  // namespace

struct EventSource::State {
    State(probe::Session s, stream::Reader r, bool with_io) : session(std::move(s)), reader(std::move(r)), io(with_io)
    {
    }

    probe::Session session;
    stream::Reader reader;
    bool io;
};

EventSource::EventSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventSource::~EventSource() = default;

Result<std::shared_ptr<EventSource>> EventSource::open(const EventSourceOptions& options)
{
    auto plan = plan_for_demand(options);
    if (!plan)
        return std::unexpected(std::move(plan.error()));
    auto session = probe::Session::open(std::move(*plan), {.ring_bytes = kRingBytes, .verbose = options.verbose});
    if (!session)
        return std::unexpected(std::move(session.error()));
    auto reader = stream::Reader::open(source_of(*session));
    if (!reader)
        return std::unexpected(std::move(reader.error()));
    // Makes the state of all tasks; what was created since attaching has it already.
    if (auto tasks = session->read_tasks(); !tasks)
        return std::unexpected(std::move(tasks.error()));
    std::this_thread::sleep_for(kSettle);
    auto state = std::make_unique<State>(std::move(*session), std::move(*reader), options.io);
    return std::shared_ptr<EventSource>(new EventSource(std::move(state)));
}

struct EventTap::State final : stream::OrderedSink {
    State(const cgroup::Layout& where, std::string which, std::shared_ptr<EventSource> from)
        : layout(where),
          path(std::move(which)),
          source(std::move(from)),
          session(source->state_->session),
          reader(source->state_->reader),
          with_io(source->state_->io),
          in_order(*this)
    {
        session.set_recording(true);
    }
    ~State() override { session.set_recording(false); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    void on_event(const fb_event& event) override
    {
        if (collector)
            collector->on_event(event);
        if (io)
            io->on_event(event);
    }
    void on_control(std::span<const std::byte> bytes) override
    {
        if (ids)
            ids->on_control(bytes);
    }
    Result<> drain(std::uint64_t older_than_ns);
    Result<std::uint64_t> losses() const;
    [[nodiscard]] std::uint32_t tasks() const;

    const cgroup::Layout& layout;
    std::string path;
    std::shared_ptr<EventSource> source;
    probe::Session& session;
    stream::Reader& reader;
    bool with_io;
    stream::InOrder in_order;
    std::optional<tune::SubtreeIds> ids;
    std::optional<tune::DemandCollector> collector;
    std::optional<tune::IoCollector> io;
    std::uint64_t lost_before = 0;
};

Result<> EventTap::State::drain(std::uint64_t older_than_ns)
{
    reader.flush_older_than(older_than_ns);
    return reader.consume(in_order);
}

Result<std::uint64_t> EventTap::State::losses() const
{
    auto stats = session.read_stats();
    if (!stats)
        return std::unexpected(std::move(stats.error()));
    std::uint64_t lost = 0;
    for (const probe::ProgramStats& row : *stats)
        lost += counts(row.prog, with_io) ? row.stats.folded + row.stats.dropped : 0;
    return lost;
}

std::uint32_t EventTap::State::tasks() const
{
    const cgroup::Mount* const pids = layout.controller("pids");
    const auto directory = pids == nullptr ? std::nullopt : pids->directory(path);
    const auto text =
        directory ? read_if_exists(*directory + "/pids.current") : Result<std::optional<std::string>>(std::nullopt);
    return text && *text ? static_cast<std::uint32_t>(parse_u64(trim(**text)).value_or(0)) : 0;
}

EventTap::EventTap(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventTap::~EventTap() = default;
EventTap::EventTap(EventTap&&) noexcept = default;
EventTap& EventTap::operator=(EventTap&&) noexcept = default;

Result<EventTap> EventTap::open(const cgroup::Layout& layout, const std::string& path,
                                std::shared_ptr<EventSource> source)
{
    auto state = std::make_unique<State>(layout, path, std::move(source));
    // After the first mkdir that would be told: none is missed.
    auto known = known_cgroups(layout);
    if (!known)
        return std::unexpected(std::move(known.error()));
    state->ids.emplace(layout, *known, path);
    return EventTap(std::move(state));
}

int EventTap::poll_fd() const
{
    return state_->reader.poll_fd();
}

Result<> EventTap::drain()
{
    return state_->drain(kMaxBatchAgeNs);
}

Result<std::uint64_t> EventTap::begin()
{
    const std::uint64_t at_ns = monotonic_ns();
    if (auto drained = state_->drain(0); !drained)
        return std::unexpected(std::move(drained.error()));
    if (state_->collector)
        (void)state_->collector->take(at_ns);
    else
        state_->collector.emplace(*state_->ids, at_ns, state_->tasks());
    if (state_->io)
        (void)state_->io->take(at_ns);
    else if (state_->with_io)
        state_->io.emplace(*state_->ids, at_ns);
    auto lost = state_->losses();
    if (!lost)
        return std::unexpected(std::move(lost.error()));
    state_->lost_before = *lost;
    return at_ns;
}

Result<EventTap::Taken> EventTap::take()
{
    Taken taken{.end_ns = monotonic_ns()};
    if (auto drained = state_->drain(0); !drained)
        return std::unexpected(std::move(drained.error()));
    taken.trace = state_->collector->take(taken.end_ns);
    if (state_->io)
        taken.io = state_->io->take(taken.end_ns);
    auto lost = state_->losses();
    if (!lost)
        return std::unexpected(std::move(lost.error()));
    taken.lost = *lost - state_->lost_before;
    return taken;
}

}  // namespace flyball::live
