// SPDX-License-Identifier: Apache-2.0
// The explanation as JSON: everything, in nanoseconds.
#include "cells.hpp"
#include "explained.hpp"
#include "parts.hpp"

namespace flyball::report {
namespace {

using ledger::Blame;
using ledger::Part;
using ledger::TaskShare;

Json json_tasks(const std::vector<TaskShare>& tasks)
{
    return json_list(tasks, [](const TaskShare& task) -> Json {
        return {{"tid", task.tid}, {"comm", harmless(task.comm)}, {"ns", task.ns}};
    });
}

Json json_by_cpu(const std::map<std::uint32_t, std::uint64_t>& by_cpu)
{
    return json_list(by_cpu, [](const auto& item) -> Json { return {{"cpu", item.first}, {"ns", item.second}}; });
}

Json json_blame(const Blame& blame)
{
    return {{"cgroup", json_path(blame.path)},
            {"ns", blame.ns},
            {"by_cpu", json_by_cpu(blame.by_cpu)},
            {"tasks", json_tasks(blame.tasks)}};
}

Json json_notes(const std::vector<Note>& notes)
{
    return json_list(notes, [](const Note& note) -> Json { return {{"id", note.id}, {"text", harmless(note.text)}}; });
}

Json json_reason(const Reason& reason)
{
    return {{"part", name(reason.part)},
            {"cgroup", json_path(reason.path)},
            {"ns", reason.ns},
            {"share", reason.share},
            {"text", harmless(reason.text)}};
}

Json json_parts(const ledger::Parts& parts)
{
    Json json = Json::object();
    for (std::size_t i = 0; i < ledger::kParts; ++i)
        json[std::string(name(static_cast<Part>(i))) + "_ns"] = parts[i];
    return json;
}

Json json_finding(const Finding& finding)
{
    const ledger::Account& account = finding.account;
    const std::uint64_t wait = finding.wait_ns;
    return {{"path", harmless(account.path)},
            {"subtree", finding.subtree},
            {"cgroups", finding.cgroups},
            {"sentence", finding.sentence},
            {"advice", json_notes(finding.advice)},
            {"doubts", json_notes(finding.doubts)},
            {"reasons", json_list(finding.reasons, json_reason)},
            {"lost_ns", finding.lost_ns()},
            {"runnable_ns", finding.runnable_ns},
            {"wait_ns", wait},
            {"lost_of_runnable", finding.runnable_ns == 0 ? Json(nullptr) : Json(ratio(wait, finding.runnable_ns))},
            {"memory_ns", finding.memory_ns},
            {"io_ns", finding.io_ns},
            {"tasks", account.tasks},
            {"life_ns", account.life_ns},
            {"parts", json_parts(account.parts)},
            {"waits", account.waits},
            {"longest_wait_ns", account.longest_wait_ns},
            {"held_by", json_list(account.held_by, json_blame)},
            {"displaced_by", json_list(account.displaced_by, json_blame)},
            {"own_tasks", json_tasks(account.own_tasks)},
            {"kernel_threads", json_tasks(account.kernel_threads)},
            {"burn", json_tasks(account.burn)}};
}

Json json_row(const Matrix::Row& row)
{
    return {{"cgroup", json_path(row.path)},
            {"sum_ns", row.sum_ns},
            {"cells_ns", row.cells},
            {"others_ns", row.others_ns},
            {"unknown_ns", row.unknown_ns}};
}

Json json_matrix(const Matrix& matrix)
{
    return {{"columns", json_list(matrix.columns, json_path)},
            {"rows", json_list(matrix.rows, json_row)},
            {"other_columns", matrix.more_columns},
            {"other_rows", matrix.more_rows},
            {"others", matrix.more_rows == 0 ? Json(nullptr) : json_row(matrix.others)}};
}

Json json_quota(const ledger::QuotaFinding& quota)
{
    return {{"path", harmless(quota.path)},
            {"quota_ns", json_maybe(quota.quota_ns)},
            {"period_ns", json_maybe(quota.period_ns)},
            {"episodes", quota.episodes},
            {"throttled_ns", quota.throttled_ns},
            {"held_ns", quota.held_ns},
            {"worst", json_list(quota.worst,
                                [](const ledger::Episode& e) -> Json {
                                    return {{"begin_ns", e.begin_ns},
                                            {"duration_ns", e.duration_ns},
                                            {"cpu", e.cpu},
                                            {"held_tasks", e.held_tasks}};
                                })},
            {"by_cpu", json_by_cpu(quota.by_cpu)},
            {"spenders", json_list(quota.spenders, json_blame)},
            {"demand", json_list(quota.demand,
                                 [](const ledger::DemandBin& bin) -> Json {
                                     return {{"cpus", bin.cpus}, {"periods", bin.periods}};
                                 })},
            {"enough_quota_ns", json_maybe(quota.enough_quota_ns)},
            {"enough_burst_ns", json_maybe(quota.enough_burst_ns)},
            {"note", harmless(quota.note)}};
}

Json json_encounter(const Encounter& encounter)
{
    Json json = {{"victim", harmless(encounter.victim)}};
    json.update(json_blame(encounter.blame));
    return json;
}

}  // namespace

std::string render_explain_json(const Explanation& e)
{
    Json root = {{"schema", kExplainSchema}, {"recording", json_recording(e.meta, e.window_ns, e.incomplete)}};
    root["only"] = json_strings(e.only);
    root["findings"] = json_list(e.findings, json_finding);
    root["doubts"] = json_notes(e.doubts);
    root["out_of_memory"] = json_list(e.out_of_memory, [](const diagnose::Shortage& shortage) {
        return Json{{"ts_ns", shortage.ts_ns},
                    {"kind", name(shortage.kind)},
                    {"cgroup", json_path(shortage.cgroup)},
                    {"text", harmless(shortage.text)}};
    });
    root["interference"] = json_matrix(e.displaced);
    root["encounters"] = json_list(e.encounters, json_encounter);
    root["io"] = json_matrix(e.io);
    root["quotas"] = json_list(e.quotas, json_quota);
    root["proof"] = {{"waits", e.proof.waits},
                     {"unbalanced_waits", e.proof.unbalanced_waits},
                     {"unbalanced_accounts", e.proof.unbalanced_accounts},
                     {"late_events", e.proof.late_events},
                     {"chain_breaks", e.proof.chain_breaks},
                     {"folded_events", e.proof.folded_events}};
    return written(root);
}

}  // namespace flyball::report
