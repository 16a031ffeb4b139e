// SPDX-License-Identifier: Apache-2.0
// Which cgroups have a story, in which order.
#include "flyball/diagnose/explanation.hpp"

#include "flyball/oom/headline.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/subtree.hpp"
#include "parts.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace flyball::diagnose {
namespace {

using ledger::Account;
using ledger::Books;
using ledger::Family;
using ledger::Part;

Finding measure(Account account)
{
    Finding finding;
    finding.wait_ns = total(account.parts, Family::Wait);
    finding.runnable_ns = total(account.parts, Family::Run) + finding.wait_ns;
    for (std::size_t i = 0; i < ledger::kParts; ++i) {
        const auto part = static_cast<Part>(i);
        if (is_memory(part))
            finding.memory_ns += account.parts[i];
        if (is_io(part))
            finding.io_ns += account.parts[i];
    }
    // Of the time in which its tasks wanted to get on.
    const std::uint64_t wanted = finding.runnable_ns + finding.memory_ns + finding.io_ns;
    finding.worth = ratio(finding.lost_ns(), wanted) >= kWorthNaming;
    finding.account = std::move(account);
    return finding;
}

// The highest ancestor of PATH that -c selects: what was asked about. Empty without -c.
std::string_view asked_about(std::string_view path, const Options& options)
{
    std::string_view highest;
    if (options.cgroups.empty())
        return highest;
    for (std::string_view at = path; !at.empty(); at = profile::parent_of(at)) {
        if (profile::filter_selects(options.cgroups, at))
            highest = at;
    }
    return highest;
}

// A slice whose loss is that of many, none of which stands for it.
bool tells_more(const Finding& slice, std::uint64_t worst_member_ns, std::size_t losing_members)
{
    constexpr std::size_t kMany = 3;
    return losing_members >= kMany && worst_member_ns < slice.lost_ns() / 2;
}

void add_slices(std::vector<Finding>& findings, const Books& books, const Options& options)
{
    std::set<std::string_view> slices, asked;
    for (const Account& account : books.accounts) {
        if (!profile::filter_selects(options.cgroups, account.path))
            continue;
        for (std::string_view at = profile::parent_of(account.path); at.size() > 1; at = profile::parent_of(at))
            slices.insert(at);
        if (const std::string_view root = asked_about(account.path, options); root.size() > 1)
            asked.insert(root);
    }
    slices.insert(asked.begin(), asked.end());
    const std::size_t leaves = findings.size();
    for (const std::string_view path : slices) {
        std::uint64_t worst = 0;
        std::size_t losing = 0, members = 0;
        for (std::size_t i = 0; i < leaves; ++i) {
            if (!profile::in_subtree(findings[i].account.path, path))
                continue;
            ++members;
            losing += findings[i].worth ? 1 : 0;
            worst = std::max(worst, findings[i].lost_ns());
        }
        if (members < 2 || !profile::filter_selects(options.cgroups, path))
            continue;
        Finding slice = measure(subtree(books, path));
        if (!asked.contains(path) && !tells_more(slice, worst, losing))
            continue;
        slice.subtree = true;
        slice.cgroups = members;
        findings.push_back(std::move(slice));
    }
}

std::vector<std::string> all_paths(const Books& books)
{
    std::set<std::string> paths;
    const auto add = [&paths](const std::vector<ledger::Blame>& blames) {
        for (const ledger::Blame& blame : blames)
            paths.insert(blame.path);
    };
    for (const Account& account : books.accounts) {
        paths.insert(account.path);
        add(account.held_by);
        add(account.displaced_by);
    }
    for (const ledger::IoBlame& blame : books.io)
        add(blame.behind);
    for (const ledger::QuotaFinding& quota : books.quotas) {
        paths.insert(quota.path);
        add(quota.spenders);
    }
    return {paths.begin(), paths.end()};
}

std::vector<Finding> find(const Evidence& evidence, const Options& options)
{
    std::vector<Finding> findings;
    for (const Account& account : evidence.books.accounts) {
        if (!profile::filter_selects(options.cgroups, account.path))
            continue;
        Finding finding = measure(account);
        if (finding.runnable_ns + finding.lost_ns() > 0)
            findings.push_back(std::move(finding));
    }
    add_slices(findings, evidence.books, options);
    std::ranges::sort(findings, [](const Finding& a, const Finding& b) {
        const auto key = [](const Finding& f) { return std::tuple(f.lost_ns(), f.runnable_ns, f.subtree); };
        return key(a) != key(b) ? key(a) > key(b) : a.account.path < b.account.path;
    });
    std::ranges::stable_partition(findings, &Finding::worth);
    for (Finding& finding : findings) {
        finding.reasons = build_reasons(finding, evidence);
        finding.sentence = build_sentence(finding, evidence);
        finding.advice = build_advice(finding, evidence);
        finding.doubts = build_doubts(finding);
    }
    return findings;
}

void add_matrices(Explanation& explanation, const Books& books, const Options& options)
{
    std::vector<Victim> on_cpu, in_queue;
    for (const Account& account : books.accounts) {
        if (!profile::filter_selects(options.cgroups, account.path))
            continue;
        on_cpu.push_back({account.path, at(account.parts, Part::Displaced), &account.displaced_by});
        for (const ledger::Blame& blame : account.displaced_by)
            explanation.encounters.push_back({account.path, blame});
    }
    for (const ledger::IoBlame& io : books.io) {
        if (profile::filter_selects(options.cgroups, io.path))
            in_queue.push_back({io.path, io.queued_ns, &io.behind, io.unknown_ns});
    }
    explanation.displaced = build_matrix(on_cpu, options.top);
    explanation.io = build_matrix(in_queue, options.top);
    std::ranges::stable_sort(explanation.encounters, [](const Encounter& a, const Encounter& b) {
        return std::tie(b.blame.ns, a.victim) < std::tie(a.blame.ns, b.victim);
    });
    if (explanation.encounters.size() > options.top)
        explanation.encounters.resize(options.top);
}

// The quotas of what was asked about, and those above that held any of it.
void add_quotas(Explanation& explanation, const Books& books, const Options& options)
{
    std::set<std::string_view> holders;
    for (const Finding& finding : explanation.findings) {
        for (const ledger::Blame& blame : finding.account.held_by)
            holders.insert(blame.path);
    }
    for (const ledger::QuotaFinding& quota : books.quotas) {
        if (profile::filter_selects(options.cgroups, quota.path) || holders.contains(quota.path))
            explanation.quotas.push_back(quota);
    }
}

const std::string kMachine = "/";

bool victims_in(const profile::OomEpisode& episode, std::span<const std::string> patterns)
{
    return std::ranges::any_of(episode.victims, [&](const profile::OomVictim& victim) {
        return profile::filter_selects(patterns, victim.cgroup);
    });
}

}  // namespace

Explanation build_explanation(const profile::Snapshot& snapshot, const Books& books, const Options& options)
{
    Explanation explanation;
    explanation.meta = snapshot.meta;
    explanation.only = options.cgroups;
    explanation.window_ns = books.window_ns;
    explanation.incomplete = snapshot.incomplete;
    explanation.paths = all_paths(books);
    const ShortNames names(explanation.paths);
    const Evidence evidence{snapshot, books, names};
    explanation.findings = find(evidence, options);
    // Where nothing was lost, what was asked about is answered all the same.
    const auto wanted = [&](const Finding& f) { return f.worth || !options.cgroups.empty(); };
    const auto told = static_cast<std::size_t>(std::ranges::count_if(explanation.findings, wanted));
    explanation.in_words = std::min(told, options.top);
    explanation.doubts = build_doubts(evidence);
    add_matrices(explanation, books, options);
    add_quotas(explanation, books, options);
    explanation.proof = books.proof;
    for (const profile::OomEpisode& episode : snapshot.ooms) {
        const std::string& where = episode.global ? kMachine : episode.domain;
        if (profile::filter_selects(options.cgroups, where) || victims_in(episode, options.cgroups))
            explanation.out_of_memory.push_back(
                {.ts_ns = episode.ts_ns, .kind = episode.kind, .cgroup = where, .text = oom::headline(episode)});
    }
    return explanation;
}

}  // namespace flyball::diagnose
