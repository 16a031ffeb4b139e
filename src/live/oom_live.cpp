// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/oom_live.hpp"

#include "flyball/live/collector.hpp"
#include "flyball/profile/recording.hpp"
#include "oom_witness.hpp"

#include <utility>

namespace flyball::live {
namespace {

// What a kill is made of, with the reclaim before it, forks and exits, and names.
bool needed_for_oom(kernel::ProgramGroup group)
{
    using enum kernel::ProgramGroup;
    return group == Core || group == Oom || group == Cgroup || group == Task || group == Reclaim;
}

}  // namespace

struct OomLive::State {
    std::unique_ptr<Collector> collector;
    std::optional<OomWitness> witness;
    profile::Meta meta;
};

OomLive::OomLive(std::unique_ptr<State> state) : state_(std::move(state)) {}
OomLive::~OomLive() = default;
OomLive::OomLive(OomLive&&) noexcept = default;
OomLive& OomLive::operator=(OomLive&&) noexcept = default;

Result<OomLive> OomLive::open(const cgroup::Layout& layout, const OomLiveOptions& options, StopToken& stop,
                              const Host& host)
{
    auto state = std::make_unique<State>();
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
    state->witness.emplace(*state->collector, layout, state->meta, *known);
    if (!state->witness->no_log().empty())
        state->meta.warnings.push_back("what memory was made of at a kill is not known: " + state->witness->no_log());
    // The counters are read before the first event: a kill in between would be seen as missing, so there is none
    // that goes unsaid.
    state->witness->begin();
    state->meta.start_ns = state->collector->now_ns();
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
    return state_->witness->tick(now_ns);
}

Result<std::vector<oom::Judged>> OomLive::finish()
{
    if (auto done = state_->collector->finish(); !done)
        return std::unexpected(std::move(done.error()));
    return state_->witness->finish();
}

oom::Watcher& OomLive::watcher()
{
    return state_->witness->watcher();
}

const profile::Meta& OomLive::meta() const
{
    return state_->meta;
}

void OomLive::pretend_loss()
{
    state_->witness->pretend_loss();
}

}  // namespace flyball::live
