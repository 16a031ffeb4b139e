// SPDX-License-Identifier: Apache-2.0
// A run of `flyball oom test`, and what it reports.
#pragma once

#include "environment.hpp"
#include "process.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace flyball::test {

struct Tested {
    int status = 0;
    nlohmann::json report;
};

inline Tested run_oom_test(std::vector<std::string> words)
{
    words.insert(words.begin(), {flyball_binary(), "oom", "test", "-q", "-j"});
    const Outcome outcome = Process(words).wait(patience(400));
    INFO("exit " << outcome.status << ", stderr: " << outcome.err);
    Tested tested{outcome.status, nlohmann::json::parse(outcome.out, nullptr, false)};
    REQUIRE_FALSE(tested.report.is_discarded());
    return tested;
}

// By name; skips where this kernel has not what it takes.
inline const nlohmann::json& scenario(const Tested& tested, const std::string& name)
{
    for (const nlohmann::json& each : tested.report.at("scenarios")) {
        if (each.at("name") != name)
            continue;
        if (each.at("status") == "skipped")
            FB_SKIP(each.at("reason").get<std::string>());
        return each;
    }
    FAIL("no scenario " << name);
    return tested.report;
}

}  // namespace flyball::test
