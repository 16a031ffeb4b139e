// SPDX-License-Identifier: Apache-2.0
// OomAssembler: when an episode is complete, and what is found out about it then.
#include "oom_assembler.hpp"
#include "oom_joining.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace flyball::profile {

using namespace detail;

namespace {

// An episode is told when nothing has happened in it for so long ...
constexpr std::uint64_t kQuietNs = 250'000'000;
// ... an exit is followed by its memory within this, or nobody will tell of it ...
constexpr std::uint64_t kFreedNs = 1'000'000'000;
// ... a report to the console takes no longer ...
constexpr std::uint64_t kReportNs = 5'000'000'000;
// ... and a victim that will not go is waited for so long: among hundreds that want the CPU it takes its turn too.
constexpr std::uint64_t kPatienceNs = 30'000'000'000;
// What is counted for a kill is accounted for within this.
constexpr std::uint64_t kPastNs = 40'000'000'000;
// Between two rounds of reclaim of one allocation (MAX_RECLAIM_RETRIES in mm/memcontrol.c).
constexpr std::uint64_t kReclaimGapNs = 20'000'000;

std::string name_of(Entity* entity)
{
    return entity == nullptr ? std::string() : resolve(entity)->profile.path;
}

}  // namespace

// __oom_kill_process() sends SIGKILL to the processes that share the victim's memory as well, and marks
// none of them: they are what the task that asked for memory has killed without marking it.
void OomAssembler::find_sharers(Episode& episode, std::uint64_t number)
{
    OomEpisode& value = episode.value;
    std::erase_if(pending_, [&](const Pending& pending) {
        const fb_oom_task& record = pending.record;
        if (pending.kill != number)
            return false;
        const bool in_time = episode.done_ns ? record.hdr.ts_ns <= *episode.done_ns
                                             : elapsed(episode.last_ns, record.hdr.ts_ns) <= kQuietNs;
        if (!in_time)
            return false;
        value.sharers.push_back({.tid = record.tid,
                                 .tgid = record.tgid,
                                 .comm = field_text(record.comm),
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

void OomAssembler::close(Episode& episode, std::uint64_t number)
{
    find_sharers(episode, number);
    find_reclaim(episode);
    find_report(episode);
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
    for (const Episode& episode : shortages_) {
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

bool OomAssembler::complete(const Episode& episode, std::uint64_t now_ns, bool wait_for_freed) const
{
    if (elapsed(episode.last_ns, now_ns) < kQuietNs)
        return false;
    if (elapsed(episode.last_ns, now_ns) >= kPatienceNs)
        return true;
    // Between a mark and the SIGKILLs of those that share the memory it writes to the console.
    if (sees_done_ && episode.value.decision_seen && !episode.done_ns && elapsed(episode.last_ns, now_ns) < kReportNs)
        return false;
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
    // A scan that came to nothing.
    if (!scan_.cgroups.empty() && elapsed(scan_.last_ns, now_ns) > kReportedNs)
        scan_ = {};
    while (!past_.empty() && elapsed(past_.front().gone_ns, now_ns) > kPastNs)
        past_.pop_front();
    while (!told_shortages_.empty() && elapsed(told_shortages_.front().gone_ns, now_ns) > kReportedNs)
        told_shortages_.pop_front();
    while (!reports_.empty() && elapsed(reports_.front().record.hdr.ts_ns, now_ns) > kReportedNs)
        reports_.pop_front();
    forget_stalls_before(now_ns);
}

void OomAssembler::take_leader_exits(std::uint64_t now_ns)
{
    for (Episode& episode : episodes_) {
        if (!episode.leader_exits.empty())
            take_leader_exits(episode, now_ns);
    }
}

void OomAssembler::take_front(std::uint64_t now_ns, std::vector<OomEpisode>& into)
{
    Episode& episode = episodes_.front();
    close(episode, number_);
    const std::uint64_t gone = gone_ns(episode.value);
    past_.push_back(
        {episode.value.ts_ns, gone == kUnknown ? now_ns : gone, episode.domain, episode.value.decision_seen});
    std::erase_if(latest_, [&](const auto& entry) { return entry.second.episode == number_; });
    for (const OomVictim& victim : episode.value.victims)
        tgid_of_.erase(victim.tid);
    into.push_back(std::move(episode.value));
    episodes_.pop_front();
    ++number_;
}

std::vector<OomEpisode> OomAssembler::take_complete(std::uint64_t now_ns, bool wait_for_freed)
{
    std::vector<OomEpisode> result;
    take_leader_exits(now_ns);
    while (!episodes_.empty() && complete(episodes_.front(), now_ns, wait_for_freed))
        take_front(now_ns, result);
    account(now_ns);
    take_shortages(now_ns, std::nullopt, result);
    forget_before(now_ns);
    return result;
}

std::vector<OomEpisode> OomAssembler::take_told(std::uint64_t ts_ns, std::uint64_t now_ns)
{
    std::vector<OomEpisode> result;
    take_leader_exits(now_ns);
    account(now_ns);
    const auto begun = [&](const Episode& episode) { return episode.value.ts_ns == ts_ns; };
    if (std::ranges::any_of(episodes_, begun)) {
        while (result.empty() || result.back().ts_ns != ts_ns)
            take_front(now_ns, result);
    } else {
        take_shortages(now_ns, ts_ns, result);
    }
    forget_before(now_ns);
    return result;
}

std::set<const Entity*> OomAssembler::held() const
{
    std::set<const Entity*> all;
    const auto hold = [&](const Episode& episode) {
        all.insert({episode.domain, episode.trigger, episode.group});
        for (const auto* list : {&episode.victim_cgroups, &episode.member_cgroups, &episode.sharer_cgroups})
            all.insert(list->begin(), list->end());
    };
    std::ranges::for_each(episodes_, hold);
    std::ranges::for_each(shortages_, hold);
    for (const auto* list : {&past_, &told_shortages_}) {
        for (const Past& past : *list)
            all.insert(past.domain);
    }
    for (const Pending& pending : pending_)
        all.insert({pending.cgroup, pending.sender});
    for (const Other& other : other_kills_)
        all.insert({other.cgroup, other.sender});
    for (const Growth& growth : growths_)
        all.insert(growth.cgroup);
    for (const Report& report : reports_)
        all.insert(report.domain);
    all.insert(scan_.cgroups.begin(), scan_.cgroups.end());
    all.erase(nullptr);
    return all;
}

std::vector<OtherKill> OomAssembler::take_other_kills()
{
    std::vector<OtherKill> result;
    for (auto& [kill, cgroup, sender] : other_kills_) {
        kill.cgroup = name_of(cgroup);
        kill.sender_cgroup = name_of(sender);
        result.push_back(std::move(kill));
    }
    other_kills_.clear();
    return result;
}

std::vector<OomEpisode> OomAssembler::finish()
{
    account(kUnknown);
    std::vector<OomEpisode> result;
    take_shortages(kUnknown, std::nullopt, result);
    std::uint64_t number = number_;
    for (Episode& episode : episodes_) {
        close(episode, number++);
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
