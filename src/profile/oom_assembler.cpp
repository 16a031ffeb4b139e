// SPDX-License-Identifier: Apache-2.0
#include "oom_assembler.hpp"

#include "decode.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

namespace flyball::profile {
namespace {

constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
// A mark belongs to a decision, or to the mark before it, that is not older. Marks of one group
// kill follow each other within microseconds; a second leaves room for a starved machine.
constexpr std::uint64_t kEpisodeGapNs = 1'000'000'000;
// Between the decision and the policy the kernel writes its report to the console, which takes seconds
// where that is a serial line. Where it is known which task wrote, nothing else need be guessed.
constexpr std::uint64_t kConsoleNs = 30'000'000'000;
// Marks that no decision was seen for are one kill when they are this close. Two kills in a row
// need a new charge and a new scan of the tasks in between.
constexpr std::uint64_t kBlindGapNs = 100'000'000;
// __oom_kill_process() sends SIGKILL first and marks next, with nothing but task_lock between.
constexpr std::uint64_t kPendingNs = 1'000'000'000;
constexpr std::int32_t kFromKernel = 0x80;  // SI_KERNEL
// Between two processes of one scan there is no sleep; the next scan of the same task comes after a
// reclaim at least, or meets a process again.
constexpr std::uint64_t kScanGapNs = 20'000'000;
// An episode is told when nothing has happened in it for so long ...
constexpr std::uint64_t kQuietNs = 250'000'000;
// ... an exit is followed by its memory within this, or nobody will tell of it ...
constexpr std::uint64_t kFreedNs = 1'000'000'000;
// ... a report to the console takes no longer ...
constexpr std::uint64_t kReportNs = 5'000'000'000;
// ... and a victim that will not go is waited for so long: among hundreds that want the CPU it takes its turn too.
constexpr std::uint64_t kPatienceNs = 30'000'000'000;
// A kill this soon after the last victim of another one in the same place follows from it.
constexpr std::uint64_t kCascadeNs = 1'000'000'000;
// Between two rounds of reclaim of one allocation (MAX_RECLAIM_RETRIES in mm/memcontrol.c).
constexpr std::uint64_t kReclaimGapNs = 20'000'000;
constexpr std::size_t kStallsKept = 32;
constexpr std::size_t kStallingTasks = 4096;

std::uint64_t elapsed(std::uint64_t since_ns, std::uint64_t now_ns)
{
    return now_ns > since_ns ? now_ns - since_ns : 0;
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b)
{
    return a > b ? a - b : b - a;
}

std::string comm_of(const char (&comm)[FB_COMM_MAX])
{
    return {comm, strnlen(comm, sizeof comm)};
}

// A name that is still missing excludes nothing.
bool maybe_inside(Entity* entity, Entity* ancestor)
{
    return ancestor == nullptr || Names::inside(*resolve(entity), *resolve(ancestor)).value_or(true);
}

// A tgid of 0 was not known to the record.
bool same_process(std::uint32_t a, std::uint32_t b)
{
    return a == 0 || b == 0 || a == b;
}

void fill_sigkill(OomVictim& victim, const fb_oom_task& record)
{
    if (!victim.sigkill_ns)
        victim.sigkill_ns = record.hdr.ts_ns;
    if (victim.rss_bytes == kUnknown)
        victim.rss_bytes = record.rss_bytes;
}

void fill_exit(OomVictim& victim, const fb_oom_task& record)
{
    if (victim.exit_ns)
        return;
    victim.exit_ns = record.hdr.ts_ns;
    if (record.usage_bytes != kUnknown && !victim.freed_ns)
        victim.usage_after_bytes = record.usage_bytes;
}

OtherKill::By sender_of(const fb_oom_task& record)
{
    switch (record.how) {
    case FB_SIG_KERNEL: return OtherKill::By::Kernel;
    case FB_SIG_NOINFO: return OtherKill::By::Cgroup;
    case FB_SIG_USER: return OtherKill::By::User;
    default: return OtherKill::By::Unknown;
    }
}

std::string name_of(Entity* entity)
{
    return entity == nullptr ? std::string() : resolve(entity)->profile.path;
}

}  // namespace

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
    episode.trigger = &names.of(Controller::Memory, record.trigger_cgroup_id);
    value.trigger_comm = comm_of(record.trigger_comm);
    value.trigger_tid = record.trigger_tid;
    value.trigger_tgid = record.trigger_tgid;
    value.points = record.points;
    value.asked_pages = record.order >= 0 && record.order < 32 ? std::uint64_t{1} << record.order : 0;
    value.victim_comm = comm_of(record.victim_comm);
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
        if (elapsed(it->gone_ns, now) <= kCascadeNs && related(it->domain)) {
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
    member.comm = comm_of(record.comm);
    member.rss_bytes = record.rss_bytes;
    member.oom_score_adj = record.oom_score_adj;
    member.flags = record.flags;
    member.met_ns = record.hdr.ts_ns;
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
        episode->value.victim_tgid = record.victim_tgid;
    }
    episode->value.group_policy = record.hdr.cgroup_id != 0;
    episode->last_ns = std::max<std::uint64_t>(episode->last_ns, record.hdr.ts_ns);
    if (record.hdr.cgroup_id != 0)
        episode->group = &names.of(Controller::Memory, record.hdr.cgroup_id);
}

OomAssembler::Episode* OomAssembler::episode_of_mark(const fb_oom_task& record, Entity& cgroup)
{
    for (auto it = episodes_.rbegin(); it != episodes_.rend(); ++it) {
        Episode& episode = *it;
        const OomEpisode& value = episode.value;
        const std::uint64_t age = elapsed(episode.last_ns, record.hdr.ts_ns);
        if (age > kConsoleNs)
            break;
        // Marks are made by the task that asks for memory: another one's are another kill.
        const bool task_known = value.trigger_tid != 0 && record.current_tid != 0;
        if (task_known ? value.trigger_tid != record.current_tid : age > kEpisodeGapNs)
            continue;
        const bool blind = !value.decision_seen && !value.group_policy;
        if (blind) {
            const bool related =
                maybe_inside(&cgroup, episode.domain) || maybe_inside(episode.domain, &cgroup);
            if (groups_exist_ && age <= kBlindGapNs && related)
                return &episode;
            continue;
        }
        if (value.victim_tgid != 0 && value.victim_tgid == record.tgid)
            return &episode;
        if (value.group_policy == false) {
            // One process dies, and it is not this one: a task that was dying anyway, marked
            // without a decision so that it may use the reserves.
            if (value.victim_tgid == 0 && value.victims.empty())
                return &episode;
            continue;
        }
        const bool group = value.group_policy == true;
        if (!group && value.global)
            return &episode;
        if (maybe_inside(&cgroup, group ? episode.group : episode.domain))
            return &episode;
    }
    return nullptr;
}

OomVictim* OomAssembler::victim_of(std::uint32_t tgid)
{
    const auto found = latest_.find(tgid);
    if (found == latest_.end())
        return nullptr;
    return &episodes_[found->second.episode - number_].value.victims[found->second.victim];
}

// The kernel marks threads: a second thread of a process that is already a victim is no second
// victim. But a later decision that names the process means a new one with an old number.
bool OomAssembler::already_marked(const fb_oom_task& record)
{
    const OomVictim* victim = victim_of(record.tgid);
    if (victim == nullptr || victim->exit_ns)
        return false;
    const std::uint64_t marked_in = latest_.at(record.tgid).episode - number_;
    const Episode& newest = episodes_.back();
    const bool chosen_again = marked_in + 1 < episodes_.size() && newest.value.victim_tgid == record.tgid &&
                              elapsed(newest.last_ns, record.hdr.ts_ns) <= kConsoleNs;
    return !chosen_again;
}

void OomAssembler::on_marked(Names& names, const fb_oom_task& record)
{
    tgid_of_[record.tid] = record.tgid;
    if (already_marked(record))
        return;
    Entity& cgroup = names.of(Controller::Memory, record.hdr.cgroup_id);
    Episode* episode = episode_of_mark(record, cgroup);
    if (episode == nullptr) {
        episode = &open(record.hdr.ts_ns, cgroup);
        episode->value.trigger_tid = record.current_tid;
        episode->value.trigger_comm = comm_of(record.current_comm);
    }

    OomVictim victim;
    victim.tid = record.tid;
    victim.tgid = record.tgid;
    victim.comm = comm_of(record.comm);
    victim.rss_bytes = record.rss_bytes;
    victim.oom_score_adj = record.oom_score_adj;
    victim.marked_ns = record.hdr.ts_ns;
    claim_pending(victim, record.hdr.ts_ns);
    episode->last_ns = std::max<std::uint64_t>(episode->last_ns, record.hdr.ts_ns);
    episode->value.victims.push_back(std::move(victim));
    episode->victim_cgroups.push_back(&cgroup);
    const auto index =
        std::ranges::find_if(episodes_, [&](const Episode& e) { return &e == episode; }) - episodes_.begin();
    latest_[record.tgid] = {number_ + static_cast<std::uint64_t>(index), episode->value.victims.size() - 1};
}

void OomAssembler::claim_pending(OomVictim& victim, std::uint64_t marked_ns)
{
    std::erase_if(pending_, [&](const Pending& pending) {
        const fb_oom_task& record = pending.record;
        if (record.tgid != victim.tgid || distance(record.hdr.ts_ns, marked_ns) > kPendingNs)
            return false;
        if (pending.is_exit) {
            fill_exit(victim, record);
        } else {
            fill_sigkill(victim, record);
        }
        return true;
    });
}

void OomAssembler::drop(const Pending& pending)
{
    if (pending.is_exit)
        return;
    ++sigkills_not_oom_;
    if (!keep_other_kills_)
        return;
    const fb_oom_task& record = pending.record;
    OtherKill kill;
    kill.ts_ns = record.hdr.ts_ns;
    kill.tgid = record.tgid;
    kill.comm = comm_of(record.comm);
    kill.by = sender_of(record);
    kill.sender_tid = record.sender_tid;
    kill.sender_comm = comm_of(record.current_comm);
    other_kills_.emplace_back(std::move(kill), pending.cgroup);
}

void OomAssembler::forget_pending_before(std::uint64_t now_ns)
{
    while (!pending_.empty() && elapsed(pending_.front().record.hdr.ts_ns, now_ns) > kPendingNs) {
        drop(pending_.front());
        pending_.pop_front();
    }
}

void OomAssembler::on_sigkill(Names& names, const fb_oom_task& record)
{
    forget_pending_before(record.hdr.ts_ns);
    const Pending pending{false, record, &names.of(Controller::Memory, record.hdr.cgroup_id), {}};
    OomVictim* victim = victim_of(record.tgid);
    if (victim != nullptr && victim->exit_ns)
        victim = nullptr;  // another process has its number
    const bool from_kernel = record.si_code == kFromKernel;
    if (record.marked != 0) {
        // Without a victim: marked before the recording, or its mark was dropped. The OOM
        // killer's all the same.
        if (victim != nullptr)
            fill_sigkill(*victim, record);
    } else if (from_kernel && victim != nullptr && !victim->sigkill_ns &&
               distance(victim->marked_ns.value_or(0), record.hdr.ts_ns) <= kPendingNs) {
        fill_sigkill(*victim, record);
    } else if (from_kernel) {
        pending_.push_back(pending);
    } else {
        drop(pending);
    }
}

void OomAssembler::on_exit(const fb_oom_task& record)
{
    forget_pending_before(record.hdr.ts_ns);
    if (OomVictim* victim = victim_of(record.tgid); victim != nullptr && !victim->exit_ns) {
        fill_exit(*victim, record);
    } else {
        // v6.16 moved the exit tracepoint ahead of exit_mm(): it may overtake the mark.
        pending_.push_back({true, record, nullptr, {}});
    }
}

// The reaper knows the thread that was marked, which need not lead its process.
void OomAssembler::on_reaped(const fb_oom_task& record)
{
    OomVictim* victim = victim_of(record.tgid);
    if (victim == nullptr) {
        const auto process = tgid_of_.find(record.tid);
        if (process != tgid_of_.end())
            victim = victim_of(process->second);
    }
    if (victim != nullptr && !victim->reaped_ns)
        victim->reaped_ns = record.hdr.ts_ns;
}

void OomAssembler::on_freed(const fb_oom_task& record)
{
    OomVictim* victim = victim_of(record.tgid);
    if (victim == nullptr || victim->freed_ns)
        return;
    victim->freed_ns = record.hdr.ts_ns;
    if (record.usage_bytes != kUnknown)
        victim->usage_after_bytes = record.usage_bytes;
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
    std::erase_if(stalls_, [&](const auto& of) {
        return elapsed(of.second.back().end_ns, now_ns) > 2 * kPendingNs;
    });
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

// __oom_kill_process() sends SIGKILL to the processes that share the victim's memory as well, and marks
// none of them: they are what the task that asked for memory has killed without marking it.
void OomAssembler::find_sharers(Episode& episode)
{
    OomEpisode& value = episode.value;
    if (value.trigger_tid == 0)
        return;
    std::erase_if(pending_, [&](const Pending& pending) {
        const fb_oom_task& record = pending.record;
        const bool its = !pending.is_exit && record.how == FB_SIG_KERNEL &&
                         record.current_tid == value.trigger_tid && record.hdr.ts_ns >= value.ts_ns &&
                         elapsed(episode.last_ns, record.hdr.ts_ns) <= kQuietNs;
        if (!its)
            return false;
        value.sharers.push_back({.tid = record.tid,
                                 .tgid = record.tgid,
                                 .comm = comm_of(record.comm),
                                 .sigkill_ns = record.hdr.ts_ns,
                                 .exit_ns = pending.gone_ns});
        episode.sharer_cgroups.push_back(pending.cgroup);
        return true;
    });
}

// Back from the decision, round by round, as far as they belong to one allocation.
void OomAssembler::find_reclaim(Episode& episode)
{
    const auto found = stalls_.find(episode.value.trigger_tid);
    if (!episode.value.decision_seen || found == stalls_.end())
        return;
    std::deque<Stall>& stalls = found->second;
    std::ranges::sort(stalls, {}, &Stall::end_ns);  // its rounds may come from two CPUs
    OomReclaim sum;
    std::uint64_t next_ns = episode.value.ts_ns;
    for (auto it = stalls.rbegin(); it != stalls.rend(); ++it) {
        if (it->end_ns > episode.value.ts_ns)
            continue;
        if (elapsed(it->end_ns, next_ns) > kReclaimGapNs)
            break;
        ++sum.rounds;
        sum.ns += it->end_ns - it->begin_ns;
        sum.pages += it->pages;
        next_ns = it->begin_ns;
    }
    if (sum.rounds > 0)
        episode.value.reclaim = sum;
}

void OomAssembler::close(Episode& episode)
{
    find_sharers(episode);
    find_reclaim(episode);
    put_names(episode.value, episode);
}

void OomAssembler::put_names(OomEpisode& value, const Episode& episode)
{
    value.domain = value.global ? "/" : name_of(episode.domain);
    value.trigger_cgroup = name_of(episode.trigger);
    value.group_cgroup = name_of(episode.group);
    for (std::size_t i = 0; i < value.victims.size(); ++i)
        value.victims[i].cgroup = name_of(episode.victim_cgroups[i]);
    for (std::size_t i = 0; i < value.members.size(); ++i)
        value.members[i].cgroup = name_of(episode.member_cgroups[i]);
    for (std::size_t i = 0; i < value.sharers.size(); ++i)
        value.sharers[i].cgroup = name_of(episode.sharer_cgroups[i]);
}

std::vector<OomEpisode> OomAssembler::open_episodes() const
{
    std::vector<OomEpisode> result;
    for (const Episode& episode : episodes_) {
        result.push_back(episode.value);
        put_names(result.back(), episode);
    }
    return result;
}

// The kernel may have skipped the program that tells of the last thread. The main thread's exit, which another one
// tells, is the next best thing when nothing better has come within a second.
void OomAssembler::take_leader_exits(Episode& episode, std::uint64_t now_ns)
{
    for (OomVictim& victim : episode.value.victims) {
        const auto exit = episode.leader_exits.find(victim.tgid);
        if (!victim.exit_ns && exit != episode.leader_exits.end() && elapsed(exit->second, now_ns) >= kFreedNs)
            victim.exit_ns = exit->second;
    }
}

bool OomAssembler::complete(const Episode& episode, std::uint64_t now_ns, bool wait_for_freed)
{
    if (elapsed(episode.last_ns, now_ns) < kQuietNs)
        return false;
    if (elapsed(episode.last_ns, now_ns) >= kPatienceNs)
        return true;
    // A decision without a mark: the kernel is writing its report, or the chosen one was dying already.
    if (episode.value.victims.empty() && elapsed(episode.last_ns, now_ns) < kReportNs)
        return false;
    return std::ranges::all_of(episode.value.victims, [&](const OomVictim& victim) {
        const bool freed = !wait_for_freed || victim.freed_ns;
        return victim.exit_ns && (freed || elapsed(*victim.exit_ns, now_ns) >= kFreedNs);
    });
}

void OomAssembler::forget_before(std::uint64_t now_ns)
{
    forget_pending_before(now_ns);
    while (!past_.empty() && past_.front().gone_ns != kUnknown &&
           elapsed(past_.front().gone_ns, now_ns) > 2 * kCascadeNs)
        past_.pop_front();
    forget_stalls_before(now_ns);
}

std::vector<OomEpisode> OomAssembler::take_complete(std::uint64_t now_ns, bool wait_for_freed)
{
    std::vector<OomEpisode> result;
    for (Episode& episode : episodes_) {
        if (!episode.leader_exits.empty())
            take_leader_exits(episode, now_ns);
    }
    while (!episodes_.empty() && complete(episodes_.front(), now_ns, wait_for_freed)) {
        Episode& episode = episodes_.front();
        close(episode);
        const std::uint64_t gone = gone_ns(episode.value);
        if (episode.value.decision_seen)
            past_.push_back({episode.value.ts_ns, gone == kUnknown ? now_ns : gone, episode.domain});
        std::erase_if(latest_, [&](const auto& entry) { return entry.second.episode == number_; });
        for (const OomVictim& victim : episode.value.victims)
            tgid_of_.erase(victim.tid);
        result.push_back(std::move(episode.value));
        episodes_.pop_front();
        ++number_;
    }
    forget_before(now_ns);
    return result;
}

std::vector<OtherKill> OomAssembler::take_other_kills()
{
    std::vector<OtherKill> result;
    for (auto& [kill, cgroup] : other_kills_) {
        kill.cgroup = name_of(cgroup);
        result.push_back(std::move(kill));
    }
    other_kills_.clear();
    return result;
}

std::vector<OomEpisode> OomAssembler::finish()
{
    std::vector<OomEpisode> result;
    for (Episode& episode : episodes_) {
        close(episode);
        result.push_back(std::move(episode.value));
    }
    for (const Pending& pending : pending_)
        drop(pending);
    pending_.clear();
    episodes_.clear();
    latest_.clear();
    std::ranges::stable_sort(result, {}, &OomEpisode::ts_ns);
    return result;
}

}  // namespace flyball::profile
