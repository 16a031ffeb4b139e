// SPDX-License-Identifier: Apache-2.0
// The decision: which programs to load, how they are configured, what each metric then means.
// Pure functions over facts.
#pragma once

#include "flyball/kernel/facts.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::kernel {

// How a metric is obtained, or why it cannot be. The content of profile::Coverage, which is above.
struct MetricPlan {
    std::string metric;  // "cpu.wait"
    bool available = false;
    std::string hook;    // what is used: "tp_btf/sched_switch", "pids.events (polled)"
    std::string note;    // how it differs from the best way; or why there is none
    std::string remedy;  // never empty where the metric is not available
    friend bool operator==(const MetricPlan&, const MetricPlan&) = default;
};

struct Plan {
    Facts facts;                        // what it was decided from
    std::vector<std::string> programs;  // to load, by BPF function name, in the table's order
    std::uint32_t config_flags = 0;     // enum fb_config_flags
    std::vector<MetricPlan> metrics;    // all metrics, always
    bool nothing = false;               // nothing can be observed: exit 3
    std::string why_nothing, remedy;    // both set when nothing
    [[nodiscard]] bool loads(std::string_view program) const;
    [[nodiscard]] const MetricPlan* metric(std::string_view name) const;
    friend bool operator==(const Plan&, const Plan&) = default;
};

// The programs that Plan::programs may name, less emit_selftest.
[[nodiscard]] Plan decide(const Facts& facts);

// The plan without a program that this kernel refused after all (or the user does not want): its
// metrics take their next best way. config_flags may change, and other programs with it: compare
// them with those of the loaded object and load anew when they differ. An unknown name changes nothing.
[[nodiscard]] Plan without(const Plan& plan, std::string_view program, std::string_view reason,
                           std::string_view remedy = {});

// The plan without --stacks, whose program is an object of its own.
[[nodiscard]] Plan without_stacks(const Plan& plan, std::string_view reason);

// The plan of a kernel that takes none of it after all.
[[nodiscard]] Plan without_all(const Plan& plan, std::string_view reason, std::string_view remedy);

// The plan with emit_selftest, which tests want.
[[nodiscard]] Plan with_selftest(Plan plan);

}  // namespace flyball::kernel
