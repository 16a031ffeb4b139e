// SPDX-License-Identifier: Apache-2.0
// OOM verdicts and test reports for people and for machines. Pure; any thread.
//
// Hostile names (a comm or a cgroup may hold any byte) are escaped as each format demands.
#pragma once

#include "flyball/oom/test_report.hpp"
#include "flyball/oom/verdict.hpp"
#include "flyball/profile/snapshot.hpp"

#include <string>

namespace flyball::report {

struct OomTextOptions {
    std::size_t width = 80;
    bool color = false;
};

// flyball.oom/1, one object on one line that ends with a newline: NDJSON.
[[nodiscard]] std::string render_verdict_json(const oom::Judged& judged);
// A SIGKILL of another sender, in the same stream.
[[nodiscard]] std::string render_other_kill_json(const profile::OtherKill& kill);

// The verdict, what happened step by step with times from the decision, survivors, what is unknown.
[[nodiscard]] std::string render_verdict_text(const oom::Judged& judged, const OomTextOptions& options);
[[nodiscard]] std::string render_other_kill_text(const profile::OtherKill& kill, const OomTextOptions& options);

// flyball.oom-test/1
[[nodiscard]] std::string render_test_json(const oom::TestReport& report);
// As the CI systems read it: one testsuite, a testcase a scenario (inconclusive is an error, not a failure).
[[nodiscard]] std::string render_junit(const oom::TestReport& report);
// TAP version 14; the diagnostics are YAML blocks.
[[nodiscard]] std::string render_tap(const oom::TestReport& report);
// For ui.perfetto.dev: a process for each scenario, a track for each victim.
[[nodiscard]] std::string render_test_trace(const oom::TestReport& report);
// For people: the content of oom_behavior.txt. A summary first, then each scenario with its timeline.
[[nodiscard]] std::string render_test_text(const oom::TestReport& report, const OomTextOptions& options);

}  // namespace flyball::report
