// SPDX-License-Identifier: Apache-2.0
#include "oom_json.hpp"

#include "flyball/base/version.hpp"
#include "flyball/oom/test_report.hpp"
#include "flyball/profile/snapshot.hpp"

#include <nlohmann/json.hpp>

// nlohmann has this of its own since 3.12.
#if NLOHMANN_JSON_VERSION_MAJOR == 3 && NLOHMANN_JSON_VERSION_MINOR < 12
namespace nlohmann {
template <class T>
struct adl_serializer<std::optional<T>> {
    static void to_json(json& j, const std::optional<T>& value) { j = value ? json(*value) : json(nullptr); }
    static void from_json(const json& j, std::optional<T>& value)
    {
        value = j.is_null() ? std::nullopt : std::optional<T>(j.get<T>());
    }
};
}  // namespace nlohmann
#endif

// Each member of a struct is a member of its object: one that is missing makes the text one of another version.
namespace flyball::profile {
NLOHMANN_JSON_SERIALIZE_ENUM(OomEpisode::Kind, {{OomEpisode::Kind::UnseenKill, "unseen_kill"},
                                                {OomEpisode::Kind::Kill, "kill"},
                                                {OomEpisode::Kind::NobodyKillable, "nobody_killable"},
                                                {OomEpisode::Kind::NotKilled, "not_killed"},
                                                {OomEpisode::Kind::Livelock, "livelock"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OomMemory, usage_bytes, limit_bytes, swap_bytes, swap_limit_bytes, kinds)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OomVictim, tid, tgid, comm, cgroup, cgroup_id, rss_bytes, oom_score_adj, marked_ns,
                                   sigkill_ns, exit_ns, reaped_ns, freed_ns, usage_after_bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OomMember, tid, tgid, comm, cgroup, rss_bytes, oom_score_adj, flags, scanned,
                                   in_group, logged, anon_bytes, file_bytes, shmem_bytes, swap_bytes, met_ns, exit_ns)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OomSharer, tid, tgid, comm, cgroup, sigkill_ns, exit_ns)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OomReclaim, rounds, ns, pages)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OomGrowth::Since, ns, bytes)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OomGrowth, tgid, comm, cgroup, bytes, since)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OomEpisode, kind, ts_ns, until_ns, times, stalled_ns, decision_seen, logged, global,
                                   domain, domain_id, group_id, trigger_cgroup, trigger_comm, trigger_tid, trigger_tgid,
                                   victim_comm, victim_tgid, points, limit_bytes, usage_bytes, swap_bytes, asked_pages,
                                   group_policy, group_cgroup, victims, members, sharers, reclaim, before, after,
                                   growth, follows_ns)
}  // namespace flyball::profile

namespace flyball::oom {
NLOHMANN_JSON_SERIALIZE_ENUM(Outcome, {{Outcome::Inconclusive, "inconclusive"},
                                       {Outcome::Pass, "pass"},
                                       {Outcome::Fail, "fail"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Status, {{Status::Inconclusive, "inconclusive"},
                                      {Status::Pass, "pass"},
                                      {Status::Fail, "fail"},
                                      {Status::Skipped, "skipped"}})
NLOHMANN_JSON_SERIALIZE_ENUM(Reason, {{Reason::Unexplained, "unexplained"},
                                      {Reason::NotChosen, "not_chosen"},
                                      {Reason::Protected, "protected"},
                                      {Reason::Init, "init"},
                                      {Reason::KernelThread, "kernel_thread"},
                                      {Reason::Exiting, "exiting"},
                                      {Reason::AlreadyDying, "already_dying"},
                                      {Reason::BornAfter, "born_after"},
                                      {Reason::MovedIn, "moved_in"},
                                      {Reason::MovedOut, "moved_out"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Check, name, outcome, detail)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Survivor, tgid, comm, cgroup, reason)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Verdict, outcome, summary, checks, survivors, unknown, why)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Judged, number, episode, verdict)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Step, at_ns, what)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Bound, name, value_ns, limit_ns)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(ScenarioResult, name, title, status, reason, expectations, bounds, timeline,
                                   episodes, limit_bytes, peak_bytes, baseline_bytes, after_bytes, start_ns,
                                   duration_ns, repetition)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(TestReport, flyball_version, host, kernel, arch, start_wall_ns, workload, notes,
                                   scenarios, duration_ns)
}  // namespace flyball::oom

namespace flyball::calibrate {

namespace {

constexpr std::string_view kOomSchema = "flyball.calibrate-oom/3";

}  // namespace

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(OomBehaviour, not_tested, reports)

std::string oom_to_json(const OomBehaviour& oom, const Limits& under)
{
    // A process may be called anything: bytes that are no UTF-8 are replaced.
    nlohmann::json json = oom;
    json["schema"] = kOomSchema;
    json["flyball_version"] = kVersion;
    json["limits"] = under;
    return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<OomBehaviour> oom_from_json(std::string_view text, const Limits& under)
{
    try {
        const auto json = nlohmann::json::parse(text);
        if (json.at("schema") != kOomSchema || json.at("limits").get<Limits>() != under)
            return std::nullopt;
        return json.get<OomBehaviour>();
    } catch (const nlohmann::json::exception&) {
        return std::nullopt;
    }
}

}  // namespace flyball::calibrate
