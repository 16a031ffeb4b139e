// SPDX-License-Identifier: Apache-2.0
// Wire records with the fields that a test cares about.
#pragma once

#include "flyball/profile/accumulator.hpp"

#include <bit>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::profile::test {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr int kV2 = 0;
// Two below /a, and one beside it.
inline const std::vector<KnownCgroup> kWithSiblings{{0, 10, "/a"}, {0, 11, "/a/b"}, {0, 12, "/c"}, {0, 13, "/a/d"}};

inline fb_hdr header(std::uint16_t type, std::uint16_t prog, std::uint64_t id, std::uint64_t ts = 0)
{
    fb_hdr hdr{};
    hdr.type = type;
    hdr.size = sizeof(fb_event);
    hdr.prog = prog;
    hdr.cgroup_id = id;
    hdr.ts_ns = ts;
    return hdr;
}

template <class Wire>
fb_event event(const Wire& wire)
{
    return std::bit_cast<fb_event>(wire);
}

inline fb_event selftest(std::uint64_t id, std::uint64_t value)
{
    fb_selftest e{};
    e.hdr = header(FB_EV_SELFTEST, FB_P_SELFTEST, id);
    e.value = value;
    return event(e);
}

inline fb_event wait(std::uint64_t id, std::uint64_t ns)
{
    fb_switch e{};
    e.hdr = header(FB_EV_SWITCH, FB_P_SWITCH, id);
    e.flags = FB_SW_NEXT_WAIT | FB_SW_PREV_IDLE;
    e.wait_ns = ns;
    return event(e);
}

inline fb_event charge(std::uint64_t id, std::int64_t bytes)
{
    fb_charge e{};
    e.hdr = header(FB_EV_CHARGE, FB_P_CHARGE, id);
    e.bytes = bytes;
    return event(e);
}

inline fb_event bio(std::uint64_t id, std::uint32_t op, std::uint32_t bytes)
{
    fb_bio e{};
    e.hdr = header(FB_EV_BIO, FB_P_BIO, id);
    e.op = op;
    e.bytes = bytes;
    return event(e);
}

inline fb_event fork(std::uint64_t id, std::uint32_t pids)
{
    fb_task e{};
    e.hdr = header(FB_EV_TASK, FB_P_FORK, id);
    e.kind = FB_TASK_FORK;
    e.pids_current = pids;
    return event(e);
}

inline fb_cgroup cgroup(std::uint32_t op, std::uint64_t id, std::string_view path, int hierarchy = kV2,
                        std::uint64_t ts = 0)
{
    fb_cgroup r{};
    r.hdr = header(FB_EV_CGROUP, FB_P_CGROUP, id, ts);
    r.hdr.size = sizeof r;
    r.op = op;
    r.hierarchy = hierarchy;
    const std::size_t n = std::min(path.size(), sizeof r.path - 1);
    std::memcpy(r.path, path.data(), n);
    r.path_len = static_cast<std::uint32_t>(n + 1);
    return r;
}

inline fb_oom_kill decision(std::uint64_t domain, std::uint64_t ts, std::uint32_t victim_tgid,
                            std::uint32_t trigger = 9)
{
    fb_oom_kill r{};
    r.hdr = header(FB_EV_OOM_KILL, FB_P_OOM, domain, ts);
    r.hdr.size = sizeof r;
    r.trigger_cgroup_id = domain;
    r.trigger_tid = r.trigger_tgid = trigger;
    r.victim_tid = r.victim_tgid = victim_tgid;
    r.limit_bytes = 1 << 20;
    std::memcpy(r.trigger_comm, "trigger", 8);
    std::memcpy(r.victim_comm, "victim", 7);
    return r;
}

inline fb_oom_group policy(std::uint64_t group, std::uint64_t domain, std::uint64_t ts, std::uint32_t victim_tgid)
{
    fb_oom_group r{};
    r.hdr = header(FB_EV_OOM_GROUP, FB_P_OOM, group, ts);
    r.hdr.size = sizeof r;
    r.domain_id = domain;
    r.victim_tid = r.victim_tgid = victim_tgid;
    return r;
}

inline fb_oom_task oom_task(std::uint16_t type, std::uint64_t id, std::uint64_t ts, std::uint32_t tgid,
                            std::uint32_t tid = 0)
{
    fb_oom_task r{};
    r.hdr = header(type, FB_P_OOM, id, ts);
    r.hdr.size = sizeof r;
    r.tgid = tgid;
    r.tid = tid == 0 ? tgid : tid;
    r.rss_bytes = 4096;
    r.usage_bytes = ~0ULL;
    r.si_code = type == FB_EV_OOM_SIGKILL ? 0x80 : 0;
    r.marked = type == FB_EV_OOM_EXIT ? 1 : 0;
    std::memcpy(r.comm, "victim", 7);
    return r;
}

inline void send(stream::Sink& sink, std::vector<fb_event> events, std::uint32_t cpu = 0, std::uint64_t seq = ~0ULL)
{
    fb_batch batch{};
    batch.n = static_cast<std::uint32_t>(events.size());
    batch.cpu = cpu;
    batch.seq = seq;
    batch.abi = FB_ABI_VERSION;
    for (fb_event& e : events)
        e.hdr.cpu = static_cast<std::uint16_t>(cpu);
    sink.on_batch(batch, events);
}

template <class Record>
void control(stream::Sink& sink, const Record& record)
{
    sink.on_control(std::as_bytes(std::span(&record, 1)));
}

inline Meta v2_meta()
{
    Meta meta;
    meta.hierarchy = {{"cpu", 0}, {"memory", 0}, {"io", 0}, {"pids", 0}};
    return meta;
}

inline const CgroupProfile* find(const Snapshot& snapshot, std::string_view path)
{
    for (const CgroupProfile& cgroup : snapshot.cgroups) {
        if (cgroup.path == path)
            return &cgroup;
    }
    return nullptr;
}

// Sum of a metric at a path, 0 where the path is missing.
inline std::uint64_t sum_of(const Snapshot& snapshot, std::string_view path, fb_metric metric)
{
    const CgroupProfile* cgroup = find(snapshot, path);
    return cgroup == nullptr ? 0 : cgroup->of(metric).sum64();
}

// The folding of bpf/fold.bpf.h for one value of a histogram metric.
inline void fold(std::vector<FoldedEntry>& entries, std::uint64_t id, fb_metric metric, std::uint64_t value)
{
    const auto metric16 = static_cast<std::uint16_t>(metric);
    entries.push_back({{id, metric16, static_cast<std::uint16_t>(fb_hist_bucket(value)), 0}, {1, 0, 0, 0}});
    entries.push_back({{id, metric16, FB_FOLD_TOTAL, 0}, {1, value, value, value}});
}

inline void fold_count(std::vector<FoldedEntry>& entries, std::uint64_t id, fb_metric metric, std::uint64_t value,
                       std::uint64_t times)
{
    entries.push_back({{id, static_cast<std::uint16_t>(metric), FB_FOLD_TOTAL, 0}, {times, value, value, value}});
}

}  // namespace flyball::profile::test
