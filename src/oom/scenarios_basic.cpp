// SPDX-License-Identifier: Apache-2.0
#include "jobs.hpp"
#include "scenario_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace flyball::oom {
namespace {

using profile::OtherKill;

constexpr std::uint64_t kMinute = 60'000'000'000;

// The user's command: who in it dies is not known before, that somebody does is.
void trigger_command(Trial& trial, const std::string& path)
{
    Process& process =
        trial.start(path, {.kind = Job::Kind::Command, .name = "oom-command", .command = trial.options().command});
    (void)trial.until([&] { return (!trial.episodes().empty() || process.ended()) && trial.source().idle(); },
                      10 * kMinute);
    trial.settle();
    trial.expect("a kill", !trial.episodes().empty(),
                 trial.episodes().empty() ? "the command ended without running out of memory"
                                          : fmt::format("{}", trial.episodes().size()));
    for (const Judged& judged : trial.episodes())
        trial.expect_verdict(judged);
    trial.result().peak_bytes = trial.ground().peak(path);
}

// In a cgroup of somebody else: its policy and its other processes are not ours to expect anything of.
void trigger_foreign(Trial& trial)
{
    const std::string& path = trial.ground().top();
    const std::uint64_t limit = trial.ground().number(path, "memory.max").value_or(~0ULL);
    trial.result().limit_bytes = limit;
    if (!trial.options().command.empty())
        return trigger_command(trial, path);
    if (limit > (std::uint64_t{1} << 40)) {
        trial.result().limit_bytes = ~0ULL;
        throw Lacking{fmt::format("{} has no memory.max", path)};
    }
    Job job = hog(trial);
    job.bytes = 0;
    job.grow_to = limit + (limit >> 3);
    run_over(trial, trial.start(path, job));
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return;
    trial.expect_verdict(*judged);
    trial.result().peak_bytes = trial.ground().peak(path);
    trial.result().after_bytes = trial.ground().usage(path);
}

}  // namespace

void trigger(Trial& trial)
{
    if (!trial.options().cgroup.empty())
        return trigger_foreign(trial);
    const std::string path = trial.cgroup("", "service", trial.limit(), true);
    if (!trial.options().command.empty())
        return trigger_command(trial, path);
    Process& process = trial.start(path, hog(trial));
    run_over(trial, process);
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return;
    trial.expect_kill(*judged, {&process}, path);
    trial.expect_ended({&process});
    trial.result().peak_bytes = trial.ground().peak(path);
    trial.result().after_bytes = trial.ground().usage(path);
}

namespace {

// Runs it over its limit, or does what the fault is about instead.
void run_over_with(Fault fault, Trial& trial, const std::string& path, const std::vector<Process*>& crowd)
{
    switch (fault) {
    case Fault::None:
    case Fault::NoPolicy:
    case Fault::Survivor:
        return run_over(trial, *crowd.front());
    case Fault::Loss:
        // While the kill is under way: what was lost before it is not its own.
        trial.all_ready();
        crowd.front()->go();
        (void)trial.until([&] { return !trial.source().idle(); }, kMinute);
        trial.source().pretend_loss();
        return trial.kills(1);
    case Fault::ByHand:
        trial.all_ready();
        for (Process* process : crowd)
            process->kill();
        return trial.settle();
    case Fault::Removed:
        trial.all_ready();
        crowd.front()->go();
        // As soon as nobody is left in it, which is before the verdict.
        (void)trial.until(
            [&] {
                for (Process* process : crowd)
                    (void)process->ended();
                return trial.ground().remove(path);
            },
            kMinute);
        return trial.kills(1);
    }
}

void group(Trial& trial, bool on)
{
    const Fault fault = on ? trial.options().fault : Fault::None;
    const std::string path = trial.cgroup("", "service", trial.limit(), on && fault != Fault::NoPolicy);
    const std::size_t sitters = trial.options().processes - 1;
    auto crowd = start_crowd(trial, path, fault == Fault::Survivor ? sitters - 1 : sitters);
    if (fault == Fault::Survivor) {
        Job job = sitter(trial);
        job.oom_score_adj = kNever;
        crowd.push_back(&trial.start(path, job));
    }
    run_over_with(fault, trial, path, crowd);
    const Judged* const judged = the_kill(trial);
    trial.result().peak_bytes = trial.ground().peak(path);
    if (judged == nullptr)
        return;
    const std::vector<Process*> hog_only{crowd.front()}, sitters_only(crowd.begin() + 1, crowd.end());
    trial.expect_kill(*judged, on ? crowd : hog_only, on ? path : "");
    trial.expect_ended(on ? crowd : hog_only);
    if (!on)
        trial.expect_alive(sitters_only);
}

}  // namespace

void group_on(Trial& trial)
{
    group(trial, true);
}

void group_off(Trial& trial)
{
    group(trial, false);
}

void protected_member(Trial& trial)
{
    const std::string path = trial.cgroup("", "service", trial.limit(), true);
    const auto crowd = start_crowd(trial, path, 2);
    Job job = sitter(trial);
    job.oom_score_adj = kNever;
    job.name = "oom-protected";
    Process& survivor = trial.start(path, job);
    run_over(trial, *crowd.front());
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return;
    trial.expect_kill(*judged, crowd, path);
    trial.expect_ended(crowd);
    trial.expect_alive({&survivor});
    const auto& survivors = judged->verdict.survivors;
    const auto found = std::ranges::find(survivors, survivor.pid(), &Survivor::tgid);
    trial.expect("reason", found != survivors.end() && found->reason == Reason::Protected,
                 found == survivors.end() ? "the survivor was not seen" : std::string(words(found->reason)));
}

void fork_storm(Trial& trial)
{
    const std::string path = trial.cgroup("", "service", trial.limit(), true);
    constexpr std::string_view kTasks = "100";  // a storm, and the machine can still be used
    must(trial.ground().set(path, "pids.max", kTasks));
    auto crowd = start_crowd(trial, path, 0);
    for (int i = 0; i < 3; ++i) {
        Job job = sitter(trial);
        job.kind = Job::Kind::Fork;
        job.name = "oom-forker";
        crowd.push_back(&trial.start(path, job));
    }
    trial.all_ready();
    for (Process* process : crowd)
        process->go();
    // Children that were born after the kernel went through the group may run on, and be killed in turn.
    trial.kills(1);
    trial.expect("a kill", !trial.episodes().empty(), seen(trial.episodes().size()));
    std::size_t victims = 0;
    for (const Judged& judged : trial.episodes()) {
        trial.expect_verdict(judged);
        victims += judged.episode.victims.size();
    }
    trial.expect("storm", victims >= crowd.size(), fmt::format("{} processes were killed", victims));
    trial.expect_ended(crowd);
}

void shared_memory(Trial& trial)
{
    const std::string path = trial.cgroup("", "service", trial.limit(), false);
    Job job = hog(trial);
    job.kind = Job::Kind::Share;
    job.name = "oom-share";
    Process& process = trial.start(path, job);
    run_over(trial, process);
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return;
    trial.expect_verdict(*judged);
    // Either of the two may be the one that is chosen: they have the same memory. Without the decision it cannot be
    // told whose SIGKILL the other one's was.
    const auto& episode = judged->episode;
    if (episode.decision_seen) {
        const bool both = episode.victims.size() == 1 && episode.sharers.size() == 1 &&
                          episode.victims[0].tgid != episode.sharers[0].tgid;
        trial.expect("both", both,
                     fmt::format("{} marked, {} killed along", episode.victims.size(), episode.sharers.size()));
    }
    trial.expect_ended({&process});
}

void by_hand(Trial& trial)
{
    const std::string path = trial.cgroup("", "service", trial.limit(), true);
    Process &by_user = trial.start(path, sitter(trial)), &by_cgroup = trial.start(path, sitter(trial));
    trial.all_ready();
    trial.step(fmt::format("{} is killed by hand", by_user.pid()));
    by_user.kill();
    trial.expect_ended({&by_user});
    const bool cgroup_kill = trial.ground().unified() && trial.ground().set(path, "cgroup.kill", "1").has_value();
    if (cgroup_kill) {
        trial.step("1 written to cgroup.kill of " + path);
        trial.expect_ended({&by_cgroup});
    }
    const auto by = [&](const Process& process) -> const OtherKill* {
        const auto& kills = trial.other_kills();
        const auto found = std::ranges::find(kills, process.pid(), &OtherKill::tgid);
        return found == kills.end() ? nullptr : &*found;
    };
    const auto expect_by = [&](std::string name, const OtherKill* kill, OtherKill::By sender) {
        trial.expect(std::move(name), kill != nullptr && kill->by == sender,
                     kill == nullptr ? "not seen" : fmt::format("by {} ({})", kill->sender_tid, kill->sender_comm));
    };
    // That a SIGKILL is nobody's mark is certain after a second.
    (void)trial.until([&] { return by(by_user) && (!cgroup_kill || by(by_cgroup)); }, 5'000'000'000);
    trial.expect("no OOM kill", trial.episodes().empty(), seen(trial.episodes().size()));
    expect_by("by a user", by(by_user), OtherKill::By::User);
    if (cgroup_kill)
        expect_by("by cgroup.kill", by(by_cgroup), OtherKill::By::Cgroup);
}

}  // namespace flyball::oom
