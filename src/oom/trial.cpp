// SPDX-License-Identifier: Apache-2.0
#include "trial.hpp"

#include "contains.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/units.hpp"
#include "flyball/profile/subtree.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include <algorithm>
#include <set>
#include <utility>

namespace flyball::oom {
namespace {

using profile::OomVictim;

constexpr std::uint64_t kSecond = 1'000'000'000;
// For an emulated machine with other things to do.
constexpr std::uint64_t kReadyPatience = 60 * kSecond;
constexpr std::uint64_t kKillPatience = 120 * kSecond;

// From the decision (or the first mark) to the last of something; nullopt: one of them is not known.
template <class Member>
std::optional<std::uint64_t> last_after(const profile::OomEpisode& episode, Member member)
{
    std::uint64_t last = episode.ts_ns;
    for (const OomVictim& victim : episode.victims) {
        if (!(victim.*member))
            return std::nullopt;
        last = std::max(last, *(victim.*member));
    }
    return last - episode.ts_ns;
}

}  // namespace

std::string pids(const std::vector<Process*>& processes)
{
    std::vector<std::uint32_t> numbers;
    for (const Process* process : processes)
        numbers.push_back(process->pid());
    return fmt::format("{}", fmt::join(numbers, ", "));
}

Trial::Trial(const TestOptions& options, const cgroup::Layout& layout, EpisodeSource& source, ScenarioResult& result)
    : options_(options), layout_(layout), source_(source), result_(result), began_ns_(monotonic_ns())
{
    result_.start_ns = began_ns_;
}

void Trial::begin(bool needs_unified)
{
    ground_.emplace(must(options_.cgroup.empty() ? Ground::make(layout_) : Ground::borrow(layout_, options_.cgroup)));
    if (needs_unified && !ground_->unified())
        throw Lacking{"the memory controller is on cgroup v1 here; `flyball oom test --lab 6.12` has cgroup v2"};
    (void)source_.other_kills();  // those of the scenario before
}

void Trial::skip(std::string reason)
{
    result_.status = Status::Skipped;
    result_.reason = std::move(reason);
}

std::string Trial::cgroup(const std::string& parent, std::string_view name, std::optional<std::uint64_t> limit,
                          bool group)
{
    const std::string path = must(ground_->add(parent, name));
    if (limit) {
        set(path, "memory.max", *limit);
        result_.limit_bytes = *limit;
        if (ground_->has(path, "memory.swap.max"))
            set(path, "memory.swap.max", 0);
    }
    if (group && ground_->unified())
        set(path, "memory.oom.group", 1);
    if (!result_.baseline_bytes && limit)
        result_.baseline_bytes = ground_->usage(path);
    return path;
}

void Trial::set(const std::string& path, std::string_view file, std::uint64_t value)
{
    must(ground_->set(path, file, std::to_string(value)));
    if (!in_short_)
        step(fmt::format("{} of {} set to {}", file, path, value));
}

Process& Trial::start(const std::string& path, const Job& job)
{
    processes_.push_back(must(Process::start(job, ground_->procs_file(path))));
    Process& process = processes_.back();
    if (!in_short_)
        step(fmt::format("{} ({}) started in {}{}", process.pid(), job.name, path,
                         job.oom_score_adj != 0 ? fmt::format(", oom_score_adj {}", job.oom_score_adj) : ""));
    return process;
}

void Trial::all_ready()
{
    const bool ready =
        until([&] { return std::ranges::all_of(processes_, [](Process& p) { return p.ready() || p.ended(); }); },
              kReadyPatience);
    if (std::ranges::any_of(processes_, [](Process& p) { return p.adj_refused(); }))
        throw Lacking{"oom_score_adj may not be lowered here: CAP_SYS_RESOURCE is missing"};
    if (!ready)
        throw Broken{{ErrorKind::Io, "the scenario's processes did not get their memory in time", ""}};
}

bool Trial::until(const std::function<bool()>& done, std::uint64_t patience_ns)
{
    const std::uint64_t end_ns = monotonic_ns() + patience_ns;
    while (!done()) {
        if (source_.stopped())
            throw Broken{{ErrorKind::Io, "stopped", ""}};
        if (monotonic_ns() >= end_ns)
            return false;
        take(must(source_.next()));
    }
    return true;
}

void Trial::kills(std::size_t count)
{
    (void)until([&] { return kill_count() >= count && source_.idle(); }, kKillPatience);
}

std::size_t Trial::kill_count() const
{
    return static_cast<std::size_t>(
        std::ranges::count_if(result_.episodes, [](const Judged& judged) { return !judged.episode.victims.empty(); }));
}

void Trial::settle()
{
    const std::uint64_t quiet_ns = monotonic_ns() + kSecond / 2;
    (void)until([&] { return monotonic_ns() >= quiet_ns && source_.idle(); }, kKillPatience);
}

void Trial::take(std::vector<Judged> due)
{
    for (Judged& judged : due) {
        const auto ours = [&](const std::string& path) {
            return ground_ && !path.empty() && profile::in_subtree(path, ground_->top());
        };
        if (ours(judged.episode.domain) || std::ranges::any_of(judged.episode.victims, ours, &OomVictim::cgroup))
            result_.episodes.push_back(std::move(judged));
    }
    for (profile::OtherKill& kill : source_.other_kills()) {
        if (ground_ && profile::in_subtree(kill.cgroup, ground_->top()))
            other_kills_.push_back(std::move(kill));
    }
}

void Trial::step(std::string what)
{
    step_at(monotonic_ns(), std::move(what));
}

void Trial::step_at(std::uint64_t at_ns, std::string what)
{
    result_.timeline.push_back({at_ns - std::min(at_ns, began_ns_), std::move(what)});
}

void Trial::expect(std::string name, bool held, std::string detail)
{
    result_.expectations.push_back({std::move(name), held ? Outcome::Pass : Outcome::Fail, std::move(detail)});
}

void Trial::unclear(std::string name, std::string detail)
{
    result_.expectations.push_back({std::move(name), Outcome::Inconclusive, std::move(detail)});
}

void Trial::bound(std::string name, std::optional<std::uint64_t> value_ns, std::uint64_t limit_ns)
{
    result_.bounds.push_back({std::move(name), value_ns, limit_ns});
}

void Trial::expect_verdict(const Judged& judged)
{
    result_.expectations.push_back({"verdict", judged.verdict.outcome, judged.verdict.summary});
}

void Trial::expect_kill(const Judged& judged, const std::vector<Process*>& victims, const std::string& group_cgroup)
{
    const profile::OomEpisode& episode = judged.episode;
    expect_verdict(judged);
    std::set<std::uint32_t> wanted, killed;
    for (const Process* process : victims)
        wanted.insert(process->pid());
    for (const OomVictim& victim : episode.victims)
        killed.insert(victim.tgid);
    expect("victims", wanted == killed,
           wanted == killed ? fmt::format("exactly {}", fmt::join(killed, ", "))
                            : fmt::format("killed {}, expected {}", fmt::join(killed, ", "), fmt::join(wanted, ", ")));
    if (episode.group_policy && ground_->unified())
        expect("policy", episode.group_cgroup == group_cgroup,
               episode.group_cgroup.empty() ? "no group policy" : "memory.oom.group of " + episode.group_cgroup);
    bound("time to kill", last_after(episode, &OomVictim::exit_ns), options_.kill_bound_ns);
    bound("time to memory freed", last_after(episode, &OomVictim::freed_ns), options_.free_bound_ns);
}

void Trial::expect_ended(const std::vector<Process*>& processes)
{
    // Their parent hears of it a moment after the kernel's event.
    (void)until([&] { return std::ranges::all_of(processes, [](Process* p) { return p->ended().has_value(); }); },
                5 * kSecond);
    for (Process* process : processes) {
        const auto ended = process->ended();
        if (!ended || ended->signal != SIGKILL)
            return expect("ended", false,
                          fmt::format("{} {}", process->pid(),
                                      !ended               ? "lives"
                                      : ended->signal != 0 ? fmt::format("ended by signal {}", ended->signal)
                                                           : fmt::format("exited with {}", ended->code)));
    }
    expect("ended", true, fmt::format("by SIGKILL, as their parent sees it: {}", pids(processes)));
}

void Trial::expect_alive(const std::vector<Process*>& processes)
{
    std::vector<Process*> dead;
    std::ranges::copy_if(processes, std::back_inserter(dead), [](Process* p) { return p->ended().has_value(); });
    expect("alive", dead.empty(), dead.empty() ? fmt::format("{}", pids(processes)) : "dead: " + pids(dead));
}

// The kernel's side of the story, among the steps of ours.
void Trial::tell(const Judged& judged)
{
    const profile::OomEpisode& episode = judged.episode;
    const auto add = [&](std::optional<std::uint64_t> at_ns, std::string what) {
        if (at_ns && *at_ns >= began_ns_)
            result_.timeline.push_back({*at_ns - began_ns_, std::move(what)});
    };
    if (episode.kind != profile::OomEpisode::Kind::Kill)
        return add(episode.ts_ns, judged.verdict.summary);
    if (episode.decision_seen)
        add(episode.ts_ns,
            fmt::format("{} is out of memory: {} ({}) asked, {} ({}) chosen", episode.domain, episode.trigger_tid,
                        episode.trigger_comm, episode.victim_tgid, episode.victim_comm));
    for (const OomVictim& victim : episode.victims) {
        const auto who = fmt::format("{} ({})", victim.tgid, victim.comm);
        add(victim.sigkill_ns, who + ": SIGKILL");
        add(victim.exit_ns, who + ": exited");
        add(victim.freed_ns, who + ": memory given back");
    }
    for (const profile::OomSharer& sharer : episode.sharers)
        add(sharer.sigkill_ns, fmt::format("{} ({}): SIGKILL, it shares the memory", sharer.tgid, sharer.comm));
}

void Trial::end()
{
    for (Process& process : processes_) {
        if (!process.ended())
            process.kill();
    }
    processes_.clear();
    if (!in_short_) {
        for (const Judged& judged : result_.episodes)
            tell(judged);
    }
    std::ranges::stable_sort(result_.timeline, {}, &Step::at_ns);
    if (ground_) {
        if (auto gone = ground_->destroy(); !gone)
            unclear("clean-up", gone.error().what);
    }
    result_.duration_ns = monotonic_ns() - began_ns_;
    if (result_.status == Status::Skipped && !result_.reason.empty() && result_.expectations.empty())
        return;
    Outcome worst = Outcome::Pass;
    for (const Check& check : result_.expectations) {
        if (worse(worst, check.outcome) != worst)
            result_.reason = fmt::format("{}: {}", check.name, check.detail);
        worst = worse(worst, check.outcome);
    }
    for (const Bound& bound : result_.bounds) {
        if (bound.held() || worst == Outcome::Fail)
            continue;
        worst = Outcome::Fail;
        result_.reason = fmt::format("{} is {}, the bound {}", bound.name, format_ns(bound.value_ns.value_or(0)),
                                     format_ns(bound.limit_ns));
    }
    if (result_.expectations.empty()) {
        worst = Outcome::Inconclusive;
        if (result_.reason.empty())
            result_.reason = "nothing was compared";
    }
    result_.status = worst == Outcome::Pass   ? Status::Pass
                     : worst == Outcome::Fail ? Status::Fail
                                              : Status::Inconclusive;
    if (worst == Outcome::Pass)
        result_.reason.clear();
}

}  // namespace flyball::oom
