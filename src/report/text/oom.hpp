// SPDX-License-Identifier: Apache-2.0
// The blocks of the OOM texts.
#pragma once

#include "canvas.hpp"
#include "flyball/report/oom.hpp"
#include "oom_runs.hpp"

namespace flyball::report {

// "[✓]", "[✗]", "[?]": as the scripts of operators mark what they have checked.
[[nodiscard]] std::string_view mark(oom::Outcome outcome);
[[nodiscard]] Style style_of(oom::Outcome outcome);
[[nodiscard]] Style style_of(oom::Status status);
// "PASS", "INCONCLUSIVE".
[[nodiscard]] std::string shouted(std::string_view word);

// "86412.345678": all digits, for times that are compared with each other or with a log.
[[nodiscard]] std::string in_seconds(std::uint64_t ns);

// Checks with their marks, their details in a column of their own. Checks that are not known: yellow.
void text_checks(const std::vector<oom::Check>& checks, std::size_t indent, Canvas& canvas);
// "label     text", wrapped beside the label. Labels of a block have one width.
void text_labelled(std::string_view label, std::string_view text, std::size_t indent, Canvas& canvas);

void text_episode(const oom::Judged& judged, std::size_t indent, Canvas& canvas);
// Who was killed, and when; below it when it was over.
void text_victims(const profile::OomEpisode& episode, std::size_t indent, Canvas& canvas);
void text_survivors(const std::vector<oom::Survivor>& survivors, std::size_t indent, Canvas& canvas);

void text_test_head(const oom::TestReport& report, Canvas& canvas);
void text_test_summary(const std::vector<Runs>& scenarios, Canvas& canvas);
// What holds for all scenarios.
void text_test_notes(const std::vector<std::string>& notes, Canvas& canvas);
void text_scenario(const Runs& runs, Canvas& canvas);
// One run of a scenario from its expectations to its episodes.
void text_run(const oom::ScenarioResult& run, Canvas& canvas);

}  // namespace flyball::report
