// SPDX-License-Identifier: Apache-2.0
// Each cause of lost time in words: how much of it, and whose doing.
#include "flyball/base/units.hpp"
#include "flyball/cgroup/io_control.hpp"
#include "flyball/profile/subtree.hpp"
#include "parts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::diagnose {
namespace {

using ledger::Blame;
using ledger::Part;

// Names of one kind in a sentence; the others are added up.
constexpr std::size_t kNamed = 4;

std::string whose_limit(const Finding& finding, std::string_view throttler, const Evidence& evidence)
{
    const std::string& path = finding.account.path;
    if (throttler == "?")
        return "a cpu.max that is not known";
    if (throttler == path)
        return "its own cpu.max";
    const std::string name = evidence.names.of(throttler);
    if (throttler == profile::parent_of(path))
        return fmt::format("cpu.max of its parent {}", name);
    if (profile::in_subtree(path, throttler))
        return fmt::format("cpu.max of {} above it", name);
    if (profile::in_subtree(throttler, path))
        return fmt::format("cpu.max of {} below it", name);
    return fmt::format("cpu.max of {}", name);
}

// "(quota 200 ms/100 ms; batch.scope spent 61% of it)"
std::string about_quota(const Finding& finding, std::string_view throttler, const Evidence& evidence)
{
    const ledger::QuotaFinding* quota = evidence.quota(throttler);
    if (quota == nullptr)
        return "";
    std::string text;
    if (quota->quota_ns && quota->period_ns)
        text = fmt::format("quota {}/{}", plain_ns(*quota->quota_ns), plain_ns(*quota->period_ns));
    const std::string& path = finding.account.path;
    const auto spent = spenders(*quota);
    // Who spends a quota of one's own alone is no news.
    if (!spent.empty() && (spent[0].first != throttler || path != throttler)) {
        const auto& [who, share] = spent[0];
        text += text.empty() ? "" : "; ";
        text += who == path ? fmt::format("it spent {} of it itself", format_percent(share))
                            : fmt::format("{} spent {} of it", evidence.names.of(who), format_percent(share));
    }
    return text.empty() ? "" : fmt::format(" ({})", text);
}

// Collects the reasons of one finding.
class Reasons {
public:
    Reasons(const Finding& finding, const Evidence& evidence) : finding_(finding), evidence_(evidence) {}

    void held()
    {
        each(Part::Held, finding_.account.held_by, [&](const Blame& blame) {
            return "to " + whose_limit(finding_, blame.path, evidence_) + about_quota(finding_, blame.path, evidence_);
        });
    }
    void displaced()
    {
        each(Part::Displaced, finding_.account.displaced_by, [&](const Blame& blame) {
            const std::string cpus = cpu_ranges(blame.by_cpu);
            return "to " + evidence_.names.of(blame.path) + (cpus.empty() ? "" : " on " + cpus);
        });
    }
    void one(Part part, const std::string& text) { add(part, "", at(finding_.account.parts, part), text); }
    [[nodiscard]] std::vector<Reason> take()
    {
        std::ranges::stable_sort(reasons_, std::ranges::greater{}, &Reason::ns);
        return std::move(reasons_);
    }

private:
    template <class Text>
    void each(Part part, const std::vector<Blame>& blames, Text text)
    {
        std::uint64_t left = at(finding_.account.parts, part);
        std::size_t others = 0, named = 0;
        for (const Blame& blame : blames) {
            if (named == kNamed || !add(part, blame.path, blame.ns, text(blame))) {
                ++others;
                continue;
            }
            ++named;
            left -= std::min(left, blame.ns);
        }
        if (others > 0)
            add(part, "", left,
                fmt::format("to {}{} cgroup{}", others, named > 0 ? " other" : "", others == 1 ? "" : "s"));
    }

    bool add(Part part, std::string path, std::uint64_t ns, const std::string& text)
    {
        const bool waits = family(part) == ledger::Family::Wait;
        const double share = ratio(ns, waits ? finding_.runnable_ns : finding_.account.life_ns);
        if (share < kWorthNaming)
            return false;
        reasons_.push_back({part, std::move(path), ns, share, format_percent(share) + " " + text});
        return true;
    }

    const Finding& finding_;
    const Evidence& evidence_;
    std::vector<Reason> reasons_;
};

std::string kernel_threads(const Finding& finding)
{
    const auto& tasks = finding.account.kernel_threads;
    return tasks.empty() ? "to kernel threads" : fmt::format("to kernel threads ({} first)", tasks[0].comm);
}

std::string queue(const Finding& finding, const Evidence& evidence)
{
    const std::vector<Blame> behind = evidence.queued_behind(finding);
    std::uint64_t sum = 0;
    for (const Blame& blame : behind)
        sum += blame.ns;
    if (sum == 0)
        return "in the queue";
    const std::string& path = finding.account.path;
    const bool own = finding.subtree ? profile::in_subtree(behind[0].path, path) : behind[0].path == path;
    return fmt::format("in the queue ({} of it behind {})", format_percent(ratio(behind[0].ns, sum)),
                       own ? "requests of its own" : "those of " + evidence.names.of(behind[0].path));
}

// The device that took longest.
std::string device(const Finding& finding, const Evidence& evidence)
{
    std::map<std::uint32_t, std::uint64_t> by_device;
    for (const profile::CgroupProfile& c : evidence.snapshot.cgroups) {
        const std::string& path = finding.account.path;
        if (finding.subtree ? !profile::in_subtree(c.path, path) : c.path != path)
            continue;
        for (const auto& [kind, hist] : c.io_device_by_class)
            by_device[kind.dev] += hist.sum64();
    }
    const auto worst = std::ranges::max_element(by_device, {}, [](const auto& item) { return item.second; });
    return worst == by_device.end() ? "in the device" : fmt::format("in device {}", cgroup::device_text(worst->first));
}

}  // namespace

std::vector<Reason> build_reasons(const Finding& finding, const Evidence& evidence)
{
    Reasons reasons(finding, evidence);
    reasons.held();
    reasons.displaced();
    reasons.one(Part::OwnTasks, "to other tasks of its own");
    reasons.one(Part::KernelThreads, kernel_threads(finding));
    reasons.one(Part::WaitInterrupts, "to interrupts and steal");
    reasons.one(Part::WaitIdle, "waking up (the CPU was idle)");
    reasons.one(Part::WaitUnknown, "to what is not known");
    reasons.one(Part::MemoryHigh, "asleep for memory.high");
    reasons.one(Part::MemoryReclaim, "asleep in reclaim");
    reasons.one(Part::MemoryRefault, "waiting for evicted pages (refault or swap-in)");
    reasons.one(Part::MemoryOther, "in a stall whose cause was not told");
    reasons.one(Part::IoThrottled, "before requests were let in (io.max, iocost or no free tag)");
    reasons.one(Part::IoQueued, queue(finding, evidence));
    reasons.one(Part::IoDevice, device(finding, evidence));
    reasons.one(Part::IoOther, "without a request of its own (of others or of the file system)");
    return reasons.take();
}

}  // namespace flyball::diagnose
