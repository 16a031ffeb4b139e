// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/oom_feed.hpp"

#include "flyball/profile/decode.hpp"
#include "names.hpp"
#include "oom_assembler.hpp"
#include "received.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace flyball::profile {
namespace {

// Survivors are looked for when an episode is complete, which is within the patience of the assembler.
constexpr std::uint64_t kRememberNs = 15'000'000'000;
// Of births and of moves each. A fork bomb outside must not cost memory for ever.
constexpr std::size_t kRemembered = 65536;

template <class Entry>
void remember(std::vector<Entry>& list, Entry entry)
{
    const std::uint64_t now_ns = entry.ts_ns;
    if (list.size() >= kRemembered) {
        std::erase_if(list, [&](const Entry& old) { return old.ts_ns + kRememberNs < now_ns; });
        if (list.size() >= kRemembered)
            list.erase(list.begin(), list.begin() + kRemembered / 2);
    }
    list.push_back(std::move(entry));
}

}  // namespace

struct OomFeed::State {
    State(const Meta& meta, std::span<const KnownCgroup> known)
        : names(meta.hierarchy, known),
          ooms(assembler_for(meta)),
          wait_for_freed(covers(meta, "oom.freed")),
          memory_hierarchy(hierarchy_of(meta, "memory"))
    {
        ooms.keep_other_kills();
    }

    void on_attach(const fb_attach& record)
    {
        if (record.hierarchy != memory_hierarchy)
            return;
        remember(moves, {record.hdr.ts_ns, record.tgid,
                         resolve(&names.of(Controller::Memory, record.hdr.cgroup_id))->profile.path});
    }

    Names names;
    OomAssembler ooms;
    Received received;
    bool wait_for_freed;
    int memory_hierarchy;
    std::vector<Birth> births;
    std::vector<Move> moves;
};

OomFeed::OomFeed(const Meta& meta, std::span<const KnownCgroup> known) : state_(std::make_unique<State>(meta, known)) {}
OomFeed::~OomFeed() = default;
OomFeed::OomFeed(OomFeed&&) noexcept = default;
OomFeed& OomFeed::operator=(OomFeed&&) noexcept = default;

void OomFeed::on_batch(const fb_batch& header, std::span<const fb_event> events)
{
    state_->received.add_batch(header, events);
    for (const fb_event& event : events) {
        state_->ooms.on_event(event);
        if (event.hdr.type != FB_EV_TASK)
            continue;
        const auto task = std::bit_cast<fb_task>(event);
        if (task.kind == FB_TASK_FORK && task.tid == task.tgid)
            remember(state_->births, {task.hdr.ts_ns, task.tgid});
    }
}

void OomFeed::on_control(std::span<const std::byte> bytes)
{
    const std::optional<fb_hdr> hdr = decode<fb_hdr>(bytes);
    if (!hdr)
        return;
    state_->received.add_control(*hdr);
    // A record that is too short, or of a type that this version does not know, changes nothing.
    if (hdr->type == FB_EV_CGROUP)
        (void)with<fb_cgroup>(bytes, [&](const auto& r) {
            state_->names.apply(r);
            if (r.op == FB_CG_RMDIR && r.hierarchy == state_->memory_hierarchy)
                state_->ooms.on_removed(state_->names, r);
        });
    else if (hdr->type == FB_EV_ATTACH)
        (void)with<fb_attach>(bytes, [&](const auto& r) { state_->on_attach(r); });
    else
        (void)state_->ooms.on_control(state_->names, hdr->type, bytes);
}

std::vector<OomEpisode> OomFeed::take_complete(std::uint64_t now_ns)
{
    (void)state_->names.take_created();  // nobody else asks
    return state_->ooms.take_complete(now_ns, state_->wait_for_freed);
}

std::vector<OomEpisode> OomFeed::take_told(std::uint64_t ts_ns, std::uint64_t now_ns)
{
    (void)state_->names.take_created();
    return state_->ooms.take_told(ts_ns, now_ns);
}

void OomFeed::account(std::uint64_t now_ns)
{
    state_->ooms.account(now_ns);
}

std::vector<OomEpisode> OomFeed::finish()
{
    return state_->ooms.finish();
}

bool OomFeed::open() const
{
    return state_->ooms.open();
}

std::vector<OomEpisode> OomFeed::open_episodes() const
{
    return state_->ooms.open_episodes();
}

std::vector<OtherKill> OomFeed::take_other_kills()
{
    return state_->ooms.take_other_kills();
}

std::span<const Birth> OomFeed::births() const
{
    return state_->births;
}

std::span<const Move> OomFeed::moves() const
{
    return state_->moves;
}

std::string OomFeed::path(std::uint64_t memcg_id) const
{
    return resolve(&state_->names.of(Controller::Memory, memcg_id))->profile.path;
}

void OomFeed::forget_removed(std::uint64_t before_ns)
{
    state_->names.forget_removed(before_ns, state_->ooms.held());
}

std::size_t OomFeed::known_cgroups() const
{
    std::size_t n = 0;
    for (const auto& [hierarchy, paths] : state_->names.paths())
        n += paths.size();
    return n;
}

std::uint64_t OomFeed::sequence_gaps() const
{
    return state_->received.sequence_gaps();
}

}  // namespace flyball::profile
