// SPDX-License-Identifier: Apache-2.0
// Values as the properties of systemd.resource-control(5).
#include "cells.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/limits.hpp"
#include "tune_commands.hpp"
#include "tune_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace flyball::report {
namespace {

using tune::Proposal;
using tune::Value;

struct Property {
    std::string_view file, name, unlimited;
};
constexpr std::array kProperties{
    Property{"cpu.weight", "CPUWeight", ""},         Property{"memory.min", "MemoryMin", "infinity"},
    Property{"memory.low", "MemoryLow", "infinity"}, Property{"memory.high", "MemoryHigh", "infinity"},
    Property{"memory.max", "MemoryMax", "infinity"}, Property{"memory.swap.max", "MemorySwapMax", "infinity"},
    Property{"pids.max", "TasksMax", "infinity"},    Property{"io.weight", "IOWeight", ""},
};

// In hundredths of a per cent, finer ones it does not take (parse_permyriad_unbounded()); rounded up.
std::string cpu_quota(const Quota& quota)
{
    const std::uint64_t parts = (quota.quota_us * 10'000 + quota.period_us - 1) / quota.period_us;
    if (parts % 100 == 0)
        return fmt::format("CPUQuota={}%", parts / 100);
    if (parts % 10 == 0)
        return fmt::format("CPUQuota={}.{}%", parts / 100, parts % 100 / 10);
    return fmt::format("CPUQuota={}.{:02}%", parts / 100, parts % 100);
}

// The kernel tells the period with no quota, too: "max 20000".
std::uint64_t period_of(std::string_view text)
{
    const auto fields = split_blanks(text);
    const auto period = fields.size() == 2 ? parse_u64(fields[1]) : std::nullopt;
    return period.value_or(cgroup::kDefaultCpuPeriodUs);
}

std::vector<std::string> of_cpu_max(const Value& value)
{
    const auto quota = quota_of(value.text);
    if (!quota)
        return {"CPUQuota="};
    std::vector<std::string> words{cpu_quota(*quota)};
    if (quota->period_us != cgroup::kDefaultCpuPeriodUs || period_of(value.before) != cgroup::kDefaultCpuPeriodUs)
        words.push_back(quota->period_us % 1000 == 0 ? fmt::format("CPUQuotaPeriodSec={}ms", quota->period_us / 1000)
                                                     : fmt::format("CPUQuotaPeriodSec={}us", quota->period_us));
    return words;
}

// Empty: systemd has none for it.
std::vector<std::string> properties_of(const Value& value)
{
    if (value.file == "cpu.max")
        return of_cpu_max(value);
    const auto* const found = std::ranges::find(kProperties, value.file, &Property::file);
    if (found == kProperties.end())
        return {};
    if (unlimited(value.text))
        return {fmt::format("{}={}", found->name, found->unlimited)};
    // A weight of one device has another property, which wants the path of the device.
    const auto number = parse_u64(trim(without_default(value.text)));
    return number ? std::vector{fmt::format("{}={}", found->name, *number)} : std::vector<std::string>{};
}

// "web.service" of its cgroup; nullopt: it is none that properties can be set of.
std::optional<std::string> systemd_unit(std::string_view cgroup)
{
    const std::string_view last = cgroup.substr(cgroup.rfind('/') + 1);
    constexpr std::array<std::string_view, 6> kKinds{".service", ".scope", ".slice", ".socket", ".mount", ".swap"};
    const bool unit = std::ranges::any_of(
        kKinds, [&](std::string_view kind) { return last.size() > kind.size() && last.ends_with(kind); });
    return unit ? std::optional(std::string(last)) : std::nullopt;
}

// Units below user@1000.service belong to the manager of that user.
bool of_user(std::string_view cgroup)
{
    const auto manager = cgroup.find("/user@");
    return manager != std::string_view::npos && cgroup.find('/', manager + 1) != std::string_view::npos;
}

// Words, broken between them where the line is full.
CommandLines in_lines(const std::vector<std::string>& words, std::size_t width)
{
    constexpr std::string_view kIndent = "    ", kGoesOn = " \\";
    CommandLines lines;
    for (const std::string& word : words) {
        const bool fits =
            !lines.empty() && display_width(lines.back()) + 1 + display_width(word) + kGoesOn.size() <= width;
        if (fits) {
            lines.back() += ' ' + word;
            continue;
        }
        if (!lines.empty())
            lines.back() += kGoesOn;
        lines.push_back(lines.empty() ? word : std::string(kIndent) + word);
    }
    return lines;
}

struct Told {
    std::vector<std::string> properties, without;
};

Told told(std::span<const Proposal> proposals)
{
    Told all;
    for (const Proposal& proposal : proposals) {
        if (!settable(proposal))
            continue;
        for (const Value& value : proposal.values) {
            const auto properties = properties_of(value);
            std::ranges::copy(properties, std::back_inserter(all.properties));
            // No burst is what there is without being told.
            const bool nothing = value.file == "cpu.max.burst" && trim(value.text) == "0";
            if (properties.empty() && !nothing)
                all.without.push_back(value.file);
        }
    }
    return all;
}

}  // namespace

SystemdCommand set_property(std::span<const Proposal> proposals, std::size_t width)
{
    Told all = told(proposals);
    const auto unit = proposals.empty() ? std::nullopt : systemd_unit(proposals.front().cgroup);
    if (!unit || all.properties.empty())
        return {};
    std::vector<std::string> words{of_user(proposals.front().cgroup) ? "systemctl --user set-property"
                                                                     : "systemctl set-property",
                                   shell_word(*unit)};
    std::ranges::move(all.properties, std::back_inserter(words));
    return {in_lines(words, width), std::move(all.without)};
}

SystemdCommand systemd_run(std::span<const Proposal> proposals, const std::vector<std::string>& command,
                           std::size_t width)
{
    Told all = told(proposals);
    if (all.properties.empty() || command.empty())
        return {};
    std::vector<std::string> words{"systemd-run --scope"};
    for (const std::string& property : all.properties)
        words.push_back("-p " + property);
    words.emplace_back("--");
    for (const std::string& word : command)
        words.push_back(shell_word(word));
    return {in_lines(words, width), std::move(all.without)};
}

}  // namespace flyball::report
