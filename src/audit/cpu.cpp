// SPDX-License-Identifier: Apache-2.0
// CPU: throttled time, run delay and time on the CPU.
#include <algorithm>
#include <fmt/format.h>

#include "checks.hpp"

namespace flyball::audit {
namespace {

// The kernel counts an episode when it ends, at its own instant; our reading of its file at either
// edge of the window is up to half a tick (HZ=250: 4 ms) off the first and last event.
constexpr std::uint64_t kThrottleSlackNs = 2'000'000;
constexpr double kThrottleRelative = 0.01;
// The two iterators pass a task at two instants each; a task may be in the middle of a wait.
constexpr std::uint64_t kTaskSlackNs = 1'000'000;
constexpr double kTaskRelative = 0.01;

// With fentry an episode is told at the kernel's own instant. Where sched_switch shows its end, that is
// when one of the tasks runs again: of the last episode of each CPU this may come after the window.
Tolerance throttle_tolerance(const Subject& subject) {
    const std::string hook = covered(subject.snapshot->meta, "cpu.throttle.own").hook;
    if (hook.find("sched_switch") == std::string::npos || subject.profile == nullptr)
        return {kThrottleRelative, kThrottleSlackNs, "1 % or 2 ms"};
    const std::uint64_t longest = subject.profile->of(FB_M_THROTTLE_OWN).max();
    return {kThrottleRelative, kThrottleSlackNs + longest, "1 % or 2 ms and the longest episode"};
}

}  // namespace

void check_throttling(const Subject& subject, Rows& rows) {
    const std::uint64_t ours = subject.profile ? subject.profile->of(FB_M_THROTTLE_OWN).sum64() : 0;
    if (subject.window == nullptr && ours == 0) return;
    const Reading kernel =
        growth(subject.window, [](const KernelCounters& c) { return c.throttled_ns; }, "cpu.stat throttled_usec", true);
    AuditRow row = compare(subject.path, "cpu.throttled", Unit::Nanoseconds,
                           measured(subject, "cpu.throttle.own", ours), kernel,
                           throttle_tolerance(subject));
    if (row.verdict == Verdict::Disagree) {
        row.reason = "an episode that reaches over an edge of the window is whole on the kernel's side and cut on ours";
    }
    rows.push_back(std::move(row));
}

namespace {

// Since v6.12 a task that goes to sleep may stay queued for a while (delayed dequeue). If it is moved to
// another CPU then, enqueue_task() dates sched_info from there, and the whole sleep becomes run delay
// (seen: 504 ms for an idle kcompactd0, whose sleep is 500 ms). Such a task says nothing about us.
bool sleep_counted_as_delay(const profile::Meta& meta, const profile::TaskWindow& task) {
    const auto& fields = meta.kernel_fields;
    if (std::ranges::find(fields, "sched_entity.sched_delayed") == fields.end()) return false;
    const std::uint64_t ours = task.our_wait_ns + task.our_held_ns;
    constexpr std::uint64_t kMuchNs = 1'000'000;
    return task.kernel_run_delay_ns > ours + kMuchNs && task.kernel_run_delay_ns - ours > ours / 10;
}

struct TaskSums {
    std::uint64_t tasks = 0, set_aside = 0, set_aside_ns = 0;
    std::uint64_t delay = 0, kernel_delay = 0, run = 0, kernel_run = 0;
    std::string example;  // comm of one that was set aside
};

TaskSums sum_tasks(const Subject& subject) {
    TaskSums sums;
    std::uint64_t aside_delay = 0;  // ours, of those set aside
    for (const profile::TaskWindow& task : subject.snapshot->tasks) {
        if (task.cgroup != subject.path) continue;
        ++sums.tasks;
        sums.run += task.our_run_ns;
        sums.kernel_run += task.kernel_exec_ns;
        const std::uint64_t ours = task.our_wait_ns + task.our_held_ns;
        if (sleep_counted_as_delay(subject.snapshot->meta, task)) {
            ++sums.set_aside;
            sums.set_aside_ns += task.kernel_run_delay_ns - ours;
            sums.example = task.comm;
            aside_delay += ours;
            continue;
        }
        sums.delay += ours;
        sums.kernel_delay += task.kernel_run_delay_ns;
    }
    // more than a few is not the kernel's fault: then they all count
    if (sums.set_aside * 10 > sums.tasks + 10) {
        sums.delay += aside_delay;
        sums.kernel_delay += aside_delay + sums.set_aside_ns;
        sums.set_aside = 0;
    }
    return sums;
}

std::string tasks_reason(const TaskSums& sums, bool delay) {
    std::string reason = fmt::format("{} task{} alive at both ends", sums.tasks, sums.tasks == 1 ? "" : "s");
    if (delay && sums.set_aside > 0)
        reason += fmt::format("; {} set aside ({}), of which the kernel counts {:.0f} ms of sleep as delay: delayed dequeue",
                              sums.set_aside, sums.example, static_cast<double>(sums.set_aside_ns) / 1e6);
    return reason;
}

}  // namespace

void check_tasks(const Subject& subject, Rows& rows) {
    const TaskSums sums = sum_tasks(subject);
    const Tolerance tolerance{kTaskRelative, kTaskSlackNs, "1 % or 1 ms"};
    const auto add = [&](const char* quantity, const char* metric, fb_metric id, std::uint64_t ours, std::uint64_t kernel) {
        if (sums.tasks > 0) {
            AuditRow row = compare(subject.path, quantity, Unit::Nanoseconds, measured(subject, metric, ours),
                                   {.value = kernel}, tolerance);
            if (row.reason.empty()) row.reason = tasks_reason(sums, id == FB_M_CPU_WAIT);
            rows.push_back(std::move(row));
            return;
        }
        if (subject.profile == nullptr || subject.profile->of(id).empty()) return;
        rows.push_back(not_comparable({.cgroup = subject.path, .quantity = quantity, .unit = Unit::Nanoseconds,
                                       .ours = subject.profile->of(id).sum64(), .rule = tolerance.rule},
                                      "no task of it lived through the whole window"));
    };
    add("cpu.run_delay", "cpu.wait", FB_M_CPU_WAIT, sums.delay, sums.kernel_delay);
    add("cpu.run", "cpu.slice", FB_M_CPU_SLICE, sums.run, sums.kernel_run);
}

}  // namespace flyball::audit
