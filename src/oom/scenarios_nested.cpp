// SPDX-License-Identifier: Apache-2.0
#include "jobs.hpp"
#include "scenario_list.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

namespace flyball::oom {
namespace {

// parent/            memory.max or not, its policy
//   parent/noisy     the hog and a sitter; memory.max or not, its policy
//   parent/quiet     a sitter
struct Family {
    std::string parent, noisy, quiet;
    std::vector<Process*> in_noisy, in_quiet;
};

struct Where {
    bool limit_above;  // the limit is the parent's; else noisy's
    bool group_above, group_below;
};

Family settle_in(Trial& trial, const Where& where)
{
    Family family;
    const auto limit = [&](bool here) { return here ? std::optional(trial.limit()) : std::nullopt; };
    family.parent = trial.cgroup("", "parent", limit(where.limit_above), where.group_above);
    family.noisy = trial.cgroup(family.parent, "noisy", limit(!where.limit_above), where.group_below);
    family.quiet = trial.cgroup(family.parent, "quiet", std::nullopt, false);
    family.in_noisy = start_crowd(trial, family.noisy, 1);
    family.in_quiet.push_back(&trial.start(family.quiet, sitter(trial)));
    return family;
}

using Expect = void (*)(Trial&, const Judged&, const Family&);

void nested(Trial& trial, const Where& where, Expect expect)
{
    const Family family = settle_in(trial, where);
    run_over(trial, *family.in_noisy.front());
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return;
    const std::string& domain = where.limit_above ? family.parent : family.noisy;
    if (judged->episode.decision_seen)
        trial.expect("limit", judged->episode.domain == domain, "memory.max of " + judged->episode.domain);
    expect(trial, *judged, family);
}

}  // namespace

void nested_inner(Trial& trial)
{
    nested(trial, {.limit_above = true, .group_above = false, .group_below = true},
           [](Trial& t, const Judged& judged, const Family& family) {
               t.expect_kill(judged, family.in_noisy, family.noisy);
               t.expect_ended(family.in_noisy);
               t.expect_alive(family.in_quiet);
           });
}

void nested_outer(Trial& trial)
{
    nested(trial, {.limit_above = true, .group_above = true, .group_below = false},
           [](Trial& t, const Judged& judged, const Family& family) {
               std::vector<Process*> all = family.in_noisy;
               all.insert(all.end(), family.in_quiet.begin(), family.in_quiet.end());
               t.expect_kill(judged, all, family.parent);
               t.expect_ended(all);
           });
}

void nested_above(Trial& trial)
{
    nested(trial, {.limit_above = false, .group_above = true, .group_below = false},
           [](Trial& t, const Judged& judged, const Family& family) {
               t.expect_kill(judged, {family.in_noisy.front()}, "");
               t.expect_ended({family.in_noisy.front()});
               t.expect_alive({family.in_noisy.back(), family.in_quiet.front()});
           });
}

namespace {

// service/          memory.max, its policy; a sitter
//   service/inner   no memory controller: a unit that delegates, a container in a container. The hog, a sitter
void without_controller(Trial& trial, bool group)
{
    const std::string service = trial.cgroup("", "service", trial.limit(), group);
    const std::string inner = must(trial.ground().add_plain(service, "inner"));
    auto crowd = start_crowd(trial, inner, 1);
    crowd.push_back(&trial.start(service, sitter(trial)));
    run_over(trial, *crowd.front());
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return;
    const std::vector<Process*> hog_only{crowd.front()}, sitters(crowd.begin() + 1, crowd.end());
    trial.expect_kill(*judged, group ? crowd : hog_only, group ? service : "");
    trial.expect_ended(group ? crowd : hog_only);
    if (!group)
        trial.expect_alive(sitters);
    for (const profile::OomVictim& victim : judged->episode.victims)
        trial.expect("memcg", victim.cgroup == service, fmt::format("{} charged {}", victim.tgid, victim.cgroup));
}

}  // namespace

void no_controller(Trial& trial)
{
    without_controller(trial, false);
}

void no_controller_group(Trial& trial)
{
    without_controller(trial, true);
}

}  // namespace flyball::oom
