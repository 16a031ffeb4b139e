// SPDX-License-Identifier: Apache-2.0
#include "component_oom.hpp"

#include "flyball/base/stop_token.hpp"
#include "flyball/calibrate/decision.hpp"
#include "flyball/live/live_source.hpp"
#include "flyball/live/oom_live.hpp"
#include "flyball/oom/testing.hpp"
#include "scenario_commands.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace flyball::live {
namespace {

// The scenarios that the document's sections 5.1 to 5.3 ask for.
constexpr std::array kScenarios{"trigger", "recover", "recover-3", "group-on", "group-off"};

Result<> run_and_add(const oom::TestOptions& options, const cgroup::Layout& layout, oom::EpisodeSource& source,
                     calibrate::OomBehaviour& behaviour)
{
    auto report = oom::run_tests(options, layout, source, [](const oom::ScenarioResult&) {});
    if (!report)
        return std::unexpected(report.error());
    behaviour.reports.push_back(std::move(*report));
    return {};
}

}  // namespace

Result<calibrate::OomBehaviour> component_oom(const calibrate::Component& component, const calibrate::Limits& limits,
                                              const cgroup::Layout& layout, const std::vector<std::string>& without,
                                              StopToken& stop)
{
    calibrate::OomBehaviour behaviour;
    const auto memory = limits.find("memory.max");
    const auto bytes = memory == limits.end() ? std::nullopt : calibrate::limit_number("memory.max", memory->second);
    const cgroup::Mount* const mount = layout.controller("memory");
    if (mount == nullptr || !mount->unified || !bytes) {
        behaviour.not_tested = bytes ? "the memory controller is on cgroup v1 here" : "it has no memory.max";
        return behaviour;
    }
    auto command = oom_command_of(component, limits);
    if (!command)
        return std::unexpected(std::move(command.error()));
    auto live = OomLive::open(layout, {.without = without}, stop);
    if (!live)
        return std::unexpected(std::move(live.error()));
    LiveSource source(*live, stop);
    oom::TestOptions options;
    options.scenarios.assign(kScenarios.begin(), kScenarios.end());
    options.limit_bytes = static_cast<std::uint64_t>(*bytes);
    options.processes = std::max<std::size_t>(component.oom_test->processes, 2);
    options.recover_bound_ns = component.oom_test->recover_within_ns;
    if (auto ran = run_and_add(options, layout, source, behaviour); !ran)
        return std::unexpected(std::move(ran.error()));
    // The policy is tested with processes that do nothing else; the component's own command says how it goes in
    // earnest.
    options.command = std::move(*command);
    options.scenarios = {"trigger"};
    options.repeat = component.oom_test->repeats;
    if (auto ran = run_and_add(options, layout, source, behaviour); !ran)
        return std::unexpected(std::move(ran.error()));
    if (stop.requested())
        return std::unexpected(stop.interrupted());
    return behaviour;
}

}  // namespace flyball::live
