// SPDX-License-Identifier: Apache-2.0
// An OOM test as a trace: well-formed, each span with its begin and its length, each victim on a track of its own.
#include "flyball/report/oom.hpp"
#include "sample_oom.hpp"
#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <set>

using namespace flyball;

TEST_CASE("oom trace: scenarios, steps and victims, with hostile names too")
{
    const bool hostile = GENERATE(false, true);
    const oom::TestReport report = hostile ? test::oom_sample::hostile_report() : test::oom_sample::report();
    const auto trace = nlohmann::json::parse(report::render_test_trace(report), nullptr, false);
    REQUIRE_FALSE(trace.is_discarded());
    std::map<std::string, std::size_t> phases;
    std::set<std::uint64_t> processes;
    for (const auto& event : trace.at("traceEvents")) {
        ++phases[event.at("ph")];
        processes.insert(event.at("pid").get<std::uint64_t>());
        if (event.at("ph") == "X")
            CHECK(event.at("dur").get<double>() >= 0);
    }
    std::size_t tested = 0, steps = 0, episodes = 0, victims = 0;
    for (const oom::ScenarioResult& scenario : report.scenarios) {
        if (scenario.status == oom::Status::Skipped)
            continue;
        ++tested;
        steps += scenario.timeline.size();
        episodes += scenario.episodes.size();
        for (const oom::Judged& judged : scenario.episodes)
            victims += judged.episode.victims.size();
    }
    CHECK((hostile || victims > 0));
    CHECK(processes.size() >= tested);
    CHECK(phases["i"] == steps + episodes);
    CHECK(phases["X"] <= tested + victims);  // a victim outside of its scenario's time has no span
    CHECK((hostile || phases["X"] > tested));
}

TEST_CASE("oom trace: nothing was tested")
{
    CHECK_FALSE(nlohmann::json::parse(report::render_test_trace({}), nullptr, false).is_discarded());
}
