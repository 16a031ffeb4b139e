// SPDX-License-Identifier: Apache-2.0
// What each cpu.max did, who spent it, and what would have been enough.
#include "cells.hpp"
#include "explain.hpp"
#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

constexpr std::size_t kQuotaLead = 14;
constexpr std::size_t kSpenders = 5;
constexpr std::size_t kEpisodes = 3;

void line(Canvas& canvas, std::string_view lead, std::string_view text, Style style = Style::Plain)
{
    canvas.paragraph(text, 1, pad_right(lead, kQuotaLead), style);
}

void draw_spenders(const ledger::QuotaFinding& quota, Canvas& canvas)
{
    const auto spent = spenders(quota);
    std::string_view lead = "spent by";
    for (std::size_t i = 0; i < std::min(spent.size(), kSpenders); ++i) {
        const std::string numbers =
            fmt::format("{:>8} {:>6}  ", format_ns(quota.spenders[i].ns), format_percent(spent[i].second));
        canvas.put(" " + pad_right(lead, kQuotaLead) + numbers)
            .put(squeeze(harmless(spent[i].first), canvas.width() - 1 - kQuotaLead - numbers.size()))
            .end();
        lead = "";
    }
    if (spent.size() > kSpenders)
        line(canvas, "", fmt::format("and {} more", spent.size() - kSpenders));
}

void draw_episodes(const ledger::QuotaFinding& quota, Canvas& canvas)
{
    std::string_view lead = "the longest";
    for (std::size_t i = 0; i < std::min(quota.worst.size(), kEpisodes); ++i) {
        const ledger::Episode& e = quota.worst[i];
        line(canvas, lead,
             fmt::format("{} at {} on CPU {}, {} task{} held", format_ns(e.duration_ns), format_ns(e.begin_ns), e.cpu,
                         e.held_tasks, e.held_tasks == 1 ? "" : "s"));
        lead = "";
    }
}

void draw_demand(const ledger::QuotaFinding& quota, Canvas& canvas)
{
    std::uint64_t most = 0;
    for (const ledger::DemandBin& bin : quota.demand)
        most = std::max(most, bin.periods);
    if (most == 0)
        return;
    const double set = quota.quota_ns && quota.period_ns && *quota.period_ns > 0
                           ? static_cast<double>(*quota.quota_ns) / static_cast<double>(*quota.period_ns)
                           : 0;
    canvas.line(" CPUs asked for in a period, and how many periods" +
                    std::string(set > 0 ? fmt::format("; quota {:.2f}", set) : ""),
                Style::Dim);
    for (const ledger::DemandBin& bin : quota.demand) {
        const std::string numbers = fmt::format(" {:>8} {:>6} |", fmt::format("{:.2f}", bin.cpus), bin.periods);
        const std::size_t bar = canvas.width() - numbers.size() - 1;
        const auto filled = static_cast<std::size_t>(static_cast<double>(bin.periods) / static_cast<double>(most) *
                                                     static_cast<double>(bar));
        canvas.put(numbers).put(std::string(filled, '@'), bin.cpus > set && set > 0 ? Style::Red : Style::Cyan);
        canvas.put(std::string(bar - filled, ' ')).put("|").end();
    }
}

std::string enough(const ledger::QuotaFinding& quota)
{
    std::string text;
    if (quota.enough_quota_ns)
        text = fmt::format("a quota of {}", format_ns(*quota.enough_quota_ns));
    if (quota.enough_burst_ns)
        text += fmt::format("{}a burst of {} with the quota as it is", text.empty() ? "" : ", or ",
                            format_ns(*quota.enough_burst_ns));
    if (!quota.note.empty())
        text += (text.empty() ? "not known: " : "; ") + harmless(quota.note);
    return text;
}

}  // namespace

void text_quotas(const Explanation& e, Canvas& canvas)
{
    if (e.quotas.empty())
        return;
    canvas.heading("QUOTAS", "cpu.max that ran out in the window");
    bool first = true;
    for (const ledger::QuotaFinding& quota : e.quotas) {
        if (!first)
            canvas.blank();
        first = false;
        canvas.line(" " + squeeze(harmless(quota.path), canvas.width() - 1), Style::Bold);
        line(canvas, "cpu.max",
             quota.quota_ns && quota.period_ns
                 ? fmt::format("{} in {}", plain_ns(*quota.quota_ns), plain_ns(*quota.period_ns))
                 : std::string("not known"));
        line(canvas, "episodes",
             fmt::format("{}, {} of CPU time throttled; tasks were held for {}", quota.episodes,
                         format_ns(quota.throttled_ns), format_ns(quota.held_ns)));
        draw_episodes(quota, canvas);
        draw_spenders(quota, canvas);
        if (const std::string text = enough(quota); !text.empty())
            line(canvas, "enough", text, Style::Green);
        draw_demand(quota, canvas);
    }
}

}  // namespace flyball::report
