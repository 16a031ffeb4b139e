// SPDX-License-Identifier: Apache-2.0
// OomAssembler: which kill a mark belongs to, and the SIGKILLs and exits of victims.
#include "oom_assembler.hpp"
#include "oom_joining.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace flyball::profile {

using namespace detail;

namespace {

// A mark belongs to a decision, or to the mark before it, that is not older. Marks of one group
// kill follow each other within microseconds; a second leaves room for a starved machine.
constexpr std::uint64_t kEpisodeGapNs = 1'000'000'000;
// Marks that no decision was seen for are one kill when they are this close. Two kills in a row
// need a new charge and a new scan of the tasks in between.
constexpr std::uint64_t kBlindGapNs = 100'000'000;
constexpr std::int32_t kFromKernel = 0x80;  // SI_KERNEL

std::uint64_t distance(std::uint64_t a, std::uint64_t b)
{
    return a > b ? a - b : b - a;
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
    case FB_SIG_KERNEL:
        return OtherKill::By::Kernel;
    case FB_SIG_NOINFO:
        return OtherKill::By::Cgroup;
    case FB_SIG_USER:
        return OtherKill::By::User;
    default:
        return OtherKill::By::Unknown;
    }
}

}  // namespace

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
            const bool related = maybe_inside(&cgroup, episode.domain) || maybe_inside(episode.domain, &cgroup);
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
        episode->value.domain_id = record.hdr.cgroup_id;
        episode->value.trigger_tid = record.current_tid;
        episode->value.trigger_comm = field_text(record.current_comm);
    }

    OomVictim victim;
    victim.tid = record.tid;
    victim.tgid = record.tgid;
    victim.comm = field_text(record.comm);
    victim.cgroup_id = record.hdr.cgroup_id;
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
    kill.comm = field_text(record.comm);
    kill.by = sender_of(record);
    kill.sender_tid = record.sender_tid;
    kill.sender_comm = field_text(record.current_comm);
    other_kills_.push_back({std::move(kill), pending.cgroup, pending.sender});
}

// Called with each record: looks at no more than the old ones, which are in front.
void OomAssembler::forget_pending_before(std::uint64_t now_ns)
{
    const auto young = std::ranges::find_if(
        pending_, [&](const Pending& pending) { return elapsed(pending.record.hdr.ts_ns, now_ns) <= kPendingNs; });
    const auto gone = std::remove_if(pending_.begin(), young, [&](const Pending& pending) {
        if (pending.kill && *pending.kill >= number_)
            return false;  // its episode is open
        drop(pending);
        return true;
    });
    pending_.erase(gone, young);
}

// Of the latest decision or mark of this task, as long as it may go on killing.
std::optional<std::uint64_t> OomAssembler::kill_under_way(std::uint32_t killer_tid) const
{
    if (killer_tid == 0)
        return {};
    for (std::size_t i = episodes_.size(); i-- > 0;) {
        if (episodes_[i].value.trigger_tid == killer_tid)
            return episodes_[i].done_ns ? std::nullopt : std::optional(number_ + i);
    }
    return {};
}

void OomAssembler::on_done(const fb_oom_done& record)
{
    if (const auto number = kill_under_way(record.tid))
        episodes_[*number - number_].done_ns = record.hdr.ts_ns;
}

void OomAssembler::on_sigkill(Names& names, const fb_oom_task& record)
{
    forget_pending_before(record.hdr.ts_ns);
    Entity* const sender =
        record.current_cgroup_id == 0 ? nullptr : &names.of(Controller::Memory, record.current_cgroup_id);
    const Pending pending{false, record, &names.of(Controller::Memory, record.hdr.cgroup_id), sender, {}, {}};
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
        if (record.how == FB_SIG_KERNEL)
            pending_.back().kill = kill_under_way(record.current_tid);
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
        pending_.push_back({true, record, nullptr, nullptr, {}, {}});
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

}  // namespace flyball::profile
