// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/oom_live.hpp"

#include "flyball/live/collector.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace flyball::live {
namespace {

// While nothing happens, losses need no attention more often than this.
constexpr std::uint64_t kIdleCheckNs = 1'000'000'000;

// What a kill is made of, with the reclaim before it, forks and exits, and names.
bool needed_for_oom(kernel::ProgramGroup group)
{
    using enum kernel::ProgramGroup;
    return group == Core || group == Oom || group == Cgroup || group == Task || group == Reclaim;
}

// Of these programs a run that the kernel skipped may be a record that is missing. Without one of the others
// (signals, exits) a time is missing, and that shows.
constexpr std::array<std::string_view, 5> kVital{"oom_decision", "oom_policy", "oom_mark", "oom_scan", "oom_member"};

constexpr std::array<std::uint32_t, 2> kRecords{FB_P_OOM, FB_P_CGROUP};

}  // namespace

struct OomLive::State {
    explicit State(const cgroup::Layout& layout) : surroundings(oom::live_surroundings(layout)) {}

    Result<> check_losses(std::uint64_t now_ns);

    std::unique_ptr<oom::Surroundings> surroundings;
    std::unique_ptr<Collector> collector;
    std::optional<oom::Watcher> watcher;
    profile::Meta meta;
    std::uint64_t dropped = 0, misses = 0, gaps = 0;  // told so far
    std::uint64_t next_check_ns = 0;
    std::vector<std::string> pretended;
};

Result<> OomLive::State::check_losses(std::uint64_t now_ns)
{
    if (watcher->idle() && now_ns < next_check_ns && pretended.empty())
        return {};
    next_check_ns = now_ns + kIdleCheckNs;
    std::vector<std::string> losses = std::exchange(pretended, {});
    const auto grown = [&](std::uint64_t& told, std::uint64_t now, std::string_view what) {
        if (now > told)
            losses.push_back(fmt::format("{} {}", now - told, what));
        told = now;
    };
    const auto lost = collector->losses();
    if (!lost)
        return std::unexpected(lost.error());
    grown(dropped, lost->dropped(kRecords), "records found no room in the ring");
    grown(misses, lost->missed(kVital), "runs of OOM programs were skipped by the kernel");
    grown(gaps, lost->malformed + watcher->feed().sequence_gaps(), "batches or records were damaged");
    watcher->on_loss_check(now_ns, losses);
    return {};
}

OomLive::OomLive(std::unique_ptr<State> state) : state_(std::move(state)) {}
OomLive::~OomLive() = default;
OomLive::OomLive(OomLive&&) noexcept = default;
OomLive& OomLive::operator=(OomLive&&) noexcept = default;

Result<OomLive> OomLive::open(const cgroup::Layout& layout, const OomLiveOptions& options, StopToken& stop,
                              const Host& host)
{
    auto state = std::make_unique<State>(layout);
    auto collector = host.collector(layout,
                                    {.ring_bytes = options.ring_bytes,
                                     .without = options.without,
                                     .needed = needed_for_oom,
                                     .why = "OOM kills do not need it",
                                     .must_load = "oom_mark",
                                     .verbose = options.verbose},
                                    stop);
    if (!collector)
        return std::unexpected(std::move(collector.error()));
    state->collector = std::move(*collector);
    auto known = state->collector->known_cgroups();
    if (!known)
        return std::unexpected(std::move(known.error()));
    state->meta = state->collector->describe(false);
    state->meta.start_wall_ns = host.clock->realtime_ns();
    // The counters are read before the first event: a kill in between would be seen as missing, so there is none
    // that goes unsaid.
    state->watcher.emplace(state->meta, *known, *state->surroundings);
    state->meta.start_ns = state->collector->now_ns();
    state->collector->attach(*state->watcher);
    state->collector->set_recording(true);
    return OomLive(std::move(state));
}

int OomLive::poll_fd() const
{
    return state_->collector->poll_fd();
}

Result<std::vector<oom::Judged>> OomLive::tick()
{
    // What was recorded up to this instant has been handed over when consume() is done.
    const std::uint64_t now_ns = state_->collector->now_ns();
    if (auto done = state_->collector->collect(); !done)
        return std::unexpected(std::move(done.error()));
    if (auto done = state_->check_losses(now_ns); !done)
        return std::unexpected(std::move(done.error()));
    return state_->watcher->advance(now_ns);
}

Result<std::vector<oom::Judged>> OomLive::finish()
{
    if (auto done = state_->collector->finish(); !done)
        return std::unexpected(std::move(done.error()));
    state_->next_check_ns = 0;
    const std::uint64_t now_ns = state_->collector->now_ns();
    if (auto done = state_->check_losses(now_ns); !done)
        return std::unexpected(std::move(done.error()));
    return state_->watcher->finish(now_ns);
}

oom::Watcher& OomLive::watcher()
{
    return *state_->watcher;
}

const profile::Meta& OomLive::meta() const
{
    return state_->meta;
}

void OomLive::pretend_loss(std::string what)
{
    state_->pretended.push_back(std::move(what));
}

}  // namespace flyball::live
