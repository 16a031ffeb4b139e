// SPDX-License-Identifier: Apache-2.0
#include "measures.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace flyball::profile {
namespace {

void add(Entity& entity, fb_metric metric, std::uint64_t value)
{
    entity.profile.hist[metric].add(value);
}

// VALUE adds to the sum; it stands for TIMES occurrences.
void count(Entity& entity, fb_metric metric, std::uint64_t value, std::uint64_t times)
{
    Count& total = entity.count(metric);
    total.count += times;
    total.sum += value;
    total.max = std::max(total.max, value);
}

// N occurrences of one each.
void count(Entity& entity, fb_metric metric, std::uint64_t n)
{
    if (n > 0)
        count(entity, metric, n, n);
}

// Metrics of reads and writes stand side by side in fb_metric.
constexpr fb_metric by_direction(fb_metric read, std::uint32_t op)
{
    return op == FB_OP_WRITE ? static_cast<fb_metric>(read + 1) : read;
}
static_assert(FB_M_IO_QUEUE_WRITE == FB_M_IO_QUEUE_READ + 1);
static_assert(FB_M_IO_DEVICE_WRITE == FB_M_IO_DEVICE_READ + 1);
static_assert(FB_M_IO_TOTAL_WRITE == FB_M_IO_TOTAL_READ + 1);
static_assert(FB_M_IO_SIZE_WRITE == FB_M_IO_SIZE_READ + 1);

bool apply_switch(Names& names, const fb_switch& e)
{
    Entity& prev = names.of(Controller::Cpu, e.prev_cgroup_id);
    if ((e.flags & FB_SW_PREV_SLICE) && !(e.flags & FB_SW_PREV_IDLE))
        add(prev, FB_M_CPU_SLICE, e.slice_ns);
    if (e.flags & FB_SW_PREV_THROTTLED) {
        count(prev, FB_M_THROTTLED_SWITCHES, 1);
    } else if ((e.flags & FB_SW_PREV_RUNNABLE) && !(e.flags & FB_SW_PREV_IDLE)) {
        count(prev, FB_M_PREEMPTIONS, 1);
    }
    Entity& next = names.of(Controller::Cpu, e.hdr.cgroup_id);
    if (e.flags & FB_SW_NEXT_WAIT)
        add(next, FB_M_CPU_WAIT, e.wait_ns);
    count(next, FB_M_WAKEUPS, e.wakeups);
    count(next, FB_M_MIGRATIONS, e.migrations);
    return true;
}

bool apply_held(Names& names, const fb_held& e)
{
    Entity& task = names.of(Controller::Cpu, e.hdr.cgroup_id);
    add(task, FB_M_CPU_THROTTLED_WAIT, e.held_ns);
    Entity* throttler = e.throttler_id == 0 ? nullptr : &names.of(Controller::Cpu, e.throttler_id);
    task.held_by[throttler] += e.held_ns;
    return true;
}

bool apply_throttle(Names& names, const fb_throttle& e)
{
    Entity& cgroup = names.of(Controller::Cpu, e.hdr.cgroup_id);
    if (e.kind == FB_THROTTLE_INHERITED) {
        add(cgroup, FB_M_THROTTLE_INHERITED, e.duration_ns);
        return true;
    }
    if (e.kind != FB_THROTTLE_OWN)
        return false;
    add(cgroup, FB_M_THROTTLE_OWN, e.duration_ns);
    Count& here = cgroup.profile.throttle_by_cpu[e.cpu];
    ++here.count;
    here.sum += e.duration_ns;
    here.max = std::max<std::uint64_t>(here.max, e.duration_ns);
    return true;
}

bool apply_charge(Names& names, const fb_charge& e)
{
    Entity& cgroup = names.of(Controller::Memory, e.hdr.cgroup_id);
    const auto bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(e.bytes, 0));
    if (e.ret != 0) {
        count(cgroup, FB_M_CHARGE_FAILED, bytes, 1);
        return true;
    }
    add(cgroup, FB_M_MEM_CHARGE, bytes);
    if (e.stall_ns > 0)
        add(cgroup, FB_M_MEM_CHARGE_STALL, e.stall_ns);
    return true;
}

bool apply_stall(Names& names, const fb_stall& e)
{
    Entity& cgroup = names.of(Controller::Memory, e.hdr.cgroup_id);
    switch (e.kind) {
    case FB_STALL_HIGH:
        add(cgroup, FB_M_MEM_HIGH, e.duration_ns);
        return true;
    case FB_STALL_RECLAIM:
        add(cgroup, FB_M_MEM_RECLAIM, e.duration_ns);
        count(cgroup, FB_M_RECLAIMED_PAGES, e.amount, 1);
        return true;
    case FB_STALL_REFAULT:
        add(cgroup, FB_M_MEM_REFAULT, e.duration_ns);
        return true;
    case FB_STALL_GLOBAL:
        add(cgroup, FB_M_MEM_GLOBAL_RECLAIM, e.duration_ns);
        return true;
    default:
        return false;
    }
}

bool apply_bio(Names& names, const fb_bio& e)
{
    Entity& cgroup = names.of(Controller::Io, e.hdr.cgroup_id);
    if (e.op > FB_OP_WRITE) {
        count(cgroup, FB_M_IO_SIZE_OTHER, e.bytes, 1);
    } else {
        add(cgroup, by_direction(FB_M_IO_SIZE_READ, e.op), e.bytes);
    }
    return true;
}

bool apply_rq(Names& names, const fb_rq& e)
{
    Entity& cgroup = names.of(Controller::Io, e.hdr.cgroup_id);
    if (e.error != 0)
        count(cgroup, FB_M_IO_ERRORS, 1);
    const auto size_log2 = static_cast<std::uint32_t>(std::bit_width(e.bytes | 1U) - 1);
    cgroup.profile.io_device_by_class[{e.dev, e.op, size_log2}].add(e.device_ns);
    if (e.op > FB_OP_WRITE) {
        add(cgroup, FB_M_IO_DEVICE_OTHER, e.device_ns);
        return true;
    }
    add(cgroup, by_direction(FB_M_IO_DEVICE_READ, e.op), e.device_ns);
    const bool queue_known = e.queue_ns != FB_UNKNOWN_NS;
    if (queue_known)
        add(cgroup, by_direction(FB_M_IO_QUEUE_READ, e.op), e.queue_ns);
    add(cgroup, by_direction(FB_M_IO_TOTAL_READ, e.op), e.device_ns + (queue_known ? e.queue_ns : 0));
    return true;
}

bool apply_task(Names& names, const fb_task& e)
{
    Entity& cgroup = names.of(Controller::Pids, e.hdr.cgroup_id);
    switch (e.kind) {
    case FB_TASK_FORK:
        count(cgroup, FB_M_FORKS, 1);
        break;
    case FB_TASK_EXIT:
        count(cgroup, FB_M_EXITS, 1);
        break;
    case FB_TASK_REFUSED:
        count(cgroup, FB_M_FORKS_REFUSED, 1);
        break;
    default:
        return false;
    }
    if (e.pids_current != FB_UNKNOWN_PIDS) {
        Count& peak = cgroup.count(FB_M_PIDS_PEAK);
        peak.max = std::max<std::uint64_t>(peak.max, e.pids_current);
    }
    return true;
}

std::optional<Controller> controller_of(std::uint32_t metric)
{
    if (metric == FB_M_NONE || metric >= FB_M_MAX)
        return std::nullopt;
    if (metric >= FB_M_HIST_MAX && metric < FB_M_WAKEUPS)
        return std::nullopt;
    switch (metric) {
    case FB_M_MEM_CHARGE:
    case FB_M_MEM_CHARGE_STALL:
    case FB_M_MEM_HIGH:
    case FB_M_MEM_RECLAIM:
    case FB_M_MEM_REFAULT:
    case FB_M_MEM_GLOBAL_RECLAIM:
    case FB_M_CHARGE_FAILED:
    case FB_M_RECLAIMED_PAGES:
        return Controller::Memory;
    case FB_M_IO_QUEUE_READ:
    case FB_M_IO_QUEUE_WRITE:
    case FB_M_IO_DEVICE_READ:
    case FB_M_IO_DEVICE_WRITE:
    case FB_M_IO_TOTAL_READ:
    case FB_M_IO_TOTAL_WRITE:
    case FB_M_IO_SIZE_READ:
    case FB_M_IO_SIZE_WRITE:
    case FB_M_IO_DEVICE_OTHER:
    case FB_M_IO_ERRORS:
    case FB_M_IO_SIZE_OTHER:
        return Controller::Io;
    case FB_M_FORKS:
    case FB_M_EXITS:
    case FB_M_FORKS_REFUSED:
    case FB_M_PIDS_PEAK:
        return Controller::Pids;
    default:
        return Controller::Cpu;
    }
}

}  // namespace

bool apply_event(Names& names, const fb_event& event)
{
    switch (event.hdr.type) {
    case FB_EV_SWITCH:
        return apply_switch(names, std::bit_cast<fb_switch>(event));
    case FB_EV_HELD:
        return apply_held(names, std::bit_cast<fb_held>(event));
    case FB_EV_THROTTLE:
        return apply_throttle(names, std::bit_cast<fb_throttle>(event));
    case FB_EV_CHARGE:
        return apply_charge(names, std::bit_cast<fb_charge>(event));
    case FB_EV_STALL:
        return apply_stall(names, std::bit_cast<fb_stall>(event));
    case FB_EV_BIO:
        return apply_bio(names, std::bit_cast<fb_bio>(event));
    case FB_EV_RQ:
        return apply_rq(names, std::bit_cast<fb_rq>(event));
    case FB_EV_TASK:
        return apply_task(names, std::bit_cast<fb_task>(event));
    case FB_EV_MIGRATE:   // the switch that ends the wait has counted it
    case FB_EV_BIO_HELD:  // its FB_EV_BIO will
        return true;
    case FB_EV_SELFTEST: {
        const auto e = std::bit_cast<fb_selftest>(event);
        add(names.of(Controller::Cpu, e.hdr.cgroup_id), FB_M_SELFTEST, e.value);
        return true;
    }
    default:
        return false;
    }
}

bool apply_folded(Names& names, const FoldedEntry& entry)
{
    const fb_fold_key& key = entry.key;
    const std::optional<Controller> controller = controller_of(key.metric);
    if (!controller)
        return false;
    const bool is_total = key.bucket == FB_FOLD_TOTAL;
    const bool is_histogram = key.metric < FB_M_HIST_MAX;
    if (!is_total && (!is_histogram || key.bucket >= FB_HIST_BUCKETS))
        return false;

    Entity& entity = names.of(*controller, key.cgroup_id);
    if (is_histogram) {
        Histogram& hist = entity.profile.hist[key.metric];
        if (is_total) {
            hist.add_folded_total(entry.value);
        } else {
            hist.add_folded_bucket(key.bucket, entry.value.count);
        }
        return true;
    }
    Count& total = entity.count(static_cast<fb_metric>(key.metric));
    total.max = std::max<std::uint64_t>(total.max, entry.value.max);
    if (key.metric != FB_M_PIDS_PEAK) {  // only its maximum means something
        total.count += entry.value.count;
        total.sum += entry.value.sum;
    }
    return true;
}

void merge_measures(Entity& into, const Entity& from)
{
    for (std::size_t i = 0; i < into.profile.hist.size(); ++i)
        into.profile.hist[i].merge(from.profile.hist[i]);
    const auto join = [](Count& to, const Count& other) {
        to.count += other.count;
        to.sum += other.sum;
        to.max = std::max(to.max, other.max);
    };
    for (std::size_t i = 0; i < into.profile.counts.size(); ++i)
        join(into.profile.counts[i], from.profile.counts[i]);
    for (const auto& [throttler, ns] : from.held_by)
        into.held_by[throttler] += ns;
    for (const auto& [cpu, episodes] : from.profile.throttle_by_cpu)
        join(into.profile.throttle_by_cpu[cpu], episodes);
    for (const auto& [kind, hist] : from.profile.io_device_by_class)
        into.profile.io_device_by_class[kind].merge(hist);
}

bool has_measures(const Entity& entity)
{
    const CgroupProfile& p = entity.profile;
    const auto counted = [](const Count& c) { return c != Count{}; };
    const auto filled = [](const Histogram& h) { return !h.empty() || h.bucket_total() > 0; };
    return std::ranges::any_of(p.hist, filled) || std::ranges::any_of(p.counts, counted);
}

}  // namespace flyball::profile
