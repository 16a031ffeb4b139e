// SPDX-License-Identifier: Apache-2.0
// Was an OOM kill what its policy asks for? A pure function of what was seen and what is known of it.
//
// The policy (Documentation/admin-guide/cgroup-v2.rst, memory.oom.group; mm/oom_kill.c): with the group
// policy every killable process of the deciding cgroup's subtree dies; without it the chosen process
// alone, and whoever shares its memory. Never killed: the machine's init, kernel threads, and, by a group,
// oom_score_adj -1000.
//
// Pass is said only when every check that this kernel allows was made and held; what cannot be known there
// is listed. A loss, or a disagreement with the kernel's own counters, is inconclusive.
// An episode without a kill never passes: nobody could be killed (fail), or it is not known what became of it.
// Plain values; functions are pure and may be called from any thread.
#pragma once

#include "flyball/profile/snapshot.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::oom {

enum class Outcome { Pass, Fail, Inconclusive };

struct Check {
    std::string name;  // for machines: "policy", "victims", "outsiders", "survivors", "exits", "counters", "loss"
    Outcome outcome = Outcome::Pass;
    std::string detail;  // for people, one line without a full stop
    friend bool operator==(const Check&, const Check&) = default;
};

// Why a process in the scope of a kill lives on (or was not marked).
enum class Reason {
    NotChosen,  // the policy is off: another one was
    Protected,  // oom_score_adj -1000
    Init,       // the machine's first process
    KernelThread,
    Exiting,       // it was going anyway, or had no memory any more
    AlreadyDying,  // marked by an earlier kill
    BornAfter,     // forked after the kernel went through the members
    MovedIn,       // joined after that
    MovedOut,      // left the group between the scan and the kill
    Unexplained,   // a fault: of the kernel, of the policy, or of ours
};

struct Survivor {
    std::uint32_t tgid = 0;
    std::string comm;
    std::string cgroup;
    Reason reason = Reason::Unexplained;
    friend bool operator==(const Survivor&, const Survivor&) = default;
};

// One of the kernel's counters against what the events account for: both since the watch began.
struct CounterCheck {
    std::string cgroup;
    std::string file;                     // "memory.events.local"
    std::string field;                    // "oom_kill"
    std::optional<std::uint64_t> kernel;  // nullopt: it cannot be read (any more)
    std::uint64_t least = 0, most = 0;    // what it may be
    friend bool operator==(const CounterCheck&, const CounterCheck&) = default;
};

// A process that was in the deciding cgroup's subtree when the episode was over.
struct Living {
    std::uint32_t tgid = 0;
    std::string comm;
    std::string cgroup;
    std::int32_t oom_score_adj = 0;
    std::optional<std::uint64_t> born_ns, moved_in_ns;  // when seen during the run
    bool kernel_thread = false;
    friend bool operator==(const Living&, const Living&) = default;
};

// What is known besides the events of the episode.
struct Evidence {
    // What this kernel lets be seen: profile::Meta::coverage of "oom.decision" (by oom_kill_process()),
    // "oom.group", "oom.members", "oom.freed".
    bool sees_decision = false, sees_policy = false, sees_members = false, sees_freed = false;
    // A hierarchy of cgroup v1 has no memory.oom.group: the policy is always off.
    bool policy_exists = true;
    // Read from memory.oom.group right after, where the kernel's decision cannot be hooked: the uppermost
    // cgroup between the victim's and the root that has it set.
    std::optional<std::string> policy_file_cgroup;  // empty: none has
    std::vector<std::string> losses;                // each says what may be missing
    std::vector<CounterCheck> counters;
    bool looked_for_living = false;
    std::vector<Living> living;
};

struct Verdict {
    Outcome outcome = Outcome::Inconclusive;
    std::string summary;  // one line: what happened, and why it is no pass if it is none
    std::vector<Check> checks;
    std::vector<Survivor> survivors;
    std::vector<std::string> unknown;  // what this kernel does not tell
    // Why memory ran out, one line each: what it was made of, who holds the most and may not be killed, what stays.
    // Empty where nothing told of it.
    std::vector<std::string> why;
    friend bool operator==(const Verdict&, const Verdict&) = default;
};

[[nodiscard]] Verdict judge(const profile::OomEpisode& episode, const Evidence& evidence);

// An episode with its verdict; numbers count from 1 in the order of the episodes.
struct Judged {
    std::uint64_t number = 0;
    profile::OomEpisode episode;
    Verdict verdict;
    friend bool operator==(const Judged&, const Judged&) = default;
};

[[nodiscard]] std::string_view name(Outcome outcome);  // "pass", "fail", "inconclusive"
[[nodiscard]] std::string_view name(Reason reason);    // "not_chosen", "protected", ...
[[nodiscard]] std::string_view words(Reason reason);   // "oom_score_adj is -1000"
// Fail over Inconclusive over Pass.
[[nodiscard]] Outcome worse(Outcome a, Outcome b);

}  // namespace flyball::oom
