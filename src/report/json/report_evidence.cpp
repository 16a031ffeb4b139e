// SPDX-License-Identifier: Apache-2.0
// OOM episodes, coverage, audit and losses.
#include "cells.hpp"
#include "parts.hpp"

namespace flyball::report {
namespace {

Json json_victim(const profile::OomVictim& v)
{
    return {{"comm", harmless(v.comm)},
            {"tid", v.tid},
            {"pid", v.tgid},
            {"cgroup", harmless(v.cgroup)},
            {"rss_bytes", json_known(v.rss_bytes)},
            {"oom_score_adj", v.oom_score_adj},
            {"marked_ns", json_maybe(v.marked_ns)},
            {"sigkill_ns", json_maybe(v.sigkill_ns)},
            {"exit_ns", json_maybe(v.exit_ns)},
            {"reaped_ns", json_maybe(v.reaped_ns)},
            {"usage_after_bytes", json_maybe(v.usage_after_bytes)}};
}

Json json_program(const ProgramTotals& t)
{
    return {{"program", program_name(t.prog)}, {"cpus", t.cpus},        {"attempted", t.attempted},
            {"delivered", t.delivered},        {"folded", t.folded},    {"dropped", t.dropped},
            {"untracked", t.untracked},        {"balances", t.balances}};
}

}  // namespace

Json json_oom(const OomReport& oom, std::uint64_t start_ns)
{
    const profile::OomEpisode& e = oom.episode;
    Json json = {{"kind", name(e.kind)},
                 {"times", e.times == 0 ? Json(nullptr) : Json(e.times)},
                 {"ts_ns", e.ts_ns},
                 {"after_start_ns", e.ts_ns > start_ns ? e.ts_ns - start_ns : 0},
                 {"decision_seen", e.decision_seen},
                 {"global", e.global}};
    if (e.limit_known()) {
        json["domain"] = harmless(e.domain);
        json["trigger"] = {
            {"comm", harmless(e.trigger_comm)}, {"tid", e.trigger_tid}, {"cgroup", harmless(e.trigger_cgroup)}};
        json["chosen"] = {{"comm", harmless(e.victim_comm)}, {"pid", e.victim_tgid}};
        json["limit_bytes"] = json_known(e.limit_bytes);
        json["usage_bytes"] = e.usage_bytes;
        json["swap_bytes"] = json_known(e.swap_bytes);
    } else {
        for (const char* key : {"domain", "trigger", "chosen", "limit_bytes", "usage_bytes", "swap_bytes"})
            json[key] = nullptr;
    }
    json["group_policy"] = json_maybe(e.group_policy);
    json["group_cgroup"] = harmless(e.group_cgroup);
    json["freed_bytes"] = json_maybe(oom.freed_bytes);
    json["victims"] = Json::array();
    for (const profile::OomVictim& victim : e.victims)
        json["victims"].push_back(json_victim(victim));
    return json;
}

Json json_coverage(const profile::Meta& meta)
{
    Json array = Json::array();
    for (const profile::Coverage& entry : meta.coverage) {
        array.push_back({{"metric", harmless(entry.metric)},
                         {"available", entry.available},
                         {"hook", harmless(entry.hook)},
                         {"note", harmless(entry.note)},
                         {"remedy", harmless(entry.remedy)}});
    }
    return array;
}

Json json_audit(const ReportModel& model)
{
    const audit::Summary& sum = model.audit_summary;
    Json rows = Json::array();
    for (const audit::AuditRow& row : model.audit) {
        rows.push_back({{"scope", row.scope == audit::Scope::Cgroup ? "cgroup" : "recording"},
                        {"cgroup", row.cgroup.empty() ? Json(nullptr) : Json(harmless(row.cgroup))},
                        {"quantity", row.quantity},
                        {"unit", unit_name(row.unit)},
                        {"ours", json_maybe(row.ours)},
                        {"kernel", json_maybe(row.kernel)},
                        {"difference", row.both() ? Json(row.difference()) : Json(nullptr)},
                        {"difference_percent", json_maybe(row.percent())},
                        {"tolerance", row.tolerance},
                        {"rule", row.rule},
                        {"verdict", name(row.verdict)},
                        {"reason", harmless(row.reason)}});
    }
    return {{"outcome", name(sum.outcome)},
            {"agree", sum.agree},
            {"disagree", sum.disagree},
            {"not_comparable", sum.not_comparable},
            {"compared_with_kernel", sum.compared_with_kernel},
            {"rows", std::move(rows)}};
}

Json json_losses(const ReportModel& model)
{
    Json programs = Json::array(), cpus = Json::array(), misses = Json::object();
    for (const ProgramTotals& totals : model.loss_programs)
        programs.push_back(json_program(totals));
    for (const profile::ProgramLoss& loss : model.loss.programs) {
        cpus.push_back({{"program", program_name(loss.prog)},
                        {"cpu", loss.cpu},
                        {"attempted", loss.attempted},
                        {"delivered", loss.delivered},
                        {"folded", loss.folded},
                        {"dropped", loss.dropped},
                        {"untracked", loss.untracked},
                        {"balances", loss.balances()}});
    }
    for (const auto& [program, count] : model.loss.recursion_misses)
        misses[harmless(program)] = count;
    const ProgramTotals& total = model.loss_total;
    return {{"attempted", total.attempted},
            {"delivered", total.delivered},
            {"folded", total.folded},
            {"dropped", total.dropped},
            {"untracked", total.untracked},
            {"balances", total.balances},
            {"sequence_gaps", model.loss.sequence_gaps},
            {"programs", std::move(programs)},
            {"by_cpu", std::move(cpus)},
            {"recursion_misses", std::move(misses)}};
}

}  // namespace flyball::report
