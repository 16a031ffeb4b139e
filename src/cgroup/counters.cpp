// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/counters.hpp"

#include "files.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/limits.hpp"

#include <limits>

namespace flyball::cgroup {

namespace {

using detail::Count;
using detail::field;
using detail::Files;
constexpr std::uint64_t kNsPerUs = 1000;
constexpr std::uint64_t kMaxCount = std::numeric_limits<std::uint64_t>::max();

Count us_to_ns(Count us)
{
    if (!us || *us > kMaxCount / kNsPerUs)
        return std::nullopt;
    return *us * kNsPerUs;
}

void add_saturating(std::uint64_t& sum, std::uint64_t value)
{
    sum = value > kMaxCount - sum ? kMaxCount : sum + value;
}

// v2 counts microseconds in throttled_usec, v1 nanoseconds in throttled_time.
Count throttled(const std::map<std::string, std::uint64_t>& stat, bool unified)
{
    return unified ? us_to_ns(field(stat, "throttled_usec")) : field(stat, "throttled_time");
}

void read_cpu_limit(const Files& cpu, Counters& counters)
{
    if (!cpu.unified()) {
        counters.cpu_quota_ns = us_to_ns(cpu.single("cpu.cfs_quota_us"));  // -1: no limit
        counters.cpu_period_ns = us_to_ns(cpu.single("cpu.cfs_period_us"));
        counters.cpu_burst_ns = us_to_ns(cpu.single("cpu.cfs_burst_us"));
        return;
    }
    const auto text = cpu.text("cpu.max");  // the root has none
    if (!text)
        return;
    if (const auto limit = parse_cpu_max(*text)) {
        counters.cpu_period_ns = us_to_ns(limit->period_us);
        if (limit->quota_us != kUnlimited)
            counters.cpu_quota_ns = us_to_ns(limit->quota_us);
    }
    counters.cpu_burst_ns = us_to_ns(cpu.single("cpu.max.burst"));
}

void read_cpu(const Layout& layout, std::string_view path, Counters& counters)
{
    const Files cpu(layout.controller("cpu"), path);
    read_cpu_limit(cpu, counters);
    const auto stat = cpu.keyed("cpu.stat");
    counters.nr_periods = field(stat, "nr_periods");
    counters.nr_throttled = field(stat, "nr_throttled");
    counters.throttled_ns = throttled(stat, cpu.unified());
    counters.throttled_local_ns = throttled(cpu.keyed("cpu.stat.local"), cpu.unified());
    if (cpu.unified()) {
        counters.usage_ns = us_to_ns(field(stat, "usage_usec"));
        return;
    }
    counters.usage_ns = Files(layout.controller("cpuacct"), path).single("cpuacct.usage");
    // Every v2 cgroup has usage_usec in cpu.stat, with and without the cpu controller.
    if (!counters.usage_ns)
        counters.usage_ns = us_to_ns(field(Files(layout.unified(), path).keyed("cpu.stat"), "usage_usec"));
}

void read_memory(const Layout& layout, std::string_view path, Counters& counters)
{
    const Files memory(layout.controller("memory"), path);
    if (memory.unified()) {
        counters.memory_events = memory.keyed("memory.events");
        counters.memory_events_local = memory.keyed("memory.events.local");
        counters.memory_peak_bytes = memory.single("memory.peak");
        return;
    }
    if (const auto kills = field(memory.keyed("memory.oom_control"), "oom_kill"))
        counters.memory_events["v1.oom_kill"] = *kills;
    if (const auto hits = memory.single("memory.failcnt"))
        counters.memory_events["v1.failcnt"] = *hits;
    counters.memory_peak_bytes = memory.single("memory.max_usage_in_bytes");
}

void read_pids(const Layout& layout, std::string_view path, Counters& counters)
{
    const Files pids(layout.controller("pids"), path);
    counters.pids_peak = pids.single("pids.peak");
    counters.pids_max_events = field(pids.keyed("pids.events"), "max");
}

void read_io(const Layout& layout, std::string_view path, Counters& counters)
{
    const Files io(layout.controller("io"), path);
    if (io.unified()) {
        if (const auto text = io.text("io.stat")) {
            const IoSums sums = parse_io_stat(*text);
            counters.io_rbytes = sums.rbytes;
            counters.io_wbytes = sums.wbytes;
            counters.io_rios = sums.rios;
            counters.io_wios = sums.wios;
        }
        return;
    }
    // Newer kernels fill these two only while a blk-throttle rule is set (seen on a 6.18: zeroes beside 8 MB
    // written): nothing at all is no reading.
    const auto text = io.text("blkio.throttle.io_service_bytes_recursive");
    const ReadWrite counted = text ? parse_blkio_throttle(*text) : ReadWrite{};
    if (counted.read == 0 && counted.write == 0)
        return;
    counters.io_rbytes = counted.read;
    counters.io_wbytes = counted.write;
    if (const auto serviced = io.text("blkio.throttle.io_serviced_recursive")) {
        const ReadWrite ios = parse_blkio_throttle(*serviced);
        counters.io_rios = ios.read;
        counters.io_wios = ios.write;
    }
}

// PSI is kept for cgroups of the v2 hierarchy only, but with all controllers elsewhere too.
void read_pressure(const Layout& layout, std::string_view path, Counters& counters)
{
    const Files unified(layout.unified(), path);
    for (const std::string resource : {"cpu", "memory", "io", "irq"}) {
        const auto text = unified.text((resource + ".pressure").c_str());
        if (!text)
            continue;
        const Pressure pressure = parse_pressure(*text);
        if (pressure.some_us)
            counters.pressure_us[resource + ".some"] = *pressure.some_us;
        if (pressure.full_us)
            counters.pressure_us[resource + ".full"] = *pressure.full_us;
    }
}

}  // namespace

bool Counters::empty() const
{
    return !throttled_ns && !nr_periods && !nr_throttled && !throttled_local_ns && !usage_ns && !cpu_quota_ns &&
           !cpu_period_ns && !cpu_burst_ns && memory_events.empty() && memory_events_local.empty() &&
           !memory_peak_bytes && !pids_peak && !pids_max_events && !io_rbytes && !io_wbytes && !io_rios && !io_wios &&
           pressure_us.empty();
}

Counters read_counters(const Layout& layout, std::string_view path)
{
    Counters counters;
    counters.at_ns = monotonic_ns();
    read_cpu(layout, path, counters);
    read_memory(layout, path, counters);
    read_pids(layout, path, counters);
    read_io(layout, path, counters);
    read_pressure(layout, path, counters);
    return counters;
}

std::map<std::string, std::uint64_t> parse_flat_keyed(std::string_view text)
{
    std::map<std::string, std::uint64_t> fields;
    for_each_line(text, [&fields](std::string_view line) {
        const auto words = split_blanks(line);
        if (words.size() != 2)
            return;
        if (const auto value = parse_u64(words[1]))
            fields[std::string(words[0])] = *value;
    });
    return fields;
}

std::optional<std::uint64_t> parse_single(std::string_view text)
{
    return parse_u64(trim(text));
}

IoSums parse_io_stat(std::string_view text)
{
    IoSums sums;
    for_each_line(text, [&sums](std::string_view line) {
        for (const std::string_view word : split_blanks(line)) {
            const auto equals = word.find('=');
            if (equals == std::string_view::npos)
                continue;
            const std::string_view name = word.substr(0, equals);
            const auto value = parse_u64(word.substr(equals + 1));
            if (!value)
                continue;
            if (name == "rbytes")
                add_saturating(sums.rbytes, *value);
            else if (name == "wbytes")
                add_saturating(sums.wbytes, *value);
            else if (name == "rios")
                add_saturating(sums.rios, *value);
            else if (name == "wios")
                add_saturating(sums.wios, *value);
        }
    });
    return sums;
}

ReadWrite parse_blkio_throttle(std::string_view text)
{
    ReadWrite sums;
    for_each_line(text, [&sums](std::string_view line) {
        const auto words = split_blanks(line);
        // "Total 0" is the sum of all devices; "8:0 Sync" and "8:0 Async" count the same requests again.
        if (words.size() != 3)
            return;
        const auto value = parse_u64(words[2]);
        if (!value)
            return;
        if (words[1] == "Read")
            add_saturating(sums.read, *value);
        else if (words[1] == "Write")
            add_saturating(sums.write, *value);
    });
    return sums;
}

Pressure parse_pressure(std::string_view text)
{
    Pressure pressure;
    for_each_line(text, [&pressure](std::string_view line) {
        constexpr std::string_view kTotal = "total=";
        const auto words = split_blanks(line);
        if (words.size() < 2 || !words.back().starts_with(kTotal))
            return;
        const auto total = parse_u64(words.back().substr(kTotal.size()));
        if (words.front() == "some")
            pressure.some_us = total;
        else if (words.front() == "full")
            pressure.full_us = total;
    });
    return pressure;
}

}  // namespace flyball::cgroup
