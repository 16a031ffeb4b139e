// SPDX-License-Identifier: Apache-2.0
// Short names, CPU ranges, percentages that add up: the small words of an explanation.
#include "flyball/audit/coverage.hpp"
#include "flyball/base/units.hpp"
#include "flyball/profile/subtree.hpp"
#include "parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace flyball::diagnose {
namespace {

using ledger::Part;

// Where the next longer tail of PATH begins; npos where there is none.
std::size_t longer_tail(std::string_view path, std::size_t from)
{
    return from < 2 ? std::string_view::npos : path.rfind('/', from - 2) + 1;
}

}  // namespace

ShortNames::ShortNames(const std::vector<std::string>& paths)
{
    std::set<std::string_view> all;
    for (const std::string& path : paths) {
        for (std::string_view at = path; at.size() > 1; at = profile::parent_of(at))
            all.insert(at);
    }
    for (const std::string_view path : all) {
        for (std::size_t at = path.rfind('/') + 1; at >= 1 && at != std::string_view::npos; at = longer_tail(path, at))
            ++tails_[std::string(path.substr(at))];
    }
}

std::string ShortNames::of(std::string_view path) const
{
    if (path == "/")
        return "the root cgroup";
    if (path.empty() || path == "?")
        return "a cgroup that is not known";
    if (path.front() != '/')
        return std::string(path);
    for (std::size_t at = path.rfind('/') + 1; at >= 1 && at != std::string_view::npos; at = longer_tail(path, at)) {
        const auto tail = tails_.find(path.substr(at));
        if (tail == tails_.end() || tail->second == 1)
            return std::string(path.substr(at));
    }
    return std::string(path);  // it is the end of a longer one
}

std::string cpu_ranges(const std::map<std::uint32_t, std::uint64_t>& by_cpu)
{
    constexpr std::uint64_t kHundredth = 100;
    std::uint64_t sum = 0;
    for (const auto& [cpu, ns] : by_cpu)
        sum += ns;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;  // both inclusive
    for (const auto& [cpu, ns] : by_cpu) {
        if (ns == 0 || ns < sum / kHundredth)
            continue;
        if (!ranges.empty() && ranges.back().second + 1 == cpu) {
            ranges.back().second = cpu;
        } else {
            ranges.emplace_back(cpu, cpu);
        }
    }
    if (ranges.empty())
        return "";
    const bool one = ranges.size() == 1 && ranges[0].first == ranges[0].second;
    std::string text = one ? "CPU " : "CPUs ";
    for (const auto& [first, last] : ranges) {
        text += text.back() == ' ' ? "" : ", ";
        text += first == last ? std::to_string(first) : fmt::format("{}-{}", first, last);
    }
    return text;
}

std::string plain_ns(std::uint64_t ns)
{
    std::string text = format_ns(ns);
    const std::size_t dot = text.find('.'), blank = text.find(' ');
    if (dot == std::string::npos || blank == std::string::npos || dot > blank)
        return text;
    std::size_t end = blank;
    while (text[end - 1] == '0')
        --end;
    if (text[end - 1] == '.')
        --end;
    return text.erase(end, blank - end);
}

std::vector<std::uint64_t> per_mille(const ledger::Parts& parts)
{
    constexpr std::uint64_t kAll = 1000;
    const std::uint64_t whole = ledger::total(parts);
    std::vector<std::uint64_t> shares(parts.size(), 0);
    if (whole == 0)
        return shares;
    // What rounding down left over goes to those that lost most by it.
    std::vector<std::pair<std::uint64_t, std::size_t>> lost;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const auto scaled = static_cast<profile::Uint128>(parts[i]) * kAll;
        shares[i] = static_cast<std::uint64_t>(scaled / whole);
        lost.emplace_back(static_cast<std::uint64_t>(scaled % whole), i);
    }
    std::ranges::stable_sort(lost, std::ranges::greater{}, &std::pair<std::uint64_t, std::size_t>::first);
    const std::uint64_t given = std::accumulate(shares.begin(), shares.end(), std::uint64_t{0});
    for (std::size_t i = 0; i < kAll - given; ++i)
        ++shares[lost[i].second];
    return shares;
}

std::string_view title(Part part)
{
    switch (part) {
    case Part::Run:
        return "ran";
    case Part::Interrupted:
        return "interrupted while running";
    case Part::Held:
        return "held by cpu.max";
    case Part::Displaced:
        return "other cgroups ran";
    case Part::OwnTasks:
        return "own other tasks ran";
    case Part::KernelThreads:
        return "kernel threads ran";
    case Part::WaitInterrupts:
        return "interrupts ran";
    case Part::WaitIdle:
        return "waking up, CPU idle";
    case Part::WaitUnknown:
        return "waited, for whom unknown";
    case Part::MemoryHigh:
        return "memory.high";
    case Part::MemoryReclaim:
        return "asleep in reclaim";
    case Part::MemoryRefault:
        return "refault or swap-in";
    case Part::MemoryOther:
        return "other memory stall";
    case Part::IoThrottled:
        return "I/O not let in yet";
    case Part::IoQueued:
        return "I/O in the queue";
    case Part::IoDevice:
        return "I/O in the device";
    case Part::IoOther:
        return "I/O wait, no own request";
    case Part::Sleep:
        return "asleep by choice";
    case Part::BlockedBefore:
        return "asleep since before";
    case Part::Unknown:
        return "not attributed";
    }
    return "?";
}

bool is_memory(Part part)
{
    return part >= Part::MemoryHigh && part <= Part::MemoryOther;
}

bool is_io(Part part)
{
    return part >= Part::IoThrottled && part <= Part::IoOther;
}

std::optional<std::string> unmeasured(const profile::Meta& meta, std::string_view metric)
{
    const audit::Covered covered = audit::covered(meta, metric);
    if (covered.available)
        return std::nullopt;
    const std::string said = fmt::format("{} was not measured: ", metric);
    return covered.why.starts_with(said) ? covered.why.substr(said.size()) : covered.why;
}

}  // namespace flyball::diagnose
