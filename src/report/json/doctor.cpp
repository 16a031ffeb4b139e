// SPDX-License-Identifier: Apache-2.0
// flyball.doctor/1
#include "flyball/report/doctor.hpp"

#include "flyball/abi/config.h"
#include "flyball/base/version.hpp"
#include "flyball/kernel/programs.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace flyball::report {

namespace {

using kernel::Facts;
using kernel::MetricPlan;
using kernel::Plan;
using kernel::Trial;

struct ConfigFlag {
    std::uint32_t bit;
    std::string_view name;
};
constexpr ConfigFlag kConfigFlags[] = {
    {FB_C_UNIFIED_CPU, "unified_cpu"},
    {FB_C_UNIFIED_MEMORY, "unified_memory"},
    {FB_C_UNIFIED_IO, "unified_io"},
    {FB_C_UNIFIED_PIDS, "unified_pids"},
    {FB_C_THROTTLE_BY_SWITCH, "throttle_by_switch"},
    {FB_C_MEMSTALL_BY_SWITCH, "memstall_by_switch"},
    {FB_C_NO_PREEMPT, "no_preempt"},
    {FB_C_RDONLY_CAST, "rdonly_cast"},
};

using Json = nlohmann::ordered_json;

Json doctor_trial(const Trial& trial)
{
    Json json{{"ok", trial.ok}};
    if (!trial.ok)
        json["why"] = trial.why;
    return json;
}

Json controller_json(const kernel::Controller& c)
{
    return !c.present ? Json(nullptr) : Json(c.unified ? 2 : 1);
}

Json doctor_facts(const Facts& facts)
{
    Json json{
        {"release", facts.release},
        {"arch", facts.arch},
        {"euid", facts.euid},
        {"capabilities",
         {{"bpf", facts.caps.bpf},
          {"perfmon", facts.caps.perfmon},
          {"sys_admin", facts.caps.sys_admin},
          {"sys_resource", facts.caps.sys_resource}}},
        {"lockdown", facts.lockdown.empty() ? Json(nullptr) : Json(facts.lockdown)},
        {"unprivileged_bpf_disabled", facts.unprivileged_bpf < 0 ? Json(nullptr) : Json(facts.unprivileged_bpf)},
        {"btf", facts.btf},
        {"psi", facts.psi},
        {"schedstats", facts.schedstats},
        {"bpf_stats", facts.bpf_stats},
        {"page_size", facts.page_size},
        {"possible_cpus", facts.possible_cpus},
        {"fields", facts.fields},
        {"cgroup_version",
         {{"cpu", controller_json(facts.cpu)},
          {"memory", controller_json(facts.memory)},
          {"io", controller_json(facts.io)},
          {"pids", controller_json(facts.pids)}}},
    };
    json["trials"] = {{"bpf", doctor_trial(facts.bpf)},
                      {"tp_btf", doctor_trial(facts.tp_btf)},
                      {"fentry", doctor_trial(facts.fentry)},
                      {"fexit", doctor_trial(facts.fexit)},
                      {"ring_buffer", doctor_trial(facts.ring_buffer)},
                      {"task_storage", doctor_trial(facts.task_storage)},
                      {"map_in_map", doctor_trial(facts.map_in_map)},
                      {"test_run", doctor_trial(facts.test_run)},
                      {"cpu_clock", doctor_trial(facts.cpu_clock)},
                      {"preempt_off", doctor_trial(facts.preempt_off)},
                      {"rdonly_cast", doctor_trial(facts.rdonly_cast)}};
    return json;
}

Json doctor_programs(const Plan& plan)
{
    Json rows = Json::array();
    for (const kernel::Program& program : kernel::programs()) {
        const auto hook = plan.facts.hooks.find(program.name);
        const bool known = hook != plan.facts.hooks.end();
        Json row{{"name", program.name},
                 {"section", kernel::section(program)},
                 {"serves", program.serves},
                 {"exists", known && hook->second.exists},
                 {"loads", known && hook->second.loads},
                 {"used", plan.loads(program.name)}};
        if (known && !hook->second.why.empty())
            row["why"] = hook->second.why;
        rows.push_back(std::move(row));
    }
    return rows;
}

}  // namespace

std::string render_doctor_json(const kernel::Plan& plan)
{
    Json flags = Json::array();
    for (const ConfigFlag& flag : kConfigFlags)
        if ((plan.config_flags & flag.bit) != 0)
            flags.push_back(flag.name);
    Json metrics = Json::array();
    for (const MetricPlan& m : plan.metrics)
        metrics.push_back({{"metric", m.metric},
                           {"available", m.available},
                           {"hook", m.hook},
                           {"note", m.note},
                           {"remedy", m.remedy}});
    Json out{{"schema", "flyball.doctor/1"}, {"version", kVersion}, {"nothing", plan.nothing}};
    if (plan.nothing) {
        out["why_nothing"] = plan.why_nothing;
        out["remedy"] = plan.remedy;
    }
    out["facts"] = doctor_facts(plan.facts);
    out["config"] = std::move(flags);
    out["programs"] = doctor_programs(plan);
    out["metrics"] = std::move(metrics);
    // error_handler_t::replace: a kernel's message may hold any byte
    return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace flyball::report
