// SPDX-License-Identifier: Apache-2.0
// OomAssembler: memory that was out and nobody was killed for, what the kernel counted without an event, and what its
// log says of either.
#include "flyball/profile/oom_feed.hpp"
#include "oom_assembler.hpp"
#include "oom_joining.hpp"

#include <algorithm>
#include <utility>

namespace flyball::profile {

using namespace detail;

namespace {

using Kind = OomEpisode::Kind;

// The kernel's side tells once a second that nobody may be killed; it is over when that has stayed away ...
constexpr std::uint64_t kShortageQuietNs = 2'500'000'000;
// ... and is told when it has lasted so long, in any case; where it goes on, once a minute.
constexpr std::uint64_t kShortageFirstNs = 3'000'000'000, kShortageAgainNs = 60'000'000'000;
// What accounts for a count is seen later: the kernel counts, then waits for oom_lock, which whoever kills holds while
// it writes its report to the console (4 s from the count to the first kill of a storm, on an emulated machine with
// others on its CPUs). So as long as there are kills, and for so long after the last one ...
constexpr std::uint64_t kAccountedNs = 10'000'000'000;
// ... but no longer than this.
constexpr std::uint64_t kAccountedAtLastNs = 300'000'000'000;
// A kill accounts for what was counted without one in the same place for so long.
constexpr std::uint64_t kRoomByKillNs = 30'000'000'000;
// Stalled at its limit for so long without a kill, and for this share of it: a livelock.
constexpr std::uint64_t kLivelockNs = 10'000'000'000;
constexpr std::uint64_t kStalledPercent = 60;  // as systemd-oomd's DefaultMemoryPressureLimit
// A reading that came so late, or in which the limit was not hit, ends it.
constexpr std::uint64_t kReadingsNs = 3'000'000'000;

std::uint64_t quiet_ns(Kind kind)
{
    return kind == Kind::Livelock ? kLivelockNs + kReadingsNs : kShortageQuietNs;
}

}  // namespace

OomAssembler::Episode* OomAssembler::open_shortage(const Entity& domain, std::uint64_t ts_ns, Kinds kinds)
{
    const auto found = std::ranges::find_if(shortages_, [&](const Episode& episode) {
        return resolve(episode.domain) == &domain && elapsed(episode.last_ns, ts_ns) < quiet_ns(episode.value.kind) &&
               std::ranges::find(kinds, episode.value.kind) != kinds.end();
    });
    return found == shortages_.end() ? nullptr : &*found;
}

OomAssembler::Episode& OomAssembler::shortage(Kind kind, std::uint64_t ts_ns, Entity& domain, std::uint64_t id)
{
    // The time is its name: what user space finds out about it goes by that.
    const auto taken = [&](std::uint64_t at_ns) {
        const auto began = [&](const Episode& episode) { return episode.value.ts_ns == at_ns; };
        const auto told_then = [&](const Past& past) { return past.ts_ns == at_ns; };
        return std::ranges::any_of(shortages_, began) || std::ranges::any_of(episodes_, began) ||
               std::ranges::any_of(told_shortages_, told_then) || std::ranges::any_of(past_, told_then);
    };
    while (taken(ts_ns))
        ++ts_ns;
    Episode& episode = shortages_.emplace_back();
    episode.value.kind = kind;
    episode.value.ts_ns = episode.value.until_ns = episode.last_ns = ts_ns;
    episode.value.times = 0;
    episode.value.domain_id = id;
    episode.domain = &domain;
    const auto before = std::ranges::find_if(told_shortages_.rbegin(), told_shortages_.rend(), [&](const Past& past) {
        return resolve(past.domain) == &domain && elapsed(past.gone_ns, ts_ns) < kReportedNs;
    });
    if (before != told_shortages_.rend())
        episode.value.follows_ns = before->ts_ns;
    return episode;
}

// Whoever lowers memory.max has the kernel kill until the use is below it (mm/memcontrol.c: memory_max_write()). When
// all are dead, and their memory is still on its way back, it finds nobody, and stops: that is the end of the kill, and
// no shortage. asker: who it was; nullopt: the log does not say.
bool OomAssembler::looked_again(Entity& domain, std::optional<std::uint32_t> asker) const
{
    return std::ranges::any_of(episodes_, [&](const Episode& episode) {
        return resolve(episode.domain) == &domain && !episode.value.victims.empty() &&
               (!asker || episode.value.trigger_tid == *asker);
    });
}

void OomAssembler::on_nobody(Names& names, const fb_oom_nobody& record)
{
    Entity& domain = *resolve(&names.of(Controller::Memory, record.hdr.cgroup_id));
    const bool met_somebody = scan_.tid == record.trigger_tid && !scan_.members.empty();
    Entity& asker = names.of(Controller::Memory, record.trigger_cgroup_id);
    if (!met_somebody && !Names::inside(*resolve(&asker), domain).value_or(true) &&
        looked_again(domain, record.trigger_tid))
        return;
    Episode* episode = open_shortage(domain, record.hdr.ts_ns, {Kind::NobodyKillable, Kind::NotKilled});
    if (episode == nullptr)
        episode = &shortage(Kind::NobodyKillable, record.hdr.ts_ns, domain, record.hdr.cgroup_id);
    if (!episode->value.decision_seen) {
        OomEpisode& value = episode->value;
        value.kind = Kind::NobodyKillable;
        value.decision_seen = true;
        value.global = record.hdr.cgroup_id == 0;
        episode->trigger = &names.of(Controller::Memory, record.trigger_cgroup_id);
        value.trigger_comm = field_text(record.trigger_comm);
        value.trigger_tid = record.trigger_tid;
        value.trigger_tgid = record.trigger_tgid;
        value.limit_bytes = record.limit_bytes;
        value.usage_bytes = record.usage_bytes;
        value.swap_bytes = record.swap_bytes;
    }
    if (episode->value.members.empty() && scan_.tid == record.trigger_tid) {
        episode->value.members = std::move(scan_.members);
        episode->member_cgroups = std::move(scan_.cgroups);
    }
    scan_ = {};
    episode->value.times += record.times;
    episode->value.until_ns = episode->last_ns = record.hdr.ts_ns;
}

void OomAssembler::on_memcg(Names& names, const fb_memcg& record)
{
    const std::uint64_t id = record.hdr.cgroup_id;
    counts_ = true;
    account(record.hdr.ts_ns);
    const auto [slot, fresh] = counted_.try_emplace(id);
    fb_memcg& last = slot->second;
    const std::uint64_t oom = record.oom - std::min(record.oom, last.oom),
                        kills = record.oom_kill - std::min(record.oom_kill, last.oom_kill);
    Episode* const open = kills > 0 ? nullptr
                                    : open_shortage(*resolve(&names.of(Controller::Memory, id)), record.hdr.ts_ns,
                                                    {Kind::NobodyKillable, Kind::NotKilled});
    if (record.first == 0 && open != nullptr) {
        open->counted += oom;
        if (oom > 0)
            open->value.until_ns = open->last_ns = std::max<std::uint64_t>(open->last_ns, record.hdr.ts_ns);
    } else if (record.first == 0 && (oom > 0 || kills > 0)) {
        auto growth = std::ranges::find(growths_, id, &Growth::id);
        if (growth == growths_.end())
            growth = growths_.insert(growth, {.cgroup = &names.of(Controller::Memory, id),
                                              .id = id,
                                              .at_ns = record.hdr.ts_ns,
                                              .oom = 0,
                                              .kills = 0,
                                              .record = {}});
        growth->oom += oom;
        growth->kills += kills;
        growth->record = record;
    }
    if (record.first == 0 && !fresh)
        look_for_livelock(names, last, record);
    last = record;
}

void OomAssembler::on_removed(Names& names, const fb_cgroup& record)
{
    // Without readings it is not known what it counts from.
    if (auto last = counts_ ? last_counted(record) : std::nullopt) {
        if (const auto before = counted_.find(record.hdr.cgroup_id); before != counted_.end()) {
            last->limit_bytes = before->second.limit_bytes;
            last->usage_bytes = before->second.usage_bytes;
        }
        on_memcg(names, *last);
    }
    counted_.erase(record.hdr.cgroup_id);
    stuck_.erase(record.hdr.cgroup_id);
}

// At memory.max in each reading, nobody killed, and most of the time all its tasks stalled. So may be one that reads a
// large file from a slow disk and gets on with it: the verdict says that this is not known.
void OomAssembler::look_for_livelock(Names& names, const fb_memcg& last, const fb_memcg& record)
{
    const std::uint64_t now_ns = record.hdr.ts_ns;
    const bool known = record.stalled_ns != kUnknown && last.stalled_ns != kUnknown;
    const bool at_limit = record.max > last.max && record.oom_kill == last.oom_kill;
    if (!known || !at_limit || elapsed(last.hdr.ts_ns, now_ns) > kReadingsNs) {
        stuck_.erase(record.hdr.cgroup_id);
        return;
    }
    Stuck& stuck = stuck_[record.hdr.cgroup_id];
    if (stuck.since_ns == 0)
        stuck = {.since_ns = last.hdr.ts_ns, .begin = last};
    const std::uint64_t lasted_ns = elapsed(stuck.since_ns, now_ns);
    if (lasted_ns < kLivelockNs)
        return;
    const std::uint64_t stalled_ns = record.stalled_ns - std::min(record.stalled_ns, stuck.begin.stalled_ns);
    if (stalled_ns >= lasted_ns / 100 * kStalledPercent) {
        Entity& domain = *resolve(&names.of(Controller::Memory, record.hdr.cgroup_id));
        Episode* const open = open_shortage(domain, now_ns, {Kind::Livelock});
        Episode& episode =
            open != nullptr ? *open : shortage(Kind::Livelock, stuck.since_ns, domain, record.hdr.cgroup_id);
        episode.value.limit_bytes = record.limit_bytes;
        episode.value.usage_bytes = record.usage_bytes;
        episode.value.times += record.max - stuck.begin.max;
        episode.value.stalled_ns += stalled_ns;
        episode.value.until_ns = episode.last_ns = now_ns;
    }
    stuck = {.since_ns = now_ns, .begin = record};
}

// By an episode in that place since then. Without decisions an episode is where its victims are.
bool OomAssembler::accounted(const Growth& growth, bool kills)
{
    const auto related = [&](Entity* domain) {
        return maybe_inside(domain, growth.cgroup) || maybe_inside(growth.cgroup, domain);
    };
    const auto by = [&](const Episode& episode) { return related(episode.domain); };
    // Counted up to a reading before the one that showed it. Who has counted that memory was out and waited for
    // oom_lock may find that a kill has made room: on a busy machine in a storm of kills that is seen late.
    const std::uint64_t before_ns = kills ? kReadingsNs + kAccountedNs : kRoomByKillNs;
    const auto by_past = [&](const Past& past) {
        return elapsed(past.gone_ns, growth.at_ns) <= before_ns && related(past.domain);
    };
    return std::ranges::any_of(episodes_, by) || std::ranges::any_of(past_, by_past) ||
           (!kills && (std::ranges::any_of(shortages_, by) || std::ranges::any_of(told_shortages_, by_past)));
}

// What nothing has accounted for is an episode of its own.
void OomAssembler::account(std::uint64_t now_ns)
{
    const bool kills_go_on =
        !episodes_.empty() || (!past_.empty() && elapsed(past_.back().gone_ns, now_ns) < kAccountedNs);
    std::erase_if(growths_, [&](const Growth& growth) {
        const bool kills = growth.kills > 0;
        Entity& cgroup = *resolve(growth.cgroup);
        const std::uint64_t latest_ns = growth.record.hdr.ts_ns;
        if (accounted(growth, kills)) {
            Episode* const open = open_shortage(cgroup, latest_ns, {Kind::NobodyKillable, Kind::NotKilled});
            if (open != nullptr && !kills)
                open->counted += growth.oom;
            return true;
        }
        const std::uint64_t age_ns = elapsed(growth.at_ns, now_ns);
        if (now_ns != kUnknown && age_ns < (kills_go_on ? kAccountedAtLastNs : kAccountedNs))
            return false;
        const Kind kind = kills ? Kind::UnseenKill : Kind::NotKilled;
        Episode* episode = open_shortage(cgroup, latest_ns, {kind});
        if (episode == nullptr) {
            episode = &shortage(kind, growth.at_ns, cgroup, growth.id);
            episode->value.limit_bytes = growth.record.limit_bytes;
            episode->value.usage_bytes = growth.record.usage_bytes;
        }
        episode->counted += kills ? growth.kills : growth.oom;
        episode->value.until_ns = episode->last_ns = latest_ns;
        return true;
    });
}

void OomAssembler::apply(const Report& report, Episode& episode)
{
    OomEpisode& value = episode.value;
    const fb_oom_report& record = report.record;
    const OomMemory memory = memory_of(record);
    if (!value.decision_seen) {
        value.trigger_comm = field_text(record.trigger_comm);
        value.asked_pages = record.order < 32 ? std::uint64_t{1} << record.order : 0;
        value.limit_bytes = record.limit_bytes;
        value.usage_bytes = memory.usage_bytes.value_or(0);
        value.swap_bytes = memory.swap_bytes.value_or(0);
        value.global = (record.flags & FB_OR_GLOBAL) != 0;
        if (report.domain != nullptr) {
            episode.domain = report.domain;
            value.domain_id = report.domain_id;
        }
    }
    value.logged = report.domain != nullptr || value.global;
    value.before = memory;
    for (const OomMember& logged : report.members) {
        const auto known = std::ranges::find(value.members, logged.tgid, &OomMember::tgid);
        if (known == value.members.end()) {
            value.members.push_back(logged);
            episode.member_cgroups.push_back(nullptr);
            continue;
        }
        known->logged = true;
        for (auto part :
             {&OomMember::anon_bytes, &OomMember::file_bytes, &OomMember::shmem_bytes, &OomMember::swap_bytes}) {
            if (!((*known).*part))
                (*known).*part = logged.*part;
        }
    }
}

// The log names who was chosen; where nobody was, the place.
void OomAssembler::find_report(Episode& episode)
{
    const OomEpisode& value = episode.value;
    const auto about = [&](const Report& report) {
        if (report.record.flags & FB_OR_NOBODY)
            return false;
        const std::uint32_t tid = report.record.victim_tid;
        return tid == value.victim_tgid ||
               std::ranges::any_of(value.victims, [&](const OomVictim& v) { return v.tid == tid || v.tgid == tid; });
    };
    const auto found = std::ranges::find_if(reports_, about);
    if (found == reports_.end())
        return;
    apply(*found, episode);
    reports_.erase(found);
}

void OomAssembler::on_report(Names& names, const fb_oom_report& record)
{
    std::vector<OomMember> members = std::exchange(logged_, {});
    if (record.flags & FB_OR_AFTER)
        return;  // for who judges
    Entity* const domain = (record.flags & FB_OR_GLOBAL) ? nullptr : names.find(field_text(record.path));
    const Report report{.record = record,
                        .domain = domain,
                        .domain_id = domain == nullptr ? 0 : names.id_of(Controller::Memory, *domain),
                        .members = std::move(members)};
    if (!(record.flags & FB_OR_NOBODY)) {
        reports_.push_back(report);
        return;
    }
    if (domain == nullptr || (report.members.empty() && looked_again(*resolve(domain), std::nullopt)))
        return;
    Episode* episode = open_shortage(*domain, record.hdr.ts_ns, {Kind::NobodyKillable, Kind::NotKilled});
    if (episode == nullptr)
        episode = &shortage(Kind::NobodyKillable, record.hdr.ts_ns, *domain, report.domain_id);
    episode->value.kind = Kind::NobodyKillable;
    if (!episode->value.logged)
        apply(report, *episode);
    episode->value.until_ns = episode->last_ns = std::max<std::uint64_t>(episode->last_ns, record.hdr.ts_ns);
}

bool OomAssembler::shortage_complete(const Episode& episode, std::uint64_t now_ns)
{
    const std::uint64_t patience = episode.value.follows_ns ? kShortageAgainNs : kShortageFirstNs;
    return elapsed(episode.last_ns, now_ns) >= quiet_ns(episode.value.kind) ||
           elapsed(episode.value.ts_ns, now_ns) >= patience;
}

void OomAssembler::take_shortages(std::uint64_t now_ns, std::optional<std::uint64_t> told_ns,
                                  std::vector<OomEpisode>& into)
{
    std::erase_if(shortages_, [&](Episode& episode) {
        if (told_ns ? episode.value.ts_ns != *told_ns : !shortage_complete(episode, now_ns))
            return false;
        put_names(episode.value, episode);
        // Events are coalesced and the log's are bounded, the count is a second old: each may lack some.
        episode.value.times = std::max(episode.value.times, episode.counted);
        told_shortages_.push_back({episode.value.ts_ns, episode.last_ns, episode.domain});
        into.push_back(std::move(episode.value));
        return true;
    });
}

}  // namespace flyball::profile
