// SPDX-License-Identifier: Apache-2.0
#include "compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::audit {

Reading growth(const CounterWindow* window, const Field& field, std::string_view file, bool at_removal)
{
    if (window == nullptr)
        return {.why = fmt::format("{} was never read", file)};
    if (!window->last)
        return {.why = fmt::format("{} was never read: the cgroup was gone before", file)};
    const std::optional<std::uint64_t> last = field(*window->last);
    if (!last) {
        return {.why = window->last_from_rmdir && !at_removal
                           ? fmt::format("the cgroup was removed, and {} with it", file)
                           : fmt::format("the cgroup has no {}", file)};
    }
    std::uint64_t begin = 0;  // a cgroup made inside the window began at zero
    if (window->first) {
        const std::optional<std::uint64_t> first = field(*window->first);
        if (!first)
            return {.why = fmt::format("{} came into being during the window", file)};
        begin = *first;
    }
    if (*last < begin)
        return {.why = fmt::format("{} went backwards: another cgroup took this name", file)};
    return {.value = *last - begin, .stale = window->last_from_rmdir && !at_removal};
}

Field event(const char* name, bool local)
{
    return [name, local](const KernelCounters& counters) -> std::optional<std::uint64_t> {
        const auto& events = local ? counters.memory_events_local : counters.memory_events;
        const auto found = events.find(name);
        if (found == events.end())
            return std::nullopt;
        return found->second;
    };
}

Reading measured(const Subject& subject, std::string_view metric, std::uint64_t ours)
{
    const profile::Meta& meta = subject.snapshot->meta;
    Covered cover = covered(meta, metric);
    // What was seen was measured, whatever an old recording's coverage forgot to say.
    if (!cover.available && ours == 0)
        return {.why = std::move(cover.why)};
    if (cover.polled && ours == 0)
        return {.why = "the kernel's number is the only source here"};
    return {.value = ours};
}

AuditRow not_comparable(AuditRow row, std::string reason)
{
    row.verdict = Verdict::NotComparable;
    row.reason = std::move(reason);
    return row;
}

AuditRow compare(std::string cgroup, std::string quantity, Unit unit, const Reading& ours, const Reading& kernel,
                 const Tolerance& tolerance)
{
    AuditRow row{.cgroup = std::move(cgroup),
                 .quantity = std::move(quantity),
                 .unit = unit,
                 .ours = ours.value,
                 .kernel = kernel.value,
                 .rule = tolerance.rule};
    if (!kernel.value)
        return not_comparable(std::move(row), kernel.why);
    const double relative = std::floor(static_cast<double>(*kernel.value) * tolerance.relative);
    row.tolerance = std::max(tolerance.absolute, static_cast<std::uint64_t>(relative));
    if (!ours.value)
        return not_comparable(std::move(row), ours.why);
    if (row.difference() <= row.tolerance) {
        row.verdict = Verdict::Agree;
        return row;
    }
    if (kernel.stale) {
        return not_comparable(std::move(row), "the cgroup was removed; the kernel's number is from some time before");
    }
    row.verdict = Verdict::Disagree;
    return row;
}

}  // namespace flyball::audit
