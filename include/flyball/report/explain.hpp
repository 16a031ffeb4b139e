// SPDX-License-Identifier: Apache-2.0
// An explanation, as it is shown. Pure; the same explanation gives the same bytes.
#pragma once

#include "flyball/diagnose/explanation.hpp"
#include "flyball/ledger/books.hpp"
#include "flyball/profile/snapshot.hpp"
#include "flyball/report/model.hpp"

#include <string>
#include <vector>

namespace flyball::report {

[[nodiscard]] std::string render_explain_text(const diagnose::Explanation& explanation,
                                              const TextOptions& options = {});

// docs/explain-json.md has it in full.
inline constexpr const char* kExplainSchema = "flyball.explain/1";
[[nodiscard]] std::string render_explain_json(const diagnose::Explanation& explanation);

// CPU time by cgroup and task, a line each, as flamegraph.pl reads it: "prod.slice;web.service;nginx-77
// 1234", in microseconds.
[[nodiscard]] std::string render_folded(const ledger::Books& books, const std::vector<std::string>& cgroups);

// The same from sampled stacks, outermost frame first: "prod.slice;web.service;nginx;main;serve;do_syscall_64_[k]
// 17", in samples. Empty where the snapshot has none.
[[nodiscard]] std::string render_folded_stacks(const profile::Snapshot& snapshot,
                                               const std::vector<std::string>& cgroups);

}  // namespace flyball::report
