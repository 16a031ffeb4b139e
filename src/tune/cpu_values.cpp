// SPDX-License-Identifier: Apache-2.0
#include "cpu_values.hpp"

#include "flyball/cgroup/limits.hpp"

#include <fmt/format.h>

namespace flyball::tune {
namespace {

constexpr std::uint64_t kNsOfUs = 1000;

}  // namespace

std::string cpu_max_of(const Bandwidth& limit)
{
    return cgroup::cpu_max_text({limit.quota_ns / kNsOfUs, limit.period_ns / kNsOfUs});
}

std::vector<Value> cpu_values(const Bandwidth& limit, Subject& subject, const stats::Interval& quota_interval,
                              double confidence, const std::string& method)
{
    std::vector<Value> values{{.file = "cpu.max",
                               .text = cpu_max_of(limit),
                               .before = subject.limit("cpu.max").value_or(""),
                               .estimate = static_cast<double>(limit.quota_ns),
                               .unit = Unit::Nanoseconds,
                               .interval = quota_interval,
                               .confidence = confidence,
                               .method = method}};
    if (const auto before = subject.limit("cpu.max.burst")) {
        values.push_back({.file = "cpu.max.burst",
                          .text = fmt::format("{}", limit.burst_ns / kNsOfUs),
                          .before = *before,
                          .estimate = static_cast<double>(limit.burst_ns),
                          .unit = Unit::Nanoseconds,
                          .interval = std::nullopt,
                          .confidence = 0,
                          .method = "the least for that quota"});
    }
    return values;
}

Setting cpu_setting(const std::string& cpu_max, const std::optional<std::string>& burst)
{
    Setting setting;
    if (burst)
        setting.files.push_back({"cpu.max.burst", "0"});
    setting.files.push_back({"cpu.max", cpu_max});
    if (burst && *burst != "0")
        setting.files.push_back({"cpu.max.burst", *burst});
    return setting;
}

}  // namespace flyball::tune
