// SPDX-License-Identifier: Apache-2.0
// A recording made up by hand with something of everything: the golden files are its reports.
#pragma once

#include "flyball/profile/snapshot.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

namespace flyball::test {

inline constexpr std::uint64_t kMs = 1'000'000;
inline constexpr std::uint64_t kStart = 1'000'000'000'000;

// Values of a seeded sequence, skewed to a long tail: the same on every machine.
inline void fill(profile::Histogram& hist, std::uint64_t n, std::uint64_t low, std::uint64_t high,
                 std::uint64_t seed = 7)
{
    std::uint64_t state = seed * 2862933555777941757ULL + 3037000493ULL;
    for (std::uint64_t i = 0; i < n; ++i) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        const std::uint64_t exponent_steps = (state >> 33U) % 13;
        const std::uint64_t span = std::max<std::uint64_t>((high - low) >> exponent_steps, 1);
        hist.add(low + (state >> 20U) % span);
    }
}

inline void set(profile::CgroupProfile& c, fb_metric metric, std::uint64_t count, std::uint64_t sum,
                std::uint64_t max = 1)
{
    c.counts[metric - FB_M_WAKEUPS] = {count, sum, max};
}

inline profile::Meta sample_meta()
{
    profile::Meta meta;
    meta.flyball_version = "0.1.0";
    meta.host = "bench-7";
    meta.kernel = "6.12.107+deb13-cloud-amd64";
    meta.arch = "x86_64";
    meta.cpus = 2;
    meta.start_ns = kStart;
    meta.end_ns = kStart + 10'000 * kMs;
    meta.start_wall_ns = 1'767'323'045'000'000'000;  // 2026-01-02 03:04:05 UTC
    meta.hierarchy = {{"cpu", 0}, {"io", 0}, {"memory", 0}, {"pids", 0}};
    meta.coverage = {
        {"cpu.wait", true, "tp_btf/sched_switch", "", ""},
        {"cpu.held", true, "fentry/unthrottle_cfs_rq", "", ""},
        {"cpu.slice", true, "tp_btf/sched_switch", "", ""},
        {"cpu.wakeups", true, "tp_btf/sched_wakeup", "", ""},
        {"cpu.migrations", true, "tp_btf/sched_migrate_task", "", ""},
        {"cpu.preemptions", true, "tp_btf/sched_switch", "", ""},
        {"cpu.throttle.own", true, "fexit/throttle_cfs_rq", "", ""},
        {"cpu.throttle.inherited", true, "fentry/tg_throttle_down", "", ""},
        {"mem.charge", true, "fexit/try_charge_memcg", "", ""},
        {"mem.charge_stall", true, "fexit/try_charge_memcg", "", ""},
        {"mem.high", true, "fexit/mem_cgroup_handle_over_high",
         "every return to user space is looked at; only sleeps count", ""},
        {"mem.reclaim", true, "tp_btf/mm_vmscan_memcg_reclaim_end", "", ""},
        {"mem.global_reclaim", true, "tp_btf/mm_vmscan_direct_reclaim_end", "", ""},
        {"mem.refault", false, "", "psi_memstall_leave cannot be attached: lockdown refuses fentry",
         "boot without lockdown=integrity, or read memory.pressure"},
        {"io.size", true, "tp_btf/block_bio_queue", "", ""},
        {"io.queue", true, "tp_btf/block_rq_issue", "", ""},
        {"io.device", true, "tp_btf/block_rq_complete", "", ""},
        {"io.errors", true, "tp_btf/block_rq_complete", "", ""},
        {"io.total", true, "tp_btf/block_rq_complete", "", ""},
        {"pids.forks", true, "tp_btf/task_newtask", "", ""},
        {"pids.exits", true, "tp_btf/sched_process_exit", "", ""},
        {"pids.peak", true, "tp_btf/task_newtask", "", ""},
        {"pids.refused", true, "fexit/pids_can_fork", "", ""},
        {"oom.decision", true, "fentry/oom_kill_process", "", ""},
        {"oom.group", true, "fexit/mem_cgroup_get_oom_group", "", ""},
        {"oom.victims", true, "tp_btf/mark_victim", "", ""},
    };
    return meta;
}

// Throttled by its own limit and by its parent's.
inline profile::CgroupProfile sample_web()
{
    profile::CgroupProfile c;
    c.path = "/kube/web";
    c.ids = {{0, 4711}};
    fill(c.hist[FB_M_CPU_WAIT], 20'000, 900, 4 * kMs);
    fill(c.hist[FB_M_CPU_THROTTLED_WAIT], 118, 10 * kMs, 80 * kMs);
    fill(c.hist[FB_M_CPU_SLICE], 21'000, 12'000, 3 * kMs, 11);
    fill(c.hist[FB_M_THROTTLE_OWN], 96, 12 * kMs, 80 * kMs, 3);
    fill(c.hist[FB_M_THROTTLE_INHERITED], 31, 8 * kMs, 60 * kMs, 5);
    set(c, FB_M_WAKEUPS, 17'212, 17'212);
    set(c, FB_M_MIGRATIONS, 1'404, 1'404);
    set(c, FB_M_PREEMPTIONS, 2'310, 2'310);
    set(c, FB_M_THROTTLED_SWITCHES, 118, 118);
    set(c, FB_M_FORKS, 40, 40);
    set(c, FB_M_EXITS, 38, 38);
    set(c, FB_M_FORKS_REFUSED, 12, 12);
    set(c, FB_M_PIDS_PEAK, 0, 0, 64);
    const std::uint64_t held = c.of(FB_M_CPU_THROTTLED_WAIT).sum64();
    c.held_by_ns = {{"/kube", held / 4}, {"/kube/web", held - held / 4}};
    const std::uint64_t own = c.of(FB_M_THROTTLE_OWN).sum64();
    c.throttle_by_cpu = {{0, {50, own / 2, 80 * kMs}}, {1, {46, own - own / 2, 79 * kMs}}};
    return c;
}

// Reads and writes, and stalls on memory.
inline profile::CgroupProfile sample_database()
{
    profile::CgroupProfile c;
    c.path = "/system.slice/postgresql@16-main.service/a-deeply-nested/worker-with-a-long-name-of-its-own.scope";
    c.ids = {{0, 815}};
    fill(c.hist[FB_M_CPU_WAIT], 5'000, 700, kMs, 2);
    fill(c.hist[FB_M_CPU_SLICE], 5'100, 5'000, 8 * kMs, 4);
    fill(c.hist[FB_M_MEM_CHARGE], 4'096, 4'096, 262'144, 6);
    fill(c.hist[FB_M_MEM_HIGH], 6, 100 * kMs, 900 * kMs, 8);
    fill(c.hist[FB_M_MEM_RECLAIM], 48, 20'000, 7 * kMs, 9);
    fill(c.hist[FB_M_MEM_CHARGE_STALL], 48, 21'000, 8 * kMs, 9);
    c.hist[FB_M_IO_SIZE_READ].add(65'536, 128);
    c.hist[FB_M_IO_SIZE_WRITE].add(4'096, 900);
    c.hist[FB_M_IO_SIZE_WRITE].add(1'048'576, 12);
    fill(c.hist[FB_M_IO_QUEUE_READ], 128, 2'000, 90'000, 12);
    fill(c.hist[FB_M_IO_DEVICE_READ], 128, 70'000, 2 * kMs, 13);
    fill(c.hist[FB_M_IO_TOTAL_READ], 128, 72'000, 2 * kMs, 14);
    fill(c.hist[FB_M_IO_DEVICE_WRITE], 912, 30'000, 40 * kMs, 15);
    fill(c.hist[FB_M_IO_TOTAL_WRITE], 912, 31'000, 41 * kMs, 15);
    fill(c.hist[FB_M_IO_DEVICE_OTHER], 7, 200'000, 9 * kMs, 16);
    constexpr std::uint32_t kVda = 254U << 20U;
    fill(c.io_device_by_class[{kVda, FB_OP_READ, 16}], 128, 70'000, 2 * kMs, 13);
    fill(c.io_device_by_class[{kVda, FB_OP_WRITE, 12}], 900, 30'000, 9 * kMs, 15);
    fill(c.io_device_by_class[{kVda, FB_OP_WRITE, 20}], 12, 4 * kMs, 40 * kMs, 15);
    fill(c.io_device_by_class[{kVda, FB_OP_FLUSH, 0}], 7, 200'000, 9 * kMs, 16);
    set(c, FB_M_WAKEUPS, 4'800, 4'800);
    set(c, FB_M_RECLAIMED_PAGES, 48, 15'331, 900);
    set(c, FB_M_CHARGE_FAILED, 2, 8'192, 4'096);
    set(c, FB_M_IO_SIZE_OTHER, 7, 0, 0);
    return c;
}

inline profile::CgroupProfile sample_oom_cgroup()
{
    profile::CgroupProfile c;
    c.path = "/test/greedy";
    c.ids = {{0, 990}};
    c.life = profile::Life::CreatedAndRemoved;
    fill(c.hist[FB_M_CPU_SLICE], 300, 9'000, 30 * kMs, 21);
    fill(c.hist[FB_M_CPU_WAIT], 280, 1'100, 6 * kMs, 22);
    fill(c.hist[FB_M_MEM_CHARGE], 15'900, 4'096, 65'536, 23);
    set(c, FB_M_FORKS, 3, 3);
    set(c, FB_M_EXITS, 4, 4);
    set(c, FB_M_PIDS_PEAK, 0, 0, 4);
    return c;
}

inline profile::OomEpisode sample_group_kill()
{
    profile::OomEpisode e;
    e.ts_ns = kStart + 4'321 * kMs;
    e.decision_seen = true;
    e.domain = "/test/greedy";
    e.trigger_cgroup = "/test/greedy";
    e.trigger_comm = "hog";
    e.trigger_tid = 1234;
    e.victim_comm = "hog";
    e.victim_tgid = 1234;
    e.limit_bytes = 64U << 20U;
    e.usage_bytes = 64U << 20U;
    e.group_policy = true;
    e.group_cgroup = "/test/greedy";
    for (std::uint32_t i = 0; i < 3; ++i) {
        profile::OomVictim v;
        v.tid = v.tgid = 1234 + i;
        v.comm = i == 0 ? "hog" : "helper";
        v.cgroup = "/test/greedy";
        v.rss_bytes = i == 0 ? 61U << 20U : 1U << 20U;
        v.marked_ns = e.ts_ns + 14'000 + std::uint64_t{i} * 9'000;
        v.sigkill_ns = *v.marked_ns - 3'000;
        v.exit_ns = e.ts_ns + (3 + i) * kMs;
        v.usage_after_bytes = (60 - 29 * i) * std::uint64_t{1 << 20};
        e.victims.push_back(v);
    }
    return e;
}

inline profile::CounterWindow sample_window(std::string path, profile::KernelCounters last)
{
    last.at_ns = kStart + 10'000 * kMs;
    profile::KernelCounters first{.at_ns = kStart};
    first.throttled_ns = 5 * kMs;
    first.nr_periods = 10;
    first.nr_throttled = 1;
    first.memory_events = {{"oom", 0}, {"oom_kill", 0}};
    first.pids_peak = 1;
    first.pids_max_events = 0;
    first.io_rbytes = first.io_wbytes = first.io_rios = first.io_wios = 0;
    return {.path = std::move(path), .first = first, .last = std::move(last)};
}

inline std::vector<profile::CounterWindow> sample_counters(const profile::CgroupProfile& web)
{
    profile::KernelCounters k;
    k.throttled_ns = 5 * kMs + web.of(FB_M_THROTTLE_OWN).sum64() + 3 * kMs;
    k.nr_periods = 110;
    k.nr_throttled = 81;
    k.memory_events = {{"oom", 0}, {"oom_kill", 0}};
    k.pids_peak = 64;
    k.pids_max_events = 12;
    k.io_rbytes = k.io_wbytes = k.io_rios = k.io_wios = 0;
    const profile::CounterWindow kube_web = sample_window("/kube/web", k);

    profile::KernelCounters io;
    io.io_rbytes = 65'536 * 128;
    io.io_rios = 128;
    io.io_wbytes = 4'096 * 900 + 1'048'576 * 12;
    io.io_wios = 912;
    io.throttled_ns = 5 * kMs;
    io.memory_events = {{"oom", 0}, {"oom_kill", 0}};
    const profile::CounterWindow database = sample_window("/system.slice/postgresql@16-main.service", io);

    profile::KernelCounters end{.at_ns = kStart + 5'000 * kMs};
    end.throttled_ns = 0;
    end.memory_events_local = {{"oom", 1}, {"oom_kill", 4}, {"oom_group_kill", 1}};
    end.pids_peak = 4;
    return {kube_web, database, {.path = "/test/greedy", .first = {}, .last = end, .last_from_rmdir = true}};
}

inline profile::Loss sample_loss()
{
    profile::Loss loss;
    loss.programs = {
        {FB_P_SWITCH, 0, 31'000, 30'900, 100, 0, 4},
        {FB_P_SWITCH, 1, 29'345, 29'345, 0, 0, 2},
        {FB_P_THROTTLE, 0, 70, 70, 0, 0, 0},
        {FB_P_THROTTLE, 1, 57, 57, 0, 0, 0},
        {FB_P_CHARGE, 0, 20'003, 19'500, 503, 0, 0},
        {FB_P_BIO, 0, 1'047, 1'047, 0, 0, 0},
        {FB_P_RQ, 1, 1'047, 1'047, 0, 0, 1},
        {FB_P_OOM, 0, 11, 11, 0, 0, 0},
        {FB_P_CGROUP, 1, 9, 9, 0, 0, 0},
    };
    loss.recursion_misses = {{"sched_switch", 0}};
    return loss;
}

inline profile::Snapshot sample_snapshot()
{
    profile::Snapshot s;
    s.meta = sample_meta();
    s.meta.command = "stress-ng --cpu 2 --timeout 10";
    profile::CgroupProfile root;
    root.path = "/";
    profile::CgroupProfile brief;
    brief.path = "/test/brief-1";
    brief.life = profile::Life::CreatedAndRemoved;
    s.cgroups = {root, sample_web(), sample_database(), brief, sample_oom_cgroup()};
    s.ooms = {sample_group_kill()};
    s.counters = sample_counters(s.cgroups[1]);
    s.tasks = {{77, "nginx", "/kube/web", 812 * kMs, 0, 500 * kMs, 310 * kMs, 2'000 * kMs, 1'999 * kMs}};
    s.loss = sample_loss();
    return s;
}

}  // namespace flyball::test
