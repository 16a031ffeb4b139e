// SPDX-License-Identifier: Apache-2.0
#include "flyball/report/model.hpp"

#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/subtree.hpp"
#include "model_parts.hpp"

#include <algorithm>
#include <tuple>

namespace flyball::report {
namespace {

using profile::CgroupProfile;
using profile::CounterWindow;
using profile::Life;
using profile::Snapshot;

bool is_idle(const CgroupReport& cgroup)
{
    const auto counted = [](const CountStats& c) { return c.count != 0 || c.sum != 0 || c.max != 0; };
    return cgroup.metrics.empty() && std::ranges::none_of(cgroup.counts, counted) &&
           cgroup.throttling.held_by.empty() && cgroup.time.oom_kills.value_or(0) == 0;
}

// Time lost first; then OOM kills, time on the CPU and the path, so that the order is total.
void sort_worst_first(std::vector<CgroupReport>& cgroups)
{
    const auto key = [](const CgroupReport& c) {
        return std::tuple(c.time.lost_ns, c.time.oom_kills.value_or(0), c.time.on_cpu_ns.value_or(0));
    };
    std::ranges::sort(cgroups, [&](const CgroupReport& a, const CgroupReport& b) {
        return key(a) != key(b) ? key(a) > key(b) : a.path < b.path;
    });
}

void add_cgroups(ReportModel& model, const Snapshot& snapshot, const Options& options)
{
    std::map<std::string_view, const CounterWindow*> windows;
    for (const CounterWindow& window : snapshot.counters)
        windows[window.path] = &window;
    for (const CgroupProfile& profile : snapshot.cgroups) {
        if (!profile::filter_selects(options.cgroups, profile.path))
            continue;
        const auto window = windows.find(profile.path);
        CgroupReport report = build_cgroup(snapshot, profile, window == windows.end() ? nullptr : window->second);
        if (is_idle(report)) {
            ++model.idle;
        } else {
            model.cgroups.push_back(std::move(report));
        }
    }
    sort_worst_first(model.cgroups);
    // -c asks for these: they are all wanted.
    const bool every = options.all || !options.cgroups.empty();
    model.in_full = every ? model.cgroups.size() : std::min(options.top, model.cgroups.size());
}

OomReport oom_report(const profile::OomEpisode& episode, std::uint64_t start_ns)
{
    OomReport report{.episode = episode, .freed_bytes = {}};
    report.after_start_ns = episode.ts_ns > start_ns ? episode.ts_ns - start_ns : 0;
    const profile::OomVictim* last = nullptr;
    for (const profile::OomVictim& victim : episode.victims) {
        if (victim.exit_ns && (last == nullptr || *victim.exit_ns >= *last->exit_ns))
            last = &victim;
    }
    if (!episode.decision_seen || last == nullptr || last->cgroup != episode.domain)
        return report;
    const Maybe left = last->usage_after_bytes;
    if (left)
        report.freed_bytes = episode.usage_bytes > *left ? episode.usage_bytes - *left : 0;
    return report;
}

bool concerns(const profile::OomEpisode& episode, std::span<const std::string> patterns)
{
    const auto selected = [&](const std::string& path) { return profile::filter_selects(patterns, path); };
    return selected(episode.domain) ||
           std::ranges::any_of(episode.victims, selected, [](const profile::OomVictim& v) { return v.cgroup; });
}

Lifecycle lifecycle(const Snapshot& snapshot, const Options& options)
{
    Lifecycle life;
    for (const CgroupProfile& profile : snapshot.cgroups) {
        if (!profile::filter_selects(options.cgroups, profile.path))
            continue;
        ++life.seen;
        const bool both = profile.life == Life::CreatedAndRemoved;
        // As events: a path that is made again and again is not one cgroup.
        if (both || profile.life == Life::Created || profile.times_created > 0)
            life.created += std::max(profile.times_created, 1U);
        if (both || profile.life == Life::Removed || profile.times_removed > 0)
            life.removed += std::max(profile.times_removed, 1U);
        if (!both)
            continue;
        ++life.short_lived_total;
        if (options.all || life.short_lived.size() < options.short_lived)
            life.short_lived.push_back(profile.path);
    }
    return life;
}

void add(ProgramTotals& to, const profile::ProgramLoss& from)
{
    ++to.cpus;
    to.attempted += from.attempted;
    to.delivered += from.delivered;
    to.folded += from.folded;
    to.dropped += from.dropped;
    to.untracked += from.untracked;
    to.balances = to.balances && from.balances();
}

void add_losses(ReportModel& model)
{
    std::map<std::uint32_t, ProgramTotals> programs;
    for (const profile::ProgramLoss& loss : model.loss.programs) {
        programs[loss.prog].prog = loss.prog;
        add(programs[loss.prog], loss);
        add(model.loss_total, loss);
    }
    for (const auto& [prog, totals] : programs)
        model.loss_programs.push_back(totals);
}

void add_audit(ReportModel& model, std::span<const audit::AuditRow> rows, const Options& options)
{
    for (const audit::AuditRow& row : rows) {
        const bool whole = row.scope == audit::Scope::Recording;
        if (whole || profile::filter_selects(options.cgroups, row.cgroup))
            model.audit.push_back(row);
    }
    model.audit_summary = audit::summarize(model.audit);
    model.all_audit_rows = options.all;
}

}  // namespace

ReportModel build(const Snapshot& snapshot, std::span<const audit::AuditRow> audit, const Options& options)
{
    ReportModel model;
    model.meta = snapshot.meta;
    if (snapshot.meta.end_ns > snapshot.meta.start_ns)
        model.window_ns = snapshot.meta.end_ns - snapshot.meta.start_ns;
    add_cgroups(model, snapshot, options);
    for (const profile::OomEpisode& episode : snapshot.ooms) {
        if (concerns(episode, options.cgroups))
            model.ooms.push_back(oom_report(episode, snapshot.meta.start_ns));
    }
    model.sigkills_not_oom = snapshot.sigkills_not_oom;
    model.life = lifecycle(snapshot, options);
    model.loss = snapshot.loss;
    add_losses(model);
    add_audit(model, audit, options);
    model.incomplete = snapshot.incomplete;
    model.warnings = build_warnings(model, snapshot);
    return model;
}

}  // namespace flyball::report
