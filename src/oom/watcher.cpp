// SPDX-License-Identifier: Apache-2.0
#include "flyball/oom/watcher.hpp"

#include "contains.hpp"
#include "counted.hpp"
#include "flyball/profile/decode.hpp"
#include "flyball/profile/subtree.hpp"
#include "policy.hpp"
#include "tally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace flyball::oom {
namespace {

using profile::OomEpisode;
using profile::OomVictim;

constexpr std::uint64_t kAny = ~std::uint64_t{0};
// How often the counters of all memcgs are looked at when nothing happens.
constexpr std::uint64_t kCountNs = 1'000'000'000;
// What was removed so long ago, and answers to episodes that did not come, are forgotten.
constexpr std::uint64_t kForgetAfterNs = 60'000'000'000;

// What was told after an episode.
struct Looked {
    fb_oom_looked record{};
    std::vector<fb_oom_member> left;
    std::optional<fb_oom_report> after;
    std::vector<fb_oom_grew> grew;
};

using Ids = std::set<std::uint64_t>;

}  // namespace

struct Watcher::State {
    State(const profile::Meta& meta, std::span<const profile::KnownCgroup> known, Surroundings* s, Tell t)
        : surroundings(s), tell(std::move(t)), feed(meta, known)
    {
        // By its first victim is not the decision itself.
        sees.sees_decision = profile::covers_by(meta, "oom.decision", "oom_kill_process");
        sees.sees_policy = profile::covers(meta, "oom.group");
        sees.sees_members = profile::covers(meta, "oom.members");
        sees.sees_freed = profile::covers(meta, "oom.freed");
        hierarchy = profile::hierarchy_of(meta, "memory");
        sees.policy_exists = hierarchy == 0;
        // A recording from before there were answers in it has none to wait for.
        answers = surroundings != nullptr || profile::covers(meta, "oom.counters");
    }

    void count(std::uint64_t now_ns, const Ids& scopes, bool first);
    void ask(const OomEpisode& episode, std::uint64_t now_ns);
    [[nodiscard]] GrowthAsked growth_of(const OomEpisode& episode, std::uint64_t domain) const;
    void hold(std::vector<OomEpisode> complete, std::uint64_t now_ns);
    static void add_scopes(const OomEpisode& episode, Ids& ids);
    [[nodiscard]] Judged give(OomEpisode episode, const Tally& all);
    void take(const Looked& looked, OomEpisode& episode, Evidence& evidence) const;
    [[nodiscard]] profile::OomGrowth growth(const fb_oom_grew& record) const;
    void compare(const OomEpisode& episode, std::uint64_t from_ns, const Tally& all, Evidence& evidence);
    void check(std::uint64_t id, Evidence& evidence, CounterCheck check);
    [[nodiscard]] std::string name(const OomEpisode& episode, std::uint64_t id) const;
    [[nodiscard]] std::vector<std::string> losses_of(const OomEpisode& episode, std::uint64_t until_ns) const;
    void forget(std::uint64_t now_ns);
    void on_loss(const fb_loss& loss);

    Surroundings* surroundings;
    Tell tell;
    profile::OomFeed feed;
    Evidence sees;      // what this kernel shows
    int hierarchy = 0;  // the memory controller's; 0: cgroup v2
    bool answers = false, have_first = false, ended = false;
    std::uint64_t counted_ns = 0;  // the latest reading
    Counted counted;
    std::unordered_map<std::uint64_t, fb_memcg> last_told;  // live: only what has changed is told again
    Tally tally;                                            // of complete episodes
    // What a disagreement that was told has left: it is told once, not with every kill to come.
    std::map<std::pair<std::uint64_t, std::string>, std::uint64_t> written_off;
    std::deque<OomEpisode> asked;
    std::map<std::uint64_t, Looked> looked;  // by the episode's ts_ns
    Looked coming;
    std::uint64_t number = 0;
    struct LossAt {
        std::uint64_t found_ns;
        std::string what;
    };
    std::vector<LossAt> losses;
    std::deque<std::pair<std::uint64_t, std::uint64_t>> removed;  // when, id
    std::uint64_t next_forget_ns = 0, next_count_ns = 0, next_sample_ns = 0;
};

// What was removed a minute ago has had its verdicts.
void Watcher::State::forget(std::uint64_t now_ns)
{
    if (now_ns < next_forget_ns || !asked.empty())
        return;
    next_forget_ns = now_ns + kForgetAfterNs / 4;
    const std::uint64_t before_ns = now_ns - std::min(now_ns, kForgetAfterNs);
    feed.forget_removed(before_ns);
    while (!removed.empty() && removed.front().first < before_ns) {
        const std::uint64_t id = removed.front().second;
        removed.pop_front();
        tally.forget(id);
        counted.forget(id);
        last_told.erase(id);
        std::erase_if(written_off, [&](const auto& entry) { return entry.first.first == id; });
    }
    std::erase_if(looked, [&](const auto& entry) { return entry.second.record.hdr.ts_ns < before_ns; });
    std::erase_if(losses, [&](const LossAt& loss) { return loss.found_ns < before_ns; });
}

// The memcgs whose counters the episode has moved.
void Watcher::State::add_scopes(const OomEpisode& episode, Ids& ids)
{
    const auto add = [&](std::uint64_t id) {
        if (id != 0)
            ids.insert(id);
    };
    add(episode.group_id);
    for (const OomVictim& victim : episode.victims)
        add(victim.cgroup_id);
    if (episode.limit_known() && !episode.global)
        add(episode.domain_id);
}

void Watcher::State::count(std::uint64_t now_ns, const Ids& asked_for, bool first)
{
    next_count_ns = now_ns + kCountNs;
    auto read_now = surroundings->counted();
    if (!read_now)
        return;
    // What could not be read when the run began counts from when it first could.
    first |= !std::exchange(have_first, true);
    counted_ns = now_ns;
    for (fb_memcg record : *read_now) {
        const auto [slot, fresh] = last_told.try_emplace(record.hdr.cgroup_id);
        fb_memcg& last = slot->second;
        const bool same = record.oom == last.oom && record.oom_kill == last.oom_kill && record.max == last.max &&
                          record.oom_group_kill == last.oom_group_kill && record.high == last.high;
        record.first = first ? 1 : 0;
        last = record;
        if (!same || asked_for.contains(record.hdr.cgroup_id))
            tell(bytes_of(record));
    }
}

void Watcher::State::ask(const OomEpisode& episode, std::uint64_t now_ns)
{
    Looked answer;
    answer.record.hdr = {.type = FB_EV_OOM_LOOKED,
                         .size = sizeof(fb_oom_looked),
                         .cpu = 0,
                         .prog = FB_P_NONE,
                         .ts_ns = ended ? counted_ns : now_ns,
                         .cgroup_id = 0};
    answer.record.episode_ns = episode.ts_ns;
    std::uint64_t group = episode.group_id;
    if (!episode.group_policy && sees.policy_exists && !episode.victims.empty()) {
        const OomVictim& victim = episode.victims.front();
        const std::string top = episode.limit_known() && !episode.global ? episode.domain : "";
        if (const auto id = surroundings->oom_group(victim.cgroup_id, victim.cgroup, top)) {
            answer.record.flags |= FB_OL_POLICY;
            answer.record.policy_id = group = *id;
        }
    }
    if (const auto left = group == 0 ? std::nullopt : surroundings->living(group, feed.path(group))) {
        for (const fb_oom_member& member : *left) {
            tell(bytes_of(member));
            ++answer.record.left;
        }
        answer.record.hdr.cgroup_id = group;
        answer.record.flags |= FB_OL_LIVING;
    }
    const std::uint64_t domain = episode.domain_id != 0 ? episode.domain_id : group;
    if (auto report = domain == 0 ? std::nullopt : surroundings->memory(domain, feed.path(domain))) {
        report->hdr.ts_ns = now_ns;
        report->episode_ns = episode.ts_ns;
        tell(bytes_of(*report));
    }
    for (fb_oom_grew grew : surroundings->grown(growth_of(episode, domain))) {
        grew.hdr.ts_ns = now_ns;
        grew.episode_ns = episode.ts_ns;
        tell(bytes_of(grew));
    }
    tell(bytes_of(answer.record));
}

// Of whom it is asked who grew: of those below the limit that was hit.
GrowthAsked Watcher::State::growth_of(const OomEpisode& episode, std::uint64_t domain) const
{
    GrowthAsked question{.at_ns = episode.ts_ns, .in_scope = {}, .held = {}};
    const std::string top = episode.global || domain == 0 ? "/" : feed.path(domain);
    question.in_scope = [this, top](std::uint64_t id) { return profile::in_subtree(feed.path(id), top); };
    for (const profile::OomMember& member : episode.members) {
        // Without its parts the sum has file pages, which are not what a sample counts.
        if (!member.anon_bytes || !member.shmem_bytes)
            continue;
        fb_process_memory held{};
        held.tgid = member.tgid;
        held.bytes = member.held_bytes() + member.swap_bytes.value_or(0);
        held.memcg_id = domain;
        std::memcpy(held.comm, member.comm.data(), std::min(member.comm.size(), sizeof held.comm - 1));
        question.held.push_back(held);
    }
    return question;
}

// Until its answers have come.
void Watcher::State::hold(std::vector<OomEpisode> complete, std::uint64_t now_ns)
{
    // One reading for all of them: a storm among thousands of cgroups is no reason to read them all for each kill.
    if (surroundings != nullptr && !ended && !complete.empty()) {
        Ids ids;
        for (const OomEpisode& episode : complete)
            add_scopes(episode, ids);
        count(now_ns, ids, false);
    }
    for (OomEpisode& episode : complete) {
        if (surroundings != nullptr)
            ask(episode, now_ns);
        tally.add(episode);
        asked.push_back(std::move(episode));
    }
}

std::string Watcher::State::name(const OomEpisode& episode, std::uint64_t id) const
{
    for (const OomVictim& victim : episode.victims) {
        if (victim.cgroup_id == id)
            return victim.cgroup;
    }
    return id == episode.domain_id ? episode.domain : episode.group_cgroup;
}

void Watcher::State::check(std::uint64_t id, Evidence& evidence, CounterCheck check)
{
    std::uint64_t& off = written_off[{id, check.field}];  // modulo 2^64: it may be less than nothing
    check.kernel = *check.kernel - off;
    if (*check.kernel < check.least)
        off -= check.least - *check.kernel;
    else if (*check.kernel > check.most)
        off += *check.kernel - check.most;
    evidence.counters.push_back(std::move(check));
}

void Watcher::State::compare(const OomEpisode& episode, std::uint64_t from_ns, const Tally& all, Evidence& evidence)
{
    const char* const file = hierarchy != 0 ? "the kernel" : "memory.events.local";
    Ids ids;
    add_scopes(episode, ids);
    for (const std::uint64_t id : ids) {
        const std::string path = name(episode, id);
        const auto now = counted.since_start(id, from_ns);
        const MemcgTally bounds = all.between(id, counted.first_ns(id), now ? std::uint64_t{now->hdr.ts_ns} : from_ns);
        const auto add = [&](const char* field, __u64 fb_memcg::* count, const Bounds& ours, std::uint64_t most) {
            if (ours.most == 0)
                return;
            if (!now)
                return evidence.counters.push_back({path, file, field, std::nullopt, ours.least, most});
            check(id, evidence, {path, file, field, (*now).*count, ours.least, most});
        };
        add("oom_kill", &fb_memcg::oom_kill, bounds.kills, bounds.kills.most);
        if (hierarchy == 0)
            add("oom_group_kill", &fb_memcg::oom_group_kill, bounds.group_kills, bounds.group_kills.most);
        add("oom", &fb_memcg::oom, bounds.decisions, kAny);
    }
}

// Found by the time at which the episode was over: what was lost later is not its own.
std::vector<std::string> Watcher::State::losses_of(const OomEpisode& episode, std::uint64_t until_ns) const
{
    std::vector<std::string> result;
    for (const LossAt& loss : losses) {
        if (episode.ts_ns <= loss.found_ns && loss.found_ns <= until_ns && !contains(result, loss.what))
            result.push_back(loss.what);
    }
    return result;
}

void Watcher::State::on_loss(const fb_loss& loss)
{
    const auto add = [&](std::uint64_t n, std::string_view one, std::string_view more, std::string_view what) {
        if (n > 0)
            losses.push_back({loss.hdr.ts_ns, fmt::format("{} {} {}", n, n == 1 ? one : more, what)});
    };
    add(loss.dropped, "record", "records", "found no room in the ring");
    add(loss.missed, "run", "runs", "of OOM programs skipped by the kernel");
    add(loss.damaged, "batch or record", "batches or records", "damaged");
}

profile::OomGrowth Watcher::State::growth(const fb_oom_grew& record) const
{
    profile::OomGrowth grown{.tgid = record.tgid,
                             .comm = profile::field_text(record.comm),
                             .cgroup = feed.path(record.hdr.cgroup_id),
                             .bytes = record.bytes,
                             .since = {}};
    for (std::size_t i = 0; i < FB_OOM_GROWTHS; ++i) {
        if (record.before_ns[i] != 0)
            grown.since.push_back({.ns = record.before_ns[i], .bytes = record.before_bytes[i]});
    }
    return grown;
}

void Watcher::State::take(const Looked& answer, OomEpisode& episode, Evidence& evidence) const
{
    if (answer.record.flags & FB_OL_POLICY)
        evidence.policy_file_cgroup = answer.record.policy_id == 0 ? "" : feed.path(answer.record.policy_id);
    evidence.looked_for_living = (answer.record.flags & FB_OL_LIVING) != 0;
    if (answer.after)
        episode.after = profile::memory_of(*answer.after);
    for (const fb_oom_grew& grew : answer.grew)
        episode.growth.push_back(growth(grew));
    for (const fb_oom_member& member : answer.left) {
        Living living{.tgid = member.tgid,
                      .comm = profile::field_text(member.comm),
                      .cgroup = feed.path(member.hdr.cgroup_id),
                      .oom_score_adj = member.oom_score_adj,
                      .born_ns = {},
                      .moved_in_ns = {},
                      .kernel_thread = (member.flags & FB_OM_KTHREAD) != 0};
        for (const profile::Birth& birth : feed.births()) {
            if (birth.tgid == living.tgid)
                living.born_ns = birth.ts_ns;
        }
        for (const profile::Move& move : feed.moves()) {
            if (move.tgid == living.tgid)
                living.moved_in_ns = move.ts_ns;
        }
        evidence.living.push_back(std::move(living));
    }
}

Judged Watcher::State::give(OomEpisode episode, const Tally& all)
{
    Evidence evidence = sees;
    std::uint64_t from_ns = kAny;
    if (const auto answer = looked.find(episode.ts_ns); answer != looked.end()) {
        take(answer->second, episode, evidence);
        from_ns = answer->second.record.hdr.ts_ns;
        looked.erase(answer);
    }
    if (episode.kind == OomEpisode::Kind::Kill)
        compare(episode, from_ns, all, evidence);
    evidence.losses = losses_of(episode, from_ns);
    Judged judged;
    judged.number = ++number;
    judged.verdict = judge(episode, evidence);
    judged.episode = std::move(episode);
    return judged;
}

Watcher::Watcher(const profile::Meta& meta, std::span<const profile::KnownCgroup> known)
    : state_(std::make_unique<State>(meta, known, nullptr, Tell{}))
{
}
Watcher::Watcher(const profile::Meta& meta, std::span<const profile::KnownCgroup> known, Surroundings& surroundings,
                 Tell tell)
    : state_(std::make_unique<State>(meta, known, &surroundings, std::move(tell)))
{
}
Watcher::~Watcher() = default;
Watcher::Watcher(Watcher&&) noexcept = default;
Watcher& Watcher::operator=(Watcher&&) noexcept = default;

void Watcher::begin(std::uint64_t now_ns)
{
    state_->count(now_ns, {}, true);
}

void Watcher::on_batch(const fb_batch& header, std::span<const fb_event> events)
{
    state_->feed.on_batch(header, events);
}

void Watcher::on_control(std::span<const std::byte> bytes)
{
    state_->feed.on_control(bytes);
    const auto header = profile::decode<fb_hdr>(bytes);
    if (!header)
        return;
    switch (header->type) {
    case FB_EV_MEMCG:
        if (const auto record = profile::decode<fb_memcg>(bytes))
            state_->counted.add(*record);
        break;
    case FB_EV_CGROUP:
        // Other hierarchies have ids of their own.
        if (const auto record = profile::decode<fb_cgroup>(bytes);
            record && record->op == FB_CG_RMDIR && record->hierarchy == state_->hierarchy) {
            state_->counted.add(*record);
            state_->removed.emplace_back(record->hdr.ts_ns, record->hdr.cgroup_id);
        }
        break;
    case FB_EV_OOM_MEMBER:
        if (const auto record = profile::decode<fb_oom_member>(bytes); record && record->kind == FB_OM_LEFT)
            state_->coming.left.push_back(*record);
        break;
    case FB_EV_OOM_REPORT:
        if (const auto record = profile::decode<fb_oom_report>(bytes); record && (record->flags & FB_OR_AFTER))
            state_->coming.after = *record;
        break;
    case FB_EV_OOM_GREW:
        if (const auto record = profile::decode<fb_oom_grew>(bytes))
            state_->coming.grew.push_back(*record);
        break;
    case FB_EV_OOM_LOOKED:
        if (const auto record = profile::decode<fb_oom_looked>(bytes)) {
            state_->coming.record = *record;
            state_->looked[record->episode_ns] = std::exchange(state_->coming, {});
            // Of a recording: then it was complete, and no later record may change it.
            if (state_->surroundings == nullptr)
                state_->hold(state_->feed.take_told(record->episode_ns, record->hdr.ts_ns), 0);
        }
        break;
    case FB_EV_LOSS:
        if (const auto record = profile::decode<fb_loss>(bytes))
            state_->on_loss(*record);
        break;
    default:
        break;
    }
}

std::vector<Judged> Watcher::advance(std::uint64_t now_ns)
{
    State& state = *state_;
    std::vector<Judged> result;
    const auto answered = [&](const OomEpisode& episode) {
        return state.surroundings != nullptr || !state.answers || state.looked.contains(episode.ts_ns);
    };
    // What the kernel counted until it was asked has its records by now.
    if (!state.asked.empty() && answered(state.asked.front())) {
        Tally all = state.tally;
        for (const OomEpisode& open : state.feed.open_episodes())
            all.add(open);
        while (!state.asked.empty() && answered(state.asked.front())) {
            result.push_back(state.give(std::move(state.asked.front()), all));
            state.asked.pop_front();
        }
    }
    if (state.surroundings != nullptr || !state.answers)
        state.hold(state.feed.take_complete(now_ns), now_ns);
    else
        state.feed.account(now_ns);
    if (state.surroundings != nullptr && !state.ended && now_ns >= state.next_count_ns)
        state.count(now_ns, {}, false);
    if (state.surroundings != nullptr && !state.ended && now_ns >= state.next_sample_ns)
        state.next_sample_ns = state.surroundings->sample(now_ns);
    state.forget(now_ns);
    return result;
}

void Watcher::end(std::uint64_t now_ns)
{
    Ids ids;
    for (const OomEpisode& open : state_->feed.open_episodes())
        State::add_scopes(open, ids);
    for (const OomEpisode& asked : state_->asked)
        State::add_scopes(asked, ids);
    state_->count(now_ns, ids, false);
    state_->ended = true;
}

std::vector<Judged> Watcher::finish(std::uint64_t now_ns)
{
    State& state = *state_;
    std::vector<Judged> result = advance(now_ns);
    state.hold(state.feed.finish(), now_ns);
    state.answers = false;  // what has not come will not
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
