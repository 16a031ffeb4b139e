// SPDX-License-Identifier: Apache-2.0
// What is right by itself and wrong together.
#include "flyball/calibrate/decision.hpp"
#include "limit_value.hpp"
#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::calibrate::detail {
namespace {

std::optional<double> limit(const Component& component, const std::string& file)
{
    const auto found = component.limits.find(file);
    return found == component.limits.end() ? std::nullopt : limit_number(file, found->second);
}

// A limit's node, wherever it is nested, or the object that it would be in.
const Node& node_of(const Fields& fields, std::string_view file)
{
    const Node* const limits = fields.get("resource_limits");
    if (limits == nullptr)
        return fields.node();
    for (const LimitNode& one : limit_nodes(*limits, "").limits)
        if (one.file == file)
            return *one.value;
    return *limits;
}

void check_order(const Component& component, const Fields& fields)
{
    struct Order {
        std::string_view lower, upper, why;
    };
    for (const auto& [lower, upper, why] : {Order{"memory.high", "memory.max", "would never act"},
                                            Order{"memory.low", "memory.max", "protects more than there may be"}}) {
        const auto low = limit(component, std::string(lower)), high = limit(component, std::string(upper));
        if (low && high && *low > *high)
            fields.problems().add(node_of(fields, lower), join(fields.at("resource_limits"), lower),
                                  fmt::format("{:.0f} is above {} of {:.0f} and {}", *low, upper, *high, why),
                                  fmt::format("give one below {}", upper));
    }
    // kernel/sched/core.c, tg_set_cfs_bandwidth(): burst > quota is EINVAL.
    const auto burst = limit(component, "cpu.max.burst"), cpus = limit(component, "cpu.max");
    const auto max = component.limits.find("cpu.max");
    if (burst && cpus && max != component.limits.end()) {
        const double quota = as_number(max->second.substr(0, max->second.find(' '))).value_or(*burst);
        if (*burst > quota)
            fields.problems().add(
                node_of(fields, "cpu.max.burst"), join(fields.at("resource_limits"), "cpu.max.burst"),
                fmt::format("{:.0f} us is above the quota of {:.0f} us, which the kernel refuses", *burst, quota),
                "give a burst of at most the quota");
    }
    const auto group = component.limits.find("memory.oom.group");
    if (component.critical && group != component.limits.end() && group->second == "1")
        fields.problems().add(node_of(fields, "memory.oom.group"),
                              join(fields.at("resource_limits"), "memory.oom.group"),
                              "is 1 though the component is critical", "give 0, or leave critical out");
}

void check_bounds(const Component& component, const Fields& fields)
{
    const Node* const node = fields.get("bounds");
    for (const auto& [file, bounds] : component.bounds) {
        const Node* const one = node->find(file);
        const std::string path = join(fields.at("bounds"), file);
        if (bounds.least && bounds.most && *bounds.least > *bounds.most)
            fields.problems().add(*one, path, "min is above max", "exchange them");
        const auto now = limit(component, file);
        if (now && ((bounds.least && *now < *bounds.least) || (bounds.most && *now > *bounds.most)))
            fields.problems().add(*one, path, fmt::format("the baseline, {}, is outside", component.limits.at(file)),
                                  "widen the bounds, or change resource_limits");
    }
}

void check_service(const Component& component, const Fields& fields)
{
    if (component.start && !component.cgroup.empty())
        fields.problems().add(*fields.get("start"), fields.at("start"), "starts a second service beside that in cgroup",
                              "give cgroup for a service that runs, start for one that flyball is to run");
    const auto stressed =
        std::ranges::find_if(component.scenarios, [](const Scenario& s) { return s.memory_stress.has_value(); });
    const bool limited = limit(component, "memory.max").has_value();
    if (!limited && (stressed != component.scenarios.end() || component.oom_test))
        fields.problems().add(
            node_of(fields, "memory.max"), join(fields.at("resource_limits"), "memory.max"),
            "is not limited, so that there is nothing to take a part of for memory_stress and oom_test",
            "give memory.max a size");
    if (component.oom_test && !component.cgroup.empty() && !component.restart)
        fields.problems().add(*fields.get("oom_test"), fields.at("restart"),
                              "is missing: nobody would start the service after an OOM kill",
                              "add \"restart\": [\"systemctl\", \"restart\", \"...\"]");
}

void check_performance(const Component& component, const Fields& fields)
{
    const std::string& wanted = component.tuning.performance;
    std::vector<std::string_view> known;
    for (const auto list : {std::span<const Metric>(component.metrics), common_metrics()})
        for (const Metric& metric : list)
            known.push_back(metric.name);
    if (std::ranges::find(known, wanted) != known.end())
        return;
    const Node* const tuning = fields.get("tuning");
    const Node* const node = tuning != nullptr ? tuning->find("performance") : nullptr;
    fields.problems().add(node != nullptr ? *node : fields.node(), join(fields.at("tuning"), "performance"),
                          fmt::format("nothing provides a metric '{}'", wanted), did_you_mean(wanted, known));
}

void check_regexes(const Component& component, const Fields& fields)
{
    constexpr std::array<std::string_view, 3> kKinds{"rate:", "done:", "op:"};
    const Node* const list = fields.get("metrics_regex");
    for (std::size_t i = 0; i < component.metrics_regex.size() && i < list->elements.size(); ++i) {
        const std::string& text = component.metrics_regex[i];
        const bool kind = std::ranges::any_of(kKinds, [&](std::string_view k) { return text.starts_with(k); });
        if (!kind || text.find('(') == std::string::npos)
            fields.problems().add(list->elements[i], join(fields.at("metrics_regex"), i),
                                  fmt::format("'{}' is not KIND:REGEX with a group for the value", text),
                                  "write it like \"rate:throughput: ([0-9.]+)\"; kinds are rate, done and op");
    }
}

}  // namespace

void check_component(const Component& component, const Fields& fields)
{
    check_order(component, fields);
    check_bounds(component, fields);
    check_service(component, fields);
    check_performance(component, fields);
    check_regexes(component, fields);
}

}  // namespace flyball::calibrate::detail
