// SPDX-License-Identifier: Apache-2.0
// Where the verdicts of `flyball oom watch` go: standard output, a command, the journal.
#pragma once

#include "flyball/base/patient_write.hpp"
#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/oom/verdict.hpp"
#include "flyball/profile/snapshot.hpp"
#include "flyball/report/oom.hpp"
#include "journal.hpp"
#include "verdict_hook.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::cli {

class Outlets {
public:
    // Both outlive it.
    Outlets(const OomWatchOptions& options, StopToken& stop);
    // From then on nobody waits for who reads standard output.
    void wait_until(std::uint64_t end_ns) { patience_.until_ns = end_ns; }

    // The journal, if it is asked for.
    [[nodiscard]] Result<> open();
    // Of these, those that the filters select; no more than --count in all.
    [[nodiscard]] Result<> give(const std::vector<oom::Judged>& all, const std::vector<std::string>& filters);
    [[nodiscard]] Result<> kill(const profile::OtherKill& kill);
    // Looks after the commands that run.
    void tick();
    // Waits for them, for a while, and says what came of it all.
    void finish(live::Progress& progress);

    // As many as --count asks for have been given.
    [[nodiscard]] bool enough() const { return options_.count != 0 && verdicts_ >= options_.count; }
    [[nodiscard]] bool all_passed() const { return not_passed_ == 0; }

private:
    Result<> print(std::string_view text);
    Result<> verdict(const oom::Judged& judged);
    void tell_journal(const oom::Judged& judged, const std::string& json);

    const OomWatchOptions& options_;
    StopToken& stop_;
    Patience patience_;
    report::OomTextOptions text_;
    std::optional<VerdictHook> hook_;
    std::optional<Journal> journal_;
    std::uint64_t verdicts_ = 0, not_passed_ = 0, journal_failures_ = 0;
};

}  // namespace flyball::cli
