// SPDX-License-Identifier: Apache-2.0
// CPU: throttled time, run delay and time on the CPU.
#include "checks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::audit {
namespace {

// The kernel counts an episode when it ends, at its own instant; our reading of its file at either
// edge of the window is up to half a tick (HZ=250: 4 ms) off the first and last event.
constexpr std::uint64_t kThrottleSlackNs = 2'000'000;
constexpr double kThrottleRelative = 0.01;
// The two iterators pass a task at two instants each; a task may be in the middle of a wait.
constexpr std::uint64_t kTaskSlackNs = 1'000'000;
constexpr double kTaskRelative = 0.01;
// A slice of ours ends at the switch. When the CPU goes idle, sum_exec_runtime ends before newidle_balance() looks
// for work elsewhere: up to 1 % of a load of short slices on an emulated machine.
constexpr double kRunRelative = 0.02;

// With fentry an episode is told at the kernel's own instant. Where sched_switch shows its end, that is
// when one of the tasks runs again: of the last episode of each CPU this may come after the window.
Tolerance throttle_tolerance(const Subject& subject)
{
    const std::string hook = covered(subject.snapshot->meta, "cpu.throttle.own").hook;
    if (hook.find("sched_switch") == std::string::npos || subject.profile == nullptr)
        return {kThrottleRelative, kThrottleSlackNs, "1 % or 2 ms"};
    const std::uint64_t longest = subject.profile->of(FB_M_THROTTLE_OWN).max();
    return {kThrottleRelative, kThrottleSlackNs + longest, "1 % or 2 ms and the longest episode"};
}

}  // namespace

void check_throttling(const Subject& subject, Rows& rows)
{
    const std::uint64_t ours = subject.profile ? subject.profile->of(FB_M_THROTTLE_OWN).sum64() : 0;
    if (subject.window == nullptr && ours == 0)
        return;
    const Reading kernel =
        growth(subject.window, [](const KernelCounters& c) { return c.throttled_ns; }, "cpu.stat throttled_usec", true);
    AuditRow row = compare(subject.path, "cpu.throttled", Unit::Nanoseconds,
                           measured(subject, "cpu.throttle.own", ours), kernel, throttle_tolerance(subject));
    if (row.verdict == Verdict::Disagree) {
        row.reason = "an episode that reaches over an edge of the window is whole on the kernel's side and cut on ours";
    }
    rows.push_back(std::move(row));
}

namespace {

struct TaskSums {
    std::uint64_t tasks = 0;
    std::uint64_t delay = 0, kernel_delay = 0, run = 0, kernel_run = 0;
    std::uint64_t hidden_tasks = 0, gaps = 0;  // set aside: not all of their switches were shown to us
    std::uint64_t slept = 0;                   // sleep that the kernel counts as run delay
};

TaskSums sum_tasks(const Subject& subject)
{
    TaskSums sums;
    for (const profile::TaskWindow& task : subject.snapshot->tasks) {
        if (task.cgroup != subject.path)
            continue;
        if (task.gaps > 0) {
            ++sums.hidden_tasks;
            sums.gaps += task.gaps;
            continue;
        }
        ++sums.tasks;
        sums.run += task.our_run_ns;
        sums.kernel_run += task.kernel_exec_ns;
        sums.delay += task.our_wait_ns + task.our_held_ns;
        const std::uint64_t slept = std::min(task.kernel_slept_ns, task.kernel_run_delay_ns);
        sums.kernel_delay += task.kernel_run_delay_ns - slept;
        sums.slept += slept;
    }
    return sums;
}

std::string tasks_reason(const TaskSums& sums, bool delay)
{
    std::string reason = fmt::format("{} task{} alive at both ends", sums.tasks, sums.tasks == 1 ? "" : "s");
    if (delay && sums.slept > 0)
        reason += fmt::format("; less {:.3f} ms of sleep that the kernel counts as delay (delayed dequeue)",
                              static_cast<double>(sums.slept) / 1e6);
    if (sums.hidden_tasks > 0)
        reason += fmt::format("; {} set aside: {} of their switches and wake-ups were hidden from BPF programs",
                              sums.hidden_tasks, sums.gaps);
    return reason;
}

}  // namespace

void check_tasks(const Subject& subject, Rows& rows)
{
    const TaskSums sums = sum_tasks(subject);
    const auto add = [&](const char* quantity, const char* metric, fb_metric id, std::uint64_t ours,
                         std::uint64_t kernel, const Tolerance& tolerance) {
        if (sums.tasks > 0) {
            AuditRow row = compare(subject.path, quantity, Unit::Nanoseconds, measured(subject, metric, ours),
                                   {.value = kernel}, tolerance);
            if (row.reason.empty())
                row.reason = tasks_reason(sums, id == FB_M_CPU_WAIT);
            rows.push_back(std::move(row));
            return;
        }
        if (subject.profile == nullptr || subject.profile->of(id).empty())
            return;
        rows.push_back(not_comparable({.cgroup = subject.path,
                                       .quantity = quantity,
                                       .unit = Unit::Nanoseconds,
                                       .ours = subject.profile->of(id).sum64(),
                                       .rule = tolerance.rule},
                                      sums.hidden_tasks > 0 ? tasks_reason(sums, false)
                                                            : "no task of it lived through the whole window"));
    };
    add("cpu.run_delay", "cpu.wait", FB_M_CPU_WAIT, sums.delay, sums.kernel_delay,
        {kTaskRelative, kTaskSlackNs, "1 % or 1 ms"});
    add("cpu.run", "cpu.slice", FB_M_CPU_SLICE, sums.run, sums.kernel_run, {kRunRelative, kTaskSlackNs, "2 % or 1 ms"});
}

}  // namespace flyball::audit
