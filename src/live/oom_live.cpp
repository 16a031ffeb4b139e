// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/oom_live.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/units.hpp"
#include "flyball/kernel/programs.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/probe/session.hpp"
#include "flyball/stream/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
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

Result<kernel::Plan> plan_for_oom(const std::vector<std::string>& without)
{
    auto plan = make_plan(without);
    if (!plan)
        return plan;
    keep_only(*plan, needed_for_oom, "OOM kills do not need it");
    if (std::ranges::find(without, "oom_mark") != without.end())
        return fail(ErrorKind::Usage, "--without oom_mark: without it there is nothing to watch",
                    "leave --without away");
    if (!plan->loads("oom_mark"))
        return fail(ErrorKind::Unavailable, "OOM kills cannot be observed: tp_btf/mark_victim is refused",
                    "`flyball doctor` says why");
    return plan;
}

// Of these programs a run that the kernel skipped may be a record that is missing. Without one of the others
// (signals, exits) a time is missing, and that shows.
constexpr std::array kVital{"oom_decision", "oom_policy", "oom_mark", "oom_scan", "oom_member"};

}  // namespace

struct OomLive::State {
    explicit State(const cgroup::Layout& layout) : surroundings(oom::live_surroundings(layout)) {}

    Result<> check_losses(std::uint64_t now_ns);
    Result<> consume();

    std::unique_ptr<oom::Surroundings> surroundings;
    std::optional<probe::Session> session;
    std::optional<stream::Reader> reader;
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
    auto stats = session->read_stats();
    if (!stats)
        return std::unexpected(std::move(stats.error()));
    std::uint64_t lost = 0;
    for (const probe::ProgramStats& row : *stats) {
        if (row.prog == FB_P_OOM || row.prog == FB_P_CGROUP)
            lost += row.stats.dropped;
    }
    grown(dropped, lost, "records found no room in the ring");
    std::uint64_t missed = 0;
    const auto all = session->read_recursion_misses();
    for (const char* program : kVital) {
        if (const auto found = all.find(program); found != all.end())
            missed += found->second;
    }
    grown(misses, missed, "runs of OOM programs were skipped by the kernel");
    grown(gaps, reader->malformed() + watcher->feed().sequence_gaps(), "batches or records were damaged");
    watcher->on_loss_check(now_ns, losses);
    return {};
}

Result<> OomLive::State::consume()
{
    reader->flush_older_than(kMaxBatchAgeNs);
    return reader->consume(*watcher);
}

OomLive::OomLive(std::unique_ptr<State> state) : state_(std::move(state)) {}
OomLive::~OomLive() = default;
OomLive::OomLive(OomLive&&) noexcept = default;
OomLive& OomLive::operator=(OomLive&&) noexcept = default;

Result<OomLive> OomLive::open(const cgroup::Layout& layout, const OomLiveOptions& options)
{
    auto ring = parse_bytes(options.ring_size);
    if (!ring)
        return std::unexpected(std::move(ring.error()).context("--ring-size"));
    auto plan = plan_for_oom(options.without);
    if (!plan)
        return std::unexpected(std::move(plan.error()));
    auto state = std::make_unique<State>(layout);
    auto session = probe::Session::open(std::move(*plan), {.ring_bytes = *ring, .verbose = options.verbose});
    if (!session)
        return std::unexpected(std::move(session.error()));
    state->session.emplace(std::move(*session));
    auto reader = stream::Reader::open(source_of(*state->session));
    if (!reader)
        return std::unexpected(std::move(reader.error()));
    state->reader.emplace(std::move(*reader));
    auto known = known_cgroups(layout);
    if (!known)
        return std::unexpected(std::move(known.error()));
    state->meta = describe(layout, state->session->plan());
    state->meta.start_wall_ns = realtime_ns();
    // The counters are read before the first event: a kill in between would be seen as missing, so there is none
    // that goes unsaid.
    state->watcher.emplace(state->meta, *known, *state->surroundings);
    state->meta.start_ns = monotonic_ns();
    state->session->set_recording(true);
    return OomLive(std::move(state));
}

int OomLive::poll_fd() const
{
    return state_->reader->poll_fd();
}

Result<std::vector<oom::Judged>> OomLive::tick()
{
    // What was recorded up to this instant has been handed over when consume() is done.
    const std::uint64_t now_ns = monotonic_ns();
    if (auto done = state_->consume(); !done)
        return std::unexpected(std::move(done.error()));
    if (auto done = state_->check_losses(now_ns); !done)
        return std::unexpected(std::move(done.error()));
    return state_->watcher->advance(now_ns);
}

Result<std::vector<oom::Judged>> OomLive::finish()
{
    state_->session->set_recording(false);
    state_->session->detach();
    auto drained = state_->reader->drain(*state_->watcher);
    if (!drained)
        return std::unexpected(std::move(drained.error()));
    state_->next_check_ns = 0;
    const std::uint64_t now_ns = monotonic_ns();
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
