// SPDX-License-Identifier: Apache-2.0
// What follows from a finding: only what its evidence bears, for its largest causes.
#include "flyball/base/units.hpp"
#include "flyball/profile/subtree.hpp"
#include "parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::diagnose {
namespace {

using ledger::Family;
using ledger::Part;

// Below this share of its time a cause is not worth a change.
constexpr double kWorthActing = 0.01;
// A cause beside the largest gets advice if it is at least so large.
constexpr double kBesideLargest = 0.5;
// A spender of at least this share of a quota is worth moving out of it.
constexpr double kMainSpender = 0.4;

class Adviser {
public:
    Adviser(const Finding& finding, const Evidence& evidence)
        : finding_(finding), evidence_(evidence), path_(finding.account.path)
    {
    }

    void on(const Reason& reason);
    [[nodiscard]] std::vector<Note> take() { return std::move(notes_); }

private:
    void quota(const Reason& reason);
    void neighbour(const Reason& reason);
    void own_tasks();
    void memory_high();
    void reclaim();
    void queue(const Reason& reason);
    void unknown();
    void say(std::string id, std::string text)
    {
        if (std::ranges::find(notes_, text, &Note::text) == notes_.end())
            notes_.push_back({std::move(id), std::move(text)});
    }
    [[nodiscard]] std::string name(std::string_view path) const { return evidence_.names.of(path); }
    [[nodiscard]] std::vector<std::string> limits_that_grew(const char* event) const;

    const Finding& finding_;
    const Evidence& evidence_;
    const std::string& path_;
    std::vector<Note> notes_;
};

// Up to the next millisecond: what is enough must not be rounded down.
std::string limit_ns(std::uint64_t ns)
{
    constexpr std::uint64_t kMs = 1'000'000;
    return fmt::format("{} ms", (ns + kMs - 1) / kMs);
}

void Adviser::quota(const Reason& reason)
{
    const ledger::QuotaFinding* quota = evidence_.quota(reason.path);
    if (reason.path.empty() || reason.path == "?")
        return say("find_quota", "Look for the cpu.max that holds it: its own, or one above it.");
    const std::string who = name(reason.path);
    if (quota == nullptr)
        return say("raise_quota", fmt::format("Raise cpu.max of {}.", who));
    const auto spent = spenders(*quota);
    const bool other_spends =
        !spent.empty() && spent[0].second >= kMainSpender && spent[0].first != path_ && spent[0].first != reason.path;
    if (other_spends)
        say("move_spender", fmt::format("Move {} out of {}, or give it a cpu.max of its own: it spent {} of the quota.",
                                        name(spent[0].first), who, format_percent(spent[0].second)));
    if (quota->enough_quota_ns && quota->period_ns)
        say("raise_quota", fmt::format("{} cpu.max of {} to {}/{}: with this demand, that would have avoided 99% of "
                                       "the holds{}.",
                                       other_spends ? "Or raise" : "Raise", who, limit_ns(*quota->enough_quota_ns),
                                       plain_ns(*quota->period_ns), quota->note.empty() ? "" : " (but see QUOTAS)"));
    if (quota->enough_burst_ns)
        say("allow_burst", fmt::format("{} the quota and set cpu.max.burst of {} to {}: what was left over before "
                                       "would have covered the peaks.",
                                       notes_.empty() ? "Keep" : "Or keep", who, limit_ns(*quota->enough_burst_ns)));
    if (!quota->enough_quota_ns && !quota->enough_burst_ns && !other_spends)
        say("raise_quota", fmt::format("Raise cpu.max of {}; by how much is not known{}.", who,
                                       quota->note.empty() ? "" : ": " + quota->note));
}

// The two children of the lowest cgroup above both, where cpu.weight decides; the same where one is above the
// other, and none where one is the root.
std::pair<std::string, std::string> siblings(std::string_view a, std::string_view b)
{
    const auto below = [](std::string_view path, std::string_view above) {
        const std::size_t from = above == "/" ? 1 : above.size() + 1;
        return std::string(path.substr(0, std::min(path.find('/', from), path.size())));
    };
    for (std::string_view above = profile::parent_of(a); !above.empty(); above = profile::parent_of(above)) {
        if (b != above && profile::in_subtree(b, above))
            return {below(a, above), below(b, above)};
    }
    return {};
}

void Adviser::neighbour(const Reason& reason)
{
    const auto blame = std::ranges::find(finding_.account.displaced_by, reason.path, &ledger::Blame::path);
    if (reason.path.empty() || reason.path == "?" || blame == finding_.account.displaced_by.end())
        return;
    const auto [mine, theirs] = siblings(path_, reason.path);
    if (mine == theirs) {
        // One is above the other: no weight stands between the tasks of a cgroup and the cgroups in it.
        const bool it_is_above = profile::in_subtree(reason.path, path_);
        std::string first;
        if (!it_is_above && !blame->tasks.empty())
            first = fmt::format(" ({} first)", blame->tasks[0].comm);
        return say("move_tasks",
                   fmt::format("Put the tasks of {}{} into a cgroup of their own: then cpu.weight "
                               "decides between them and {}.",
                               name(it_is_above ? path_ : reason.path), first, it_is_above ? name(reason.path) : "it"));
    }
    say("weight", fmt::format("Raise cpu.weight of {} or lower that of {}: it decides who runs when both want to.",
                              name(mine), name(theirs)));
    if (const std::string cpus = cpu_ranges(blame->by_cpu); !cpus.empty())
        say("cpuset",
            fmt::format("Or keep {} off its CPUs with cpuset.cpus: they met on {}.", name(reason.path), cpus));
}

void Adviser::own_tasks()
{
    const double window = static_cast<double>(evidence_.books.window_ns);
    // What lives in the root has nothing to do with each other.
    if (window == 0 || path_ == "/")
        return;
    const double wanted = static_cast<double>(finding_.runnable_ns) / window;
    const double got = static_cast<double>(total(finding_.account.parts, Family::Run)) / window;
    if (wanted < 1)
        return say("own_bursts", fmt::format("Its tasks wanted only {:.1f} CPUs on average, but at the same moments: "
                                             "spread their work, or their CPUs.",
                                             wanted));
    say("own_threads", fmt::format("Its tasks stand in each other's way: they wanted {:.1f} CPUs on average and had "
                                   "{:.1f}. Run fewer threads, or give it more CPUs.",
                                   wanted, got));
}

// Cgroups from it upwards whose memory.events says that this limit was hit in the window.
std::vector<std::string> Adviser::limits_that_grew(const char* event) const
{
    std::vector<std::string> paths;
    for (std::string_view at = path_; !at.empty(); at = profile::parent_of(at)) {
        const auto window = std::ranges::find(evidence_.snapshot.counters, at, &profile::CounterWindow::path);
        if (window == evidence_.snapshot.counters.end() || !window->last)
            continue;
        const auto count = [&](const std::optional<profile::KernelCounters>& c) {
            if (!c)
                return std::uint64_t{0};
            const auto found = c->memory_events_local.find(event);
            return found == c->memory_events_local.end() ? 0 : found->second;
        };
        if (count(window->last) > count(window->first))
            paths.emplace_back(at);
    }
    return paths;
}

void Adviser::memory_high()
{
    const auto limits = limits_that_grew("high");
    if (limits.empty())
        return say("memory_high", "Raise memory.high, its own or the one above that it exceeds; or let it use less.");
    say("memory_high",
        fmt::format("Raise memory.high of {}, which memory.events says was exceeded; or let it use less.",
                    name(limits[0])));
}

void Adviser::reclaim()
{
    if (const auto limits = limits_that_grew("max"); !limits.empty())
        return say("memory_max",
                   fmt::format("Raise memory.max of {}, which memory.events says was met; or let it use less.",
                               name(limits[0])));
    if (const auto limits = limits_that_grew("high"); !limits.empty())
        return memory_high();
    say("memory_short",
        "No memory limit of it is known to have been met: see whether the whole machine is short of memory.");
}

void Adviser::queue(const Reason& reason)
{
    if (reason.part == Part::IoThrottled)
        return say("io_limit",
                   "If io.max or io.cost is set for it or above it, raise that; else the device has too few "
                   "tags (nr_requests) for what is asked of it.");
    const auto behind = evidence_.queued_behind(finding_);
    const bool own = behind.empty() || behind[0].path == "?" || profile::in_subtree(behind[0].path, path_);
    if (own)
        return say("io_less", "Its requests waited behind its own: send fewer at a time, or larger ones.");
    say("io_neighbour",
        fmt::format("Limit {} with io.max, or, where the device has BFQ or iocost, raise io.weight against it.",
                    name(behind[0].path)));
}

void Adviser::unknown()
{
    if (evidence_.books.proof.folded_events > 0)
        return say("ring_size",
                   "Record again with a larger --ring-size: events were folded, so that who ran is not known.");
    say("unknown", "Who ran instead is not known: some tasks are hidden from BPF programs here.");
}

void Adviser::on(const Reason& reason)
{
    switch (reason.part) {
    case Part::Held:
        return quota(reason);
    case Part::Displaced:
        return neighbour(reason);
    case Part::OwnTasks:
        return own_tasks();
    case Part::KernelThreads:
        return say("kernel_threads",
                   "See which kernel threads ran (below): those that may be moved (workqueues, threaded "
                   "interrupts) can be kept off its CPUs.");
    case Part::WaitInterrupts:
        return say("interrupts",
                   "Move interrupts off its CPUs (smp_affinity); steal, in a guest, is the host's to give.");
    case Part::WaitIdle:
        return say("idle",
                   "Waking an idle CPU took that long: try without deep idle states (cpupower idle-set); in a guest "
                   "it may be the host.");
    case Part::WaitUnknown:
        return unknown();
    case Part::MemoryHigh:
        return memory_high();
    case Part::MemoryReclaim:
        return reclaim();
    case Part::MemoryRefault:
        return say("working_set",
                   "Pages that it still used had been evicted: its memory limit, or the machine, is too small "
                   "for what it works on.");
    case Part::IoThrottled:
    case Part::IoQueued:
        return queue(reason);
    case Part::IoDevice:
        return say("device", "The device itself took the time: no limit changes that. Fewer or larger "
                             "requests, more cache, or "
                             "a faster device.");
    default:
        return;
    }
}

}  // namespace

std::vector<Note> build_advice(const Finding& finding, const Evidence& evidence)
{
    const std::uint64_t wanted = finding.runnable_ns + finding.memory_ns + finding.io_ns;
    std::vector<const Reason*> causes;
    for (const Reason& reason : finding.reasons) {
        if (ratio(reason.ns, wanted) >= kWorthActing)
            causes.push_back(&reason);
    }
    Adviser adviser(finding, evidence);
    for (const Reason* cause : causes) {
        if (static_cast<double>(cause->ns) >= kBesideLargest * static_cast<double>(causes[0]->ns))
            adviser.on(*cause);
    }
    return adviser.take();
}

}  // namespace flyball::diagnose
