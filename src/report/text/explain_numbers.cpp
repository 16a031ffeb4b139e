// SPDX-License-Identifier: Apache-2.0
// Where the time of one cgroup went, to the last nanosecond; and the proof that it adds up.
#include "cells.hpp"
#include "explain.hpp"
#include "flyball/base/units.hpp"
#include "report_parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using ledger::Family;
using ledger::Part;

Style part_style(Part part)
{
    switch (family(part)) {
    case Family::Run:
        return Style::Green;
    case Family::Wait:
        return part == Part::Held ? Style::Red : Style::Yellow;
    case Family::Blocked:
        return is_memory(part) || is_io(part) ? Style::Yellow : Style::Dim;
    case Family::Unknown:
        return Style::Dim;
    }
    return Style::Plain;
}

std::string per_mille_text(std::uint64_t per_mille)
{
    return fmt::format("{}.{}%", per_mille / 10, per_mille % 10);
}

void draw_title(const Finding& finding, std::size_t rank, Canvas& canvas)
{
    const std::string right =
        finding.subtree ? fmt::format(" with {} cgroups -- {} --", finding.cgroups, rank) : fmt::format(" {} --", rank);
    const std::string path = squeeze(harmless(finding.account.path), canvas.width() - right.size() - 6);
    const std::size_t rule = canvas.width() - 4 - display_width(path) - right.size();
    canvas.blank();
    canvas.put("-- ", Style::Dim).put(path, Style::Bold);
    canvas.put(" " + std::string(rule, '-') + right, Style::Dim).end();
}

std::string tasks_text(const std::vector<ledger::TaskShare>& tasks, std::size_t most)
{
    std::string text;
    for (std::size_t i = 0; i < std::min(tasks.size(), most); ++i)
        text += fmt::format("{}{} (tid {}) {}", i == 0 ? "" : ", ", harmless(tasks[i].comm), tasks[i].tid,
                            format_ns(tasks[i].ns));
    return text;
}

void draw_tasks(std::string_view lead, const std::vector<ledger::TaskShare>& tasks, Canvas& canvas)
{
    constexpr std::size_t kTasks = 3;
    if (!tasks.empty())
        canvas.paragraph(tasks_text(tasks, kTasks), 1, pad_right(lead, 14));
}

}  // namespace

void text_parts(const Finding& finding, std::size_t rank, Canvas& canvas)
{
    constexpr std::size_t kBar = 24;
    constexpr std::uint64_t kAll = 1000;
    const ledger::Account& account = finding.account;
    draw_title(finding, rank, canvas);
    canvas.paragraph(fmt::format("{} task{} x their time in the window = {}; {} waits, the longest {}", account.tasks,
                                 account.tasks == 1 ? "" : "s", format_ns(account.life_ns), account.waits,
                                 format_ns(account.longest_wait_ns)),
                     1);
    Table table({{"its tasks", Side::Left}, {"time"}, {"share"}, {"ns"}, {"", Side::Left}});
    const std::vector<std::uint64_t> shares = per_mille(account.parts);
    for (std::size_t i = 0; i < ledger::kParts; ++i) {
        const auto part = static_cast<Part>(i);
        // The rest that nothing explains is told even where there is none.
        if (account.parts[i] == 0 && part != Part::Unknown)
            continue;
        table.row({std::string(title(part)), ns_cell(account.parts[i]), per_mille_text(shares[i]),
                   std::to_string(account.parts[i]),
                   Cell(std::string(shares[i] * kBar / kAll, '@'), part_style(part))});
    }
    const std::uint64_t sum = ledger::total(account.parts);
    table.row(
        {Cell("all of it", Style::Bold), ns_cell(sum), sum == 0 ? "-" : per_mille_text(kAll), std::to_string(sum)});
    table.draw(canvas);
    draw_tasks("ran most", account.burn, canvas);
    draw_tasks("own others", account.own_tasks, canvas);
    draw_tasks("kernel", account.kernel_threads, canvas);
}

void text_proof(const Explanation& e, Canvas& canvas)
{
    const ledger::Proof& proof = e.proof;
    const bool balanced = proof.unbalanced_waits + proof.unbalanced_accounts == 0;
    canvas.heading("PROOF", "run + wait + blocked + not attributed = the life of all tasks");
    canvas.paragraph(
        fmt::format("{} waits decomposed, {} unbalanced; {}; {} late events, {} chain breaks, {} folded events.",
                    proof.waits, proof.unbalanced_waits,
                    proof.unbalanced_accounts == 0
                        ? std::string("all accounts balance")
                        : fmt::format("{} accounts DO NOT balance", proof.unbalanced_accounts),
                    proof.late_events, proof.chain_breaks, proof.folded_events),
        1, "", balanced ? Style::Green : Style::Red);
}

}  // namespace flyball::report
