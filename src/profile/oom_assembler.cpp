// SPDX-License-Identifier: Apache-2.0
#include "oom_assembler.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

namespace flyball::profile {
namespace {

constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
// A mark belongs to a decision, or to the mark before it, that is not older. Marks of one group
// kill follow each other within microseconds; a second leaves room for a starved machine.
constexpr std::uint64_t kEpisodeGapNs = 1'000'000'000;
// Marks that no decision was seen for are one kill when they are this close. Two kills in a row
// need a new charge and a new scan of the tasks in between.
constexpr std::uint64_t kBlindGapNs = 100'000'000;
// __oom_kill_process() sends SIGKILL first and marks next, with nothing but task_lock between.
constexpr std::uint64_t kPendingNs = 1'000'000'000;
constexpr std::int32_t kFromKernel = 0x80;  // SI_KERNEL

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
    if (record.usage_bytes != kUnknown)
        victim.usage_after_bytes = record.usage_bytes;
}

std::string name_of(Entity* entity)
{
    return entity == nullptr ? std::string() : resolve(entity)->profile.path;
}

}  // namespace

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
    value.victim_comm = comm_of(record.victim_comm);
    value.victim_tgid = record.victim_tgid;
    value.limit_bytes = record.limit_bytes;
    value.usage_bytes = record.usage_bytes;
    value.swap_bytes = record.swap_bytes;
}

OomAssembler::Episode* OomAssembler::episode_of_policy(const fb_oom_group& record)
{
    for (auto it = episodes_.rbegin(); it != episodes_.rend(); ++it) {
        if (elapsed(it->last_ns, record.hdr.ts_ns) > kEpisodeGapNs)
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
    if (record.hdr.cgroup_id != 0)
        episode->group = &names.of(Controller::Memory, record.hdr.cgroup_id);
}

OomAssembler::Episode* OomAssembler::episode_of_mark(const fb_oom_task& record, Entity& cgroup)
{
    for (auto it = episodes_.rbegin(); it != episodes_.rend(); ++it) {
        Episode& episode = *it;
        const OomEpisode& value = episode.value;
        const std::uint64_t age = elapsed(episode.last_ns, record.hdr.ts_ns);
        if (age > kEpisodeGapNs)
            break;
        const bool blind = !value.decision_seen && !value.group_policy;
        if (blind) {
            const bool related =
                maybe_inside(&cgroup, episode.domain) || maybe_inside(episode.domain, &cgroup);
            if (age <= kBlindGapNs && related)
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
    return &episodes_[found->second.episode].value.victims[found->second.victim];
}

// The kernel marks threads: a second thread of a process that is already a victim is no second
// victim. But a later decision that names the process means a new one with an old number.
bool OomAssembler::already_marked(const fb_oom_task& record)
{
    const OomVictim* victim = victim_of(record.tgid);
    if (victim == nullptr || victim->exit_ns)
        return false;
    const std::size_t marked_in = latest_.at(record.tgid).episode;
    const Episode& newest = episodes_.back();
    const bool chosen_again = marked_in + 1 < episodes_.size() && newest.value.victim_tgid == record.tgid &&
                              elapsed(newest.last_ns, record.hdr.ts_ns) <= kEpisodeGapNs;
    return !chosen_again;
}

void OomAssembler::on_marked(Names& names, const fb_oom_task& record)
{
    tgid_of_[record.tid] = record.tgid;
    if (already_marked(record))
        return;
    Entity& cgroup = names.of(Controller::Memory, record.hdr.cgroup_id);
    Episode* episode = episode_of_mark(record, cgroup);
    if (episode == nullptr)
        episode = &open(record.hdr.ts_ns, cgroup);

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
    latest_[record.tgid] = {static_cast<std::size_t>(episode - episodes_.data()),
                            episode->value.victims.size() - 1};
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
    if (!pending.is_exit)
        ++sigkills_not_oom_;
}

void OomAssembler::forget_pending_before(std::uint64_t now_ns)
{
    while (!pending_.empty() && elapsed(pending_.front().record.hdr.ts_ns, now_ns) > kPendingNs) {
        drop(pending_.front());
        pending_.pop_front();
    }
}

void OomAssembler::on_sigkill(const fb_oom_task& record)
{
    forget_pending_before(record.hdr.ts_ns);
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
        pending_.push_back({false, record});
    } else {
        ++sigkills_not_oom_;
    }
}

void OomAssembler::on_exit(const fb_oom_task& record)
{
    forget_pending_before(record.hdr.ts_ns);
    if (OomVictim* victim = victim_of(record.tgid); victim != nullptr && !victim->exit_ns) {
        fill_exit(*victim, record);
    } else {
        // v6.16 moved the exit tracepoint ahead of exit_mm(): it may overtake the mark.
        pending_.push_back({true, record});
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

std::vector<OomEpisode> OomAssembler::finish()
{
    for (const Pending& pending : pending_)
        drop(pending);
    pending_.clear();
    std::vector<OomEpisode> result;
    for (Episode& episode : episodes_) {
        OomEpisode& value = episode.value;
        value.domain = value.global ? "/" : name_of(episode.domain);
        value.trigger_cgroup = name_of(episode.trigger);
        value.group_cgroup = name_of(episode.group);
        for (std::size_t i = 0; i < value.victims.size(); ++i) {
            value.victims[i].cgroup = name_of(episode.victim_cgroups[i]);
        }
        result.push_back(std::move(value));
    }
    episodes_.clear();
    latest_.clear();
    std::ranges::stable_sort(result, {}, &OomEpisode::ts_ns);
    return result;
}

}  // namespace flyball::profile
