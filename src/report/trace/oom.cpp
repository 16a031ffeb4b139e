// SPDX-License-Identifier: Apache-2.0
// An OOM test as a trace: each scenario a process, in it a track for what the test did and one for each victim.
#include "flyball/report/oom.hpp"

#include "json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using profile::OomEpisode;
using profile::OomVictim;

constexpr std::uint64_t kScenarioTrack = 0;

// SIGKILL -> exit, and within it until its memory was given back. An end that nobody saw is that of the scenario.
void draw_victim(const OomVictim& victim, std::uint64_t process, std::uint64_t end_ns, TraceJson& json)
{
    const TraceJson::Place track{process, victim.tgid};
    json.name_track(track, fmt::format("{} {}", victim.comm, victim.tgid));
    const std::uint64_t begin_ns = victim.sigkill_ns.value_or(victim.marked_ns.value_or(end_ns));
    TraceArgs args;
    args.add("cgroup", victim.cgroup);
    if (victim.rss_bytes != ~0ULL)
        args.add("rss_bytes", victim.rss_bytes);
    if (!victim.exit_ns)
        args.add("exit", "not seen");
    json.complete(track, {"oom", "SIGKILL to exit", begin_ns, victim.exit_ns.value_or(end_ns)}, args);
    if (victim.freed_ns)
        json.async(process, fmt::format("memory {}", victim.tgid),
                   {"oom", fmt::format("memory of {}", victim.tgid), begin_ns, *victim.freed_ns}, {});
}

void draw_episode(const oom::Judged& judged, std::uint64_t process, std::uint64_t end_ns, TraceJson& json)
{
    const OomEpisode& episode = judged.episode;
    TraceArgs args;
    args.add("verdict", name(judged.verdict.outcome)).add("summary", judged.verdict.summary);
    if (episode.reclaim)
        args.add("reclaim_ns", episode.reclaim->ns).add("reclaim_rounds", episode.reclaim->rounds);
    const bool kill = episode.kind == OomEpisode::Kind::Kill;
    json.instant(process, "oom", fmt::format("{} #{}", kill ? "OOM kill" : "out of memory", judged.number),
                 episode.ts_ns, args);
    for (const OomVictim& victim : episode.victims)
        draw_victim(victim, process, end_ns, json);
}

void draw_scenario(const oom::ScenarioResult& scenario, std::uint64_t process, TraceJson& json)
{
    json.name_process(process, fmt::format("{}{} ({})", scenario.name,
                                           scenario.repetition > 1 ? fmt::format(" #{}", scenario.repetition) : "",
                                           name(scenario.status)));
    const std::uint64_t end_ns = scenario.start_ns + scenario.duration_ns;
    const TraceJson::Place track{process, kScenarioTrack};
    json.name_track(track, "scenario");
    TraceArgs args;
    args.add("status", name(scenario.status));
    if (!scenario.reason.empty())
        args.add("reason", scenario.reason);
    json.complete(track, {"test", scenario.title, scenario.start_ns, end_ns}, args);
    for (const oom::Step& step : scenario.timeline)
        json.instant(process, "test", step.what, scenario.start_ns + step.at_ns, {});
    for (const oom::Judged& judged : scenario.episodes)
        draw_episode(judged, process, end_ns, json);
}

}  // namespace

std::string render_test_trace(const oom::TestReport& report)
{
    std::uint64_t start_ns = ~std::uint64_t{0};
    for (const oom::ScenarioResult& scenario : report.scenarios)
        start_ns = std::min(start_ns, scenario.start_ns);
    std::string out;
    TraceJson json(report.scenarios.empty() ? 0 : start_ns, [&](std::string_view text) { out += text; });
    std::uint64_t process = 1;
    for (const oom::ScenarioResult& scenario : report.scenarios) {
        if (scenario.status != oom::Status::Skipped)
            draw_scenario(scenario, process++, json);
    }
    json.finish();
    return out;
}

}  // namespace flyball::report
