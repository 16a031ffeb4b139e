// SPDX-License-Identifier: Apache-2.0
// Puts the records of OOM kills together into episodes.
//
// The kernel decides and marks under oom_lock, one kill at a time: decision, policy, then
// SIGKILL and mark of each victim. Exits and the reaper come whenever they come. Processes are
// joined by tgid, since the marked task may be any thread that still has the mm.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/profile/snapshot.hpp"
#include "names.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace flyball::profile {

class OomAssembler {
public:
    void on_decision(Names& names, const fb_oom_kill& record);
    void on_policy(Names& names, const fb_oom_group& record);
    void on_marked(Names& names, const fb_oom_task& record);
    void on_sigkill(const fb_oom_task& record);
    void on_exit(const fb_oom_task& record);
    void on_reaped(const fb_oom_task& record);

    // Ends it: episodes in time order, cgroups by their names of now.
    [[nodiscard]] std::vector<OomEpisode> finish();

    // SIGKILLs of processes that the OOM killer had not chosen; final after finish().
    [[nodiscard]] std::uint64_t sigkills_not_oom() const { return sigkills_not_oom_; }

private:
    struct Episode {
        OomEpisode value;
        Entity* domain = nullptr;
        Entity* trigger = nullptr;
        Entity* group = nullptr;
        std::vector<Entity*> victim_cgroups;  // parallel to value.victims
        std::uint64_t last_ns = 0;            // decision or latest mark
    };
    struct VictimRef {
        std::size_t episode;
        std::size_t victim;
    };
    // A SIGKILL or an exit whose mark may still come.
    struct Pending {
        bool is_exit;
        fb_oom_task record;
    };

    Episode& open(std::uint64_t ts_ns, Entity& domain);
    Episode* episode_of_mark(const fb_oom_task& record, Entity& cgroup);
    Episode* episode_of_policy(const fb_oom_group& record);
    OomVictim* victim_of(std::uint32_t tgid);
    bool already_marked(const fb_oom_task& record);
    void claim_pending(OomVictim& victim, std::uint64_t marked_ns);
    void forget_pending_before(std::uint64_t now_ns);
    void drop(const Pending& pending);

    std::vector<Episode> episodes_;
    std::unordered_map<std::uint32_t, VictimRef> latest_;       // by tgid
    std::unordered_map<std::uint32_t, std::uint32_t> tgid_of_;  // marked thread -> process
    std::deque<Pending> pending_;
    std::uint64_t sigkills_not_oom_ = 0;
};

}  // namespace flyball::profile
