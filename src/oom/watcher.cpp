// SPDX-License-Identifier: Apache-2.0
#include "flyball/oom/watcher.hpp"

#include "contains.hpp"
#include "policy.hpp"
#include "tally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

namespace flyball::oom {
namespace {

using profile::OomEpisode;
using profile::OomVictim;

constexpr std::uint64_t kAny = ~std::uint64_t{0};

std::uint64_t at(const std::map<std::string, std::uint64_t>& events, const std::string& field)
{
    const auto found = events.find(field);
    return found == events.end() ? 0 : found->second;
}

// A complete episode, with what the files said right then.
struct Asked {
    OomEpisode episode;
    Evidence evidence;
    std::map<std::string, std::optional<MemoryEvents>> now;  // by path
    std::map<std::string, std::map<std::string, std::uint64_t>> ended;
};

}  // namespace

struct Watcher::State {
    State(const profile::Meta& meta, std::span<const profile::KnownCgroup> known, Surroundings& s)
        : surroundings(s), feed(meta, known)
    {
        // By its first victim is not the decision itself.
        sees.sees_decision = profile::covers_by(meta, "oom.decision", "oom_kill_process");
        sees.sees_policy = profile::covers(meta, "oom.group");
        sees.sees_members = profile::covers(meta, "oom.members");
        sees.sees_freed = profile::covers(meta, "oom.freed");
        memory_hierarchy = profile::hierarchy_of(meta, "memory");
        sees.policy_exists = memory_hierarchy == 0;
        for (const profile::KnownCgroup& cgroup : known) {
            if (cgroup.hierarchy != memory_hierarchy)
                continue;
            if (auto events = surroundings.memory_events(cgroup.path))
                first[cgroup.path] = std::move(*events);
        }
    }

    void ask(OomEpisode episode);
    [[nodiscard]] Judged give(Asked asked, const Tally& most);
    [[nodiscard]] std::vector<std::string> scopes(const OomEpisode& episode) const;
    void compare(Asked& asked, const Tally& most);
    void check(Asked& asked, CounterCheck check);
    [[nodiscard]] std::vector<std::string> losses_of(const OomEpisode& episode) const;
    void look_around(Asked& asked);
    void forget(std::uint64_t now_ns);

    Surroundings& surroundings;
    profile::OomFeed feed;
    Evidence sees;  // what this kernel shows
    int memory_hierarchy = 0;
    std::map<std::string, MemoryEvents> first;  // counters when the run began; of others: zero
    Tally told;                                 // of complete episodes
    // What a disagreement that was told has left: it is told once, not with every kill to come.
    std::map<std::string, std::int64_t> written_off;  // by file and field
    std::deque<Asked> asked;
    std::uint64_t number = 0;
    struct LossAt {
        std::uint64_t found_ns;
        std::string what;
    };
    std::vector<LossAt> losses;
    std::uint64_t next_forget_ns = 0;
};

// What was removed a minute ago has had its verdicts.
void Watcher::State::forget(std::uint64_t now_ns)
{
    constexpr std::uint64_t kForgetAfterNs = 60'000'000'000;
    if (now_ns < next_forget_ns || !asked.empty())
        return;
    next_forget_ns = now_ns + kForgetAfterNs / 4;
    for (const std::string& path : feed.forget_removed(now_ns - std::min(now_ns, kForgetAfterNs))) {
        told.forget(path);
        first.erase(path);
        std::erase_if(written_off, [&](const auto& entry) { return entry.first.starts_with(path + "/memory."); });
    }
}

// The cgroups whose counters the episode has moved.
std::vector<std::string> Watcher::State::scopes(const OomEpisode& episode) const
{
    std::set<std::string> paths;
    for (const OomVictim& victim : episode.victims)
        paths.insert(victim.cgroup);
    if (episode.decision_seen && !episode.global)
        paths.insert(episode.domain);
    if (!episode.group_cgroup.empty())
        paths.insert(episode.group_cgroup);
    std::erase_if(paths, [](const std::string& path) { return path.empty() || path.starts_with('?'); });
    return {paths.begin(), paths.end()};
}

void Watcher::State::look_around(Asked& to)
{
    if (!to.episode.group_policy && sees.policy_exists && !to.episode.victims.empty())
        to.evidence.policy_file_cgroup = surroundings.oom_group(to.episode.victims.front().cgroup);
    const Policy policy = policy_of(to.episode, to.evidence);
    if (!policy.group.value_or(false))
        return;
    to.evidence.living = surroundings.living(policy.cgroup);
    to.evidence.looked_for_living = true;
    for (Living& living : to.evidence.living) {
        for (const profile::Birth& birth : feed.births()) {
            if (birth.tgid == living.tgid)
                living.born_ns = birth.ts_ns;
        }
        for (const profile::Move& move : feed.moves()) {
            if (move.tgid == living.tgid)
                living.moved_in_ns = move.ts_ns;
        }
    }
}

void Watcher::State::ask(OomEpisode episode)
{
    Asked next;
    next.evidence = sees;
    next.episode = std::move(episode);
    look_around(next);
    for (const std::string& path : scopes(next.episode)) {
        next.now[path] = surroundings.memory_events(path);
        if (const auto ended = feed.ended(path))
            next.ended[path] = ended->memory_events_local;
    }
    told.add(next.episode);
    asked.push_back(std::move(next));
}

void Watcher::State::check(Asked& of, CounterCheck check)
{
    if (check.kernel) {
        std::int64_t& off = written_off[check.cgroup + '/' + check.file + '/' + check.field];
        check.kernel = static_cast<std::uint64_t>(static_cast<std::int64_t>(*check.kernel) - off);
        if (*check.kernel < check.least)
            off -= static_cast<std::int64_t>(check.least - *check.kernel);
        else if (*check.kernel > check.most)
            off += static_cast<std::int64_t>(*check.kernel - check.most);
    }
    of.evidence.counters.push_back(std::move(check));
}

void Watcher::State::compare(Asked& of, const Tally& most)
{
    for (const auto& [path, now] : of.now) {
        const auto before = first.find(path);
        const MemoryEvents zero;
        const MemoryEvents& began = before == first.end() ? zero : before->second;
        // What removed cgroups of this path had counted: before the reading, or (it is gone) by now.
        std::map<std::string, std::uint64_t> ended;
        if (now) {
            const auto found = of.ended.find(path);
            if (found != of.ended.end())
                ended = found->second;
        } else if (const auto later = feed.ended(path)) {
            ended = later->memory_events_local;
        }
        const bool readable = now || !ended.empty();
        const bool v1 = memory_hierarchy != 0;
        const CgroupTally least = told.local(path), upto = most.local(path);
        const auto local = [&](const std::string& field) -> std::optional<std::uint64_t> {
            if (!readable)
                return std::nullopt;
            const std::uint64_t value = (now ? at(now->local, field) : 0) + at(ended, field);
            return value - std::min(value, at(began.local, field));
        };
        const char* const file = v1 ? "memory.oom_control" : "memory.events.local";
        if (upto.kills.most > 0)
            check(of, {path, file, "oom_kill", local("oom_kill"), least.kills.least, upto.kills.most});
        if (v1)
            continue;
        if (upto.group_kills.most > 0)
            check(of, {path, file, "oom_group_kill", local("oom_group_kill"), least.group_kills.least,
                       upto.group_kills.most});
        if (upto.decisions.most > 0)
            check(of, {path, file, "oom", local("oom"), least.decisions.least, kAny});
        // The subtree's sum lives as long as its root, which must have been one and the same.
        if (now && ended.empty() && !now->hierarchical.empty()) {
            const std::uint64_t value = at(now->hierarchical, "oom_kill"), was = at(began.hierarchical, "oom_kill");
            check(of, {path, "memory.events", "oom_kill", value - std::min(value, was), told.subtree(path).kills.least,
                       most.subtree(path).kills.most});
        }
    }
}

std::vector<std::string> Watcher::State::losses_of(const OomEpisode& episode) const
{
    std::vector<std::string> result;
    for (const LossAt& loss : losses) {
        if (episode.ts_ns <= loss.found_ns && !contains(result, loss.what))
            result.push_back(loss.what);
    }
    return result;
}

Judged Watcher::State::give(Asked next, const Tally& most)
{
    compare(next, most);
    next.evidence.losses = losses_of(next.episode);
    Judged judged;
    judged.number = ++number;
    judged.verdict = judge(next.episode, next.evidence);
    judged.episode = std::move(next.episode);
    return judged;
}

Watcher::Watcher(const profile::Meta& meta, std::span<const profile::KnownCgroup> known, Surroundings& surroundings)
    : state_(std::make_unique<State>(meta, known, surroundings))
{
}
Watcher::~Watcher() = default;
Watcher::Watcher(Watcher&&) noexcept = default;
Watcher& Watcher::operator=(Watcher&&) noexcept = default;

void Watcher::on_batch(const fb_batch& header, std::span<const fb_event> events)
{
    state_->feed.on_batch(header, events);
}

void Watcher::on_control(std::span<const std::byte> bytes)
{
    state_->feed.on_control(bytes);
}

void Watcher::on_loss_check(std::uint64_t now_ns, const std::vector<std::string>& losses)
{
    for (const std::string& what : losses)
        state_->losses.push_back({now_ns, what});
    // An episode takes seconds at most: what was lost long before it began is not its own.
    constexpr std::uint64_t kRemembered = 60'000'000'000;
    std::erase_if(state_->losses, [&](const State::LossAt& loss) { return loss.found_ns + kRemembered < now_ns; });
}

std::vector<Judged> Watcher::advance(std::uint64_t now_ns)
{
    std::vector<Judged> result;
    if (!state_->asked.empty()) {
        Tally most = state_->told;
        for (const OomEpisode& open : state_->feed.open_episodes())
            most.add(open);
        while (!state_->asked.empty()) {
            result.push_back(state_->give(std::move(state_->asked.front()), most));
            state_->asked.pop_front();
        }
    }
    for (OomEpisode& episode : state_->feed.take_complete(now_ns))
        state_->ask(std::move(episode));
    state_->forget(now_ns);
    return result;
}

std::vector<Judged> Watcher::finish(std::uint64_t now_ns)
{
    std::vector<Judged> result = advance(now_ns);
    for (OomEpisode& episode : state_->feed.finish())
        state_->ask(std::move(episode));
    for (Judged& judged : advance(now_ns))
        result.push_back(std::move(judged));
    return result;
}

bool Watcher::idle() const
{
    return state_->asked.empty() && !state_->feed.open();
}

std::vector<profile::OtherKill> Watcher::take_other_kills()
{
    return state_->feed.take_other_kills();
}

profile::OomFeed& Watcher::feed()
{
    return state_->feed;
}

}  // namespace flyball::oom
