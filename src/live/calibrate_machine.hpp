// SPDX-License-Identifier: Apache-2.0
// This machine as a calibration uses it. Not thread-safe.
#pragma once

#include "event_tap.hpp"
#include "flyball/live/live_subject.hpp"
#include "flyball/live/machine.hpp"
#include "scenario_commands.hpp"
#include "workload_log.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

namespace flyball::live {

class LiveMachine final : public calibrate::Machine {
public:
    LiveMachine(cgroup::Layout layout, MachineOptions options, StopToken& stop)
        : layout_(std::move(layout)), options_(std::move(options)), stop_(stop)
    {
    }

    Result<calibrate::Run> run(const calibrate::Component& component, const calibrate::Scenario& scenario,
                               const calibrate::Stage* stage, const calibrate::Limits& limits,
                               const calibrate::RunKey& key) override;
    Result<tune::Proposal> tune(const calibrate::Component& component, const calibrate::Scenario& scenario,
                                const calibrate::Stage* stage, tune::Resource resource,
                                const calibrate::Limits& limits) override;
    Result<calibrate::OomBehaviour> oom_test(const calibrate::Component& component,
                                             const calibrate::Limits& limits) override;

    std::map<std::string, double> ceilings(const calibrate::Component& component) override;

private:
    Result<calibrate::Run> run_load(const calibrate::Component& component, const calibrate::Scenario& scenario,
                                    const calibrate::Stage* stage, const calibrate::Limits& limits,
                                    const calibrate::RunKey& key);
    // Where the OOM killer took the service.
    Result<calibrate::Run> restarted(const calibrate::Component& component, const calibrate::Scenario& scenario,
                                     const ScenarioCommands& commands, LiveSubject& subject, const WorkloadLog& log,
                                     calibrate::Run run);
    Result<calibrate::Run> run_cold_starts(const calibrate::Component& component, const calibrate::Scenario& scenario,
                                           const calibrate::Limits& limits, const calibrate::RunKey& key);
    [[nodiscard]] Result<WorkloadLog> log_of(const std::string& json) const;
    [[nodiscard]] Result<LiveSubjectOptions> subject_of(const calibrate::Component& component,
                                                        const ScenarioCommands& commands,
                                                        const calibrate::Limits& limits, const WorkloadLog& log);
    void say_once(const std::string& text);

    cgroup::Layout layout_;
    MachineOptions options_;
    StopToken& stop_;
    std::set<std::string> said_;
    std::shared_ptr<EventSource> events_;  // of all runs: loading the programs takes longer than many a run
};

}  // namespace flyball::live
