// SPDX-License-Identifier: Apache-2.0
// From what tuners propose to limits that are tried.
#include "flyball/base/units.hpp"
#include "flyball/calibrate/decision.hpp"
#include "flyball/cgroup/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace flyball::calibrate {
namespace {

// To the convergence that was asked for.
bool same(const std::string& file, const std::string& a, const std::string& b, double convergence)
{
    const auto x = limit_number(file, a), y = limit_number(file, b);
    return x && y ? std::abs(*x - *y) <= convergence * std::max(*x, *y) : a == b;
}

}  // namespace

Limits in_pairs(Limits limits)
{
    const auto quota = limits.find("cpu.max"), burst = limits.find("cpu.max.burst");
    if (quota != limits.end() && burst != limits.end()) {
        const auto limit = cgroup::parse_cpu_max(quota->second);
        const auto most = limit_number("cpu.max.burst", burst->second);
        if (limit && limit->quota_us != cgroup::kUnlimited && most && *most > static_cast<double>(limit->quota_us))
            burst->second = fmt::format("{}", limit->quota_us);
    }
    const auto high = limits.find("memory.high"), max = limits.find("memory.max");
    if (high != limits.end() && max != limits.end()) {
        const auto throttles = limit_number("memory.high", high->second),
                   kills = limit_number("memory.max", max->second);
        if (throttles && kills && *throttles > *kills)
            high->second = max->second;
    }
    return limits;
}

Limits adopted(const Component& component, std::span<const tune::Proposal> proposals,
               const std::map<std::string, double>& started_with, std::vector<std::string>& notes)
{
    Limits limits = component.limits;
    for (const tune::Proposal& proposal : proposals) {
        if (!to_be_tried(proposal)) {
            notes.push_back(fmt::format("{} stays as it is: {}", tune::name(proposal.resource), proposal.summary));
            continue;
        }
        for (const tune::Value& value : proposal.values) {
            std::string text = value.text;
            if (const auto floor = started_with.find(value.file);
                floor != started_with.end() && limit_number(value.file, text) < floor->second) {
                text = limit_with(value.file, text, floor->second);
                notes.push_back(
                    fmt::format("{}: {} was found, and a start has taken {}", value.file, value.text, text));
            }
            const auto bounds = component.bounds.find(value.file);
            if (const auto number = limit_number(value.file, text); number && bounds != component.bounds.end()) {
                const double most = bounds->second.most.value_or(std::numeric_limits<double>::infinity());
                const double within = std::max(std::min(*number, most), bounds->second.least.value_or(0));
                if (within != *number) {
                    text = limit_with(value.file, text, within);
                    notes.push_back(
                        fmt::format("{}: {} was found, and the bounds make it {}", value.file, value.text, text));
                }
            }
            const auto before = component.limits.find(value.file);
            // What it has is a little more than it needs. A little less would not do.
            const bool enough = before != component.limits.end() &&
                                limit_number(value.file, before->second) >= limit_number(value.file, text);
            if (enough && same(value.file, before->second, text, component.tuning.convergence)) {
                if (before->second != text)
                    notes.push_back(fmt::format("{} stays {}: the {} that was found is the same to {}", value.file,
                                                before->second, text, format_percent(component.tuning.convergence)));
                continue;
            }
            limits[value.file] = text;
        }
    }
    return in_pairs(std::move(limits));
}

Limits stepped(const Component& component, const Limits& from, const Limits& goal)
{
    Limits next = goal;
    for (auto& [file, text] : next) {
        const auto now = from.find(file);
        const auto is = now == from.end() ? std::nullopt : limit_number(file, now->second);
        const auto wanted = limit_number(file, text);
        if (!is || !wanted)
            continue;
        const double lowest = *is * (1 - component.tuning.step_down);
        if (*wanted < lowest && !same(file, text, limit_with(file, text, lowest), component.tuning.convergence))
            text = limit_with(file, text, lowest);
        // Of a few tasks a step may round up to where it comes from.
        if (*wanted < *is && limit_number(file, text).value_or(0) >= *is)
            text = goal.at(file);
    }
    return in_pairs(std::move(next));
}

}  // namespace flyball::calibrate
