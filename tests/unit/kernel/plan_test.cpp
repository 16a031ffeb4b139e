// SPDX-License-Identifier: Apache-2.0
#include "fake_facts.hpp"
#include "flyball/abi/config.h"
#include "flyball/kernel/plan.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

using namespace flyball::kernel;

namespace {

constexpr std::uint32_t kUnified = FB_C_UNIFIED_CPU | FB_C_UNIFIED_MEMORY | FB_C_UNIFIED_IO | FB_C_UNIFIED_PIDS;

struct Case {
    std::string name;
    Facts facts;
    std::uint32_t flags;
    std::vector<std::string_view> loaded, not_loaded;
    std::vector<std::string_view> unavailable;  // all of them
    std::vector<std::string_view> restricted;   // available with a note; all of them
};

const std::vector<std::string_view> kThrottleSet{"throttle_end", "throttle_walk", "throttle_down", "throttle_up",
                                                 "throttle_begin_task"};

std::vector<std::string_view> all_metrics()
{
    return {"cpu.wait",       "cpu.held",        "cpu.slice",          "cpu.wakeups",
            "cpu.migrations", "cpu.preemptions", "cpu.throttle.own",   "cpu.throttle.inherited",
            "cpu.stacks",     "mem.charge",      "mem.charge_stall",   "mem.high",
            "mem.reclaim",    "mem.refault",     "mem.global_reclaim", "mem.limit_hits",
            "oom.decision",   "oom.group",       "oom.victims",        "oom.sigkill",
            "oom.exit",       "oom.members",     "oom.sharers",        "oom.nobody",
            "oom.counters",   "oom.growth",      "oom.freed",          "oom.reap",
            "io.queue",       "io.device",       "io.total",           "io.size",
            "io.held",        "io.errors",       "pids.forks",         "pids.exits",
            "pids.peak",      "pids.refused",    "cgroup.life",        "cgroup.attach"};
}

const std::vector<Case>& cases()
{
    static const std::vector<Case> all{
        {"6.1",
         fake::debian_6_1(),
         kUnified,
         {"throttle_end", "throttle_walk", "throttle_down", "throttle_up", "charge", "high_enter_old", "high_exit_old",
          "memstall_enter", "memstall_leave", "fork_refused", "oom_decision", "oom_policy"},
         {"throttle_begin_task", "charge_lruvec", "charge_kernel", "high_enter", "high_exit", "emit_selftest"},
         {},
         {"oom.reap"}},
        {"6.12",
         fake::debian_6_12(),
         kUnified | FB_C_RDONLY_CAST,
         {"throttle_end", "charge", "high_enter_old"},
         {"high_enter"},
         {},
         {"oom.reap"}},
        {"6.18",
         fake::debian_6_18(),
         kUnified | FB_C_NO_PREEMPT | FB_C_RDONLY_CAST,
         {"throttle_begin_task", "throttle_end", "throttle_walk", "throttle_down", "throttle_up", "charge",
          "high_enter", "high_exit"},
         {"charge_lruvec", "charge_kernel", "high_enter_old"},
         {},
         {"oom.reap"}},
        {"7.2",
         fake::debian_7_2(),
         kUnified | FB_C_NO_PREEMPT | FB_C_RDONLY_CAST,
         {"throttle_begin_task", "high_enter"},
         {"high_enter_old"},
         {},
         {"oom.reap"}},
        {"host without fentry, cgroup v1",
         fake::locked_host(),
         FB_C_THROTTLE_BY_SWITCH | FB_C_MEMSTALL_BY_SWITCH | FB_C_NO_PREEMPT | FB_C_RDONLY_CAST,
         {"charge_lruvec", "charge_kernel", "sched_switch", "oom_mark", "rq_issue", "bio_split", "cgroup_attach"},
         {"throttle_begin_task", "throttle_up", "charge", "high_enter", "high_enter_old", "memstall_enter",
          "fork_refused", "oom_decision", "oom_policy"},
         {"io.held", "mem.charge_stall", "mem.high", "oom.freed", "oom.group", "oom.members"},
         {"cpu.throttle.own", "cpu.throttle.inherited", "mem.charge", "mem.refault", "mem.limit_hits", "oom.decision",
          "oom.sharers", "oom.nobody", "oom.reap", "io.queue", "io.device", "io.total", "io.size", "io.errors",
          "pids.refused"}},
        {"no privileges",
         fake::no_privileges(),
         kUnified | FB_C_THROTTLE_BY_SWITCH | FB_C_MEMSTALL_BY_SWITCH,
         {},
         {"sched_switch", "flush_cpu"},
         all_metrics(),
         {}},
        {"no BTF",
         fake::no_btf(),
         kUnified | FB_C_THROTTLE_BY_SWITCH,
         {},
         {"sched_switch", "flush_cpu"},
         all_metrics(),
         {}},
        {"PSI off",
         fake::psi_off(),
         kUnified | FB_C_RDONLY_CAST,
         {"charge", "sched_switch"},
         {"memstall_enter", "memstall_leave"},
         {"mem.refault"},
         {"oom.reap"}},
        {"one throttle function inlined",
         fake::one_inlined(),
         kUnified | FB_C_THROTTLE_BY_SWITCH | FB_C_RDONLY_CAST,
         {"charge"},
         kThrottleSet,
         {},
         {"cpu.throttle.own", "cpu.throttle.inherited", "oom.reap"}},
        {"one throttle function inlined, no clock of held time",
         fake::one_inlined_6_1(),
         kUnified | FB_C_THROTTLE_BY_SWITCH,
         {"charge"},
         kThrottleSet,
         {},
         {"cpu.held", "cpu.throttle.own", "cpu.throttle.inherited", "oom.reap"}},
    };
    return all;
}

std::set<std::string> names_where(const Plan& plan, auto&& which)
{
    std::set<std::string> names;
    for (const MetricPlan& m : plan.metrics)
        if (which(m))
            names.insert(m.metric);
    return names;
}

std::set<std::string> as_set(const std::vector<std::string_view>& names)
{
    return {names.begin(), names.end()};
}

}  // namespace

TEST_CASE("each kernel gets its programs, flags and metrics", "[kernel][plan]")
{
    for (const Case& c : cases()) {
        INFO(c.name);
        const Plan plan = decide(c.facts);
        CHECK(plan.config_flags == c.flags);
        for (const auto name : c.loaded) {
            INFO(name);
            CHECK(plan.loads(name));
        }
        for (const auto name : c.not_loaded) {
            INFO(name);
            CHECK_FALSE(plan.loads(name));
        }
        CHECK(names_where(plan, [](const MetricPlan& m) { return !m.available; }) == as_set(c.unavailable));
        CHECK(names_where(plan, [](const MetricPlan& m) { return m.available && !m.note.empty(); }) ==
              as_set(c.restricted));
    }
}

TEST_CASE("every metric has a row in every case, and says what it must", "[kernel][plan]")
{
    for (const Case& c : cases()) {
        INFO(c.name);
        const Plan plan = decide(c.facts);
        std::vector<std::string> names;
        for (const MetricPlan& m : plan.metrics)
            names.push_back(m.metric);
        const auto expected = all_metrics();
        CHECK(names == std::vector<std::string>(expected.begin(), expected.end()));
        for (const MetricPlan& m : plan.metrics) {
            INFO(m.metric << ": " << m.note << " / " << m.remedy);
            CHECK(m.hook.empty() == !m.available);
            if (m.available)
                continue;
            CHECK_FALSE(m.note.empty());
            CHECK_FALSE(m.remedy.empty());
        }
    }
}

TEST_CASE("an available metric's hook is loaded, or polled", "[kernel][plan]")
{
    for (const Case& c : cases()) {
        INFO(c.name);
        const Plan plan = decide(c.facts);
        std::set<std::string> sections{"perf_event/cpu-clock"};  // an object of its own, on request
        for (const std::string& name : plan.programs)
            sections.insert(section(*find_program(name)));
        for (const MetricPlan& m : plan.metrics) {
            INFO(m.metric << " by " << m.hook);
            if (m.available)
                CHECK((m.hook.ends_with("(polled)") || sections.contains(m.hook)));
        }
    }
}

TEST_CASE("only usable programs are asked for, in the table's order", "[kernel][plan]")
{
    for (const Case& c : cases()) {
        INFO(c.name);
        const Plan plan = decide(c.facts);
        std::vector<std::string> in_order;
        for (const Program& program : programs())
            if (plan.loads(program.name))
                in_order.emplace_back(program.name);
        CHECK(plan.programs == in_order);
        for (const std::string& name : plan.programs) {
            INFO(name);
            CHECK(c.facts.hooks.at(name).loads);
        }
    }
}

TEST_CASE("nothing can be observed without privileges, BTF, or the core", "[kernel][plan]")
{
    CHECK_FALSE(decide(fake::locked_host()).nothing);

    Plan plan = decide(fake::no_privileges());
    CHECK(plan.nothing);
    CHECK(plan.programs.empty());
    CHECK_THAT(plan.remedy, flyball::test::ContainsSubstring("run as root"));

    plan = decide(fake::no_btf());
    CHECK(plan.nothing);
    CHECK_THAT(plan.why_nothing, flyball::test::ContainsSubstring("BTF"));
    CHECK_THAT(plan.remedy, flyball::test::ContainsSubstring("CONFIG_DEBUG_INFO_BTF"));

    Facts facts = fake::debian_6_1();
    facts.task_storage = {.ok = false, .why = "Invalid argument"};
    plan = decide(facts);
    CHECK(plan.nothing);
    CHECK_THAT(plan.why_nothing, flyball::test::ContainsSubstring("task storage (Invalid argument)"));

    for (const auto* core : {"sched_switch", "read_tasks", "flush_cpu"}) {
        INFO(core);
        plan = without(decide(fake::debian_6_1()), core, "a test");
        CHECK(plan.nothing);
        CHECK(plan.programs.empty());
        CHECK_THAT(plan.why_nothing, flyball::test::ContainsSubstring("a test"));
        CHECK_FALSE(plan.remedy.empty());
    }
}

TEST_CASE("the remedy names what is lacking", "[kernel][plan]")
{
    using flyball::test::ContainsSubstring;
    CHECK(decide(fake::psi_off()).metric("mem.refault")->remedy == "boot with psi=1");

    Facts facts = fake::psi_off();
    facts.fields.erase("task_struct.in_memstall");
    CHECK_THAT(decide(facts).metric("mem.refault")->remedy, ContainsSubstring("CONFIG_PSI"));

    facts = fake::locked_host();
    CHECK_THAT(decide(facts).metric("mem.charge_stall")->note,
               ContainsSubstring("refuses fexit programs (Operation not permitted)"));
    CHECK_THAT(decide(facts).metric("mem.high")->note, ContainsSubstring("cgroup v1"));
    // what would give the best way is said of fallbacks too
    CHECK(decide(facts).metric("cpu.throttle.own")->remedy == decide(facts).metric("mem.charge_stall")->remedy);
    facts.lockdown = "integrity";
    CHECK_THAT(decide(facts).metric("mem.charge_stall")->note, ContainsSubstring("lockdown: integrity"));
    CHECK_THAT(decide(facts).metric("mem.charge_stall")->remedy, ContainsSubstring("boot without lockdown"));

    // a root in a container that was given CAP_BPF only
    facts = fake::no_privileges();
    facts.euid = 0;
    facts.caps.bpf = true;
    CHECK_THAT(decide(facts).remedy, ContainsSubstring("CAP_PERFMON"));

    facts = fake::debian_6_12();
    facts.memory = {};
    const Plan plan = decide(facts);
    CHECK_THAT(plan.metric("mem.charge")->note, ContainsSubstring("no mounted cgroup hierarchy has the memory"));
    CHECK(plan.metric("mem.global_reclaim")->available);
}

TEST_CASE("memory.high is not measured on cgroup v1 even with fentry", "[kernel][plan]")
{
    Facts facts = fake::debian_6_18();
    facts.memory.unified = false;
    const Plan plan = decide(facts);
    CHECK((plan.config_flags & FB_C_UNIFIED_MEMORY) == 0);
    CHECK((plan.config_flags & FB_C_UNIFIED_CPU) != 0);
    CHECK_FALSE(plan.loads("high_enter"));
    CHECK_FALSE(plan.metric("mem.high")->available);
    CHECK(plan.metric("mem.limit_hits")->hook == "memory.failcnt (polled)");
}

TEST_CASE("where tasks are throttled one by one, their own begin is needed", "[kernel][plan]")
{
    // the kernel has the new model, but the function that starts its clock was inlined
    Facts facts = fake::debian_6_18();
    fake::absent(facts, {"throttle_begin_task"});
    const Plan plan = decide(facts);
    CHECK((plan.config_flags & FB_C_THROTTLE_BY_SWITCH) != 0);
    for (const auto name : kThrottleSet)
        CHECK_FALSE(plan.loads(name));
    CHECK(plan.metric("cpu.throttle.own")->hook == "tp_btf/sched_switch");
    CHECK_FALSE(plan.metric("cpu.throttle.own")->remedy.empty());
}

TEST_CASE("a program that the kernel refuses after all degrades what it served", "[kernel][plan]")
{
    const Plan full = decide(fake::debian_6_18());

    SECTION("charges fall back to the tracepoints")
    {
        const Plan plan = without(full, "charge", "No such file or directory");
        CHECK_FALSE(plan.loads("charge"));
        CHECK(plan.loads("charge_lruvec"));
        CHECK(plan.metric("mem.charge")->available);
        CHECK(plan.metric("mem.charge")->hook == "tp_btf/mod_memcg_lruvec_state");
        CHECK_FALSE(plan.metric("mem.charge_stall")->available);
        CHECK_THAT(plan.metric("mem.charge_stall")->note, flyball::test::ContainsSubstring("No such file"));

        const Plan less = without(plan, "charge_kernel", "refused");
        CHECK(less.metric("mem.charge")->available);
        CHECK(less.metric("mem.charge")->note != plan.metric("mem.charge")->note);
        CHECK_FALSE(without(less, "charge_lruvec", "refused").metric("mem.charge")->available);
    }
    SECTION("one of the throttle set takes the set with it")
    {
        for (const auto name :
             {"throttle_begin_task", "throttle_end", "throttle_walk", "throttle_down", "throttle_up"}) {
            INFO(name);
            const Plan plan = without(full, name, "refused");
            CHECK((plan.config_flags & FB_C_THROTTLE_BY_SWITCH) != 0);
            for (const auto other : kThrottleSet)
                CHECK_FALSE(plan.loads(other));
            CHECK(plan.metric("cpu.held")->available);
        }
    }
    SECTION("half of a pair takes the other half")
    {
        CHECK_FALSE(without(full, "rq_issue", "x").loads("rq_complete"));
        CHECK_FALSE(without(full, "reclaim_end", "x").loads("reclaim_begin"));
        CHECK_FALSE(without(full, "high_exit", "x").loads("high_enter"));
        const Plan plan = without(full, "memstall_leave", "x");
        CHECK_FALSE(plan.loads("memstall_enter"));
        CHECK((plan.config_flags & FB_C_MEMSTALL_BY_SWITCH) != 0);
    }
    SECTION("the reason and the remedy reach the metric")
    {
        const Plan plan = without(full, "cgroup_attach", "left out on request", "drop --without");
        CHECK(plan.metric("cgroup.attach")->note == "tp_btf/cgroup_attach_task is not used: left out on request");
        CHECK(plan.metric("cgroup.attach")->remedy == "drop --without");
    }
    SECTION("pids.max refusals are polled instead")
    {
        CHECK(without(full, "fork_refused", "x").metric("pids.refused")->hook == "pids.events (polled)");
    }
}

TEST_CASE("any program can be taken out, in any order, without an end or a gap", "[kernel][plan]")
{
    for (const Case& c : cases()) {
        INFO(c.name);
        Plan plan = decide(c.facts);
        std::size_t rounds = 0;
        while (!plan.programs.empty() && rounds <= programs().size()) {
            const std::string last = plan.programs.back();
            plan = without(plan, last, "refused");
            INFO(last);
            CHECK_FALSE(plan.loads(last));
            for (const MetricPlan& m : plan.metrics) {
                INFO(m.metric);
                CHECK((m.available || (!m.note.empty() && !m.remedy.empty())));
            }
            ++rounds;
        }
        CHECK(plan.programs.empty());
        CHECK(plan.nothing);
    }
}

TEST_CASE("an unknown or unused name changes nothing", "[kernel][plan]")
{
    const Plan plan = decide(fake::locked_host());
    CHECK(without(plan, "no_such_program", "x") == plan);
    CHECK(without(plan, "charge", "x") == plan);  // refused already, with a better reason
}

TEST_CASE("the self-test program is loaded on request, and stays", "[kernel][plan]")
{
    const Plan plan = with_selftest(decide(fake::debian_6_1()));
    CHECK(plan.loads("emit_selftest"));
    CHECK(with_selftest(plan) == plan);
    CHECK(without(plan, "charge", "x").loads("emit_selftest"));
    CHECK_FALSE(without(plan, "emit_selftest", "x").loads("emit_selftest"));
    CHECK(with_selftest(decide(fake::no_btf())).programs.empty());
}

TEST_CASE("without a clock there are no stacks, and all the rest", "[kernel][plan][stacks]")
{
    Facts facts = fake::debian_6_18();
    facts.cpu_clock = {.ok = false, .why = "perf_event_open: Permission denied"};
    const Plan plan = decide(facts);
    CHECK_FALSE(plan.nothing);
    const MetricPlan* stacks = plan.metric("cpu.stacks");
    REQUIRE(stacks != nullptr);
    CHECK_FALSE(stacks->available);
    CHECK(stacks->note == "the kernel gives no clock to sample stacks at (perf_event_open: Permission denied)");
    CHECK(stacks->remedy.find("kernel.perf_event_paranoid") != std::string::npos);
    CHECK(plan.programs == decide(fake::debian_6_18()).programs);
}
