// SPDX-License-Identifier: Apache-2.0
// OOM episodes and other kills, an object a line. docs/oom-json.md explains the keys.
#include "oom.hpp"

#include "cells.hpp"
#include "flyball/oom/other_kill.hpp"

#include <array>

namespace flyball::report {
namespace {

using profile::OomEpisode;
using profile::OtherKill;
using Time = std::optional<std::uint64_t>;

// "exit_ns", and "exit_after_ns" from the decision. That may be negative: where the first mark stands for the
// decision, SIGKILL came just before it.
void put_time(Json& json, const std::string& what, const Time& at, std::uint64_t decision_ns)
{
    json[what + "_ns"] = json_maybe(at);
    json[what + "_after_ns"] = at ? Json(static_cast<std::int64_t>(*at - decision_ns)) : Json(nullptr);
}

Json json_judged_victim(const profile::OomVictim& victim, const OomEpisode& e)
{
    Json json = {{"comm", harmless(victim.comm)},
                 {"tid", victim.tid},
                 {"pid", victim.tgid},
                 {"cgroup", json_path(victim.cgroup)},
                 {"cgroup_id", victim.cgroup_id == 0 ? Json(nullptr) : Json(victim.cgroup_id)},
                 {"chosen", e.victim_tgid == 0 ? Json(nullptr) : Json(e.victim_tgid == victim.tgid)},
                 {"rss_bytes", json_known(victim.rss_bytes)},
                 {"oom_score_adj", victim.oom_score_adj}};
    put_time(json, "sigkill", victim.sigkill_ns, e.ts_ns);
    put_time(json, "marked", victim.marked_ns, e.ts_ns);
    put_time(json, "freed", victim.freed_ns, e.ts_ns);
    put_time(json, "exit", victim.exit_ns, e.ts_ns);
    put_time(json, "reaped", victim.reaped_ns, e.ts_ns);
    json["usage_after_bytes"] = json_maybe(victim.usage_after_bytes);
    return json;
}

Json json_sharer(const profile::OomSharer& sharer, std::uint64_t decision_ns)
{
    Json json = {{"comm", harmless(sharer.comm)},
                 {"tid", sharer.tid},
                 {"pid", sharer.tgid},
                 {"cgroup", json_path(sharer.cgroup)}};
    put_time(json, "sigkill", sharer.sigkill_ns, decision_ns);
    put_time(json, "exit", sharer.exit_ns, decision_ns);
    return json;
}

Json json_flags(std::uint32_t flags)
{
    Json array = Json::array();
    const auto put = [&](std::uint32_t flag, const char* word) {
        if ((flags & flag) != 0)
            array.push_back(word);
    };
    put(FB_OM_KTHREAD, "kernel_thread");
    put(FB_OM_INIT, "init");
    put(FB_OM_NO_MM, "no_memory");
    put(FB_OM_VICTIM, "marked");
    put(FB_OM_EXITING, "exiting");
    return array;
}

Json json_member(const profile::OomMember& member, std::uint64_t decision_ns)
{
    Json json = {{"comm", harmless(member.comm)},
                 {"tid", member.tid},
                 {"pid", member.tgid},
                 {"cgroup", json_path(member.cgroup)},
                 {"rss_bytes", json_known(member.rss_bytes)},
                 {"anon_bytes", json_maybe(member.anon_bytes)},
                 {"file_bytes", json_maybe(member.file_bytes)},
                 {"shmem_bytes", json_maybe(member.shmem_bytes)},
                 {"swap_bytes", json_maybe(member.swap_bytes)},
                 {"oom_score_adj", member.oom_score_adj},
                 {"scanned", member.scanned},
                 {"in_group", member.in_group},
                 {"logged", member.logged},
                 {"flags", json_flags(member.flags)}};
    put_time(json, "met", member.met_ns, decision_ns);
    put_time(json, "exit", member.exit_ns, decision_ns);
    return json;
}

Json json_survivor(const oom::Survivor& survivor)
{
    return {{"comm", harmless(survivor.comm)},
            {"pid", survivor.tgid},
            {"cgroup", json_path(survivor.cgroup)},
            {"reason", name(survivor.reason)},
            {"text", words(survivor.reason)}};
}

Json json_trigger(const OomEpisode& e)
{
    // Without a decision the task that marked the victim is known, and nothing else of it.
    if (!e.decision_seen && e.trigger_tid == 0 && e.trigger_comm.empty())
        return nullptr;
    return {{"comm", harmless(e.trigger_comm)},
            {"tid", e.trigger_tid == 0 ? Json(nullptr) : Json(e.trigger_tid)},
            {"pid", e.trigger_tgid == 0 ? Json(nullptr) : Json(e.trigger_tgid)},
            {"cgroup", json_path(e.trigger_cgroup)},
            // 0: no allocation failed, somebody asked for a kill (SysRq-f).
            {"asked_pages", e.asked_pages == 0 ? Json(nullptr) : Json(e.asked_pages)}};
}

Json json_chosen(const OomEpisode& e)
{
    if (e.victim_tgid == 0)
        return nullptr;
    // The policy's record names the process only by its number.
    return {{"comm", e.decision_seen ? Json(harmless(e.victim_comm)) : Json(nullptr)},
            {"pid", e.victim_tgid},
            {"points", e.decision_seen ? Json(e.points) : Json(nullptr)}};
}

Json json_reclaim(const std::optional<profile::OomReclaim>& reclaim)
{
    if (!reclaim)
        return nullptr;
    return {{"rounds", reclaim->rounds}, {"ns", reclaim->ns}, {"pages", reclaim->pages}};
}

void put_memory(Json& json, const OomEpisode& e)
{
    // The whole machine has no such counters: what is there then is no measurement.
    const bool counted = e.limit_known() && !e.global;
    json["limit_bytes"] = counted ? json_known(e.limit_bytes) : Json(nullptr);
    json["usage_bytes"] = counted ? json_known(e.usage_bytes) : Json(nullptr);
    json["swap_bytes"] = counted ? json_known(e.swap_bytes) : Json(nullptr);
}

// By the kernel's names, memory.stat's. Null as a whole: nothing told of it; of one: not told, never zero.
Json json_memory(const std::optional<profile::OomMemory>& memory)
{
    if (!memory)
        return nullptr;
    constexpr std::array<const char*, FB_MK_MAX> kNames{
        "anon_bytes",       "file_bytes",       "shmem_bytes",  "kernel_bytes",  "kernel_stack_bytes",
        "pagetables_bytes", "slab_bytes",       "percpu_bytes", "sock_bytes",    "vmalloc_bytes",
        "hugetlb_bytes",    "swapcached_bytes", "zswap_bytes",  "zswapped_bytes"};
    Json json = {{"usage_bytes", json_maybe(memory->usage_bytes)},
                 {"limit_bytes", json_maybe(memory->limit_bytes)},
                 {"swap_bytes", json_maybe(memory->swap_bytes)},
                 {"swap_limit_bytes", json_maybe(memory->swap_limit_bytes)}};
    for (std::size_t i = 0; i < kNames.size(); ++i)
        json[kNames[i]] = json_maybe(memory->kinds[i]);
    return json;
}

Json json_growth(const profile::OomGrowth& growth)
{
    Json since = Json::array();
    for (const auto& then : growth.since)
        since.push_back({{"ns", then.ns}, {"bytes", then.bytes}, {"grown_bytes", growth.grown(then)}});
    return {{"pid", growth.tgid},
            {"comm", harmless(growth.comm)},
            {"cgroup", harmless(growth.cgroup)},
            {"bytes", growth.bytes},
            {"before", std::move(since)}};
}

std::string_view sender_name(OtherKill::By by)
{
    switch (by) {
    case OtherKill::By::User:
        return "user";
    case OtherKill::By::Cgroup:
        return "cgroup";
    case OtherKill::By::Kernel:
        return "kernel";
    case OtherKill::By::Unknown:
        break;
    }
    return "unknown";
}

std::string one_line(const Json& json)
{
    // Names are harmless by now; `replace` keeps a byte that slipped through from throwing.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

Json json_check(const oom::Check& check)
{
    return {{"name", harmless(check.name)}, {"outcome", name(check.outcome)}, {"detail", harmless(check.detail)}};
}

Json json_episode(const oom::Judged& judged)
{
    const OomEpisode& e = judged.episode;
    const oom::Verdict& verdict = judged.verdict;
    // Without decision and policy, the domain is only the cgroup of the first victim.
    const bool domain_known = e.limit_known() || e.group_policy.has_value();
    Json json = {{"schema", kOomSchema},
                 {"type", "episode"},
                 {"kind", name(e.kind)},
                 {"number", judged.number},
                 {"outcome", name(verdict.outcome)},
                 {"summary", harmless(verdict.summary)},
                 {"ts_ns", e.ts_ns},
                 {"until_ns", e.kind == OomEpisode::Kind::Kill ? Json(nullptr) : Json(e.until_ns)},
                 {"times", e.times == 0 ? Json(nullptr) : Json(e.times)},
                 {"stalled_ns", e.kind == OomEpisode::Kind::Livelock ? Json(e.stalled_ns) : Json(nullptr)},
                 {"decision_seen", e.decision_seen},
                 {"logged", e.logged},
                 {"global", domain_known ? Json(e.global) : Json(nullptr)},
                 {"domain", domain_known && !e.global ? json_path(e.domain) : Json(nullptr)},
                 {"domain_id", domain_known && e.domain_id != 0 ? Json(e.domain_id) : Json(nullptr)}};
    put_memory(json, e);
    json["trigger"] = json_trigger(e);
    json["chosen"] = json_chosen(e);
    json["group_policy"] = json_maybe(e.group_policy);
    json["group_cgroup"] = json_path(e.group_cgroup);
    json["group_id"] = e.group_id == 0 ? Json(nullptr) : Json(e.group_id);
    json["why"] = json_strings(verdict.why);
    json["memory_before"] = json_memory(e.before);
    json["memory_after"] = json_memory(e.after);
    json["growth"] = Json::array();
    for (const profile::OomGrowth& growth : e.growth)
        json["growth"].push_back(json_growth(growth));
    json["follows_ns"] = json_maybe(e.follows_ns);
    json["reclaim"] = json_reclaim(e.reclaim);
    json["victims"] = json_list(e.victims, [&](const auto& victim) { return json_judged_victim(victim, e); });
    json["sharers"] = json_list(e.sharers, [&](const auto& sharer) { return json_sharer(sharer, e.ts_ns); });
    json["members"] = json_list(e.members, [&](const auto& member) { return json_member(member, e.ts_ns); });
    json["survivors"] = json_list(verdict.survivors, json_survivor);
    json["checks"] = json_list(verdict.checks, json_check);
    json["unknown"] = json_strings(verdict.unknown);
    return json;
}

std::string render_verdict_json(const oom::Judged& judged)
{
    return one_line(json_episode(judged));
}

std::string render_other_kill_json(const OtherKill& kill)
{
    return one_line({{"schema", kOomSchema},
                     {"type", "kill"},
                     {"ts_ns", kill.ts_ns},
                     {"comm", harmless(kill.comm)},
                     {"pid", kill.tgid},
                     {"cgroup", json_path(kill.cgroup)},
                     {"by", sender_name(kill.by)},
                     {"sender_tid", kill.sender_tid == 0 ? Json(nullptr) : Json(kill.sender_tid)},
                     {"sender_comm", kill.sender_comm.empty() ? Json(nullptr) : Json(harmless(kill.sender_comm))},
                     {"sender_cgroup", json_path(kill.sender_cgroup)},
                     {"sender_kind", name(oom::sender_kind(kill))}});
}

}  // namespace flyball::report
