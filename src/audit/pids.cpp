// SPDX-License-Identifier: Apache-2.0
// PIDs: refused forks against pids.events, the peak against pids.peak.
#include "checks.hpp"
#include "flyball/profile/subtree.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::audit {
namespace {

Reading max_events(const CounterWindow* window)
{
    return growth(window, [](const KernelCounters& c) { return c.pids_max_events; }, "pids.events", false);
}

// Did an ancestor's pids.max refuse at least N forks, by its own count?
const CounterWindow* refusing_ancestor(const Subject& subject, std::uint64_t n)
{
    for (const CounterWindow& window : subject.snapshot->counters) {
        if (window.path == subject.path || !profile::in_subtree(subject.path, window.path))
            continue;
        if (max_events(&window).value.value_or(0) >= n)
            return &window;
    }
    return nullptr;
}

// pids.events `max` belongs to the cgroup of the task that forked until 6.10, and to the cgroup whose
// limit refused and its ancestors from 6.11. Either reading may be the right one here.
AuditRow refused(const Subject& subject)
{
    const std::uint64_t own = subject.profile ? subject.profile->count_of(FB_M_FORKS_REFUSED).count : 0;
    const std::uint64_t below = profile::subtree_count(*subject.snapshot, subject.path, FB_M_FORKS_REFUSED).count;
    const Reading kernel = max_events(subject.window);
    const bool by_task = kernel.value && *kernel.value == own;
    AuditRow row = compare(subject.path, "pids.refused", Unit::Count,
                           measured(subject, "pids.refused", by_task ? own : below), kernel, {});
    if (row.verdict != Verdict::Disagree)
        return row;
    if (*row.kernel < *row.ours) {
        if (const CounterWindow* by = refusing_ancestor(subject, row.difference())) {
            return not_comparable(std::move(row), fmt::format("refused by {}, and counted there", by->path));
        }
    }
    return row;
}

bool has_children(const Subject& subject)
{
    const auto child = [&](const auto& other) {
        return other.path != subject.path && profile::in_subtree(other.path, subject.path);
    };
    return std::ranges::any_of(subject.snapshot->cgroups, child) ||
           std::ranges::any_of(subject.snapshot->counters, child);
}

// A task moved in raises the kernel's peak without a fork that we would see.
constexpr std::uint64_t kPeakSlack = 1;

AuditRow peak(const Subject& subject)
{
    const std::uint64_t ours = subject.profile ? subject.profile->count_of(FB_M_PIDS_PEAK).max : 0;
    // Not a growth: the peak itself, of the whole life.
    const CounterWindow* window = subject.window;
    Reading kernel{.why = "pids.peak was never read"};
    if (window != nullptr && window->last) {
        kernel.value = window->last->pids_peak;
        kernel.why = "the cgroup has no pids.peak";
    }
    AuditRow row = compare(subject.path, "pids.peak", Unit::Count, measured(subject, "pids.peak", ours), kernel,
                           {.absolute = kPeakSlack, .rule = "1 task"});
    if (!row.both())
        return row;
    if (*row.ours > *row.kernel)
        return row;  // never: the kernel's is over the whole life
    if (window->first)
        return not_comparable(std::move(row), "pids.peak is over the cgroup's whole life, older than the window");
    if (has_children(subject))
        return not_comparable(std::move(row), "forks in cgroups below raise the kernel's peak");
    const bool forked = subject.profile && subject.profile->count_of(FB_M_FORKS).count > 0;
    if (!forked)
        return not_comparable(std::move(row), "no fork was seen in it: its tasks were moved in");
    return row;
}

}  // namespace

void check_pids(const Subject& subject, Rows& rows)
{
    AuditRow forks = refused(subject);
    if (subject.window != nullptr || forks.matters())
        rows.push_back(std::move(forks));
    AuditRow most = peak(subject);
    if (subject.window != nullptr || most.matters())
        rows.push_back(std::move(most));
}

}  // namespace flyball::audit
