// SPDX-License-Identifier: Apache-2.0
// What `flyball doctor` says.
#include "flyball/report/doctor.hpp"

#include "flyball/base/version.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace flyball::report {

namespace {

using kernel::Facts;
using kernel::MetricPlan;
using kernel::Plan;
using kernel::Trial;

constexpr std::size_t kDoctorWidth = 80;
constexpr std::size_t kDoctorLabel = 13;   // column of the facts' values
constexpr std::size_t kDoctorMetric = 26;  // column of the hooks: mark, space, name, spaces

// A paragraph whose first line begins with head and whose others are indented as far.
std::string doctor_paragraph(std::string head, std::size_t indent, std::string_view text)
{
    std::string out;
    std::string line = std::move(head);
    line.resize(std::max(indent, line.size()), ' ');
    bool fresh = true;
    while (!text.empty()) {
        const auto space = text.find(' ');
        const std::string_view word = text.substr(0, space);
        text = space == std::string_view::npos ? std::string_view{} : text.substr(space + 1);
        if (!fresh && line.size() + 1 + word.size() > kDoctorWidth) {
            out += line + "\n";
            line.assign(indent, ' ');
            fresh = true;
        }
        line += fresh ? std::string(word) : " " + std::string(word);
        fresh = false;
    }
    return out + line + "\n";
}

std::string doctor_fact(std::string_view label, std::string_view text)
{
    return doctor_paragraph(std::string(label), kDoctorLabel, text);
}

std::string doctor_list(const std::vector<std::string>& words, std::string_view separator = ", ")
{
    return fmt::format("{}", fmt::join(words, separator));
}

std::string privilege_words(const Facts& facts)
{
    std::vector<std::string> has, lacks;
    const auto sort = [&](bool there, const char* name) { (there ? has : lacks).emplace_back(name); };
    sort(facts.caps.bpf, "CAP_BPF");
    sort(facts.caps.perfmon, "CAP_PERFMON");
    sort(facts.caps.sys_admin, "CAP_SYS_ADMIN");
    sort(facts.caps.sys_resource, "CAP_SYS_RESOURCE");
    std::string text = facts.euid == 0 ? "root" : fmt::format("user {}", facts.euid);
    if (!has.empty())
        text += " with " + doctor_list(has);
    if (!lacks.empty())
        text += (has.empty() ? " without " : "; not ") + doctor_list(lacks);
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
        parts.push_back(doctor_list(yes));
    for (const auto& [why, names] : no)
        parts.push_back(fmt::format("not {}{}", doctor_list(names), why.empty() ? "" : " (" + why + ")"));
    return doctor_list(parts, "; ");
}

Trial btf_trial(const Facts& facts)
{
    return facts.btf ? Trial{.ok = true, .why = {}} : Trial{.ok = false, .why = "/sys/kernel/btf/vmlinux"};
}

std::string hierarchy_words(const Facts& facts)
{
    const auto one = [](std::string_view name, const kernel::Controller& c) {
        return fmt::format("{} {}", name, !c.present ? "not mounted" : c.unified ? "v2" : "v1");
    };
    const auto& [cpu, memory, io, pids] = std::tie(facts.cpu, facts.memory, facts.io, facts.pids);
    const bool any = cpu.present || memory.present || io.present || pids.present;
    if (any && cpu == memory && memory == io && io == pids)
        return cpu.unified ? "v2: cpu, memory, io, pids" : "v1: cpu, memory, blkio, pids";
    return doctor_list({one("cpu", cpu), one("memory", memory), one("io", io), one("pids", pids)});
}

std::string facts_text(const Facts& facts)
{
    std::string out = doctor_fact("kernel", fmt::format("{} {}, {} possible CPUs, pages of {} KiB", facts.release,
                                                        facts.arch, facts.possible_cpus, facts.page_size / 1024));
    out += doctor_fact("privileges", privilege_words(facts));
    // without BTF no typed hook is tried: naming them too would repeat the cause
    std::vector<std::pair<std::string, Trial>> hooks{{"bpf()", facts.bpf}, {"BTF", btf_trial(facts)}};
    if (facts.btf) {
        hooks.emplace_back("tp_btf", facts.tp_btf);
        hooks.emplace_back("fentry", facts.fentry);
        hooks.emplace_back("fexit", facts.fexit);
    }
    out += doctor_fact("hooks", yes_and_no(hooks));
    out += doctor_fact("BPF maps", yes_and_no({{"ring buffer", facts.ring_buffer},
                                               {"task storage", facts.task_storage},
                                               {"array of rings", facts.map_in_map},
                                               {"test run", facts.test_run}}));
    out += doctor_fact("sampling", yes_and_no({{"clock ticks (--stacks)", facts.cpu_clock}}));
    if (facts.btf)
        out += doctor_fact("preemption", facts.preempt_off.ok ? "kept out of programs"
                                                              : "may stop a program: " + facts.preempt_off.why);
    out += doctor_fact("lockdown", facts.lockdown.empty() ? "not told by this kernel" : facts.lockdown);
    out += doctor_fact("cgroups", hierarchy_words(facts));
    return out + doctor_fact("pressure", facts.psi ? "PSI on" : "PSI off");
}

std::string metric_text(const MetricPlan& m)
{
    const char mark = !m.available ? '-' : m.note.empty() ? '+' : '~';
    return doctor_paragraph(fmt::format("{} {}", mark, m.metric), kDoctorMetric,
                            m.available ? m.hook : "no: " + m.note);
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
        out += doctor_paragraph("", kDoctorMetric, which + metrics[from].note);
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
    struct Remedy {
        std::string remedy;
        std::vector<std::string> brings, betters;
    };
    std::vector<Remedy> rows;
    for (const MetricPlan& m : plan.metrics) {
        if (m.remedy.empty())
            continue;
        auto row = std::ranges::find(rows, m.remedy, &Remedy::remedy);
        if (row == rows.end())
            row = rows.insert(rows.end(), {m.remedy, {}, {}});
        (m.available ? row->betters : row->brings).push_back(m.metric);
    }
    std::string out = rows.empty() ? "" : "\nto see more\n";
    for (const Remedy& row : rows) {
        out += doctor_paragraph("  *", 4, row.remedy);
        if (!row.brings.empty())
            out += doctor_paragraph("    brings", 13, doctor_list(row.brings));
        if (!row.betters.empty())
            out += doctor_paragraph("    improves", 13, doctor_list(row.betters));
    }
    return out;
}

}  // namespace

std::string render_doctor_text(const kernel::Plan& plan)
{
    std::string out = fmt::format("flyball {} doctor\n\n{}\n", kVersion, facts_text(plan.facts));
    if (plan.nothing) {
        out += doctor_paragraph("nothing can be observed:", 25, plan.why_nothing);
        return out + doctor_paragraph("what to do:", 25, plan.remedy);
    }
    out += count_text(plan) + "\n\n";
    return out + metrics_text(plan.metrics) + remedies_text(plan);
}

}  // namespace flyball::report
