// SPDX-License-Identifier: Apache-2.0
#include "quota.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace flyball::ledger {
namespace {

// Damaged records: times are signed and added up.
constexpr std::uint64_t kNever = std::uint64_t{1} << 62;
// A task that has slept so long is a finished spell, dead or alive.
constexpr std::uint64_t kLongSleepNs = 1'000'000'000;
// How far the demand before a cgroup's first episode is told.
constexpr std::uint64_t kLookBackNs = 30'000'000'000;

std::uint64_t before(std::uint64_t at_ns, std::uint64_t duration_ns)
{
    return at_ns - std::min(at_ns, duration_ns);
}

}  // namespace

Quotas::Quotas(const Hierarchy& hierarchy, std::uint32_t cpus_online)
    : hierarchy_(hierarchy), cpus_online_(std::max(cpus_online, 1U))
{
}

Quotas::Cpu& Quotas::cpu(std::uint32_t number)
{
    if (number >= cpus_.size())
        cpus_.resize(number + 1);
    return cpus_[number];
}

const Quotas::Chain& Quotas::chain_of(std::uint64_t cgroup_id)
{
    if (chains_version_ != hierarchy_.version()) {
        chains_.clear();
        chains_version_ = hierarchy_.version();
    }
    const auto [entry, fresh] = chains_.try_emplace(cgroup_id);
    if (fresh) {
        hierarchy_.upwards(cgroup_id, [&](std::uint64_t id) {
            const auto found = throttlers_.find(id);
            if (found == throttlers_.end())
                return true;
            Throttler* const its = found->second.get();
            const bool again = std::ranges::find(entry->second, its) != entry->second.end();  // a circle
            if (!again)
                entry->second.push_back(its);
            return !again;
        });
    }
    return entry->second;
}

Throttler* Quotas::throttler(std::uint64_t id, std::uint64_t at_ns)
{
    auto& entry = throttlers_[id];
    if (!entry) {
        entry = std::make_unique<Throttler>(id, at_ns);
        chains_.clear();
        look_back(*entry, at_ns);
    }
    return entry.get();
}

// Nobody knew that this cgroup's demand would be of interest.
void Quotas::look_back(Throttler& fresh, std::uint64_t at_ns)
{
    fresh.demand_since_ns = std::max(log_.complete_since_ns(), before(at_ns, kLookBackNs));
    std::vector<const RunSlice*> slices;
    log_.for_each_since(fresh.demand_since_ns, [&](const RunSlice& slice) {
        if (!slice.deferred && hierarchy_.inside(slice.cgroup_id, fresh.id))
            slices.push_back(&slice);
    });
    std::ranges::reverse(slices);  // the oldest first, for the bins grow at their end
    for (const RunSlice* slice : slices)
        fresh.demand.add(slice->begin_ns, slice->end_ns, slice->ran_ns, DemandSeries::Kind::Work, fresh.ticks);
}

void Quotas::place(const RunSlice& slice, Spell* spell)
{
    if (throttlers_.empty())
        return;
    const Chain& chain = chain_of(slice.cgroup_id);
    if (spell != nullptr) {
        spell->add_slice(slice, chain);
        return;
    }
    for (Throttler* throttler : chain)
        throttler->demand.add(slice.begin_ns, slice.end_ns, slice.ran_ns, DemandSeries::Kind::Work, throttler->ticks);
}

// Who spent the quota between the refill and an episode's begin: each nanosecond once, however many CPUs
// have an episode in that period.
void Quotas::cover(Throttler& throttler, std::uint64_t until_ns)
{
    const std::uint64_t refill_ns = throttler.ticks.refill_before(until_ns);
    // The phase may be corrected a little meanwhile: that is no new period.
    if (throttler.spent_periods == 0 || refill_ns >= throttler.refill_ns + throttler.ticks.period_ns() / 2)
        throttler.begin_period(refill_ns);
    const std::uint64_t from_ns = std::max(refill_ns, throttler.covered_ns);
    if (from_ns >= until_ns)
        return;
    throttler.covered_ns = until_ns;
    throttler.spending_cut |= from_ns < log_.complete_since_ns();

    const auto spend = [&](const RunSlice& slice) {
        const std::uint64_t ns = slice.ran_within(from_ns, until_ns);
        if (ns == 0 || std::ranges::find(chain_of(slice.cgroup_id), &throttler) == chain_of(slice.cgroup_id).end())
            return;
        throttler.spenders[slice.cgroup_id].add(slice.cpu, slice.tid, ns);
        throttler.spent_ns += ns;
    };
    log_.for_each_since(from_ns, spend);
    for (const Cpu& cpu : cpus_) {
        if (!cpu.busy || cpu.running.begin_ns >= until_ns)
            continue;
        RunSlice slice = cpu.running;
        slice.end_ns = until_ns;
        slice.ran_ns = until_ns - slice.begin_ns;
        spend(slice);
    }
}

void Quotas::on_throttle(const fb_throttle& event)
{
    if (event.kind != FB_THROTTLE_OWN || event.hdr.ts_ns > kNever)
        return;
    Throttler& its = *throttler(event.hdr.cgroup_id, event.hdr.ts_ns);
    const std::uint64_t begin_ns = before(event.hdr.ts_ns, event.duration_ns);
    its.add_episode(begin_ns, event.hdr.ts_ns, event.cpu);
    cover(its, begin_ns);
}

Throttler* Quotas::throttler_of(const fb_held& event)
{
    if (event.throttler_id != 0)
        return throttler(event.throttler_id, event.hdr.ts_ns);
    // Not told by the kernel's clock alone: the nearest one that throttles.
    const Chain& chain = chain_of(event.hdr.cgroup_id);
    return chain.empty() ? nullptr : chain.front();
}

void Quotas::on_held(const fb_held& event)
{
    if (event.hdr.ts_ns > kNever)
        return;
    if (Throttler* by = throttler_of(event)) {
        by->held_ns += event.held_ns;
        // Where in its wait the hold was, the switch-in tells.
        cpu(event.hdr.cpu).held = event;
    }
}

void Quotas::on_switch(const fb_switch& event)
{
    if (event.hdr.ts_ns > kNever)
        return;
    Cpu& its = cpu(event.hdr.cpu);
    if (!(event.flags & FB_SW_PREV_IDLE))
        leave(event);
    its.busy = !(event.flags & FB_SW_NEXT_IDLE);
    if (its.busy) {
        enter(event, its);
        its.running = {.begin_ns = event.hdr.ts_ns,
                       .end_ns = 0,
                       .ran_ns = 0,
                       .cgroup_id = event.hdr.cgroup_id,
                       .tid = event.next_tid,
                       .cpu = event.hdr.cpu,
                       .deferred = false};
    }
    its.held.reset();
}

void Quotas::leave(const fb_switch& event)
{
    const auto found = spells_.empty() ? spells_.end() : spells_.find(event.prev_tid);
    Spell* spell = found == spells_.end() ? nullptr : &found->second;
    if (spell != nullptr && spell->cgroup_id() != event.prev_cgroup_id) {  // the task was moved
        settle(*spell, true);
        spells_.erase(found);
        spell = nullptr;
    }
    if (event.flags & FB_SW_PREV_SLICE) {
        const RunSlice slice{.begin_ns = before(event.hdr.ts_ns, event.slice_ns),
                             .end_ns = event.hdr.ts_ns,
                             .ran_ns = before(event.slice_ns, event.irq_ns),
                             .cgroup_id = event.prev_cgroup_id,
                             .tid = event.prev_tid,
                             .cpu = event.hdr.cpu,
                             .deferred = spell != nullptr && !spell->endless()};
        log_.push(slice);
        place(slice, spell);
    }
    if (spell != nullptr && !(event.flags & FB_SW_PREV_RUNNABLE))
        spell->block(event.hdr.ts_ns);
}

void Quotas::enter(const fb_switch& event, Cpu& its)
{
    const bool held = its.held && its.held->tid == event.next_tid;
    if (spells_.empty() && !held)
        return;
    const std::uint64_t now_ns = event.hdr.ts_ns;
    const std::uint64_t queued_ns = before(now_ns, event.flags & FB_SW_NEXT_WAIT ? event.wait_ns : 0);
    const std::uint64_t held_ns = held ? std::min<std::uint64_t>(its.held->held_ns, queued_ns) : 0;
    const std::uint64_t runnable_ns = queued_ns - held_ns;

    if (const auto found = spells_.find(event.next_tid); found != spells_.end()) {
        const bool moved = found->second.cgroup_id() != event.hdr.cgroup_id;
        if (!found->second.resume(runnable_ns) || moved) {
            settle(found->second, true);
            spells_.erase(found);
        }
    }
    if (!held)
        return;
    Throttler* by = throttler_of(*its.held);
    if (by == nullptr)
        return;
    // It ended when its throttler was unthrottled last; what is left of the wait came after that.
    const std::uint64_t end_ns = std::clamp(by->last_end_ns, queued_ns, now_ns);
    const Hold hold{.begin_ns = before(end_ns, held_ns), .held_ns = held_ns, .cpu = event.hdr.cpu};
    by->add_hold(hold);
    Spell& spell = spell_of(event.next_tid, event.hdr.cgroup_id, now_ns);
    spell.add_hold(hold, by, chain_of(event.hdr.cgroup_id));
}

Spell& Quotas::spell_of(std::uint32_t tid, std::uint64_t cgroup_id, std::uint64_t at_ns)
{
    if (spells_.size() >= sweep_at_ && !spells_.contains(tid))
        sweep(at_ns);
    return spells_.try_emplace(tid, cgroup_id).first->second;
}

// Exited tasks do not say so here: they are asleep for ever.
void Quotas::sweep(std::uint64_t now_ns)
{
    for (auto it = spells_.begin(); it != spells_.end();) {
        const std::uint64_t since_ns = it->second.blocked_at_ns();
        if (since_ns == 0 || now_ns < since_ns + kLongSleepNs) {
            ++it;
            continue;
        }
        settle(it->second, true);
        it = spells_.erase(it);
    }
    sweep_at_ = std::max<std::size_t>(1024, 2 * spells_.size());
}

std::vector<QuotaFinding> Quotas::finish(const QuotaContext& context) &&
{
    for (const Cpu& cpu : cpus_) {
        if (!cpu.busy || cpu.running.begin_ns >= context.end_ns)
            continue;
        RunSlice slice = cpu.running;
        slice.end_ns = context.end_ns;
        slice.ran_ns = slice.end_ns - slice.begin_ns;
        const auto found = spells_.find(slice.tid);
        place(slice, found == spells_.end() ? nullptr : &found->second);
    }
    for (auto& [tid, spell] : spells_)
        settle(spell, spell.blocked_at_ns() != 0 && context.end_ns >= spell.blocked_at_ns() + kPauseNs);

    std::vector<QuotaFinding> findings;
    for (const auto& [id, throttler] : throttlers_) {
        if (throttler->episodes > 0 || throttler->held_ns > 0)
            findings.push_back(make_finding(*throttler, context, cpus_online_));
    }
    std::ranges::sort(findings, [](const QuotaFinding& a, const QuotaFinding& b) {
        return std::tie(b.held_ns, b.throttled_ns, a.path) < std::tie(a.held_ns, a.throttled_ns, b.path);
    });
    return findings;
}

}  // namespace flyball::ledger
