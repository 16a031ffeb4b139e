// SPDX-License-Identifier: Apache-2.0
// Books made up by hand: a shop whose batch job eats the quota of its checkout, with something of
// everything else beside it.
#pragma once

#include "flyball/ledger/books.hpp"
#include "sample_snapshot.hpp"

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace flyball::test {

using PartNs = std::pair<ledger::Part, std::uint64_t>;

// What is not said of its life it slept.
inline ledger::Account make_account(std::string path, std::uint64_t tasks, std::initializer_list<PartNs> parts)
{
    constexpr std::uint64_t kWindow = 10'000 * kMs;
    ledger::Account account;
    account.path = std::move(path);
    account.tasks = tasks;
    account.life_ns = tasks * kWindow;
    std::uint64_t said = 0;
    for (const auto& [part, ns] : parts) {
        account.parts[static_cast<std::size_t>(part)] = ns;
        said += ns;
    }
    account.parts[static_cast<std::size_t>(ledger::Part::Sleep)] += account.life_ns - said;
    return account;
}

inline ledger::Blame make_blame(std::string path, std::map<std::uint32_t, std::uint64_t> by_cpu,
                                std::vector<ledger::TaskShare> tasks = {})
{
    ledger::Blame blame{.path = std::move(path), .by_cpu = std::move(by_cpu), .tasks = std::move(tasks)};
    for (const auto& [cpu, ns] : blame.by_cpu)
        blame.ns += ns;
    return blame;
}

inline ledger::Account sample_checkout()
{
    using enum ledger::Part;
    ledger::Account a = make_account("/prod.slice/checkout.service", 6,
                                     {{Run, 6'100 * kMs},
                                      {Interrupted, 80 * kMs},
                                      {Held, 2'790 * kMs},
                                      {Displaced, 830 * kMs},
                                      {OwnTasks, 150 * kMs},
                                      {KernelThreads, 20 * kMs},
                                      {WaitInterrupts, 18 * kMs},
                                      {WaitIdle, 12 * kMs}});
    a.waits = 4'812;
    a.longest_wait_ns = 97 * kMs;
    a.held_by = {make_blame("/prod.slice", {{0, 900 * kMs}, {1, 700 * kMs}, {2, 690 * kMs}, {3, 500 * kMs}})};
    a.displaced_by = {make_blame("/build.slice", {{2, 500 * kMs}, {3, 310 * kMs}},
                                 {{901, "cc1plus", 610 * kMs}, {902, "ld", 150 * kMs}}),
                      make_blame("/prod.slice/batch.scope", {{0, 15 * kMs}}, {{777, "batch", 15 * kMs}}),
                      make_blame("/kube.slice/pod-a", {{1, 5 * kMs}})};
    a.own_tasks = {{61, "checkout", 100 * kMs}, {62, "checkout", 50 * kMs}};
    a.kernel_threads = {{17, "ksoftirqd/2", 12 * kMs}, {30, "kworker/3:1", 8 * kMs}};
    a.burn = {{61, "checkout", 3'000 * kMs}, {62, "checkout", 2'000 * kMs}, {63, "gc; sweep", 1'000 * kMs}};
    return a;
}

inline std::vector<ledger::Account> sample_pods()
{
    using enum ledger::Part;
    std::vector<ledger::Account> pods;
    for (const char* name : {"pod-a", "pod-b", "pod-c", "pod-d"}) {
        ledger::Account a = make_account(std::string("/kube.slice/") + name, 2,
                                         {{Run, 600 * kMs}, {Displaced, 170 * kMs}, {OwnTasks, 30 * kMs}});
        a.waits = 310;
        a.longest_wait_ns = 9 * kMs;
        a.displaced_by = {make_blame("/build.slice", {{0, 60 * kMs}, {1, 60 * kMs}}),
                          make_blame(a.path == "/kube.slice/pod-a" ? "/kube.slice/pod-b" : "/kube.slice/pod-a",
                                     {{1, 50 * kMs}}, {{4'010, "pause", 50 * kMs}})};
        a.own_tasks = {{4'010, "pause", 30 * kMs}};
        a.burn = {{4'010, "pause", 600 * kMs}};
        pods.push_back(std::move(a));
    }
    return pods;
}

inline ledger::Account sample_database_account()
{
    using enum ledger::Part;
    ledger::Account a = make_account("/db.service", 3,
                                     {{Run, 2'000 * kMs},
                                      {Displaced, 9 * kMs},
                                      {WaitUnknown, 4 * kMs},
                                      {MemoryHigh, 600 * kMs},
                                      {MemoryReclaim, 90 * kMs},
                                      {MemoryOther, 40 * kMs},
                                      {IoThrottled, 31 * kMs},
                                      {IoQueued, 300 * kMs},
                                      {IoDevice, 410 * kMs},
                                      {IoOther, 55 * kMs},
                                      {BlockedBefore, 1'000 * kMs},
                                      {Unknown, 35 * kMs}});
    a.waits = 990;
    a.longest_wait_ns = 2 * kMs;
    a.displaced_by = {make_blame("/", {{3, 9 * kMs}}, {{1, "systemd", 9 * kMs}})};
    a.burn = {{815, "postgres", 2'000 * kMs}};
    return a;
}

inline ledger::QuotaFinding sample_quota()
{
    ledger::QuotaFinding q;
    q.path = "/prod.slice";
    q.quota_ns = 200 * kMs;
    q.period_ns = 100 * kMs;
    q.episodes = 131;
    q.throttled_ns = 6'200 * kMs;
    q.held_ns = 5'490 * kMs;
    q.worst = {{3'200 * kMs, 96 * kMs, 2, 3}, {7'700 * kMs, 95 * kMs, 0, 1}};
    q.by_cpu = {{0, 2'000 * kMs}, {1, 1'700 * kMs}, {2, 1'600 * kMs}, {3, 900 * kMs}};
    q.spenders = {make_blame("/prod.slice/batch.scope", {{0, 12'200 * kMs}}),
                  make_blame("/prod.slice/checkout.service", {{1, 7'800 * kMs}})};
    q.demand = {{1.0, 12}, {2.0, 21}, {2.5, 40}, {3.0, 27}};
    q.enough_quota_ns = 287'300'000;
    q.enough_burst_ns = 64 * kMs;
    return q;
}

// Sorted by path, as the ledger has them.
inline ledger::Books sample_books()
{
    using enum ledger::Part;
    ledger::Books books;
    books.window_ns = 10'000 * kMs;
    ledger::Account root = make_account("/", 40, {{Run, 420 * kMs}, {Displaced, 2 * kMs}});
    root.displaced_by = {make_blame("/build.slice", {{2, 2 * kMs}})};
    const ledger::Account backup = make_account("/backup.slice", 1, {{Run, 70 * kMs}, {IoDevice, 6'000 * kMs}});
    ledger::Account build = make_account("/build.slice", 2, {{Run, 9'000 * kMs}, {Displaced, 600 * kMs}});
    build.waits = 2'200;
    build.longest_wait_ns = 12 * kMs;
    build.displaced_by = {
        make_blame("/prod.slice/checkout.service", {{2, 350 * kMs}, {3, 100 * kMs}}, {{61, "checkout", 450 * kMs}}),
        make_blame("/", {{0, 150 * kMs}}, {{9, "journald", 150 * kMs}})};
    build.burn = {{901, "cc1plus", 8'000 * kMs}, {902, "ld", 1'000 * kMs}};
    ledger::Account batch =
        make_account("/prod.slice/batch.scope", 4, {{Run, 12'000 * kMs}, {Held, 2'700 * kMs}, {OwnTasks, 900 * kMs}});
    batch.held_by = {make_blame("/prod.slice", {{0, 1'500 * kMs}, {1, 1'200 * kMs}})};
    batch.own_tasks = {{777, "batch", 900 * kMs}};
    batch.burn = {{777, "batch", 12'000 * kMs}};
    books.accounts = {root, backup, build, sample_database_account()};
    for (ledger::Account& pod : sample_pods())
        books.accounts.push_back(std::move(pod));
    books.accounts.push_back(batch);
    books.accounts.push_back(sample_checkout());
    books.io = {
        {.path = "/backup.slice",
         .requests = 900,
         .queued_ns = 120 * kMs,
         .behind = {make_blame("/backup.slice", {{0, 120 * kMs}})}},
        {.path = "/db.service",
         .requests = 128,
         .queued_ns = 330 * kMs,
         .unknown_ns = 10 * kMs,
         .behind = {make_blame("/backup.slice", {{0, 240 * kMs}}), make_blame("/db.service", {{0, 80 * kMs}})}}};
    books.quotas = {sample_quota()};
    books.proof.waits = 12'345;
    return books;
}

inline profile::Snapshot books_snapshot()
{
    profile::Snapshot s;
    s.meta = sample_meta();
    s.meta.cpus = 4;
    for (profile::Coverage& entry : s.meta.coverage)
        entry = {entry.metric, true, entry.hook, "", ""};
    profile::CgroupProfile database;
    database.path = "/db.service";
    database.hist[FB_M_MEM_RECLAIM].add(100 * kMs);
    database.io_device_by_class[{254U << 20U, FB_OP_READ, 16}].add(400 * kMs);
    profile::CgroupProfile build;
    build.path = "/build.slice";
    build.hist[FB_M_MEM_RECLAIM].add(45 * kMs);
    s.cgroups = {build, database};
    profile::KernelCounters before, after;
    after.memory_events_local = {{"high", 17}};
    s.counters = {{.path = "/db.service", .first = before, .last = after}};
    return s;
}

// A quiet machine: everything was measured, and nothing was lost.
inline ledger::Books quiet_books()
{
    using enum ledger::Part;
    ledger::Books books;
    books.window_ns = 10'000 * kMs;
    ledger::Account idle = make_account("/idle.service", 1, {{Run, 1'000 * kMs}, {WaitIdle, kMs / 2}});
    idle.waits = 12;
    idle.longest_wait_ns = kMs / 10;
    books.accounts = {make_account("/", 30, {{Run, 100 * kMs}}), idle};
    books.proof.waits = 12;
    return books;
}

// A locked-down kernel under load: much could not be seen.
inline profile::Snapshot blind_snapshot()
{
    profile::Snapshot s = books_snapshot();
    for (profile::Coverage& entry : s.meta.coverage) {
        if (entry.metric.starts_with("mem.") || entry.metric == "io.queue") {
            entry = {entry.metric, false, "", "the kernel refuses fentry", "boot without lockdown"};
        }
    }
    s.incomplete = true;
    s.incomplete_why = "it ends inside a chunk at offset 4096";
    s.loss.programs = {{FB_P_SWITCH, 0, 31'000, 30'000, 990, 10, 0}};
    s.loss.recursion_misses = {{"sched_switch", 5}};
    s.meta.warnings = {"RLIMIT_MEMLOCK could not be raised: Operation not permitted"};
    return s;
}

inline ledger::Books blind_books()
{
    using enum ledger::Part;
    ledger::Books books;
    books.window_ns = 10'000 * kMs;
    ledger::Account web = make_account("/web.service", 2,
                                       {{Run, 3'000 * kMs},
                                        {Held, 900 * kMs},
                                        {Displaced, 400 * kMs},
                                        {WaitUnknown, 800 * kMs},
                                        {IoDevice, 300 * kMs},
                                        {Unknown, 2'500 * kMs}});
    web.held_by = {make_blame("?", {{0, 900 * kMs}})};
    web.displaced_by = {make_blame("?", {{0, 250 * kMs}}), make_blame("/system.slice", {{1, 150 * kMs}})};
    books.accounts = {web};
    books.quotas = {{.path = "/web.service",
                     .episodes = 9,
                     .throttled_ns = 910 * kMs,
                     .held_ns = 0,
                     .note = "the limit was not read"}};
    books.proof = {.waits = 700, .late_events = 3, .chain_breaks = 41, .folded_events = 990};
    return books;
}

}  // namespace flyball::test
