// SPDX-License-Identifier: Apache-2.0
#include "contains.hpp"
#include "jobs.hpp"
#include "scenario_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace flyball::oom {
namespace {

using profile::OtherKill;

Result<> pass_on(Error error)
{
    return std::unexpected(std::move(error));
}

// The user's command: who in it dies is not known before, that somebody does is.
Result<> trigger_command(Trial& trial, const std::string& path)
{
    auto process = trial.start(path, {.kind = Job::Kind::Command, .name = "oom-command", .command = trial.options().command});
    if (!process)
        return pass_on(std::move(process.error()));
    auto over = trial.until(
        [&] { return (!trial.episodes().empty() || (*process)->ended()) && trial.source().idle(); },
        600'000'000'000);
    if (!over)
        return pass_on(std::move(over.error()));
    if (auto settled = trial.settle(); !settled)
        return settled;
    trial.expect("a kill", !trial.episodes().empty(),
                 trial.episodes().empty() ? "the command ended without running out of memory"
                                          : fmt::format("{}", trial.episodes().size()));
    for (const Judged& judged : trial.episodes()) {
        trial.result().expectations.push_back({"verdict", judged.verdict.outcome, judged.verdict.summary});
    }
    trial.result().peak_bytes = trial.ground().peak(path);
    return {};
}

Result<std::string> place(Trial& trial)
{
    if (!trial.options().cgroup.empty()) {
        trial.result().limit_bytes = trial.ground().number(trial.ground().top(), "memory.max").value_or(~0ULL);
        return trial.ground().top();
    }
    return trial.cgroup("", "service", trial.limit(), true);
}

}  // namespace

Result<> trigger(Trial& trial)
{
    auto ground = trial.begin(false);
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    auto path = place(trial);
    if (!path)
        return pass_on(std::move(path.error()));
    if (!trial.options().command.empty())
        return trigger_command(trial, *path);
    Job job = hog(trial);
    if (!trial.options().cgroup.empty()) {
        const std::uint64_t limit = trial.result().limit_bytes;
        if (limit == ~0ULL || limit > (std::uint64_t{1} << 40)) {
            trial.result().limit_bytes = ~0ULL;
            trial.skip(fmt::format("{} has no memory.max", *path));
            return {};
        }
        job.bytes = 0;
        job.grow_to = limit + (limit >> 3);
    }
    auto process = trial.start(*path, job);
    if (!process)
        return pass_on(std::move(process.error()));
    auto over = run_over(trial, **process);
    if (!over)
        return pass_on(std::move(over.error()));
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return {};
    if (!trial.options().cgroup.empty()) {
        // Its policy and its other processes are not ours to expect anything of.
        trial.result().expectations.push_back({"verdict", judged->verdict.outcome, judged->verdict.summary});
    } else {
        trial.expect_kill(*judged, {*process}, *path);
        trial.expect_ended({*process});
    }
    trial.result().peak_bytes = trial.ground().peak(*path);
    trial.result().after_bytes = trial.ground().usage(*path);
    return {};
}

namespace {

Result<> group(Trial& trial, bool on)
{
    const Fault fault = on ? trial.options().fault : Fault::None;
    auto ground = trial.begin(on);
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    auto path = trial.cgroup("", "service", trial.limit(), on && fault != Fault::NoPolicy);
    if (!path)
        return pass_on(std::move(path.error()));
    const std::size_t sitters = trial.options().processes - 1;
    auto crowd = start_crowd(trial, *path, fault == Fault::Survivor ? sitters - 1 : sitters);
    if (!crowd)
        return pass_on(std::move(crowd.error()));
    if (fault == Fault::Survivor) {
        Job job = sitter(trial);
        job.oom_score_adj = -1000;
        auto survivor = trial.start(*path, job);
        if (!survivor)
            return pass_on(std::move(survivor.error()));
        crowd->push_back(*survivor);
    }
    if (auto ready = trial.all_ready(); !ready)
        return ready;
    if (fault == Fault::Loss) {
        // While the kill is under way: what was lost before it is not its own.
        crowd->front()->go();
        if (auto begun = trial.until([&] { return !trial.source().idle(); }, 60'000'000'000); !begun)
            return pass_on(std::move(begun.error()));
        trial.source().pretend_loss();
        if (auto over = trial.kills(1); !over)
            return pass_on(std::move(over.error()));
    } else if (fault == Fault::ByHand) {
        for (Process* process : *crowd)
            process->kill();
        if (auto settled = trial.settle(); !settled)
            return settled;
    } else if (fault == Fault::Removed) {
        crowd->front()->go();
        // As soon as nobody is left in it, which is before the verdict.
        auto gone = trial.until(
            [&] {
                for (Process* process : *crowd)
                    (void)process->ended();
                return trial.ground().remove(*path);
            },
            60'000'000'000);
        if (!gone)
            return pass_on(std::move(gone.error()));
        if (auto over = trial.kills(1); !over)
            return pass_on(std::move(over.error()));
    } else if (auto over = run_over(trial, *crowd->front()); !over) {
        return pass_on(std::move(over.error()));
    }
    const Judged* const judged = the_kill(trial);
    trial.result().peak_bytes = trial.ground().peak(*path);
    if (judged == nullptr)
        return {};
    const std::vector<Process*> hog_only{crowd->front()}, sitters_only(crowd->begin() + 1, crowd->end());
    trial.expect_kill(*judged, on ? *crowd : hog_only, on ? *path : "");
    trial.expect_ended(on ? *crowd : hog_only);
    if (!on)
        trial.expect_alive(sitters_only);
    return {};
}

}  // namespace

Result<> group_on(Trial& trial)
{
    return group(trial, true);
}

Result<> group_off(Trial& trial)
{
    return group(trial, false);
}

Result<> protected_member(Trial& trial)
{
    auto ground = trial.begin(true);
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    auto path = trial.cgroup("", "service", trial.limit(), true);
    if (!path)
        return pass_on(std::move(path.error()));
    auto crowd = start_crowd(trial, *path, 2);
    if (!crowd)
        return pass_on(std::move(crowd.error()));
    Job job = sitter(trial);
    job.oom_score_adj = -1000;
    job.name = "oom-protected";
    auto survivor = trial.start(*path, job);
    if (!survivor)
        return pass_on(std::move(survivor.error()));
    if (auto over = run_over(trial, *crowd->front()); !over)
        return pass_on(std::move(over.error()));
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return {};
    trial.expect_kill(*judged, *crowd, *path);
    trial.expect_ended(*crowd);
    trial.expect_alive({*survivor});
    const auto& survivors = judged->verdict.survivors;
    const auto found = std::ranges::find(survivors, (*survivor)->pid(), &Survivor::tgid);
    trial.expect("reason", found != survivors.end() && found->reason == Reason::Protected,
                 found == survivors.end() ? "the survivor was not seen" : std::string(words(found->reason)));
    return {};
}

Result<> fork_storm(Trial& trial)
{
    auto ground = trial.begin(true);
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    auto path = trial.cgroup("", "service", trial.limit(), true);
    if (!path)
        return pass_on(std::move(path.error()));
    constexpr std::string_view kTasks = "100";  // a storm, and the machine can still be used
    if (auto set = trial.ground().set(*path, "pids.max", kTasks); !set)
        return set;
    auto crowd = start_crowd(trial, *path, 0);
    if (!crowd)
        return pass_on(std::move(crowd.error()));
    for (int i = 0; i < 3; ++i) {
        Job job = sitter(trial);
        job.kind = Job::Kind::Fork;
        job.name = "oom-forker";
        auto forker = trial.start(*path, job);
        if (!forker)
            return pass_on(std::move(forker.error()));
        crowd->push_back(*forker);
    }
    if (auto ready = trial.all_ready(); !ready)
        return ready;
    for (Process* process : *crowd)
        process->go();
    // Children that were born after the kernel went through the group may run on, and be killed in turn.
    if (auto over = trial.kills(1); !over)
        return pass_on(std::move(over.error()));
    trial.expect("a kill", !trial.episodes().empty(), seen(trial.episodes().size()));
    std::size_t victims = 0;
    for (const Judged& judged : trial.episodes()) {
        trial.result().expectations.push_back({"verdict", judged.verdict.outcome, judged.verdict.summary});
        victims += judged.episode.victims.size();
    }
    trial.expect("storm", victims >= crowd->size(), fmt::format("{} processes were killed", victims));
    trial.expect_ended(*crowd);
    return {};
}

Result<> shared_memory(Trial& trial)
{
    auto ground = trial.begin(false);
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    auto path = trial.cgroup("", "service", trial.limit(), false);
    if (!path)
        return pass_on(std::move(path.error()));
    Job job = hog(trial);
    job.kind = Job::Kind::Share;
    job.name = "oom-share";
    auto process = trial.start(*path, job);
    if (!process)
        return pass_on(std::move(process.error()));
    if (auto over = run_over(trial, **process); !over)
        return pass_on(std::move(over.error()));
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return {};
    trial.result().expectations.push_back({"verdict", judged->verdict.outcome, judged->verdict.summary});
    if (!judged->episode.decision_seen) {
        trial.expect_ended({*process});
        return {};  // without the decision it cannot be told whose SIGKILL the other one's was
    }
    // Either of the two may be the one that is chosen: they have the same memory.
    const auto& episode = judged->episode;
    const bool both = episode.victims.size() == 1 && episode.sharers.size() == 1 &&
                      episode.victims[0].tgid != episode.sharers[0].tgid;
    trial.expect("both", both,
                 fmt::format("{} marked, {} killed along", episode.victims.size(), episode.sharers.size()));
    trial.expect_ended({*process});
    return {};
}

Result<> by_hand(Trial& trial)
{
    auto ground = trial.begin(false);
    if (!ground || !*ground)
        return ground ? Result<>{} : pass_on(std::move(ground.error()));
    auto path = trial.cgroup("", "service", trial.limit(), true);
    if (!path)
        return pass_on(std::move(path.error()));
    auto by_user = trial.start(*path, sitter(trial)), by_cgroup = trial.start(*path, sitter(trial));
    if (!by_user || !by_cgroup)
        return pass_on(std::move(by_user ? by_cgroup.error() : by_user.error()));
    if (auto ready = trial.all_ready(); !ready)
        return ready;
    trial.step(fmt::format("{} is killed by hand", (*by_user)->pid()));
    (*by_user)->kill();
    trial.expect_ended({*by_user});
    const bool cgroup_kill = trial.ground().unified() && trial.ground().set(*path, "cgroup.kill", "1").has_value();
    if (cgroup_kill) {
        trial.step("1 written to cgroup.kill of " + *path);
        trial.expect_ended({*by_cgroup});
    }
    const auto by = [&](Process* process) -> const OtherKill* {
        const auto& kills = trial.other_kills();
        const auto found = std::ranges::find(kills, process->pid(), &OtherKill::tgid);
        return found == kills.end() ? nullptr : &*found;
    };
    // That a SIGKILL is nobody's mark is certain after a second.
    auto told = trial.until([&] { return by(*by_user) && (!cgroup_kill || by(*by_cgroup)); }, 5'000'000'000);
    if (!told)
        return pass_on(std::move(told.error()));
    trial.expect("no OOM kill", trial.episodes().empty(), seen(trial.episodes().size()));
    const OtherKill *user = by(*by_user), *cgroup = by(*by_cgroup);
    trial.expect("by a user", user != nullptr && user->by == OtherKill::By::User,
                 user == nullptr ? "not seen" : fmt::format("by {} ({})", user->sender_tid, user->sender_comm));
    if (cgroup_kill)
        trial.expect("by cgroup.kill", cgroup != nullptr && cgroup->by == OtherKill::By::Cgroup,
                     cgroup == nullptr ? "not seen" : fmt::format("by {} ({})", cgroup->sender_tid, cgroup->sender_comm));
    return {};
}

}  // namespace flyball::oom
