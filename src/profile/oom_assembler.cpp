// SPDX-License-Identifier: Apache-2.0
#include "oom_assembler.hpp"

#include "flyball/profile/decode.hpp"
#include "oom_joining.hpp"

#include <algorithm>
#include <bit>
#include <optional>
#include <utility>

namespace flyball::profile {

using namespace detail;

namespace {

// Between two processes of one scan there is no sleep; the next scan of the same task comes after a
// reclaim at least, or meets a process again.
constexpr std::uint64_t kScanGapNs = 20'000'000;
constexpr std::size_t kStallsKept = 32;
constexpr std::size_t kStallingTasks = 4096;
constexpr std::size_t kLoggedKept = 65536;

// A tgid of 0 was not known to the record.
bool same_process(std::uint32_t a, std::uint32_t b)
{
    return a == 0 || b == 0 || a == b;
}

}  // namespace

OomAssembler assembler_for(const Meta& meta)
{
    return {hierarchy_of(meta, "memory") == 0, covers_by(meta, "oom.sharers", "oom_kill_process")};
}

bool OomAssembler::on_control(Names& names, std::uint16_t type, std::span<const std::byte> bytes)
{
    switch (type) {
    case FB_EV_OOM_KILL:
        return with<fb_oom_kill>(bytes, [&](const auto& r) { on_decision(names, r); });
    case FB_EV_OOM_GROUP:
        return with<fb_oom_group>(bytes, [&](const auto& r) { on_policy(names, r); });
    case FB_EV_OOM_VICTIM:
        return with<fb_oom_task>(bytes, [&](const auto& r) { on_marked(names, r); });
    case FB_EV_OOM_SIGKILL:
        return with<fb_oom_task>(bytes, [&](const auto& r) { on_sigkill(names, r); });
    case FB_EV_OOM_EXIT:
        return with<fb_oom_task>(bytes, [&](const auto& r) { on_exit(r); });
    case FB_EV_OOM_REAP:
        return with<fb_oom_task>(bytes, [&](const auto& r) { on_reaped(r); });
    case FB_EV_OOM_MEMBER:
        return with<fb_oom_member>(bytes, [&](const auto& r) { on_member(names, r); });
    case FB_EV_OOM_FREED:
        return with<fb_oom_task>(bytes, [&](const auto& r) { on_freed(r); });
    case FB_EV_OOM_DONE:
        return with<fb_oom_done>(bytes, [&](const auto& r) { on_done(r); });
    case FB_EV_OOM_NOBODY:
        return with<fb_oom_nobody>(bytes, [&](const auto& r) { on_nobody(names, r); });
    case FB_EV_MEMCG:
        return with<fb_memcg>(bytes, [&](const auto& r) { on_memcg(names, r); });
    case FB_EV_OOM_REPORT:
        return with<fb_oom_report>(bytes, [&](const auto& r) { on_report(names, r); });
    case FB_EV_OOM_LOOKED:
        return bytes.size() >= sizeof(fb_oom_looked);  // for who judges
    case FB_EV_OOM_GREW:
        return bytes.size() >= sizeof(fb_oom_grew);
    case FB_EV_LOSS:
        return bytes.size() >= sizeof(fb_loss);
    default:
        return false;
    }
}

void OomAssembler::on_event(const fb_event& event)
{
    if (event.hdr.type == FB_EV_STALL)
        on_stall(std::bit_cast<fb_stall>(event));
    else if (event.hdr.type == FB_EV_TASK && !(pending_.empty() && episodes_.empty()))
        on_task_exit(std::bit_cast<fb_task>(event));
}

OomAssembler::Episode& OomAssembler::open(std::uint64_t ts_ns, Entity& domain)
{
    Episode& episode = episodes_.emplace_back();
    episode.value.ts_ns = episode.last_ns = ts_ns;
    episode.domain = &domain;
    return episode;
}

void OomAssembler::on_decision(Names& names, const fb_oom_kill& record)
{
    Episode& episode = open(record.hdr.ts_ns, names.of(Controller::Memory, record.hdr.cgroup_id));
    OomEpisode& value = episode.value;
    value.decision_seen = true;
    value.global = record.hdr.cgroup_id == 0;
    value.domain_id = record.hdr.cgroup_id;
    episode.trigger = &names.of(Controller::Memory, record.trigger_cgroup_id);
    value.trigger_comm = field_text(record.trigger_comm);
    value.trigger_tid = record.trigger_tid;
    value.trigger_tgid = record.trigger_tgid;
    value.points = record.points;
    value.asked_pages = record.order >= 0 && record.order < 32 ? std::uint64_t{1} << record.order : 0;
    value.victim_comm = field_text(record.victim_comm);
    value.victim_tgid = record.victim_tgid;
    value.limit_bytes = record.limit_bytes;
    value.usage_bytes = record.usage_bytes;
    value.swap_bytes = record.swap_bytes;
    if (scan_.tid == record.trigger_tid && elapsed(scan_.last_ns, record.hdr.ts_ns) <= kScanGapNs) {
        value.members = std::move(scan_.members);
        episode.member_cgroups = std::move(scan_.cgroups);
    }
    scan_ = {};
    follow(episode);
}

// Does this decision come while the last one in the same place is not over, or right after it?
void OomAssembler::follow(Episode& episode)
{
    const auto related = [&](Entity* domain) {
        return maybe_inside(episode.domain, domain) || maybe_inside(domain, episode.domain);
    };
    const std::uint64_t now = episode.value.ts_ns;
    for (auto it = episodes_.rbegin() + 1; it != episodes_.rend(); ++it) {
        const bool recent = elapsed(gone_ns(it->value), now) <= kCascadeNs;
        if (it->value.decision_seen && recent && related(it->domain)) {
            episode.value.follows_ns = it->value.ts_ns;
            return;
        }
    }
    for (auto it = past_.rbegin(); it != past_.rend(); ++it) {
        if (it->decision_seen && elapsed(it->gone_ns, now) <= kCascadeNs && related(it->domain)) {
            episode.value.follows_ns = it->ts_ns;
            return;
        }
    }
}

// Of its last victim; that of a victim which has not gone is yet to come.
std::uint64_t OomAssembler::gone_ns(const OomEpisode& episode)
{
    std::uint64_t last = episode.ts_ns;
    for (const OomVictim& victim : episode.victims) {
        if (!victim.exit_ns)
            return kUnknown;
        last = std::max({last, *victim.exit_ns, victim.freed_ns.value_or(0)});
    }
    return last;
}

void OomAssembler::on_member(Names& names, const fb_oom_member& record)
{
    OomMember member;
    member.tid = record.tid;
    member.tgid = record.tgid;
    member.comm = field_text(record.comm);
    member.rss_bytes = record.rss_bytes;
    member.oom_score_adj = record.oom_score_adj;
    member.flags = record.flags;
    member.met_ns = record.hdr.ts_ns;
    const auto known_bytes = [&](std::uint64_t bytes) {
        return bytes == kUnknown || record.hdr.size < sizeof record ? std::nullopt : std::optional(bytes);
    };
    member.anon_bytes = known_bytes(record.anon_bytes);
    member.file_bytes = known_bytes(record.file_bytes);
    member.shmem_bytes = known_bytes(record.shmem_bytes);
    member.swap_bytes = known_bytes(record.swap_bytes);
    if (record.kind == FB_OM_LOGGED) {
        member.logged = true;
        // A report has fewer; these have lost theirs.
        if (logged_.size() >= kLoggedKept)
            logged_.clear();
        logged_.push_back(std::move(member));
        return;
    }
    if (record.kind != FB_OM_SCANNED && record.kind != FB_OM_GROUP)
        return;  // who was left is for who judges
    Entity& cgroup = names.of(Controller::Memory, record.hdr.cgroup_id);
    const auto same = [&](const OomMember& other) { return other.tgid == record.tgid; };
    if (record.kind == FB_OM_SCANNED) {
        const bool next_scan = scan_.tid != record.current_tid ||
                               elapsed(scan_.last_ns, record.hdr.ts_ns) > kScanGapNs ||
                               std::ranges::any_of(scan_.members, same);
        if (next_scan)
            scan_ = {.tid = record.current_tid};
        scan_.last_ns = record.hdr.ts_ns;
        member.scanned = true;
        scan_.members.push_back(std::move(member));
        scan_.cgroups.push_back(&cgroup);
        return;
    }
    // Under oom_lock there is one kill at a time: it is the latest.
    if (episodes_.empty() || !episodes_.back().value.group_policy.value_or(false))
        return;
    Episode& episode = episodes_.back();
    const auto known = std::ranges::find_if(episode.value.members, same);
    if (known != episode.value.members.end()) {
        known->in_group = true;
        known->met_ns = record.hdr.ts_ns;
        // It may have begun to exit since the scan; that it was marked meanwhile is this kill's doing.
        known->flags |= record.flags & ~std::uint32_t{FB_OM_VICTIM};
        return;
    }
    member.in_group = true;
    episode.value.members.push_back(std::move(member));
    episode.member_cgroups.push_back(&cgroup);
}

OomAssembler::Episode* OomAssembler::episode_of_policy(const fb_oom_group& record)
{
    for (auto it = episodes_.rbegin(); it != episodes_.rend(); ++it) {
        if (elapsed(it->last_ns, record.hdr.ts_ns) > kConsoleNs)
            break;
        if (!it->value.group_policy && same_process(it->value.victim_tgid, record.victim_tgid))
            return &*it;
    }
    return nullptr;
}

void OomAssembler::on_policy(Names& names, const fb_oom_group& record)
{
    Episode* episode = episode_of_policy(record);
    if (episode == nullptr) {  // the decision itself could not be hooked, or its record was dropped
        episode = &open(record.hdr.ts_ns, names.of(Controller::Memory, record.domain_id));
        episode->value.global = record.domain_id == 0;
        episode->value.domain_id = record.domain_id;
        episode->value.victim_tgid = record.victim_tgid;
    }
    episode->value.group_policy = record.hdr.cgroup_id != 0;
    episode->last_ns = std::max<std::uint64_t>(episode->last_ns, record.hdr.ts_ns);
    if (record.hdr.cgroup_id != 0)
        episode->group = &names.of(Controller::Memory, record.hdr.cgroup_id);
    episode->value.group_id = record.hdr.cgroup_id;
}

void OomAssembler::on_stall(const fb_stall& stall)
{
    if (stall.kind != FB_STALL_RECLAIM)
        return;
    std::deque<Stall>& latest = stalls_[stall.tid];
    const std::uint64_t end_ns = stall.hdr.ts_ns;
    latest.push_back({end_ns - std::min(end_ns, std::uint64_t{stall.duration_ns}), end_ns, stall.amount});
    if (latest.size() > kStallsKept)
        latest.pop_front();
    if (stalls_.size() > kStallingTasks)
        forget_stalls_before(end_ns);
}

void OomAssembler::forget_stalls_before(std::uint64_t now_ns)
{
    std::erase_if(stalls_, [&](const auto& of) { return elapsed(of.second.back().end_ns, now_ns) > 2 * kPendingNs; });
}

void OomAssembler::on_task_exit(const fb_task& task)
{
    if (task.kind != FB_TASK_EXIT)
        return;
    for (Pending& pending : pending_) {
        if (!pending.is_exit && pending.record.tgid == task.tid && !pending.gone_ns)
            pending.gone_ns = task.hdr.ts_ns;
    }
    if (task.tid != task.tgid)
        return;
    for (Episode& episode : episodes_) {
        for (OomVictim& victim : episode.value.victims) {
            if (victim.tgid == task.tgid && victim.marked_ns.value_or(0) <= task.hdr.ts_ns)
                episode.leader_exits.emplace(task.tgid, task.hdr.ts_ns);
        }
        for (OomMember& member : episode.value.members) {
            if (member.tgid == task.tgid && !member.exit_ns && member.met_ns <= task.hdr.ts_ns)
                member.exit_ns = task.hdr.ts_ns;
        }
    }
}

}  // namespace flyball::profile
