// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"
#include "flyball/audit/coverage.hpp"
#include "flyball/audit/metrics.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <map>
#include <utility>

namespace flyball::compare {
namespace {

using profile::CgroupProfile;
using profile::Snapshot;

// What was seen was measured, whatever the coverage says; nothing seen counts only where it says so.
class Measured {
public:
    explicit Measured(const Snapshot& snapshot)
    {
        for (const audit::Metric& metric : audit::metrics()) {
            const audit::Covered covered = audit::covered(snapshot.meta, audit::coverage_name(metric));
            available_[metric.id] = covered.available && !covered.polled;
        }
        oom_ = audit::covered(snapshot.meta, "oom.victims").available;
    }

    [[nodiscard]] Maybe sum(const CgroupProfile& profile, std::initializer_list<fb_metric> ids) const
    {
        Maybe sum;
        for (const fb_metric id : ids) {
            if (!profile.of(id).empty() || available_.at(id))
                sum = sum.value_or(0) + profile.of(id).sum64();
        }
        return sum;
    }
    [[nodiscard]] Maybe count(const CgroupProfile& profile, fb_metric id) const
    {
        const profile::Count& count = profile.count_of(id);
        return count != profile::Count{} || available_.at(id) ? Maybe(count.count) : std::nullopt;
    }
    [[nodiscard]] bool oom() const { return oom_; }

private:
    std::map<fb_metric, bool> available_;
    bool oom_ = false;
};

Figures figures_of(const CgroupProfile& profile, const Measured& measured)
{
    Figures figures{.path = profile.path};
    figures.on_cpu_ns = measured.sum(profile, {FB_M_CPU_SLICE});
    figures.wait_ns = measured.sum(profile, {FB_M_CPU_WAIT});
    figures.held_ns = measured.sum(profile, {FB_M_CPU_THROTTLED_WAIT});
    // mem.charge_stall is left out: the same reclaim, seen from the charge.
    figures.mem_stall_ns =
        measured.sum(profile, {FB_M_MEM_HIGH, FB_M_MEM_RECLAIM, FB_M_MEM_REFAULT, FB_M_MEM_GLOBAL_RECLAIM});
    for (const audit::Metric& metric : audit::histogram_metrics()) {
        if (!profile.of(metric.id).empty())
            figures.histograms[std::string(metric.name)] = profile.of(metric.id);
    }
    for (const audit::Metric& metric : audit::count_metrics()) {
        // The peak is no count: nothing that is averaged over time.
        if (metric.id != FB_M_PIDS_PEAK)
            figures.counts[std::string(metric.name)] = measured.count(profile, metric.id);
    }
    return figures;
}

std::map<std::string, std::uint64_t> kills_by_cgroup(const Snapshot& snapshot)
{
    std::map<std::string, std::uint64_t> kills;
    for (const profile::OomEpisode& episode : snapshot.ooms) {
        for (const profile::OomVictim& victim : episode.victims)
            kills[victim.cgroup] += victim.marked_ns ? 1 : 0;
    }
    return kills;
}

void add_doubts(Run& run, const Snapshot& snapshot)
{
    std::uint64_t dropped = 0;
    for (const profile::ProgramLoss& loss : snapshot.loss.programs)
        dropped += loss.dropped;
    if (dropped > 0)
        run.doubts.push_back(fmt::format("{} events were lost", dropped));
    if (snapshot.incomplete)
        run.doubts.push_back(fmt::format("incomplete: {}", snapshot.incomplete_why));
}

}  // namespace

Run run_of(const Snapshot& snapshot, std::string source)
{
    Run run{.source = std::move(source)};
    const profile::Meta& meta = snapshot.meta;
    const std::uint64_t window_ns = meta.end_ns > meta.start_ns ? meta.end_ns - meta.start_ns : 0;
    run.window_ns = window_ns;
    run.start_wall_ns = meta.start_wall_ns;
    run.host = meta.host;
    run.kernel = meta.kernel;
    run.command_cgroup = meta.command_cgroup;
    run.cpus = meta.cpus;
    const Measured measured(snapshot);
    const std::map<std::string, std::uint64_t> kills = kills_by_cgroup(snapshot);
    for (const CgroupProfile& profile : snapshot.cgroups) {
        Figures figures = figures_of(profile, measured);
        const auto killed = kills.find(profile.path);
        if (killed != kills.end() && killed->second > 0)
            figures.oom_kills = killed->second;
        else if (measured.oom())
            figures.oom_kills = 0;
        if (!is_idle(figures))
            add_figures(run, figures, window_ns);
    }
    add_doubts(run, snapshot);
    return run;
}

}  // namespace flyball::compare
