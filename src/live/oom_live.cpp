// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/oom_live.hpp"

#include "flyball/live/collector.hpp"
#include "flyball/profile/recording.hpp"
#include "oom_witness.hpp"

#include <utility>

namespace flyball::live {
namespace {

constexpr std::uint64_t kFlushNs = 1'000'000'000;

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
    std::optional<profile::RecordingWriter> writer;
    profile::Meta meta;
    std::uint64_t next_flush_ns = 0;
};

OomLive::OomLive(std::unique_ptr<State> state) : state_(std::move(state)) {}
OomLive::~OomLive() = default;
OomLive::OomLive(OomLive&&) noexcept = default;
OomLive& OomLive::operator=(OomLive&&) noexcept = default;

Result<OomLive> OomLive::open(const cgroup::Layout& layout, const OomLiveOptions& options, StopToken& stop,
                              const Host& host)
{
    auto state = std::make_unique<State>();
    std::optional<profile::RecordingFile> file;
    if (!options.record.empty()) {
        auto opened = profile::RecordingFile::open(options.record, {.stop = &stop});
        if (!opened)
            return std::unexpected(std::move(opened.error()).context("--record"));
        file.emplace(std::move(*opened));
    }
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
    state->meta.start_ns = state->collector->now_ns();
    if (file) {
        auto writer = profile::RecordingWriter::create(std::move(*file), state->meta, *known, {.stop = &stop});
        if (!writer)
            return std::unexpected(std::move(writer.error()));
        state->writer.emplace(std::move(*writer));
        state->collector->attach(*state->writer);
    }
    // The counters are read before the first event: a kill in between would be seen as missing, so there is none
    // that goes unsaid.
    state->witness->begin();
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
    auto due = state_->witness->tick(now_ns);
    // A crash costs no more than what came since. A file that cannot be written is told at its end.
    if (state_->writer && now_ns >= state_->next_flush_ns) {
        (void)state_->writer->flush();
        state_->next_flush_ns = now_ns + kFlushNs;
    }
    return due;
}

Result<std::vector<oom::Judged>> OomLive::finish()
{
    state_->witness->end();
    if (auto done = state_->collector->finish(); !done)
        return std::unexpected(std::move(done.error()));
    return state_->witness->finish();
}

Result<> OomLive::close_recording()
{
    if (!state_->writer)
        return {};
    profile::Closing closing;
    closing.end_ns = state_->collector->now_ns();
    auto losses = state_->collector->losses();
    if (!losses)
        return std::unexpected(std::move(losses.error()));
    closing.programs = std::move(losses->programs);
    closing.recursion_misses = std::move(losses->recursion_misses);
    auto folded = state_->collector->folded();
    if (!folded)
        return std::unexpected(std::move(folded.error()));
    closing.folded = std::move(*folded);
    return state_->writer->close(closing);
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
