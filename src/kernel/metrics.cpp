// SPDX-License-Identifier: Apache-2.0
// Each metric's ways, best first. Available means that the metric's own values are measured: where
// only a count by the kernel is left of a metric of times, it is not available, and the note says so.
#include "metrics.hpp"

#include "fields.hpp"
#include "flyball/abi/config.h"
#include "flyball/kernel/programs.hpp"
#include "reason.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace flyball::kernel {

namespace {

using Names = std::vector<std::string_view>;

// nullopt: no objection.
using Need = std::optional<Lack> (*)(const Plan&);

struct Way {
    Names programs;              // all of them; the first one's hook stands for the way
    std::string_view note = {};  // how it differs from the best way
    Need needs = nullptr;        // besides the programs
    std::string_view hook = {};  // of a way without programs
};

struct Rule {
    std::string_view metric;
    std::vector<Way> ways;
    Need needs = nullptr;                         // of every way
    std::string (*note)(const Facts&) = nullptr;  // added on hosts where it matters
};

// ---- needs ---------------------------------------------------------------------------------------

std::optional<Lack> controller(const Controller& c, std::string_view name)
{
    if (c.present)
        return std::nullopt;
    return Lack{.why = fmt::format("no mounted cgroup hierarchy has the {} controller", name),
                .remedy = fmt::format("mount cgroup v2 with it (and boot without cgroup_disable={})", name)};
}

std::optional<Lack> has_memory(const Plan& plan)
{
    return controller(plan.facts.memory, "memory");
}
std::optional<Lack> has_pids(const Plan& plan)
{
    return controller(plan.facts.pids, "pids");
}

std::optional<Lack> has_cpu_max(const Plan& plan)
{
    if (!plan.facts.has_field(kCfsRqThrottled))
        return Lack{.why = "the kernel is built without CPU quotas",
                    .remedy = "use a kernel built with CONFIG_CFS_BANDWIDTH=y"};
    return controller(plan.facts.cpu, "cpu");
}

// memory.high, memory.events and memory.oom.group came with cgroup v2.
std::optional<Lack> v2_memory(const Plan& plan, std::string_view file)
{
    if (auto lack = has_memory(plan))
        return lack;
    if (plan.facts.memory.unified)
        return std::nullopt;
    return Lack{.why = fmt::format("the memory controller is on cgroup v1, which has no {}", file),
                .remedy = "use cgroup v2 for memory (boot with systemd.unified_cgroup_hierarchy=1)"};
}
std::optional<Lack> has_memory_high(const Plan& plan)
{
    return v2_memory(plan, "memory.high");
}
std::optional<Lack> has_memory_events(const Plan& plan)
{
    return v2_memory(plan, "memory.events");
}
std::optional<Lack> has_oom_group(const Plan& plan)
{
    return v2_memory(plan, "memory.oom.group");
}

std::optional<Lack> has_psi(const Plan& plan)
{
    if (plan.facts.psi)
        return std::nullopt;
    if (!plan.facts.has_field(kTaskInMemstall))
        return Lack{.why = "the kernel is built without pressure stall information",
                    .remedy = "use a kernel built with CONFIG_PSI=y"};
    return Lack{.why = "pressure stall information (PSI) is off", .remedy = "boot with psi=1"};
}

std::optional<Lack> has_cpu_clock(const Plan& plan)
{
    return no_cpu_clock(plan.facts);
}

// An empty Lack: not this way, though nothing is lacking that a user could give.
std::optional<Lack> lacks_nothing_if(bool refuse)
{
    return refuse ? std::optional<Lack>(Lack{}) : std::nullopt;
}
std::optional<Lack> throttles_run_queues(const Plan& plan)
{
    return lacks_nothing_if(plan.facts.has_field(kTaskThrottled));
}
// v6.6 gave each run queue a clock of the time that it was held.
std::optional<Lack> held_clock(const Plan& plan)
{
    return lacks_nothing_if(!plan.facts.has_field(kCfsRqHeldClock));
}
std::optional<Lack> memstall_by_switch(const Plan& plan)
{
    return lacks_nothing_if((plan.config_flags & FB_C_MEMSTALL_BY_SWITCH) == 0);
}

// ---- notes that depend on the host ------------------------------------------------------------------

std::string io_owner(const Facts& facts)
{
    if (!facts.io.present)
        return "no io controller is mounted: all of it belongs to the root cgroup";
    if (!facts.io.unified)
        return "cgroup v1: buffered writes belong to the root cgroup, not to the writer";
    return {};
}

// ---- the rules ----------------------------------------------------------------------------------------

// first: the program whose hook the metric is really about.
std::vector<Way> throttle_ways(std::string_view first)
{
    constexpr std::string_view kNoticed = "seen by the tasks that it stops: an episode ends when the first of them ";
    static const std::string kLate = std::string(kNoticed) + "runs again";
    static const std::string kTold = std::string(kNoticed) + "runs again, its length is the kernel's";
    Names run_queue{first, "throttle_end", "throttle_walk", "throttle_down", "throttle_up"};
    Names task = run_queue;
    task.emplace_back("throttle_begin_task");
    return {{.programs = std::move(task)},
            {.programs = std::move(run_queue), .needs = throttles_run_queues},
            {.programs = {"sched_switch"}, .note = kTold, .needs = held_clock},
            {.programs = {"sched_switch"}, .note = kLate}};
}

std::vector<Way> held_ways()
{
    return {{.programs = {"sched_switch"}, .needs = held_clock},
            {.programs = {"throttle_down", "throttle_up", "throttle_walk", "throttle_end"}},
            {.programs = {"sched_switch"},
             .note = "a hold ends when the task runs again: its wait after the kernel let go counts as held"}};
}

std::vector<Rule> cpu_rules()
{
    return {
        {"cpu.wait", {{{"sched_switch", "sched_wakeup", "sched_wakeup_new", "task_newtask"}}}},
        {"cpu.held", held_ways(), has_cpu_max},
        {"cpu.slice", {{{"sched_switch"}}}},
        {"cpu.wakeups", {{{"sched_wakeup", "sched_wakeup_new", "sched_switch"}}}},
        {"cpu.migrations", {{{"sched_migrate_task", "sched_switch"}}}},
        {"cpu.preemptions", {{{"sched_switch"}}}},
        {"cpu.throttle.own", throttle_ways("throttle_end"), has_cpu_max},
        {"cpu.throttle.inherited", throttle_ways("throttle_down"), has_cpu_max},
        {"cpu.stacks", {{{}, {}, nullptr, "perf_event/cpu-clock"}}, has_cpu_clock},
    };
}

std::vector<Rule> memory_rules()
{
    return {
        {"mem.charge",
         {{{"charge"}},
          {{"charge_lruvec", "charge_kernel"},
           "growth of anonymous, file and kernel pages as the kernel counts them; refused charges are not "
           "seen"},
          {{"charge_lruvec"}, "growth of anonymous and file pages only; refused charges are not seen"}},
         has_memory},
        {"mem.charge_stall", {{{"charge", "reclaim_begin", "reclaim_end"}}}, has_memory},
        {"mem.high", {{{"high_enter", "high_exit"}}, {{"high_enter_old", "high_exit_old"}}}, has_memory_high},
        {"mem.reclaim", {{{"reclaim_begin", "reclaim_end"}}}, has_memory},
        {"mem.refault",
         {{{"memstall_enter", "memstall_leave"}},
          {{"sched_switch"},
           "the sleeps inside a memory stall only, not the time on the CPU between them",
           memstall_by_switch}},
         has_psi},
        {"mem.global_reclaim", {{{"global_reclaim_begin", "global_reclaim_end"}}}},
        {"mem.limit_hits",
         {{{}, {}, has_memory_events, "memory.events (polled)"},
          {{},
           "cgroup v1: limit hits only, none of the other events of memory.events",
           nullptr,
           "memory.failcnt (polled)"}},
         has_memory},
    };
}

std::vector<Rule> oom_rules()
{
    return {
        {"oom.decision",
         {{{"oom_decision"}},
          {{"oom_mark"}, "known by its first victim: which limit was hit and who asked for memory are not seen"}}},
        {"oom.group", {{{"oom_policy"}}}, has_oom_group},
        {"oom.victims", {{{"oom_mark"}}}},
        {"oom.sigkill", {{{"oom_sigkill"}}}},
        {"oom.exit", {{{"oom_exit", "oom_mark"}}}},
        {"oom.members", {{{"oom_scan", "oom_member"}}}},
        {"oom.sharers",
         {{{"oom_done", "oom_decision", "oom_sigkill"}},
          {{"oom_sigkill", "oom_mark"}, "known by SIGKILLs within 250 ms of the mark, of the task that marked"}}},
        {"oom.nobody",
         {{{"oom_nobody"}},
          {{"read_memcgs"}, "known by the kernel's counters a second later: who asked for memory is not seen"}}},
        {"oom.counters", {{{"read_memcgs"}}}},
        {"oom.growth", {{{"read_memory"}}}},
        {"oom.freed", {{{"oom_freed"}}}},
        {"oom.reap", {{{"oom_reaped"}, "often silent: most victims exit before the reaper is due"}}},
    };
}

std::vector<Rule> io_rules()
{
    return {
        {"io.queue", {{{"rq_issue", "rq_complete"}}}, nullptr, io_owner},
        {"io.device", {{{"rq_complete", "rq_issue"}}}, nullptr, io_owner},
        {"io.total", {{{"rq_complete", "rq_issue"}}}, nullptr, io_owner},
        {"io.size",
         {{{"bio_queue", "bio_split"}}, {{"bio_queue"}, "a bio that is split counts as one operation"}},
         nullptr,
         io_owner},
        {"io.held", {{{"bio_held", "bio_queue"}}}, nullptr, io_owner},
        {"io.errors", {{{"rq_complete", "rq_issue"}}}, nullptr, io_owner},
    };
}

std::vector<Rule> other_rules()
{
    return {
        {"pids.forks", {{{"task_newtask"}}}},
        {"pids.exits", {{{"task_exit"}}}},
        {"pids.peak", {{{"task_newtask"}}}, has_pids},
        {"pids.refused",
         {{{"fork_refused"}},
          {{},
           "the kernel's own count: when, and which process was refused, is not seen",
           nullptr,
           "pids.events (polled)"}},
         has_pids},
        {"cgroup.life",
         {{{"cgroup_mkdir", "cgroup_rmdir", "cgroup_rename", "cgroup_release", "cgroup_populated"}},
          {{"cgroup_mkdir", "cgroup_rmdir"}, "made and removed only: renames and first and last tasks are not seen"}}},
        {"cgroup.attach", {{{"cgroup_attach"}}}},
    };
}

const std::vector<Rule>& rules()
{
    static const std::vector<Rule> all = [] {
        std::vector<Rule> joined;
        for (auto part : {cpu_rules(), memory_rules(), oom_rules(), io_rules(), other_rules()})
            joined.insert(joined.end(), part.begin(), part.end());
        return joined;
    }();
    return all;
}

// ---- their use ------------------------------------------------------------------------------------------

bool works(const Plan& plan, const Way& way)
{
    if (way.needs != nullptr && way.needs(plan))
        return false;
    return std::ranges::all_of(way.programs, [&](std::string_view name) { return plan.loads(name); });
}

std::string hook_text(const Way& way)
{
    const Program* first = way.programs.empty() ? nullptr : find_program(way.programs.front());
    return first != nullptr ? section(*first) : std::string(way.hook);
}

bool exists(const Plan& plan, std::string_view program)
{
    const auto found = plan.facts.hooks.find(program);
    return found != plan.facts.hooks.end() && found->second.exists;
}

// What keeps the best way from working: of the ways whose hooks this kernel has, the first one
// with an obstacle; else what the best one lacks.
std::optional<Lack> obstacle(const Plan& plan, const Rule& rule)
{
    const auto refused = [&](std::string_view name) { return !usable(plan.facts, name); };
    for (const bool existing : {true, false}) {
        for (const Way& way : rule.ways) {
            if (existing && !std::ranges::all_of(way.programs, [&](auto name) { return exists(plan, name); }))
                continue;
            const auto found = std::ranges::find_if(way.programs, refused);
            if (found != way.programs.end())
                return explain(plan.facts, *found);
            if (way.needs == nullptr)
                continue;
            if (auto lack = way.needs(plan); lack && !lack->remedy.empty())
                return lack;
        }
    }
    return std::nullopt;
}

MetricPlan unavailable(const Rule& rule, Lack lack)
{
    return {.metric = std::string(rule.metric), .note = std::move(lack.why), .remedy = std::move(lack.remedy)};
}

MetricPlan assess(const Plan& plan, const Rule& rule)
{
    if (plan.nothing)
        return unavailable(rule, {.why = plan.why_nothing, .remedy = plan.remedy});
    if (rule.needs != nullptr)
        if (auto lack = rule.needs(plan))
            return unavailable(rule, *std::move(lack));
    const auto way = std::ranges::find_if(rule.ways, [&](const Way& w) { return works(plan, w); });
    if (way == rule.ways.end()) {
        const Lack unknown{.why = "not observed with this plan", .remedy = "report it with `flyball doctor -j`"};
        return unavailable(rule, obstacle(plan, rule).value_or(unknown));
    }
    std::string note(way->note);
    // A way that differs in meaning and is not the best one: what would give the best one.
    std::string remedy;
    if (!note.empty() && way != rule.ways.begin()) {
        if (auto lack = obstacle(plan, rule))
            remedy = std::move(lack->remedy);
    }
    if (const std::string extra = rule.note != nullptr ? rule.note(plan.facts) : ""; !extra.empty())
        note += (note.empty() ? "" : "; ") + extra;
    return {.metric = std::string(rule.metric),
            .available = true,
            .hook = hook_text(*way),
            .note = std::move(note),
            .remedy = std::move(remedy)};
}

}  // namespace

std::vector<MetricPlan> assess_metrics(const Plan& plan)
{
    std::vector<MetricPlan> metrics;
    for (const Rule& rule : rules())
        metrics.push_back(assess(plan, rule));
    return metrics;
}

}  // namespace flyball::kernel
