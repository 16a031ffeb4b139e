// SPDX-License-Identifier: Apache-2.0
#include "event_tap.hpp"

#include "cgroup_names.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/live/collector.hpp"
#include "flyball/stream/in_order.hpp"

#include <array>
#include <optional>
#include <utility>

namespace flyball::live {
namespace {

bool needed_for_demand(kernel::ProgramGroup group, bool io)
{
    using enum kernel::ProgramGroup;
    return group == Core || group == Sched || group == Throttle || group == ThrottlePerTask || group == Task ||
           group == Refused || group == Cgroup || (io && group == Block);
}

// Whose loss would be missed in a trace of demand; the last two with block I/O only.
constexpr std::array<std::uint32_t, 6> kCounted{FB_P_SWITCH,       FB_P_FORK, FB_P_EXIT,
                                                FB_P_FORK_REFUSED, FB_P_BIO,  FB_P_RQ};

}  // namespace

struct EventSource::State {
    std::unique_ptr<Collector> collector;
    bool io;
};

EventSource::EventSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
EventSource::~EventSource() = default;

Result<std::shared_ptr<EventSource>> EventSource::open(const cgroup::Layout& layout, const EventSourceOptions& options,
                                                       StopToken& stop, const Host& host)
{
    auto collector = host.collector(
        layout,
        {.without = options.without,
         .needed = [io = options.io](kernel::ProgramGroup group) { return needed_for_demand(group, io); },
         .why = "demand is seen without it",
         .must_load = {},
         .verbose = options.verbose},
        stop);
    if (!collector)
        return std::unexpected(std::move(collector.error()));
    const kernel::MetricPlan* const slices = (*collector)->plan().metric("cpu.slice");
    if (slices == nullptr || !slices->available)
        return fail(ErrorKind::Unavailable,
                    "what it asks for cannot be observed: " +
                        (slices == nullptr ? std::string("no scheduler events") : slices->note),
                    "`flyball doctor` says why");
    return std::shared_ptr<EventSource>(
        new EventSource(std::make_unique<State>(State{.collector = std::move(*collector), .io = options.io})));
}

struct EventTap::State final : stream::OrderedSink {
    State(const cgroup::Layout& where, std::string which, std::shared_ptr<EventSource> from)
        : layout(where),
          path(std::move(which)),
          source(std::move(from)),
          collecting(*source->state_->collector),
          with_io(source->state_->io),
          in_order(*this)
    {
        collecting.attach(in_order);
        collecting.set_recording(true);
    }
    ~State() override
    {
        collecting.set_recording(false);
        collecting.detach(in_order);
    }
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
        if (load_ids)
            load_ids->on_control(bytes);
        if (names)
            names->on_control(bytes);
    }
    Result<std::uint64_t> losses() const;
    [[nodiscard]] std::uint32_t tasks() const;

    const cgroup::Layout& layout;
    std::string path;
    std::shared_ptr<EventSource> source;
    Collector& collecting;
    bool with_io;
    stream::InOrder in_order;
    std::optional<tune::SubtreeIds> ids, load_ids;
    std::optional<CgroupNames> names;
    std::optional<tune::DemandCollector> collector;
    std::optional<tune::IoCollector> io;
    std::uint64_t lost_before = 0;
};

// Folded ones too: their times are what a trace is made of.
Result<std::uint64_t> EventTap::State::losses() const
{
    const auto losses = collecting.losses();
    if (!losses)
        return std::unexpected(losses.error());
    const std::span<const std::uint32_t> counted(kCounted.data(), kCounted.size() - (with_io ? 0 : 2));
    return losses->folded(counted) + losses->dropped(counted) + losses->malformed;
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

Result<EventTap> EventTap::open(const cgroup::Layout& layout, const std::string& path, const std::string* load,
                                std::shared_ptr<EventSource> source)
{
    auto state = std::make_unique<State>(layout, path, std::move(source));
    // After the first mkdir that would be told: none is missed.
    auto known = state->collecting.known_cgroups();
    if (!known)
        return std::unexpected(std::move(known.error()));
    state->ids.emplace(layout, *known, path);
    if (load != nullptr)
        state->load_ids.emplace(layout, *known, *load);
    state->names.emplace(layout, *known);
    return EventTap(std::move(state));
}

int EventTap::poll_fd() const
{
    return state_->collecting.poll_fd();
}

Result<> EventTap::drain()
{
    return state_->collecting.collect();
}

Result<std::uint64_t> EventTap::begin()
{
    const std::uint64_t at_ns = state_->collecting.now_ns();
    if (auto drained = state_->collecting.collect(0); !drained)
        return std::unexpected(std::move(drained.error()));
    if (state_->collector)
        (void)state_->collector->take(at_ns);
    else
        state_->collector.emplace(*state_->ids, at_ns, state_->tasks(),
                                  state_->load_ids ? &*state_->load_ids : nullptr);
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
    Taken taken{.end_ns = state_->collecting.now_ns()};
    if (auto drained = state_->collecting.collect(0); !drained)
        return std::unexpected(std::move(drained.error()));
    taken.trace = state_->collector->take(taken.end_ns);
    taken.displaced_by = state_->names->of(taken.trace.displaced_by);
    if (state_->io)
        taken.io = state_->io->take(taken.end_ns);
    auto lost = state_->losses();
    if (!lost)
        return std::unexpected(std::move(lost.error()));
    taken.lost = *lost - state_->lost_before;
    return taken;
}

}  // namespace flyball::live
