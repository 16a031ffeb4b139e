// SPDX-License-Identifier: Apache-2.0
// What tuners found out, for people and for machines: docs/tune-json.md. Pure; any thread.
//
// Names from outside (a cgroup may be called anything) are escaped as each format demands.
#pragma once

#include "flyball/tune/proposal.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace flyball::report {

// What holds for all proposals of a run. What is empty or 0 is not known: left out of the text, null in the JSON.
struct TuneRun {
    std::string flyball_version, host, kernel, arch;
    std::uint64_t start_wall_ns = 0;  // CLOCK_REALTIME
    std::uint64_t took_ns = 0;        // all of it; proposals may have shared a profile
    // The words of CMD, whose cgroup is flyball's own and gone afterwards. Empty: the cgroup lives on.
    std::vector<std::string> command;
};

struct TuneTextOptions {
    std::size_t width = 80;
    bool color = false;
    TuneRun run;
    // Where version 2 is mounted: for the commands that write the values. Empty: they are left out, since the files of
    // version 1 have other names.
    std::string cgroup_root = "/sys/fs/cgroup";
};

// The answers first, a sentence each; then for each resource the values, how they came about, evidence, trials,
// refusals, notes and cost; at the end the commands that set the values by hand. Commands are not cut where they are
// wider than `width`.
[[nodiscard]] std::string render_proposals_text(std::span<const tune::Proposal> proposals,
                                                const TuneTextOptions& options);

// flyball.tune/1
[[nodiscard]] std::string render_proposals_json(std::span<const tune::Proposal> proposals, const TuneRun& run = {});

}  // namespace flyball::report
