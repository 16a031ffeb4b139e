// SPDX-License-Identifier: Apache-2.0
#include "flyball/oom/verdict.hpp"

#include "contains.hpp"
#include "flyball/base/units.hpp"
#include "flyball/oom/headline.hpp"
#include "members.hpp"
#include "policy.hpp"
#include "why.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::oom {
namespace {

using profile::OomEpisode;
using profile::OomMember;
using profile::OomSharer;
using profile::OomVictim;

std::string plural(std::size_t n, std::string_view one, std::string_view many)
{
    return fmt::format("{} {}", n, n == 1 ? one : many);
}

std::string processes(std::size_t n)
{
    return plural(n, "process", "processes");
}

// "7 (hog), 8 (hog) and 3 more"
template <class List, class Each>
std::string some(const List& list, Each each)
{
    constexpr std::size_t kNamed = 3;
    std::string text;
    std::size_t n = 0;
    for (const auto& entry : list) {
        if (n++ < kNamed)
            text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", each(entry).first, each(entry).second);
    }
    if (n > kNamed)
        text += fmt::format(" and {} more", n - kNamed);
    return text;
}

auto who(const OomVictim& victim)
{
    return std::pair(victim.tgid, victim.comm);
}
auto who_survived(const Survivor& survivor)
{
    return std::pair(survivor.tgid, survivor.comm);
}

// What one episode is judged by.
class Judge {
public:
    Judge(const OomEpisode& episode, const Evidence& evidence)
        : episode_(episode),
          evidence_(evidence),
          policy_(policy_of(episode, evidence)),
          // Where decisions are seen, a mark without one is of a task that was exiting and may use the reserves.
          dying_anyway_(evidence.sees_decision && !episode.decision_seen),
          // oom_kill_process() asks for no policy and kills nobody when task_will_free_mem(chosen): it marks that one.
          no_kill_(evidence.sees_policy && episode.decision_seen && !episode.group_policy &&
                   std::ranges::none_of(episode.victims, [](const OomVictim& v) { return v.sigkill_ns.has_value(); }))
    {
    }

    Verdict run()
    {
        verdict_.why = why(episode_);
        if (episode_.kind != OomEpisode::Kind::Kill)
            return shortage();
        check_policy();
        check_victims();
        check_outsiders();
        check_exits();
        check_survivors();
        check_counters();
        check_loss();
        for (const Check& check : verdict_.checks)
            worst_ = worse(worst_, check.outcome);
        // What is missing may be what looks wrong.
        if (worst_ == Outcome::Fail && !evidence_.losses.empty())
            worst_ = Outcome::Inconclusive;
        verdict_.outcome = worst_;
        verdict_.summary = summary();
        return std::move(verdict_);
    }

private:
    void add(std::string name, Outcome outcome, std::string detail)
    {
        verdict_.checks.push_back({std::move(name), outcome, std::move(detail)});
    }
    void unknown(std::string what) { verdict_.unknown.push_back(std::move(what)); }

    // Nobody was killed, or nobody saw it.
    Verdict shortage()
    {
        using enum OomEpisode::Kind;
        verdict_.outcome =
            episode_.kind == NobodyKillable && evidence_.losses.empty() ? Outcome::Fail : Outcome::Inconclusive;
        const std::string detail = shortage_words(episode_);
        add(episode_.kind == UnseenKill ? "counters"
            : episode_.kind == Livelock ? "progress"
                                        : "killable",
            verdict_.outcome, detail);
        check_loss();
        verdict_.summary = headline(episode_);
        return std::move(verdict_);
    }

    void check_policy()
    {
        if (no_kill_) {
            const auto chosen = std::ranges::find(episode_.members, episode_.victim_tgid, &OomMember::tgid);
            const bool marked = episode_.victims.size() == 1 && episode_.victims[0].tgid == episode_.victim_tgid;
            const bool went = marked || (chosen != episode_.members.end() &&
                                         (chosen->exit_ns || (chosen->flags & (FB_OM_EXITING | FB_OM_VICTIM))));
            return add(
                "policy", went ? Outcome::Pass : Outcome::Inconclusive,
                fmt::format("not asked: {} ({}) was chosen, {}", episode_.victim_tgid, episode_.victim_comm,
                            went ? "and was dying already" : "not killed, and it is not known what became of it"));
        }
        if (episode_.logged && !episode_.decision_seen)
            unknown("who was chosen and why: the kernel's decision cannot be hooked here, its log tells which limit "
                    "was hit");
        else if (!episode_.decision_seen && !dying_anyway_)
            unknown("which limit was hit, what was asked for, what was chosen and why: the kernel's decision cannot be "
                    "hooked here");
        if (dying_anyway_)
            return add("policy", Outcome::Pass, "no decision: a task that was exiting anyway was given the reserves");
        if (!policy_.group)
            return add("policy", Outcome::Inconclusive, "what memory.oom.group said is not known");
        if (policy_.read_afterwards)
            unknown("memory.oom.group was read after the kill: it may have been changed");
        if (!evidence_.policy_exists)
            return add("policy", Outcome::Pass, "off: cgroup v1 has no memory.oom.group");
        add("policy", Outcome::Pass,
            *policy_.group ? fmt::format("on: memory.oom.group of {}", policy_.cgroup) : "off: memory.oom.group is 0");
    }

    void check_victims()
    {
        const auto& victims = episode_.victims;
        if (no_kill_)
            return;
        if (victims.empty())
            return add("victims", Outcome::Inconclusive,
                       "a decision, and nobody was marked: the chosen one was gone before");
        if (dying_anyway_ || !policy_.group)
            return;
        if (*policy_.group) {
            if (!evidence_.sees_members)
                unknown("who was in the group at that instant: its members cannot be hooked here");
            return add("victims", Outcome::Pass, fmt::format("{} of the group marked", processes(victims.size())));
        }
        if (victims.size() > 1)
            return add(
                "victims", Outcome::Fail,
                fmt::format("{} marked where one was to die: {}", processes(victims.size()), some(victims, who)));
        if (episode_.victim_tgid != 0 && victims[0].tgid != episode_.victim_tgid)
            return add("victims", Outcome::Fail,
                       fmt::format("chosen was {} ({}), marked was {} ({})", episode_.victim_tgid, episode_.victim_comm,
                                   victims[0].tgid, victims[0].comm));
        std::string detail = fmt::format("the chosen process alone: {} ({})", victims[0].tgid, victims[0].comm);
        if (!episode_.sharers.empty())
            detail += fmt::format(", with {} that share its memory", processes(episode_.sharers.size()));
        add("victims", Outcome::Pass, detail);
    }

    // Nobody outside of the scope: of the group, or else of the limit that was hit.
    void check_outsiders()
    {
        if (episode_.victims.empty() || dying_anyway_ || no_kill_)
            return;
        const bool group = policy_.group.value_or(false);
        if (!group && (!episode_.limit_known() || episode_.global))
            return;
        const std::string& scope = group ? policy_.cgroup : episode_.domain;
        std::vector<OomVictim> outside;
        for (const OomVictim& victim : episode_.victims) {
            const auto is_inside = inside(victim.cgroup, scope);
            if (!is_inside)
                return add("outsiders", Outcome::Inconclusive,
                           fmt::format("the cgroup of {} ({}) has no name", victim.tgid, victim.comm));
            if (!*is_inside)
                outside.push_back(victim);
        }
        if (outside.empty())
            return add("outsiders", Outcome::Pass, fmt::format("nobody outside of {}", scope));
        add("outsiders", Outcome::Fail, fmt::format("killed outside of {}: {}", scope, some(outside, who)));
    }

    void check_exits()
    {
        std::vector<OomVictim> there, unsignalled;
        for (const OomVictim& victim : episode_.victims) {
            if (!victim.exit_ns)
                there.push_back(victim);
            else if (!victim.sigkill_ns && !dying_anyway_ && !no_kill_ && !was_exiting(victim))
                unsignalled.push_back(victim);
        }
        if (!there.empty())
            return add("exits", Outcome::Fail, fmt::format("marked and did not exit: {}", some(there, who)));
        for (const OomSharer& sharer : episode_.sharers) {
            if (!sharer.exit_ns && contains(evidence_.living, sharer.tgid, &Living::tgid))
                return add("exits", Outcome::Fail,
                           fmt::format("shares the victim's memory, got SIGKILL and did not exit: {} ({})", sharer.tgid,
                                       sharer.comm));
        }
        if (!unsignalled.empty())
            return add("exits", Outcome::Inconclusive,
                       fmt::format("no SIGKILL was seen for {}", some(unsignalled, who)));
        if (!episode_.victims.empty())
            add("exits", Outcome::Pass, fmt::format("{} exited", processes(episode_.victims.size())));
        if (!evidence_.sees_freed && !episode_.victims.empty())
            unknown("when memory was given back: exit_oom_victim() cannot be hooked here");
    }

    // oom_kill_process() marks a chosen one that is exiting already, and leaves it at that.
    [[nodiscard]] bool was_exiting(const OomVictim& victim) const
    {
        const auto member = std::ranges::find(episode_.members, victim.tgid, &OomMember::tgid);
        return member != episode_.members.end() && (member->flags & (FB_OM_EXITING | FB_OM_NO_MM));
    }

    void check_survivors()
    {
        if (dying_anyway_ || no_kill_)
            return;
        verdict_.survivors = survivors_of(episode_, policy_, evidence_);
        if (!policy_.group.value_or(false))
            return;
        std::vector<Survivor> unexplained;
        std::ranges::copy_if(verdict_.survivors, std::back_inserter(unexplained),
                             [](const Survivor& s) { return s.reason == Reason::Unexplained; });
        if (!evidence_.looked_for_living)
            unknown("who was left in the group afterwards: it was not looked at");
        if (!unexplained.empty())
            return add("survivors", Outcome::Fail,
                       fmt::format("in the group, and not killed: {}", some(unexplained, who_survived)));
        if (!evidence_.sees_members && !evidence_.looked_for_living)
            return add("survivors", Outcome::Inconclusive, "neither the members nor who was left are known");
        add("survivors", Outcome::Pass,
            verdict_.survivors.empty() ? "nobody of the group"
                                       : fmt::format("{}, each with its reason", processes(verdict_.survivors.size())));
    }

    void check_counters()
    {
        std::size_t compared = 0;
        for (const CounterCheck& counter : evidence_.counters) {
            if (!counter.kernel) {
                unknown(fmt::format("{} of {}: {} could not be read", counter.field, counter.cgroup, counter.file));
                continue;
            }
            ++compared;
            if (*counter.kernel >= counter.least && *counter.kernel <= counter.most)
                continue;
            const std::string ours = counter.least == counter.most
                                         ? fmt::format("{}", counter.least)
                                         : fmt::format("{} to {}", counter.least, counter.most);
            add("counters", Outcome::Inconclusive,
                fmt::format("{} of {}: {} says {}, the events account for {}", counter.field, counter.cgroup,
                            counter.file, *counter.kernel, ours));
        }
        if (compared > 0 && !contains(verdict_.checks, "counters", &Check::name))
            add("counters", Outcome::Pass,
                fmt::format("{} of the kernel agree", plural(compared, "counter", "counters")));
        if (compared == 0)
            unknown("the kernel's own counters: none could be compared");
    }

    void check_loss()
    {
        for (const std::string& loss : evidence_.losses)
            add("loss", Outcome::Inconclusive, loss);
        if (evidence_.losses.empty())
            add("loss", Outcome::Pass, "no record was lost");
    }

    [[nodiscard]] std::string summary() const
    {
        std::string text = place(episode_) + ": ";
        const auto& victims = episode_.victims;
        if (victims.empty() || no_kill_)
            text += fmt::format("nobody was killed{}", no_kill_ && worst_ == Outcome::Pass
                                                           ? fmt::format(", {} ({}) was dying already",
                                                                         episode_.victim_tgid, episode_.victim_comm)
                                                           : "");
        else if (policy_.group.value_or(false))
            text += fmt::format("group kill of {} by memory.oom.group of {}", victims.size(), policy_.cgroup);
        else if (victims.size() == 1)
            text += fmt::format("{} ({}) {}", victims[0].tgid, victims[0].comm,
                                dying_anyway_ ? "was exiting, and was given the reserves" : "killed");
        else
            text += fmt::format("{} killed", processes(victims.size()));
        const auto bad = std::ranges::find(verdict_.checks, worst_, &Check::outcome);
        if (worst_ != Outcome::Pass && bad != verdict_.checks.end())
            text += "; " + bad->detail;
        return text;
    }

    const OomEpisode& episode_;
    const Evidence& evidence_;
    Policy policy_;
    bool dying_anyway_, no_kill_;
    Verdict verdict_;
    Outcome worst_ = Outcome::Pass;
};

}  // namespace

Verdict judge(const profile::OomEpisode& episode, const Evidence& evidence)
{
    return Judge(episode, evidence).run();
}

}  // namespace flyball::oom
