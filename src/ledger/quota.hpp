// SPDX-License-Identifier: Apache-2.0
// What each cpu.max did: whom it stopped, who had spent it, and which one would have been enough.
//
// docs/ledger-quota.md has the formulas, their sources and their limits. Gets the events of a run in the
// order of their times. Memory is bounded by cgroups, by tasks that are held, and a fixed amount for each
// cgroup whose own limit throttles. Not thread-safe.
#pragma once

#include "flyball/abi/events.h"
#include "hierarchy.hpp"
#include "quota_spell.hpp"
#include "quota_throttler.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

namespace flyball::ledger {

class Quotas {
public:
    // hierarchy: the cpu controller's. It stays with the caller, lives as long, and may grow meanwhile.
    Quotas(const Hierarchy& hierarchy, std::uint32_t cpus_online);

    void on_switch(const fb_switch& event);
    void on_held(const fb_held& event);
    void on_throttle(const fb_throttle& event);

    // One for each cgroup whose own limit throttled or held, worst first.
    [[nodiscard]] std::vector<QuotaFinding> finish(const QuotaContext& context) &&;

private:
    using Chain = std::vector<Throttler*>;

    // What is known of a CPU now.
    struct Cpu {
        RunSlice running;  // end_ns, ran_ns: not yet known
        bool busy = false;
        std::optional<fb_held> held;  // precedes the switch-in that it belongs to
    };

    Throttler* throttler(std::uint64_t id, std::uint64_t at_ns);
    Throttler* throttler_of(const fb_held& event);
    const Chain& chain_of(std::uint64_t cgroup_id);
    Cpu& cpu(std::uint32_t number);

    void leave(const fb_switch& event);
    void enter(const fb_switch& event, Cpu& cpu);
    void place(const RunSlice& slice, Spell* spell);
    void look_back(Throttler& fresh, std::uint64_t at_ns);
    void cover(Throttler& throttler, std::uint64_t until_ns);
    void settle(Spell& spell, bool paused) { spell.settle(paused, chain_of(spell.cgroup_id())); }
    Spell& spell_of(std::uint32_t tid, std::uint64_t cgroup_id, std::uint64_t at_ns);
    void sweep(std::uint64_t now_ns);

    const Hierarchy& hierarchy_;
    std::uint32_t cpus_online_;
    RunLog log_;
    std::vector<Cpu> cpus_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Throttler>> throttlers_;  // by cgroup
    std::unordered_map<std::uint64_t, Chain> chains_;                           // by cgroup, as asked for
    std::uint64_t chains_version_ = 0;
    std::unordered_map<std::uint32_t, Spell> spells_;  // by tid, of tasks that are or were held
    std::size_t sweep_at_ = 1024;
};

}  // namespace flyball::ledger
