// SPDX-License-Identifier: Apache-2.0
#include "flyball/kernel/plan.hpp"

#include "fields.hpp"
#include "flyball/abi/config.h"
#include "flyball/kernel/programs.hpp"
#include "metrics.hpp"
#include "reason.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace flyball::kernel {

namespace {

using G = ProgramGroup;

bool all_usable(const Facts& facts, std::initializer_list<ProgramGroup> groups)
{
    return std::ranges::all_of(programs(), [&](const Program& program) {
        return std::ranges::find(groups, program.group) == groups.end() || usable(facts, program.name);
    });
}

// Does the kernel stop tasks one by one? Then tg_throttle_down() may run without holding anything
// back, and record_throttle_clock() is the begin.
bool throttles_tasks(const Facts& facts)
{
    const auto hook = facts.hooks.find("throttle_begin_task");
    return facts.has_field(kTaskThrottled) || (hook != facts.hooks.end() && hook->second.exists);
}

// Which groups are in: where several programs make one measurement, all of them or none.
class Choice {
public:
    explicit Choice(const Facts& facts) : facts_(facts)
    {
        for (const G group : {G::Core, G::Sched, G::Task, G::Block, G::Oom, G::Cgroup, G::Reclaim})
            in_.insert(group);
        choose_throttle();
        choose_memory();
        if (facts_.pids.present)
            in_.insert(G::Refused);
        choose_layout();
        if (facts_.preempt_off.ok)
            flags_ |= FB_C_NO_PREEMPT;
        if (facts_.rdonly_cast.ok)
            flags_ |= FB_C_RDONLY_CAST;
    }

    [[nodiscard]] std::vector<std::string> names() const
    {
        std::vector<std::string> names;
        for (const Program& program : programs())
            if (in_.contains(program.group) && usable(facts_, program.name) && has_partner(program))
                names.emplace_back(program.name);
        return names;
    }
    [[nodiscard]] std::uint32_t flags() const { return flags_; }

private:
    void choose_throttle()
    {
        const bool per_task = throttles_tasks(facts_);
        if (!all_usable(facts_, {G::Throttle}) || (per_task && !all_usable(facts_, {G::ThrottlePerTask}))) {
            flags_ |= FB_C_THROTTLE_BY_SWITCH;
            return;
        }
        in_.insert(G::Throttle);
        if (per_task)
            in_.insert(G::ThrottlePerTask);
    }

    void choose_memory()
    {
        in_.insert(usable(facts_, "charge") ? G::Charge : G::ChargeFallback);
        // cgroup v1 has no memory.high
        if (facts_.memory.unified)
            in_.insert(all_usable(facts_, {G::High}) ? G::High : G::HighOld);
        // Without PSI the kernel's functions return before they set in_memstall.
        if (!facts_.psi)
            return;
        if (all_usable(facts_, {G::Memstall}))
            in_.insert(G::Memstall);
        else if (facts_.has_field(kTaskInMemstall))
            flags_ |= FB_C_MEMSTALL_BY_SWITCH;
    }

    // A controller that no hierarchy has is taken to be on v2: the leaf cgroup still names the owner.
    void choose_layout()
    {
        const auto unified = [this](const Controller& c, std::uint32_t flag) {
            if (!c.present || c.unified)
                flags_ |= flag;
        };
        unified(facts_.cpu, FB_C_UNIFIED_CPU);
        unified(facts_.memory, FB_C_UNIFIED_MEMORY);
        unified(facts_.io, FB_C_UNIFIED_IO);
        unified(facts_.pids, FB_C_UNIFIED_PIDS);
    }

    // The begin of a duration without its end, or the other way round, only costs.
    [[nodiscard]] bool has_partner(const Program& program) const
    {
        struct Pair {
            std::string_view begin, end;
        };
        constexpr Pair kPairs[] = {
            {"reclaim_begin", "reclaim_end"},    {"global_reclaim_begin", "global_reclaim_end"},
            {"rq_issue", "rq_complete"},         {"high_enter", "high_exit"},
            {"high_enter_old", "high_exit_old"},
        };
        return std::ranges::all_of(kPairs, [&](const Pair& pair) {
            if (program.name == pair.begin)
                return usable(facts_, pair.end);
            return program.name != pair.end || usable(facts_, pair.begin);
        });
    }

    const Facts& facts_;
    std::set<ProgramGroup> in_;
    std::uint32_t flags_ = 0;
};

Plan decide_again(const Plan& before, const Facts& facts)
{
    Plan changed = decide(facts);
    return before.loads("emit_selftest") ? with_selftest(std::move(changed)) : changed;
}

}  // namespace

bool Plan::loads(std::string_view program) const
{
    return std::ranges::find(programs, program) != programs.end();
}

const MetricPlan* Plan::metric(std::string_view name) const
{
    const auto found = std::ranges::find(metrics, name, &MetricPlan::metric);
    return found == metrics.end() ? nullptr : &*found;
}

Plan decide(const Facts& facts)
{
    Plan plan{.facts = facts};
    const Choice choice(plan.facts);
    plan.config_flags = choice.flags();
    if (auto lack = nothing_works(plan.facts)) {
        plan.nothing = true;
        plan.why_nothing = std::move(lack->why);
        plan.remedy = std::move(lack->remedy);
    } else {
        plan.programs = choice.names();
    }
    plan.metrics = assess_metrics(plan);
    return plan;
}

Plan without(const Plan& plan, std::string_view program, std::string_view reason, std::string_view remedy)
{
    const Program* known = find_program(program);
    // What is not usable has its reason already.
    if (known == nullptr || !usable(plan.facts, program))
        return plan;
    Facts facts = plan.facts;
    Hook& hook = facts.hooks[std::string(program)];
    hook.loads = false;
    hook.why = fmt::format("{} is not used: {}", section(*known), reason);
    hook.remedy = remedy.empty() ? "see `flyball doctor`; another kernel may accept it" : std::string(remedy);
    return decide_again(plan, facts);
}

Plan without_stacks(const Plan& plan, std::string_view reason)
{
    Facts facts = plan.facts;
    facts.cpu_clock = {.ok = false, .why = std::string(reason)};
    return decide_again(plan, facts);
}

Plan without_all(const Plan& plan, std::string_view reason, std::string_view remedy)
{
    Plan changed{.facts = plan.facts,
                 .config_flags = plan.config_flags,
                 .nothing = true,
                 .why_nothing = std::string(reason),
                 .remedy = remedy.empty() ? "use another kernel, or run the workload in the lab (tools/lab)"
                                          : std::string(remedy)};
    changed.metrics = assess_metrics(changed);
    return changed;
}

Plan with_selftest(Plan plan)
{
    if (!plan.nothing && usable(plan.facts, "emit_selftest") && !plan.loads("emit_selftest"))
        plan.programs.emplace_back("emit_selftest");
    return plan;
}

}  // namespace flyball::kernel
