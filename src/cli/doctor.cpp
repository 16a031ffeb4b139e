// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/doctor.hpp"

#include "flyball/abi/config.h"
#include "flyball/base/version.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/kernel/facts.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/kernel/programs.hpp"
#include "flyball/probe/confirm.hpp"
#include "output.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::cli {

namespace {

using kernel::Facts;
using kernel::MetricPlan;
using kernel::Plan;
using kernel::Trial;

constexpr int kOk = 0;
constexpr int kNothing = 3;
constexpr std::size_t kWidth = 80;
constexpr std::size_t kLabel = 13;   // column of the facts' values
constexpr std::size_t kMetric = 26;  // column of the hooks: mark, space, name, spaces

struct Flag {
    std::uint32_t bit;
    std::string_view name;
};
constexpr Flag kFlags[] = {
    {FB_C_UNIFIED_CPU, "unified_cpu"},
    {FB_C_UNIFIED_MEMORY, "unified_memory"},
    {FB_C_UNIFIED_IO, "unified_io"},
    {FB_C_UNIFIED_PIDS, "unified_pids"},
    {FB_C_THROTTLE_BY_SWITCH, "throttle_by_switch"},
    {FB_C_MEMSTALL_BY_SWITCH, "memstall_by_switch"},
    {FB_C_NO_PREEMPT, "no_preempt"},
    {FB_C_RDONLY_CAST, "rdonly_cast"},
};

// ---- text ----------------------------------------------------------------------------------------

// A paragraph whose first line begins with head and whose others are indented as far.
std::string paragraph(std::string head, std::size_t indent, std::string_view text)
{
    std::string out;
    std::string line = std::move(head);
    line.resize(std::max(indent, line.size()), ' ');
    bool fresh = true;
    while (!text.empty()) {
        const auto space = text.find(' ');
        const std::string_view word = text.substr(0, space);
        text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
        if (!fresh && line.size() + 1 + word.size() > kWidth) {
            out += line + "\n";
            line.assign(indent, ' ');
            fresh = true;
        }
        line += fresh ? std::string(word) : " " + std::string(word);
        fresh = false;
    }
    return out + line + "\n";
}

std::string fact(std::string_view label, std::string_view text)
{
    return paragraph(std::string(label), kLabel, text);
}

std::string join(const std::vector<std::string>& words, std::string_view separator = ", ")
{
    return fmt::format("{}", fmt::join(words, separator));
}

std::string privileges(const Facts& facts)
{
    std::vector<std::string> has, lacks;
    const auto sort = [&](bool there, const char* name) { (there ? has : lacks).emplace_back(name); };
    sort(facts.caps.bpf, "CAP_BPF");
    sort(facts.caps.perfmon, "CAP_PERFMON");
    sort(facts.caps.sys_admin, "CAP_SYS_ADMIN");
    sort(facts.caps.sys_resource, "CAP_SYS_RESOURCE");
    std::string text = facts.euid == 0 ? "root" : fmt::format("user {}", facts.euid);
    if (!has.empty())
        text += " with " + join(has);
    if (!lacks.empty())
        text += (has.empty() ? " without " : "; not ") + join(lacks);
    return text;
}

// "yes: a, b; no: c (why), d (why)", where things that fail for the same reason share it.
std::string yes_and_no(const std::vector<std::pair<std::string, Trial>>& trials)
{
    std::vector<std::string> yes;
    std::vector<std::pair<std::string, std::vector<std::string>>> no;  // by reason, in order
    for (const auto& [name, trial] : trials) {
        if (trial.ok) {
            yes.push_back(name);
            continue;
        }
        auto same = std::ranges::find(no, trial.why, [](const auto& row) { return row.first; });
        if (same == no.end())
            same = no.insert(no.end(), {trial.why, {}});
        same->second.push_back(name);
    }
    std::vector<std::string> parts;
    if (!yes.empty())
        parts.push_back(join(yes));
    for (const auto& [why, names] : no)
        parts.push_back(fmt::format("not {}{}", join(names), why.empty() ? "" : " (" + why + ")"));
    return join(parts, "; ");
}

Trial btf_trial(const Facts& facts)
{
    return facts.btf ? Trial{.ok = true, .why = {}} : Trial{.ok = false, .why = "/sys/kernel/btf/vmlinux"};
}

std::string hierarchy(const Facts& facts)
{
    const auto one = [](std::string_view name, const kernel::Controller& c) {
        return fmt::format("{} {}", name, !c.present ? "not mounted" : c.unified ? "v2" : "v1");
    };
    const auto& [cpu, memory, io, pids] = std::tie(facts.cpu, facts.memory, facts.io, facts.pids);
    const bool any = cpu.present || memory.present || io.present || pids.present;
    if (any && cpu == memory && memory == io && io == pids)
        return cpu.unified ? "v2: cpu, memory, io, pids" : "v1: cpu, memory, blkio, pids";
    return join({one("cpu", cpu), one("memory", memory), one("io", io), one("pids", pids)});
}

std::string facts_text(const Facts& facts)
{
    std::string out = fact("kernel", fmt::format("{} {}, {} possible CPUs, pages of {} KiB", facts.release, facts.arch,
                                                 facts.possible_cpus, facts.page_size / 1024));
    out += fact("privileges", privileges(facts));
    // without BTF no typed hook is tried: naming them too would repeat the cause
    std::vector<std::pair<std::string, Trial>> hooks{{"bpf()", facts.bpf}, {"BTF", btf_trial(facts)}};
    if (facts.btf) {
        hooks.emplace_back("tp_btf", facts.tp_btf);
        hooks.emplace_back("fentry", facts.fentry);
        hooks.emplace_back("fexit", facts.fexit);
    }
    out += fact("hooks", yes_and_no(hooks));
    out += fact("BPF maps", yes_and_no({{"ring buffer", facts.ring_buffer},
                                        {"task storage", facts.task_storage},
                                        {"array of rings", facts.map_in_map},
                                        {"test run", facts.test_run}}));
    out += fact("sampling", yes_and_no({{"clock ticks (--stacks)", facts.cpu_clock}}));
    if (facts.btf)
        out += fact("preemption",
                    facts.preempt_off.ok ? "kept out of programs" : "may stop a program: " + facts.preempt_off.why);
    out += fact("lockdown", facts.lockdown.empty() ? "not told by this kernel" : facts.lockdown);
    out += fact("cgroups", hierarchy(facts));
    return out + fact("pressure", facts.psi ? "PSI on" : "PSI off");
}

std::string metric_text(const MetricPlan& m)
{
    const char mark = !m.available ? '-' : m.note.empty() ? '+' : '~';
    return paragraph(fmt::format("{} {}", mark, m.metric), kMetric, m.available ? m.hook : "no: " + m.note);
}

// Neighbours that share a restriction say it once, after the last of them.
std::string metrics_text(const std::vector<MetricPlan>& metrics)
{
    std::string out;
    for (std::size_t from = 0, to = 0; from < metrics.size(); from = to) {
        const auto same = [&](const MetricPlan& m) { return m.available && m.note == metrics[from].note; };
        for (to = from + 1; metrics[from].available && to < metrics.size() && same(metrics[to]);)
            ++to;
        to = std::max(to, from + 1);
        for (std::size_t i = from; i < to; ++i)
            out += metric_text(metrics[i]);
        if (!metrics[from].available || metrics[from].note.empty())
            continue;
        const std::string which = to - from == 1 ? "" : fmt::format("these {}: ", to - from);
        out += paragraph("", kMetric, which + metrics[from].note);
    }
    return out;
}

std::string count_text(const Plan& plan)
{
    const auto count = [&](auto&& which) { return std::ranges::count_if(plan.metrics, which); };
    const auto full = count([](const MetricPlan& m) { return m.available && m.note.empty(); });
    const auto partly = count([](const MetricPlan& m) { return m.available && !m.note.empty(); });
    const auto all = static_cast<std::ptrdiff_t>(plan.metrics.size());
    return fmt::format("{} of {} metrics in full (+), {} with a restriction (~), {} not at all (-)", full, all, partly,
                       all - full - partly);
}

// What to do, each remedy once, with the metrics that it would bring or better.
std::string remedies_text(const Plan& plan)
{
    struct Row {
        std::string remedy;
        std::vector<std::string> brings, betters;
    };
    std::vector<Row> rows;
    for (const MetricPlan& m : plan.metrics) {
        if (m.remedy.empty())
            continue;
        auto row = std::ranges::find(rows, m.remedy, &Row::remedy);
        if (row == rows.end())
            row = rows.insert(rows.end(), {m.remedy, {}, {}});
        (m.available ? row->betters : row->brings).push_back(m.metric);
    }
    std::string out = rows.empty() ? "" : "\nto see more\n";
    for (const Row& row : rows) {
        out += paragraph("  *", 4, row.remedy);
        if (!row.brings.empty())
            out += paragraph("    brings", 13, join(row.brings));
        if (!row.betters.empty())
            out += paragraph("    improves", 13, join(row.betters));
    }
    return out;
}

std::string text(const Plan& plan)
{
    std::string out = fmt::format("flyball {} doctor\n\n{}\n", kVersion, facts_text(plan.facts));
    if (plan.nothing) {
        out += paragraph("nothing can be observed:", 25, plan.why_nothing);
        return out + paragraph("what to do:", 25, plan.remedy);
    }
    out += count_text(plan) + "\n\n";
    return out + metrics_text(plan.metrics) + remedies_text(plan);
}

// ---- JSON ----------------------------------------------------------------------------------------------

using Json = nlohmann::ordered_json;

Json trial_json(const Trial& trial)
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

Json facts_json(const Facts& facts)
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
    json["trials"] = {{"bpf", trial_json(facts.bpf)},
                      {"tp_btf", trial_json(facts.tp_btf)},
                      {"fentry", trial_json(facts.fentry)},
                      {"fexit", trial_json(facts.fexit)},
                      {"ring_buffer", trial_json(facts.ring_buffer)},
                      {"task_storage", trial_json(facts.task_storage)},
                      {"map_in_map", trial_json(facts.map_in_map)},
                      {"test_run", trial_json(facts.test_run)},
                      {"cpu_clock", trial_json(facts.cpu_clock)},
                      {"preempt_off", trial_json(facts.preempt_off)},
                      {"rdonly_cast", trial_json(facts.rdonly_cast)}};
    return json;
}

Json programs_json(const Plan& plan)
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

Json json(const Plan& plan)
{
    Json flags = Json::array();
    for (const Flag& flag : kFlags)
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
    out["facts"] = facts_json(plan.facts);
    out["config"] = std::move(flags);
    out["programs"] = programs_json(plan);
    out["metrics"] = std::move(metrics);
    return out;
}

}  // namespace

int run_doctor(const DoctorOptions& options, StopToken& stop)
{
    stop.let_go();
    const auto facts = kernel::gather();
    if (!facts)
        return complain(facts.error());
    const Plan plan = probe::confirm(kernel::decide(*facts));
    // error_handler_t::replace: a kernel's message may hold any byte
    const std::string out =
        options.json ? json(plan).dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text(plan);
    if (const auto printed = print(out, stop); !printed)
        return complain(printed.error());
    return plan.nothing ? kNothing : kOk;
}

}  // namespace flyball::cli
