// SPDX-License-Identifier: Apache-2.0
// One sentence a cgroup: what it lost, and to whom.
#include "flyball/base/characters.hpp"
#include "flyball/base/units.hpp"
#include "flyball/profile/subtree.hpp"
#include "parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>

namespace flyball::diagnose {
namespace {

using ledger::Part;

// A part of the sentence between semicolons; the larger loss comes first.
struct Clause {
    std::uint64_t ns = 0;
    std::string text;
};

using Which = bool (*)(Part);

bool is_wait(Part part)
{
    return family(part) == ledger::Family::Wait;
}

std::string reasons_text(const Finding& finding, Which which)
{
    std::vector<std::string> texts;
    for (const Reason& reason : finding.reasons) {
        if (which(reason.part))
            texts.push_back(reason.text);
    }
    return fmt::format("{}", fmt::join(texts, ", "));
}

// "lost 38.2% of its runnable time: ..."
Clause on_the_cpu(const Finding& finding, const profile::Meta& meta)
{
    const double lost = ratio(finding.wait_ns, finding.runnable_ns);
    if (const auto why = unmeasured(meta, "cpu.wait"))
        return {finding.wait_ns, fmt::format("ran {}; its waits for a CPU were not measured ({})",
                                             format_ns(total(finding.account.parts, ledger::Family::Run)), *why)};
    if (finding.runnable_ns == 0)
        return {0, "wanted no CPU"};
    std::string text = "lost none of its runnable time";
    if (finding.wait_ns > 0)
        text = lost < kWorthNaming ? "lost less than 0.1% of its runnable time"
                                   : fmt::format("lost {} of its runnable time", format_percent(lost));
    if (const std::string reasons = reasons_text(finding, is_wait); !reasons.empty())
        text += ": " + reasons;
    if (const auto why = unmeasured(meta, "cpu.held"))
        text += fmt::format("; what cpu.max held was not measured ({})", *why);
    return {finding.wait_ns, text};
}

// What memory or I/O did, and how much of that could be seen.
struct Stall {
    std::string_view name;  // "memory"
    std::string_view verb;  // "was stalled by memory for"
    std::uint64_t ns = 0;
    Which which = nullptr;
    std::vector<std::string> missing;  // metrics without a source
    std::string why;                   // of the first of them
    bool blind = false;                // none has one

    [[nodiscard]] bool none() const { return ns == 0 && missing.empty(); }
};

Stall look(Stall stall, const profile::Meta& meta, std::initializer_list<std::string_view> metrics)
{
    for (const std::string_view metric : metrics) {
        const auto why = unmeasured(meta, metric);
        if (!why)
            continue;
        if (stall.missing.empty())
            stall.why = *why;
        stall.missing.emplace_back(metric);
    }
    stall.blind = stall.missing.size() == metrics.size();
    return stall;
}

std::optional<Clause> stall_clause(const Finding& finding, const Stall& stall)
{
    if (stall.none())
        return std::nullopt;
    if (stall.ns == 0 && stall.blind)
        return Clause{0, fmt::format("{} stalls were not measured ({})", stall.name, stall.why)};
    std::string but;
    if (!stall.missing.empty())
        but = fmt::format("{} not measured ({})", fmt::join(stall.missing, " and "), stall.why);
    if (stall.ns == 0)
        return Clause{0, fmt::format("no {} stall was seen, but {}", stall.name, but)};
    const double share = ratio(stall.ns, finding.account.life_ns);
    const std::string text = share < kWorthNaming
                                 ? fmt::format("{} stalls below 0.1%", stall.name)
                                 : fmt::format("{} {} of its tasks' time: {}", stall.verb, format_percent(share),
                                               reasons_text(finding, stall.which));
    return Clause{stall.ns, but.empty() ? text : text + ", " + but};
}

// The share of its runnable time that went by inside reclaim: no stall that slept, but not nothing either.
double busy_reclaim(const Finding& finding, const Evidence& evidence)
{
    std::uint64_t reclaim_ns = 0;
    for (const profile::CgroupProfile& c : evidence.snapshot.cgroups) {
        const std::string& path = finding.account.path;
        if (finding.subtree ? profile::in_subtree(c.path, path) : c.path == path)
            reclaim_ns += c.of(FB_M_MEM_RECLAIM).sum64() + c.of(FB_M_MEM_GLOBAL_RECLAIM).sum64();
    }
    const std::uint64_t asleep_ns = at(finding.account.parts, Part::MemoryReclaim);
    return ratio(reclaim_ns - std::min(reclaim_ns, asleep_ns), finding.runnable_ns);
}

// "no memory or I/O stall", as far as that is so.
void add_absent(std::vector<Clause>& clauses, const Stall& memory, const Stall& io, double reclaim)
{
    const bool reclaimed = reclaim >= kWorthNaming;
    if (memory.none() && io.none() && !reclaimed) {
        clauses.push_back({0, "no memory or I/O stall"});
        return;
    }
    if (io.none())
        clauses.push_back({0, "no I/O stall"});
    if (memory.none() && !reclaimed)
        clauses.push_back({0, "no memory stall"});
    if (reclaimed)
        clauses.push_back(
            {0, fmt::format("{}{} of its runnable time went by inside memory reclaim",
                            memory.none() ? "it did not sleep for memory, but " : "", format_percent(reclaim))});
}

std::string subject(const Finding& finding, const Evidence& evidence)
{
    std::string name = evidence.names.of(finding.account.path);
    if (finding.account.path == "/")
        name[0] = 'T';
    if (finding.subtree)
        name += fmt::format(" with the {} cgroups in it", finding.cgroups);
    return name;
}

}  // namespace

std::string build_sentence(const Finding& finding, const Evidence& evidence)
{
    const profile::Meta& meta = evidence.snapshot.meta;
    const Stall memory =
        look({.name = "memory", .verb = "was stalled by memory for", .ns = finding.memory_ns, .which = is_memory}, meta,
             {"mem.high", "mem.reclaim", "mem.refault"});
    const Stall io = look({.name = "I/O", .verb = "was blocked by I/O for", .ns = finding.io_ns, .which = is_io}, meta,
                          {"io.queue", "io.device"});
    std::vector<Clause> clauses{on_the_cpu(finding, meta)};
    for (const Stall* stall : {&memory, &io}) {
        if (auto clause = stall_clause(finding, *stall))
            clauses.push_back(std::move(*clause));
    }
    std::ranges::stable_sort(clauses, std::ranges::greater{}, &Clause::ns);
    add_absent(clauses, memory, io, busy_reclaim(finding, evidence));
    if (const double unknown = ratio(at(finding.account.parts, Part::Unknown), finding.account.life_ns);
        unknown >= kWorthNaming)
        clauses.push_back({0, fmt::format("{} of its tasks' time could not be attributed", format_percent(unknown))});

    std::string sentence = subject(finding, evidence) + " ";
    for (const Clause& clause : clauses)
        sentence += (&clause == clauses.data() ? "" : "; ") + clause.text;
    return harmless(sentence) + ".";
}

}  // namespace flyball::diagnose
