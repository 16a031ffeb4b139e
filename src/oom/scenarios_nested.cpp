// SPDX-License-Identifier: Apache-2.0
#include "jobs.hpp"
#include "scenario_list.hpp"

#include <fmt/format.h>

#include <utility>

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

Result<Family> settle_in(Trial& trial, const Where& where)
{
    Family family;
    const auto limit = [&](bool here) { return here ? std::optional(trial.limit()) : std::nullopt; };
    auto parent = trial.cgroup("", "parent", limit(where.limit_above), where.group_above);
    if (!parent)
        return std::unexpected(std::move(parent.error()));
    family.parent = *parent;
    auto noisy = trial.cgroup(*parent, "noisy", limit(!where.limit_above), where.group_below);
    auto quiet = trial.cgroup(*parent, "quiet", std::nullopt, false);
    if (!noisy || !quiet)
        return std::unexpected(std::move(noisy ? quiet.error() : noisy.error()));
    family.noisy = *noisy;
    family.quiet = *quiet;
    auto crowd = start_crowd(trial, *noisy, 1);
    if (!crowd)
        return std::unexpected(std::move(crowd.error()));
    family.in_noisy = std::move(*crowd);
    auto sitting = trial.start(*quiet, sitter(trial));
    if (!sitting)
        return std::unexpected(std::move(sitting.error()));
    family.in_quiet.push_back(*sitting);
    return family;
}

using Expect = void (*)(Trial&, const Judged&, const Family&);

Result<> nested(Trial& trial, const Where& where, Expect expect)
{
    auto ground = trial.begin(true);
    if (!ground || !*ground)
        return ground ? Result<>{} : std::unexpected(std::move(ground.error()));
    auto family = settle_in(trial, where);
    if (!family)
        return std::unexpected(std::move(family.error()));
    if (auto over = run_over(trial, *family->in_noisy.front()); !over)
        return std::unexpected(std::move(over.error()));
    const Judged* const judged = the_kill(trial);
    if (judged == nullptr)
        return {};
    const std::string& domain = where.limit_above ? family->parent : family->noisy;
    if (judged->episode.decision_seen)
        trial.expect("limit", judged->episode.domain == domain, "memory.max of " + judged->episode.domain);
    expect(trial, *judged, *family);
    return {};
}

}  // namespace

Result<> nested_inner(Trial& trial)
{
    return nested(trial, {.limit_above = true, .group_above = false, .group_below = true},
                  [](Trial& t, const Judged& judged, const Family& family) {
                      t.expect_kill(judged, family.in_noisy, family.noisy);
                      t.expect_ended(family.in_noisy);
                      t.expect_alive(family.in_quiet);
                  });
}

Result<> nested_outer(Trial& trial)
{
    return nested(trial, {.limit_above = true, .group_above = true, .group_below = false},
                  [](Trial& t, const Judged& judged, const Family& family) {
                      std::vector<Process*> all = family.in_noisy;
                      all.insert(all.end(), family.in_quiet.begin(), family.in_quiet.end());
                      t.expect_kill(judged, all, family.parent);
                      t.expect_ended(all);
                  });
}

Result<> nested_above(Trial& trial)
{
    return nested(trial, {.limit_above = false, .group_above = true, .group_below = false},
                  [](Trial& t, const Judged& judged, const Family& family) {
                      t.expect_kill(judged, {family.in_noisy.front()}, "");
                      t.expect_ended({family.in_noisy.front()});
                      t.expect_alive({family.in_noisy.back(), family.in_quiet.front()});
                  });
}

}  // namespace flyball::oom
