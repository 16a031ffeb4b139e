// SPDX-License-Identifier: Apache-2.0
// Puts the records of OOM kills together into episodes.
//
// The kernel decides and marks under oom_lock, one kill at a time: decision, policy, then
// SIGKILL and mark of each victim; before that it scans the tasks below the limit. Exits and the
// reaper come whenever they come. Processes are joined by tgid, since the marked task may be any
// thread that still has the mm.
//
// Two ways to use it: finish() once at the end, or take_complete() now and then, which keeps its
// memory bounded by what is under way.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/profile/snapshot.hpp"
#include "names.hpp"

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace flyball::profile {

class OomAssembler {
public:
    // Without group policy (cgroup v1) every mark of another process is a kill of its own.
    // sees_done: FB_EV_OOM_DONE is observed.
    OomAssembler(bool groups_exist, bool sees_done) : groups_exist_(groups_exist), sees_done_(sees_done) {}

    // One record of the control ring. False: too short, or none of an OOM kill.
    [[nodiscard]] bool on_control(Names& names, std::uint16_t type, std::span<const std::byte> bytes);
    // What the stream adds: reclaim before a kill, exits of those that are killed along.
    void on_event(const fb_event& event);

    // Ends it: episodes in time order, cgroups by their names of now.
    [[nodiscard]] std::vector<OomEpisode> finish();

    // Those that nothing more is expected of, in the order of their beginnings. One whose victims do
    // not go holds up those after it, but for no longer than the patience: then it is given as it is.
    // Records up to now_ns must have been handed over. wait_for_freed: FB_EV_OOM_FREED is observed.
    [[nodiscard]] std::vector<OomEpisode> take_complete(std::uint64_t now_ns, bool wait_for_freed);
    // The one that began then, as it is: who recorded it found it complete at now_ns. Those before it come with it.
    [[nodiscard]] std::vector<OomEpisode> take_told(std::uint64_t ts_ns, std::uint64_t now_ns);
    // Begun and not yet given out.
    [[nodiscard]] bool open() const { return !(episodes_.empty() && shortages_.empty()); }
    [[nodiscard]] std::vector<OomEpisode> open_episodes() const;
    // A cgroup of the memory hierarchy is removed: what it has counted last, and nothing more.
    void on_removed(Names& names, const fb_cgroup& record);
    // Makes episodes of what has been counted, and nothing accounts for.
    void account(std::uint64_t now_ns);
    // The entities that it speaks of.
    [[nodiscard]] std::set<const Entity*> held() const;

    // SIGKILLs that were not the OOM killer's, in time order, since the last call. Kept from keep_other_kills() on.
    void keep_other_kills() { keep_other_kills_ = true; }
    [[nodiscard]] std::vector<OtherKill> take_other_kills();

    // SIGKILLs of processes that the OOM killer had not chosen; final after finish().
    [[nodiscard]] std::uint64_t sigkills_not_oom() const { return sigkills_not_oom_; }

private:
    struct Episode {
        OomEpisode value;
        Entity* domain = nullptr;
        Entity* trigger = nullptr;
        Entity* group = nullptr;
        // parallel to the lists of value
        std::vector<Entity*> victim_cgroups, member_cgroups, sharer_cgroups;
        std::uint64_t last_ns = 0;             // decision or latest mark
        std::optional<std::uint64_t> done_ns;  // all its SIGKILLs are sent
        std::uint64_t counted = 0;             // without a kill: how often, by the kernel's counters
        std::unordered_map<std::uint32_t, std::uint64_t> leader_exits;  // of victims: tgid -> ns
    };
    struct VictimRef {
        std::uint64_t episode;  // number_ + index
        std::size_t victim;
    };
    // A SIGKILL or an exit whose mark may still come.
    struct Pending {
        bool is_exit;
        fb_oom_task record;
        Entity* cgroup;
        Entity* sender;
        std::optional<std::uint64_t> gone_ns;  // its task's exit
        // A SIGKILL: the number of the episode whose killer sent it. It may be that of one which shares a victim's
        // memory, and is kept for as long as that episode is open.
        std::optional<std::uint64_t> kill;
    };
    // What the scan under way has met; it ends in a decision, or comes to nothing.
    struct Scan {
        std::uint32_t tid = 0;  // of the task that scans
        std::uint64_t last_ns = 0;
        std::vector<OomMember> members;
        std::vector<Entity*> cgroups;
    };
    // An episode that was given out: a later one may follow from it, and it accounts for what is counted late.
    struct Past {
        std::uint64_t ts_ns, gone_ns;
        Entity* domain;
        bool decision_seen = true;
    };
    // What the kernel's log said, with the tasks that it listed; kept until its episode is complete.
    struct Report {
        fb_oom_report record;
        Entity* domain;  // nullptr: no cgroup that is known has its path
        std::uint64_t domain_id;
        std::vector<OomMember> members;
    };
    // A memcg that is at its limit and stalled: since when, and what it had counted then.
    struct Stuck {
        std::uint64_t since_ns = 0;
        fb_memcg begin{};
    };
    // A memcg has counted something between two readings. What accounts for it may still come.
    struct Growth {
        Entity* cgroup;
        std::uint64_t id, at_ns, oom, kills;
        fb_memcg record;
    };
    struct Stall {
        std::uint64_t begin_ns, end_ns, pages;
    };

    void on_decision(Names& names, const fb_oom_kill& record);
    void on_policy(Names& names, const fb_oom_group& record);
    void on_marked(Names& names, const fb_oom_task& record);
    void on_sigkill(Names& names, const fb_oom_task& record);
    void on_exit(const fb_oom_task& record);
    void on_reaped(const fb_oom_task& record);
    void on_member(Names& names, const fb_oom_member& record);
    void on_freed(const fb_oom_task& record);
    void on_done(const fb_oom_done& record);
    void on_nobody(Names& names, const fb_oom_nobody& record);
    void on_memcg(Names& names, const fb_memcg& record);
    void look_for_livelock(Names& names, const fb_memcg& last, const fb_memcg& record);
    void on_report(Names& names, const fb_oom_report& record);
    Episode& shortage(OomEpisode::Kind kind, std::uint64_t ts_ns, Entity& domain, std::uint64_t id);
    using Kinds = std::initializer_list<OomEpisode::Kind>;
    [[nodiscard]] bool looked_again(Entity& domain, std::optional<std::uint32_t> asker) const;
    [[nodiscard]] Episode* open_shortage(const Entity& domain, std::uint64_t ts_ns, Kinds kinds);
    [[nodiscard]] bool accounted(const Growth& growth, bool kills);
    void find_report(Episode& episode);
    static void apply(const Report& report, Episode& episode);
    [[nodiscard]] static bool shortage_complete(const Episode& episode, std::uint64_t now_ns);
    void take_shortages(std::uint64_t now_ns, std::optional<std::uint64_t> told_ns, std::vector<OomEpisode>& into);
    void take_front(std::uint64_t now_ns, std::vector<OomEpisode>& into);
    void take_leader_exits(std::uint64_t now_ns);
    void on_stall(const fb_stall& stall);
    void on_task_exit(const fb_task& task);

    Episode& open(std::uint64_t ts_ns, Entity& domain);
    void close(Episode& episode, std::uint64_t number);
    static void put_names(OomEpisode& value, const Episode& episode);
    void follow(Episode& episode);
    void find_sharers(Episode& episode, std::uint64_t number);
    [[nodiscard]] std::optional<std::uint64_t> kill_under_way(std::uint32_t killer_tid) const;
    void find_reclaim(Episode& episode);
    [[nodiscard]] static std::uint64_t gone_ns(const OomEpisode& episode);
    static void take_leader_exits(Episode& episode, std::uint64_t now_ns);
    [[nodiscard]] bool complete(const Episode& episode, std::uint64_t now_ns, bool wait_for_freed) const;
    void forget_before(std::uint64_t now_ns);
    void forget_stalls_before(std::uint64_t now_ns);
    Episode* episode_of_mark(const fb_oom_task& record, Entity& cgroup);
    Episode* episode_of_policy(const fb_oom_group& record);
    OomVictim* victim_of(std::uint32_t tgid);
    bool already_marked(const fb_oom_task& record);
    void claim_pending(OomVictim& victim, std::uint64_t marked_ns);
    void forget_pending_before(std::uint64_t now_ns);
    void drop(const Pending& pending);

    bool groups_exist_, sees_done_;
    std::deque<Episode> episodes_;
    std::uint64_t number_ = 0;                                  // of episodes_.front(): those given out are counted
    std::unordered_map<std::uint32_t, VictimRef> latest_;       // by tgid
    std::unordered_map<std::uint32_t, std::uint32_t> tgid_of_;  // marked thread -> process
    std::deque<Pending> pending_;
    std::uint64_t sigkills_not_oom_ = 0;
    Scan scan_;
    std::deque<Past> past_;
    // Out of memory, and nobody was killed: they hold up nobody.
    std::vector<Episode> shortages_;
    std::unordered_map<std::uint64_t, fb_memcg> counted_;  // by id: the latest
    bool counts_ = false;                                  // they are read here
    std::unordered_map<std::uint64_t, Stuck> stuck_;       // by id
    std::vector<Growth> growths_;
    std::vector<OomMember> logged_;  // for the report that comes after them
    std::deque<Report> reports_;
    std::deque<Past> told_shortages_;
    std::unordered_map<std::uint32_t, std::deque<Stall>> stalls_;  // by tid: the latest few
    bool keep_other_kills_ = false;
    struct Other {
        OtherKill value;
        Entity* cgroup;
        Entity* sender;  // nullptr: not recorded
    };
    std::vector<Other> other_kills_;
};

// For what its Meta says was observed.
[[nodiscard]] OomAssembler assembler_for(const Meta& meta);

}  // namespace flyball::profile
