// SPDX-License-Identifier: Apache-2.0
#include "oom_runs.hpp"

#include "cells.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {

using oom::Status;

std::vector<Runs> runs_by_scenario(const oom::TestReport& report)
{
    std::vector<Runs> all;
    for (const oom::ScenarioResult& run : report.scenarios) {
        const auto same = std::ranges::find_if(all, [&](const Runs& runs) { return runs.front()->name == run.name; });
        if (same == all.end())
            all.push_back({&run});
        else
            same->push_back(&run);
    }
    return all;
}

std::size_t count(const Runs& runs, Status status)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(runs, [=](const oom::ScenarioResult* run) { return run->status == status; }));
}

Status worst_status(const Runs& runs)
{
    for (const Status status : {Status::Fail, Status::Inconclusive, Status::Pass}) {
        if (count(runs, status) > 0)
            return status;
    }
    return Status::Skipped;
}

std::vector<BoundSummary> summed_bounds(const Runs& runs)
{
    std::vector<BoundSummary> all;
    std::vector<std::vector<std::uint64_t>> values;
    for (const oom::ScenarioResult* run : runs) {
        for (const oom::Bound& bound : run->bounds) {
            auto found = std::ranges::find(all, bound.name, &BoundSummary::name);
            if (found == all.end()) {
                all.push_back({.name = bound.name, .limit_ns = bound.limit_ns});
                values.emplace_back();
                found = all.end() - 1;
            }
            found->limit_ns = std::min(found->limit_ns, bound.limit_ns);
            found->broken += bound.held() ? 0 : 1;
            if (bound.value_ns)
                values[static_cast<std::size_t>(found - all.begin())].push_back(*bound.value_ns);
            else
                ++found->missed;
        }
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
        std::vector<std::uint64_t>& sorted = values[i];
        all[i].observed = sorted.size();
        if (sorted.empty())
            continue;
        std::ranges::sort(sorted);
        // Of an even number the upper one: a time that a run really took.
        all[i].median_ns = sorted[sorted.size() / 2];
        all[i].worst_ns = sorted.back();
    }
    return all;
}

std::string run_name(const oom::ScenarioResult& run)
{
    const std::string scenario = harmless(run.name);
    return run.repetition > 1 ? fmt::format("{} (run {})", scenario, run.repetition) : scenario;
}

}  // namespace flyball::report
