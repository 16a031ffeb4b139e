// SPDX-License-Identifier: Apache-2.0
// How far an explanation can be trusted: what was folded, hidden, late or not available.
#include "flyball/base/units.hpp"
#include "parts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace flyball::diagnose {
namespace {

using ledger::Part;

// A share that is not explained and could change what a finding says.
constexpr double kWorthDoubting = 0.01;

std::string one_or_many(std::uint64_t count, std::string_view one, std::string_view many)
{
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

class Doubts {
public:
    explicit Doubts(const Evidence& evidence) : evidence_(evidence) {}

    void incomplete()
    {
        const profile::Snapshot& snapshot = evidence_.snapshot;
        if (snapshot.incomplete)
            say("incomplete",
                fmt::format("The recording is not whole: {}.",
                            snapshot.incomplete_why.empty() ? "it has no end mark" : snapshot.incomplete_why));
    }
    void losses()
    {
        const ledger::Proof& proof = evidence_.books.proof;
        if (proof.folded_events > 0)
            say("folded", fmt::format("{} folded in the kernel, since a ring was full: they count, but who ran then is "
                                      "not known.",
                                      one_or_many(proof.folded_events, "event was", "events were")));
        std::uint64_t dropped = 0, misses = 0;
        for (const profile::ProgramLoss& loss : evidence_.snapshot.loss.programs)
            dropped += loss.dropped;
        for (const auto& [program, count] : evidence_.snapshot.loss.recursion_misses)
            misses += count;
        if (dropped > 0)
            say("dropped", fmt::format("{} dropped: what they would have said is missing.",
                                       one_or_many(dropped, "event was", "events were")));
        if (misses > 0)
            say("recursion_misses", fmt::format("The kernel skipped BPF programs {}, since one was running already.",
                                                one_or_many(misses, "time", "times")));
        if (proof.chain_breaks > 0)
            say("chain_breaks", fmt::format("{} not seen, folded or hidden from BPF programs: who ran there is not "
                                            "known.",
                                            one_or_many(proof.chain_breaks, "switch was", "switches were")));
        if (proof.late_events > 0)
            say("late", fmt::format("{} too late to be put in order.",
                                    one_or_many(proof.late_events, "event came", "events came")));
    }
    void balance()
    {
        const ledger::Proof& proof = evidence_.books.proof;
        if (proof.unbalanced_waits + proof.unbalanced_accounts > 0)
            say("unbalanced", fmt::format("{} and {} do not add up. This is a fault of flyball: please report it.",
                                          one_or_many(proof.unbalanced_waits, "wait", "waits"),
                                          one_or_many(proof.unbalanced_accounts, "account", "accounts")));
    }
    // What an explanation rests upon and could not be observed, or only in part. Many have the same reason.
    void coverage()
    {
        std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
        const auto add = [&](const std::string& reason, std::string_view metric) {
            auto same = std::ranges::find(reasons, reason, [](const auto& item) { return item.first; });
            if (same == reasons.end())
                same = reasons.insert(same, {reason, {}});
            same->second.emplace_back(metric);
        };
        for (const std::string_view metric : {"cpu.wait", "cpu.held", "cpu.slice", "cpu.throttle.own", "mem.high",
                                              "mem.reclaim", "mem.refault", "io.queue", "io.device"}) {
            const profile::Meta& meta = evidence_.snapshot.meta;
            const auto entry = std::ranges::find(meta.coverage, metric, &profile::Coverage::metric);
            if (const auto why = unmeasured(meta, metric)) {
                const bool remedy = entry != meta.coverage.end() && !entry->remedy.empty();
                add(fmt::format("not measured: {}{}", *why, remedy ? " -> " + entry->remedy : ""), metric);
            } else if (entry != meta.coverage.end() && !entry->note.empty()) {
                add(entry->note, metric);
            }
        }
        for (const auto& [reason, metrics] : reasons)
            say(reason.starts_with("not measured") ? "unavailable" : "partly",
                fmt::format("{}: {}.", fmt::join(metrics, ", "), reason));
    }
    void recorder()
    {
        for (const std::string& warning : evidence_.snapshot.meta.warnings)
            say("recorder", warning);
    }
    [[nodiscard]] std::vector<Note> take() { return std::move(notes_); }

private:
    void say(std::string id, std::string text) { notes_.push_back({std::move(id), std::move(text)}); }

    const Evidence& evidence_;
    std::vector<Note> notes_;
};

}  // namespace

std::vector<Note> build_doubts(const Evidence& evidence)
{
    Doubts doubts(evidence);
    doubts.incomplete();
    doubts.balance();
    doubts.losses();
    doubts.coverage();
    doubts.recorder();
    return doubts.take();
}

std::vector<Note> build_doubts(const Finding& finding)
{
    std::vector<Note> notes;
    const ledger::Parts& parts = finding.account.parts;
    const auto say = [&](std::string id, Part part, std::uint64_t whole, std::string_view text) {
        const double share = ratio(at(parts, part), whole);
        if (share >= kWorthDoubting)
            notes.push_back({std::move(id), fmt::format("{} {}.", format_percent(share), text)});
    };
    say("wait_unknown", Part::WaitUnknown, finding.runnable_ns,
        "of its runnable time is not explained: who ran then was not seen");
    say("unknown", Part::Unknown, finding.account.life_ns,
        "of its tasks' time is not explained: it may belong to any cause");
    return notes;
}

}  // namespace flyball::diagnose
