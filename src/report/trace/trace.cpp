// SPDX-License-Identifier: Apache-2.0
// From events to spans.
#include "flyball/report/trace.hpp"

#include "json.hpp"
#include "names.hpp"
#include "text/report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <tuple>

namespace flyball::report {
namespace {

using Place = TraceJson::Place;
using Span = TraceJson::Span;

template <class Event>
Event as(const fb_event& event)
{
    static_assert(sizeof(Event) == sizeof(fb_event));
    Event copy;
    std::memcpy(&copy, &event, sizeof copy);
    return copy;
}

std::uint64_t before(std::uint64_t ts_ns, std::uint64_t duration_ns)
{
    return ts_ns - std::min(ts_ns, duration_ns);
}

std::string_view why_it_left(std::uint16_t flags)
{
    if ((flags & FB_SW_PREV_THROTTLED) != 0)
        return "cpu.max";
    if ((flags & FB_SW_PREV_RUNNABLE) != 0)
        return "preempted";
    if ((flags & FB_SW_PREV_MEMSTALL) != 0)
        return "memory stall";
    return (flags & FB_SW_PREV_IOWAIT) != 0 ? "I/O wait" : "sleep";
}

std::string_view stall_name(std::uint32_t kind)
{
    switch (kind) {
    case FB_STALL_HIGH:
        return "memory.high";
    case FB_STALL_RECLAIM:
        return "reclaim";
    case FB_STALL_REFAULT:
        return "refault";
    case FB_STALL_GLOBAL:
        return "global reclaim";
    default:
        return "memory stall";
    }
}

}  // namespace

struct TraceWriter::State {
    // Who has the CPU.
    struct Cpu {
        Place place;
        std::uint64_t cgroup_id = 0;
        std::uint64_t since_ns = 0;
        std::uint64_t wait_ns = 0;
        std::uint32_t tid = 0;
        bool running = false;
        bool kernel = false;
    };
    // Requests overlap: each takes the first lane that is free, so that a device has as many as it had
    // requests at a time.
    struct Device {
        std::uint64_t process = 0;
        std::vector<std::uint64_t> lanes;  // until when each is taken
    };

    State(const profile::Meta& meta, std::span<const profile::KnownCgroup> known, Output output)
        : json(meta.start_ns, std::move(output)), cgroups(meta, known)
    {
    }

    void on_switch(const fb_switch& event);
    void on_throttle(const fb_throttle& event);
    void on_held(const fb_held& event);
    void on_stall(const fb_stall& event);
    void on_request(const fb_rq& event);
    void on_oom_kill(const fb_oom_kill& kill);
    void on_oom_victim(const fb_oom_task& victim);

    Cpu& cpu(std::uint32_t number);
    void ran(Cpu& cpu, std::uint64_t begin_ns, std::uint64_t end_ns, std::string_view left);
    std::uint64_t process_of(const std::string& path);
    std::uint64_t make_process(const std::string& name);
    [[nodiscard]] std::string task(std::uint32_t tid, std::uint64_t at_ns) const
    {
        return fmt::format("{} {}", tasks.of(tid, at_ns), tid);
    }

    TraceJson json;
    TaskNames tasks;
    CgroupNames cgroups;
    // One sequence for processes and tracks: importers take equal ones for the main thread.
    std::uint64_t next = 1;
    std::uint64_t cpus_process = 0;
    std::map<std::uint32_t, Cpu> cpus;
    std::map<std::string, std::uint64_t> processes;  // by path
    struct Throttled {
        Place place;
        std::uint64_t until_ns = 0;
    };
    std::map<std::pair<std::uint64_t, std::uint32_t>, Throttled> throttled;  // by process and CPU
    std::map<std::uint32_t, Device> devices;
};

std::uint64_t TraceWriter::State::make_process(const std::string& name)
{
    json.name_process(next, name);
    return next++;
}

std::uint64_t TraceWriter::State::process_of(const std::string& path)
{
    const auto [slot, fresh] = processes.try_emplace(path, 0);
    if (fresh)
        slot->second = make_process(path.empty() ? "no cgroup" : path);
    return slot->second;
}

TraceWriter::State::Cpu& TraceWriter::State::cpu(std::uint32_t number)
{
    if (cpus_process == 0)
        cpus_process = make_process("CPUs");
    const auto [slot, fresh] = cpus.try_emplace(number);
    if (fresh) {
        slot->second.place = {cpus_process, next++};
        json.name_track(slot->second.place, fmt::format("CPU {}", number));
    }
    return slot->second;
}

void TraceWriter::State::ran(Cpu& cpu, std::uint64_t begin_ns, std::uint64_t end_ns, std::string_view left)
{
    TraceArgs args;
    args.add("cgroup", cgroups.of(Controller::Cpu, cpu.cgroup_id)).add("tid", cpu.tid);
    if (cpu.wait_ns > 0)
        args.add("waited_ns", cpu.wait_ns);
    if (!left.empty())
        args.add("left", left);
    json.complete(cpu.place, {cpu.kernel ? "kernel" : "run", task(cpu.tid, end_ns), begin_ns, end_ns}, args);
}

void TraceWriter::State::on_switch(const fb_switch& event)
{
    Cpu& at = cpu(event.hdr.cpu);
    const std::uint64_t now = event.hdr.ts_ns;
    if ((event.flags & FB_SW_PREV_IDLE) == 0) {
        const bool expected = at.running && at.tid == event.prev_tid;
        std::uint64_t begin = expected ? at.since_ns : now;
        // The event before was not seen: the slice tells, but not further back than that one's end.
        if (!expected && (event.flags & FB_SW_PREV_SLICE) != 0)
            begin = std::max(before(now, event.slice_ns), at.since_ns);
        if (!expected)
            at.wait_ns = 0;
        at.tid = event.prev_tid;
        at.cgroup_id = event.prev_cgroup_id;
        at.kernel = (event.flags & FB_SW_PREV_KTHREAD) != 0;
        if (begin <= now)
            ran(at, begin, now, why_it_left(event.flags));
    }
    at.running = (event.flags & FB_SW_NEXT_IDLE) == 0;
    at.tid = event.next_tid;
    at.cgroup_id = event.hdr.cgroup_id;
    at.kernel = (event.flags & FB_SW_NEXT_KTHREAD) != 0;
    at.wait_ns = (event.flags & FB_SW_NEXT_WAIT) != 0 ? event.wait_ns : 0;
    at.since_ns = std::max(at.since_ns, now);
}

void TraceWriter::State::on_throttle(const fb_throttle& event)
{
    if (event.kind != FB_THROTTLE_OWN)
        return;
    const std::uint64_t process = process_of(cgroups.of(Controller::Cpu, event.hdr.cgroup_id));
    const auto [slot, fresh] = throttled.try_emplace({process, event.cpu});
    Throttled& at = slot->second;
    if (fresh) {
        at.place = {process, next++};
        json.name_track(at.place, fmt::format("cpu.max on CPU {}", event.cpu));
    }
    const std::uint64_t begin = std::max(before(event.hdr.ts_ns, event.duration_ns), at.until_ns);
    if (begin > event.hdr.ts_ns)
        return;
    json.complete(at.place, {"throttle", "throttled", begin, event.hdr.ts_ns}, {});
    at.until_ns = event.hdr.ts_ns;
}

void TraceWriter::State::on_held(const fb_held& event)
{
    const std::uint64_t process = process_of(cgroups.of(Controller::Cpu, event.hdr.cgroup_id));
    TraceArgs args;
    args.add("by", event.throttler_id == 0 ? "?" : cgroups.of(Controller::Cpu, event.throttler_id));
    args.add("tid", event.tid);
    json.async(process, fmt::format("held-{}", event.tid),
               {"held", "held: " + task(event.tid, event.held_until_ns), before(event.held_until_ns, event.held_ns),
                event.held_until_ns},
               args);
}

void TraceWriter::State::on_stall(const fb_stall& event)
{
    const std::uint64_t process = process_of(cgroups.of(Controller::Memory, event.hdr.cgroup_id));
    const std::string_view kind = stall_name(event.kind);
    TraceArgs args;
    args.add("tid", event.tid).add(event.kind == FB_STALL_RECLAIM ? "pages_reclaimed" : "amount", event.amount);
    json.async(process, fmt::format("{}-{}", kind, event.tid),
               {"memory", fmt::format("{}: {}", kind, task(event.tid, event.hdr.ts_ns)),
                before(event.hdr.ts_ns, event.duration_ns), event.hdr.ts_ns},
               args);
}

void TraceWriter::State::on_request(const fb_rq& event)
{
    Device& device = devices[event.dev];
    const std::string name = device_name(event.dev);
    if (device.process == 0)
        device.process = make_process("device " + name);
    const bool queue_known = event.queue_ns != FB_UNKNOWN_NS;
    const std::uint64_t done = event.hdr.ts_ns;
    const std::uint64_t issued = before(done, event.device_ns);
    const std::uint64_t made = queue_known ? before(issued, event.queue_ns) : issued;

    auto lane = std::ranges::find_if(device.lanes, [=](std::uint64_t until) { return until <= made; });
    if (lane == device.lanes.end())
        lane = device.lanes.insert(lane, 0);
    *lane = std::max(*lane, done);
    const std::string id = fmt::format("{}-{}", name, lane - device.lanes.begin());

    TraceArgs args;
    args.add("cgroup", cgroups.of(Controller::Io, event.hdr.cgroup_id)).add("bytes", event.bytes);
    args.add("sector", event.sector);
    if (event.error != 0)
        args.add("error", fmt::format("{}", event.error));
    const Span whole{"io", op_name(event.op), made, done};
    json.async_begin(device.process, id, whole, args);
    if (queue_known)
        json.async(device.process, id, {"io", "queue", made, issued}, {});
    json.async(device.process, id, {"io", "device", issued, done}, {});
    json.async_end(device.process, id, whole);
}

void TraceWriter::State::on_oom_kill(const fb_oom_kill& kill)
{
    TraceArgs args;
    const std::string domain = cgroups.of(Controller::Memory, kill.hdr.cgroup_id);
    args.add("domain", domain.empty() ? "the whole machine" : domain);
    args.add("asked", field_text(kill.trigger_comm)).add("asked_tid", kill.trigger_tid);
    args.add("victim", field_text(kill.victim_comm)).add("victim_pid", kill.victim_tgid);
    args.add("usage_bytes", kill.usage_bytes);
    if (kill.limit_bytes != ~std::uint64_t{0})
        args.add("limit_bytes", kill.limit_bytes);
    json.instant(0, "oom", fmt::format("OOM kill: {} {}", field_text(kill.victim_comm), kill.victim_tgid),
                 kill.hdr.ts_ns, args);
}

void TraceWriter::State::on_oom_victim(const fb_oom_task& victim)
{
    TraceArgs args;
    args.add("pid", victim.tgid);
    if (victim.rss_bytes != ~std::uint64_t{0})
        args.add("rss_bytes", victim.rss_bytes);
    json.instant(process_of(cgroups.of(Controller::Memory, victim.hdr.cgroup_id)), "oom",
                 fmt::format("OOM victim: {} {}", field_text(victim.comm), victim.tgid), victim.hdr.ts_ns, args);
}

TraceWriter::TraceWriter(const profile::Meta& meta, std::span<const profile::KnownCgroup> known, Output output)
    : state_(std::make_unique<State>(meta, known, std::move(output)))
{
}
TraceWriter::~TraceWriter() = default;
TraceWriter::TraceWriter(TraceWriter&&) noexcept = default;
TraceWriter& TraceWriter::operator=(TraceWriter&&) noexcept = default;

void TraceWriter::name_tasks(std::span<const fb_task_record> tasks)
{
    state_->tasks.add(tasks);
}

void TraceWriter::on_event(const fb_event& event)
{
    switch (event.hdr.type) {
    case FB_EV_SWITCH:
        return state_->on_switch(as<fb_switch>(event));
    case FB_EV_THROTTLE:
        return state_->on_throttle(as<fb_throttle>(event));
    case FB_EV_HELD:
        return state_->on_held(as<fb_held>(event));
    case FB_EV_STALL:
        return state_->on_stall(as<fb_stall>(event));
    case FB_EV_RQ:
        return state_->on_request(as<fb_rq>(event));
    case FB_EV_TASK:
        if (const auto task = as<fb_task>(event); task.kind == FB_TASK_FORK)
            state_->tasks.fork(task);
        return;
    default:
        return;
    }
}

void TraceWriter::on_control(std::span<const std::byte> bytes)
{
    const auto header = profile::decode<fb_hdr>(bytes);
    if (!header)
        return;
    if (header->type == FB_EV_CGROUP) {
        if (const auto record = profile::decode<fb_cgroup>(bytes))
            state_->cgroups.apply(*record);
    } else if (header->type == FB_EV_ATTACH) {
        if (const auto attach = profile::decode<fb_attach>(bytes))
            state_->tasks.say(attach->tid, header->ts_ns, field_text(attach->comm));
    } else if (header->type == FB_EV_OOM_KILL) {
        if (const auto kill = profile::decode<fb_oom_kill>(bytes))
            state_->on_oom_kill(*kill);
    } else if (header->type == FB_EV_OOM_VICTIM) {
        if (const auto victim = profile::decode<fb_oom_task>(bytes))
            state_->on_oom_victim(*victim);
    }
}

void TraceWriter::finish(std::uint64_t end_ns)
{
    for (auto& [number, cpu] : state_->cpus) {
        if (cpu.running && end_ns >= cpu.since_ns)
            state_->ran(cpu, cpu.since_ns, end_ns, "");
    }
    state_->json.finish();
}

}  // namespace flyball::report
