// SPDX-License-Identifier: Apache-2.0
// The list, and the loop over it.
#include "contains.hpp"
#include "flyball/base/clock.hpp"
#include "scenario_list.hpp"
#include "trial.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

namespace flyball::oom {
namespace {

constexpr std::array kScenarios{
    ScenarioEntry{{"trigger", "memory.max is hit: the process that runs over it is killed"}, trigger, false},
    ScenarioEntry{
        {"recover", "killed once, started again: it is well again and nothing is left behind"}, recover_once, false},
    ScenarioEntry{{"recover-3", "the same three times"}, recover_thrice, false},
    ScenarioEntry{{"group-on", "memory.oom.group on: all processes die together"}, group_on},
    ScenarioEntry{{"group-off", "memory.oom.group off: one process dies, the others live"}, group_off, false},
    ScenarioEntry{{"nested-inner", "the group policy of a child: its processes die, its sibling's live"}, nested_inner},
    ScenarioEntry{{"nested-outer", "the group policy of the parent: all below it die"}, nested_outer},
    ScenarioEntry{{"nested-above", "a group policy above the limit that is hit does not count"}, nested_above},
    ScenarioEntry{{"no-controller", "victims in a child without the memory controller: the memcg is the parent"},
                  no_controller},
    ScenarioEntry{{"no-controller-group", "the same with the group policy of the parent"}, no_controller_group},
    ScenarioEntry{
        {"made-again", "killed, removed and made again under the same path before the verdict"}, made_again, false},
    ScenarioEntry{{"nobody", "all are protected: out of memory, and nobody can be killed"}, nobody, false},
    ScenarioEntry{
        {"protected-hog", "what holds the memory is protected: bystanders die, it is named"}, protected_hog, false},
    ScenarioEntry{{"tmpfs", "most of it is shared memory, which a kill does not give back"}, tmpfs, false},
    ScenarioEntry{{"protected", "oom_score_adj -1000 survives the group's end"}, protected_member},
    ScenarioEntry{{"fork-storm", "children made during the kill do not save the group"}, fork_storm},
    ScenarioEntry{{"shared-memory", "a process that shares the victim's memory dies with it"}, shared_memory, false},
    ScenarioEntry{{"by-hand", "SIGKILL from a user and cgroup.kill are no OOM kills"}, by_hand, false},
    ScenarioEntry{{"high-first", "memory.high slows it down before memory.max kills"}, high_first},
    ScenarioEntry{{"lower-max", "memory.max set below what a running load uses"}, lower_max},
    ScenarioEntry{{"swap-off", "without swap the kill comes at memory.max"}, swap_off},
    ScenarioEntry{{"swap-on", "with swap it comes when swap is full too"}, swap_on},
    ScenarioEntry{
        {"service", "your service (--unit, --command, -c) runs out of memory, and is well again with its state"},
        service,
        false},
    ScenarioEntry{{"storm", "500 kills in a row: a verdict for each"}, storm, false},
};

constexpr auto kNames = [] {
    std::array<ScenarioName, kScenarios.size()> names{};
    for (std::size_t i = 0; i < names.size(); ++i)
        names[i] = kScenarios[i].name;
    return names;
}();

Result<std::vector<const ScenarioEntry*>> choose(const TestOptions& options)
{
    std::vector<const ScenarioEntry*> chosen;
    for (const std::string& wanted : options.scenarios) {
        const auto found = std::ranges::find_if(kScenarios, [&](const auto& s) { return s.name.name == wanted; });
        if (found == kScenarios.end())
            return fail(ErrorKind::Usage, fmt::format("no scenario '{}'", wanted),
                        "`flyball oom test --list` has them");
        chosen.push_back(&*found);
    }
    const bool has_service = !options.cgroup.empty() || !options.service.command.empty();
    if (chosen.empty()) {
        for (const ScenarioEntry& scenario : kScenarios) {
            if ((scenario.run == service) == has_service)
                chosen.push_back(&scenario);
        }
    }
    const auto runs = [&](Scenario scenario) {
        return std::ranges::any_of(chosen, [&](const ScenarioEntry* entry) { return entry->run == scenario; });
    };
    if (runs(service) && !has_service)
        return fail(ErrorKind::Usage, "the scenario 'service' is about a service of yours",
                    "name it by --unit, --command or -c");
    if (!options.service.command.empty() && (chosen.size() != 1 || !runs(service)))
        return fail(ErrorKind::Usage, "with --command only the scenario 'service' runs", "leave the others away");
    if (options.fault != Fault::None && !runs(group_on))
        return fail(ErrorKind::Usage, "--fault is for the scenario group-on", "name it, or leave --fault away");
    if (!options.command.empty() && (chosen.size() != 1 || !runs(trigger)))
        return fail(ErrorKind::Usage, "a command after -- runs in the scenario trigger only", "leave the others away");
    // In a cgroup of somebody else nothing is set, so that only the limit it has can be hit.
    if (!options.cgroup.empty() && (chosen.size() != 1 || (chosen[0]->run != trigger && chosen[0]->run != service)))
        return fail(ErrorKind::Usage, "in a cgroup that flyball did not make only 'service' or 'trigger' runs",
                    "leave the others away, or -c");
    return chosen;
}

ScenarioResult run_one(const ScenarioEntry& scenario, std::size_t repetition, const TestOptions& options,
                       const cgroup::Layout& layout, EpisodeSource& source)
{
    ScenarioResult result;
    result.name = scenario.name.name;
    result.title = scenario.name.title;
    result.repetition = repetition;
    Trial trial(options, layout, source, result);
    try {
        trial.begin(scenario.needs_unified);
        scenario.run(trial);
    } catch (const Broken& broken) {
        trial.unclear("run", broken.error.what);
    } catch (const Lacking& lacking) {
        trial.skip(lacking.what);
    }
    trial.end();
    return result;
}

std::string workload_of(const TestOptions& options)
{
    if (!options.command.empty())
        return fmt::format("{}", fmt::join(options.command, " "));
    if (!options.service.command.empty())
        return options.service.command;
    return options.cgroup.empty() ? "built-in allocator" : options.cgroup;
}

// What a stop has left out is not passed, and not forgotten.
ScenarioResult not_run(const ScenarioEntry& scenario, std::size_t repetition)
{
    ScenarioResult result;
    result.name = scenario.name.name;
    result.title = scenario.name.title;
    result.repetition = repetition;
    result.status = Status::Inconclusive;
    result.reason = "stopped before it ran";
    return result;
}

}  // namespace

std::span<const ScenarioName> scenario_names()
{
    return kNames;
}

Result<TestReport> run_tests(const TestOptions& options, const cgroup::Layout& layout, EpisodeSource& source,
                             const OnScenario& on_scenario)
{
    const auto chosen = choose(options);
    if (!chosen)
        return std::unexpected(chosen.error());
    TestReport report;
    const profile::Meta& meta = source.meta();
    report.flyball_version = meta.flyball_version;
    report.host = meta.host;
    report.kernel = meta.kernel;
    report.arch = meta.arch;
    report.start_wall_ns = realtime_ns();
    report.workload = workload_of(options);
    for (const profile::Coverage& entry : meta.coverage) {
        if (entry.metric.starts_with("oom.") && !entry.available)
            report.notes.push_back(fmt::format("{} is not known here: {}", entry.metric, entry.note));
    }
    const std::uint64_t began_ns = monotonic_ns();
    for (std::size_t repetition = 1; repetition <= options.repeat; ++repetition) {
        for (const ScenarioEntry* scenario : *chosen) {
            report.scenarios.push_back(source.stopped() ? not_run(*scenario, repetition)
                                                        : run_one(*scenario, repetition, options, layout, source));
            on_scenario(report.scenarios.back());
        }
    }
    report.duration_ns = monotonic_ns() - began_ns;
    return report;
}

}  // namespace flyball::oom
