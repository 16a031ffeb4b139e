// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"
#include "parts.hpp"
#include "text/report_parts.hpp"

namespace flyball::report {
namespace {

std::string with_unit(const char* key, Unit unit)
{
    return unit == Unit::Count ? key : std::string(key) + "_" + std::string(unit_name(unit));
}

Json json_stats(const MetricStats& m)
{
    const Unit unit = m.metric->unit;
    Json stats = {{"count", m.count}};
    const auto put = [&](const char* key, std::uint64_t value) { stats[with_unit(key, unit)] = value; };
    put("sum", m.sum);
    put("min", m.min);
    stats[with_unit("mean", unit)] = m.mean;
    put("p50", m.p50);
    put("p90", m.p90);
    put("p99", m.p99);
    put("p99_9", m.p999);
    put("max", m.max);
    Json buckets = Json::array();
    for (const auto& bucket : m.buckets)
        buckets.push_back(Json::array({bucket.low, bucket.high, bucket.count}));
    stats["buckets"] = std::move(buckets);
    return stats;
}

// null where it was not measured.
Json json_count(const CountStats& c)
{
    if (!c.measured)
        return nullptr;
    if (c.metric->id == FB_M_PIDS_PEAK)
        return {{"max", c.max}};
    Json count = {{"count", c.count}};
    if (c.metric->unit != Unit::Count) {
        count[with_unit("sum", c.metric->unit)] = c.sum;
        count[with_unit("max", c.metric->unit)] = c.max;
    }
    return count;
}

Json json_time(const TimeSplit& t)
{
    return {{"lost_ns", t.lost_ns},
            {"on_cpu_ns", json_maybe(t.on_cpu_ns)},
            {"wait_ns", json_maybe(t.wait_ns)},
            {"wait_p99_ns", json_maybe(t.wait_p99_ns)},
            {"held_ns", json_maybe(t.held_ns)},
            {"held_ratio", json_maybe(t.held_ratio)},
            {"mem_stall_ns", json_maybe(t.mem_stall_ns)},
            {"io_p99_ns", json_maybe(t.io_p99_ns)},
            {"oom_kills", json_maybe(t.oom_kills)}};
}

Json json_throttling(const Throttling& t)
{
    Json held_by = Json::array();
    for (const Holder& holder : t.held_by) {
        held_by.push_back(
            {{"cgroup", holder.path == "?" ? Json(nullptr) : Json(harmless(holder.path))}, {"held_ns", holder.ns}});
    }
    Json by_cpu = Json::array();
    for (const auto& [cpu, count] : t.by_cpu) {
        by_cpu.push_back({{"cpu", cpu}, {"episodes", count.count}, {"sum_ns", count.sum}, {"max_ns", count.max}});
    }
    return {{"periods", json_maybe(t.periods)},
            {"throttled_periods", json_maybe(t.throttled_periods)},
            {"held_by", std::move(held_by)},
            {"by_cpu", std::move(by_cpu)}};
}

Json json_io(const std::vector<IoRow>& rows)
{
    Json array = Json::array();
    for (const IoRow& row : rows) {
        const std::uint64_t low = row.size_log2 == 0 ? 0 : std::uint64_t{1} << row.size_log2;
        array.push_back({{"device", device_name(row.dev)},
                         {"op", op_name(row.op)},
                         {"size_from_bytes", low},
                         {"count", row.count},
                         {"sum_ns", row.sum_ns},
                         {"p50_ns", row.p50_ns},
                         {"p99_ns", row.p99_ns},
                         {"max_ns", row.max_ns}});
    }
    return array;
}

}  // namespace

Json json_cgroup(const CgroupReport& cgroup)
{
    Json metrics = Json::object(), counts = Json::object();
    for (const MetricStats& m : cgroup.metrics)
        metrics[std::string(m.metric->name)] = json_stats(m);
    for (const CountStats& c : cgroup.counts)
        counts[std::string(c.metric->name)] = json_count(c);
    return {{"path", harmless(cgroup.path)},  {"life", life_name(cgroup.life)},
            {"time", json_time(cgroup.time)}, {"metrics", std::move(metrics)},
            {"counts", std::move(counts)},    {"throttling", json_throttling(cgroup.throttling)},
            {"io", json_io(cgroup.io)}};
}

}  // namespace flyball::report
