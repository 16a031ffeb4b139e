// SPDX-License-Identifier: Apache-2.0
// What a reader must know before believing the numbers.
#include "flyball/base/units.hpp"
#include "model_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

std::string programs_that_dropped(const ReportModel& model)
{
    std::string names;
    for (const ProgramTotals& totals : model.loss_programs) {
        if (totals.dropped == 0)
            continue;
        if (!names.empty())
            names += ", ";
        names += fmt::format("{} {}", program_name(totals.prog), totals.dropped);
    }
    return names;
}

void warn_of_losses(const ReportModel& model, std::vector<Warning>& warnings)
{
    const ProgramTotals& total = model.loss_total;
    if (total.dropped > 0) {
        const double share =
            static_cast<double>(total.dropped) / static_cast<double>(std::max<std::uint64_t>(total.attempted, 1));
        warnings.push_back(
            {"dropped", fmt::format("{} events were dropped ({} of all): {}. What they would have said is "
                                    "missing below.",
                                    total.dropped, format_percent(share), programs_that_dropped(model))});
    }
    if (model.loss.sequence_gaps > 0) {
        warnings.push_back({"sequence_gaps", fmt::format("{} batches never reached the reader. This is a fault of "
                                                         "flyball: please report it.",
                                                         model.loss.sequence_gaps)});
    }
    if (!total.balances) {
        warnings.push_back({"unbalanced", "attempted = delivered + folded + dropped does not hold (see LOSSES): events "
                                          "were lost without being counted."});
    }
    std::uint64_t misses = 0;
    for (const auto& [program, count] : model.loss.recursion_misses)
        misses += count;
    if (misses > 0) {
        warnings.push_back(
            {"recursion_misses",
             fmt::format("The kernel skipped BPF programs {} times, since they were running already (see LOSSES).",
                         misses)});
    }
}

void warn_of_stacks(const profile::Snapshot& snapshot, std::vector<Warning>& warnings)
{
    if (!snapshot.stacks)
        return;
    const profile::Stacks& stacks = *snapshot.stacks;
    if (stacks.dropped > 0) {
        warnings.push_back(
            {"stacks_dropped", fmt::format("{} of {} sampled stacks were dropped, since their ring was full: a flame "
                                           "graph lacks them.",
                                           stacks.dropped, stacks.attempted)});
    }
    for (const std::string& note : stacks.notes)
        warnings.push_back({"stacks", "Stacks: " + note + "."});
}

void warn_of_audit(const ReportModel& model, std::vector<Warning>& warnings)
{
    const audit::Summary& sum = model.audit_summary;
    if (sum.outcome == audit::Outcome::Disagree) {
        warnings.push_back({"audit_disagrees", fmt::format("{} of {} numbers disagree with the kernel's own or among "
                                                           "themselves (see AUDIT).",
                                                           sum.disagree, sum.agree + sum.disagree)});
    } else if (sum.outcome == audit::Outcome::NothingCompared) {
        warnings.push_back({"nothing_compared", "No number could be compared with the kernel's own: nothing here is "
                                                "confirmed (see AUDIT)."});
    }
}

}  // namespace

std::vector<Warning> build_warnings(const ReportModel& model, const profile::Snapshot& snapshot)
{
    std::vector<Warning> warnings;
    if (snapshot.incomplete) {
        warnings.push_back({"incomplete", fmt::format("The recording is not whole: {}.",
                                                      snapshot.incomplete_why.empty() ? "it has no end mark"
                                                                                      : snapshot.incomplete_why)});
    }
    warn_of_losses(model, warnings);
    warn_of_stacks(snapshot, warnings);
    warn_of_audit(model, warnings);
    for (const std::string& text : snapshot.meta.warnings)
        warnings.push_back({"recorder", text});
    return warnings;
}

}  // namespace flyball::report
