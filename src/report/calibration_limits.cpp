// SPDX-License-Identifier: Apache-2.0
// The limits before and after, and what was expected of them.
#include "calibration_facts.hpp"
#include "cells.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/calibrate/decision.hpp"
#include "tune_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace flyball::report {
namespace {

using TuneUnit = tune::Unit;

constexpr double kNsOfUs = 1000;
// Figures in percent are printed with one digit.
constexpr double kPrinted = 0.0005;

// The order in which P4.2 tunes, and the main file of each first.
constexpr std::array<std::string_view, 6> kOrder{"memory.max",    "memory.high", "cpu.max",
                                                 "cpu.max.burst", "pids.max",    "io.weight"};

std::size_t rank(std::string_view file)
{
    return static_cast<std::size_t>(std::ranges::find(kOrder, file) - kOrder.begin());
}

TuneUnit limit_unit(std::string_view file)
{
    if (file == "cpu.max")
        return TuneUnit::Cpus;
    if (file == "cpu.max.burst")
        return TuneUnit::Nanoseconds;
    if (file.starts_with("memory."))
        return TuneUnit::Bytes;
    return file == "pids.max" ? TuneUnit::Tasks : TuneUnit::None;
}

std::optional<double> number_of(std::string_view file, std::string_view text)
{
    const auto number = calibrate::limit_number(file, without_default(trim(text)));
    return number && file == "cpu.max.burst" ? std::optional(*number * kNsOfUs) : number;
}

// Tuners give the quota in nanoseconds, whatever the period.
std::optional<stats::Interval> interval_of(const tune::Value& value)
{
    if (!value.interval || std::isnan(value.interval->low) || std::isnan(value.interval->high))
        return std::nullopt;
    if (value.file != "cpu.max")
        return value.interval;
    const auto quota = quota_of(value.text);
    if (!quota)
        return std::nullopt;
    const double period_ns = static_cast<double>(quota->period_us) * kNsOfUs;
    return stats::Interval{value.interval->low / period_ns, value.interval->high / period_ns};
}

void find_value(LimitChange& limit, const calibrate::ComponentResult& component)
{
    for (const tune::Proposal& proposal : component.proposals) {
        if (resource_of(limit.file) == proposal.resource)
            limit.proposal = &proposal;
        for (const tune::Value& value : proposal.values) {
            if (value.file != limit.file)
                continue;
            limit.proposal = &proposal;
            limit.value = &value;
            limit.interval = interval_of(value);
            limit.confidence = value.confidence;
            return;
        }
    }
}

LimitChange limit_change(const std::string& file, const calibrate::ComponentResult& component)
{
    const auto text_in = [&](const calibrate::Limits& limits) {
        const auto found = limits.find(file);
        return found == limits.end() ? std::string() : found->second;
    };
    LimitChange limit{.file = file,
                      .before = text_in(component.before),
                      .after = text_in(component.after),
                      .unit = limit_unit(file),
                      .was = {},
                      .is = {},
                      .interval = {}};
    limit.was = number_of(file, limit.before);
    limit.is = number_of(file, limit.after);
    find_value(limit, component);
    return limit;
}

}  // namespace

std::string Expectation::words() const
{
    return reduction ? fmt::format("-{:.0f} to -{:.0f}%", least * 100, most * 100)
                     : fmt::format("{:.0f} to {:.0f}%", least * 100, most * 100);
}

std::string_view Expectation::judge(double change) const
{
    if (std::abs(change) < kPrinted)
        return "as it was";
    if (reduction && change > 0)
        return "raised";
    if (std::abs(change) < least - kPrinted)
        return "less than expected";
    return std::abs(change) > most + kPrinted ? "more than expected" : "as expected";
}

std::optional<Expectation> expectation_of(std::string_view file)
{
    if (file == "memory.max")
        return Expectation{0.10, 0.20, true};
    if (file == "cpu.max")
        return Expectation{0.05, 0.15, true};
    if (file == "pids.max")
        return Expectation{0.10, 0.30, false};
    return file == "io.weight" ? std::optional(Expectation{0.05, 0.10, false}) : std::nullopt;
}

std::optional<tune::Resource> resource_of(std::string_view file)
{
    if (file.starts_with("cpu."))
        return tune::Resource::Cpu;
    if (file.starts_with("memory."))
        return tune::Resource::Memory;
    if (file.starts_with("pids."))
        return tune::Resource::Pids;
    return file.starts_with("io.") ? std::optional(tune::Resource::Io) : std::nullopt;
}

std::optional<double> LimitChange::change() const
{
    if (!was || !is || *was <= 0)
        return std::nullopt;
    return *is / *was - 1;
}

std::vector<LimitChange> limit_changes(const calibrate::ComponentResult& component)
{
    std::vector<std::string> files;
    for (const calibrate::Limits* limits : {&component.before, &component.after})
        for (const auto& [file, text] : *limits)
            files.push_back(file);
    for (const tune::Proposal& proposal : component.proposals)
        for (const tune::Value& value : proposal.values)
            files.push_back(value.file);
    std::ranges::sort(files, [](const std::string& a, const std::string& b) {
        return std::pair(rank(a), a) < std::pair(rank(b), b);
    });
    files.erase(std::ranges::unique(files).begin(), files.end());
    std::vector<LimitChange> changes;
    for (const std::string& file : files)
        changes.push_back(limit_change(file, component));
    return changes;
}

std::string limit_words(const LimitChange& limit, const std::string& text, const std::optional<double>& number)
{
    if (trim(text).empty())
        return "not set";
    if (unlimited(trim(text)))
        return "no limit";
    return number ? quantity(*number, limit.unit) : harmless(text);
}

std::string words_before(const LimitChange& limit)
{
    return limit_words(limit, limit.before, limit.was);
}

std::string words_after(const LimitChange& limit)
{
    return limit_words(limit, limit.after, limit.is);
}

std::string interval_words(const LimitChange& limit)
{
    std::string words = range(limit.interval, limit.unit);
    if (limit.interval && limit.confidence > 0 && limit.confidence < 1)
        words += fmt::format(" ({})", confidence_words(limit.confidence));
    return words;
}

std::string change_words(const LimitChange& limit)
{
    if (!limit.changed())
        return "as it was";
    if (const auto change = limit.change())
        return signed_percent(*change);
    if (limit.is)
        return "new limit";
    return limit.was ? "no limit now" : "changed";
}

std::string signed_percent(double share)
{
    if (!std::isfinite(share))
        return "n/a";
    const double percent = std::abs(share) < kPrinted ? 0 : share * 100;
    constexpr double kMostWithDigit = 1000;
    return std::abs(percent) < kMostWithDigit ? fmt::format("{:+.1f}%", percent) : fmt::format("{:+.0f}%", percent);
}

}  // namespace flyball::report
