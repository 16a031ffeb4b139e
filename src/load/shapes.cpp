// SPDX-License-Identifier: Apache-2.0
#include "shapes.hpp"

#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "flyball/load/command.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace flyball::load {
namespace {

constexpr double kMostRate = 1e6;  // requests a second: no machine starts as many processes

constexpr std::string_view kRampForm = "100..1000 over 5m";
constexpr std::string_view kBurstForm = "5x every 30s for 5s";

std::unexpected<Error> refuse(std::string_view option, std::string_view found, std::string_view what,
                              std::string_view form)
{
    return fail(ErrorKind::Usage, fmt::format("{}: '{}' {}", option, found, what), fmt::format("as in {}", form));
}

Result<std::uint64_t> duration(std::string_view option, std::string_view text)
{
    auto parsed = parse_duration(text);
    if (!parsed)
        return std::unexpected(std::move(parsed.error()).context(option));
    return *parsed;
}

// "LOW..HIGH"
std::optional<std::pair<double, double>> ends(std::string_view text)
{
    const std::size_t dots = text.find("..");
    if (dots == std::string_view::npos)
        return std::nullopt;
    const auto low = parse_number(text.substr(0, dots)), high = parse_number(text.substr(dots + 2));
    if (!low || !high)
        return std::nullopt;
    return std::pair{*low, *high};
}

}  // namespace

Result<double> parse_rate(std::string_view option, std::string_view text)
{
    std::string_view number = text;
    if (number.ends_with("/s"))
        number.remove_suffix(2);
    const auto rate = parse_number(number);
    if (!rate || *rate <= 0)
        return refuse(option, text, "is no rate above zero", "100, 0.5 (a second)");
    if (*rate > kMostRate)
        return refuse(option, text, "is more than can be made", "1000000 at most");
    return *rate;
}

Result<std::vector<double>> parse_rates(std::string_view option, std::string_view text)
{
    std::vector<double> rates;
    for (const std::string_view piece : split(text, ',')) {
        const auto rate = parse_rate(option, piece);
        if (!rate)
            return std::unexpected(rate.error());
        rates.push_back(*rate);
    }
    return rates;
}

Result<Ramp> parse_ramp(std::string_view text)
{
    const auto words = split_blanks(text);
    if (words.size() != 3 || words[1] != "over")
        return refuse("--ramp", text, "is not FROM..TO over TIME", kRampForm);
    const auto range = ends(words[0]);
    if (!range || std::max(range->first, range->second) <= 0 || std::max(range->first, range->second) > kMostRate)
        return refuse("--ramp", words[0], "is not FROM..TO, rates a second", kRampForm);
    const auto length = duration("--ramp", words[2]);
    if (!length)
        return std::unexpected(length.error());
    return Ramp{.from = range->first, .to = range->second, .length_ns = *length};
}

Result<Burst> parse_burst(std::string_view text)
{
    const auto words = split_blanks(text);
    if (words.size() != 5 || words[1] != "every" || words[3] != "for")
        return refuse("--burst", text, "is not FACTORx every TIME for TIME", kBurstForm);
    const auto factor = words[0].ends_with('x') ? parse_number(words[0].substr(0, words[0].size() - 1)) : std::nullopt;
    if (!factor || *factor <= 1)
        return refuse("--burst", words[0], "is no factor above 1", kBurstForm);
    const auto every = duration("--burst", words[2]), length = duration("--burst", words[4]);
    if (!every || !length)
        return std::unexpected(every ? length.error() : every.error());
    if (*length >= *every)
        return refuse("--burst", words[4], fmt::format("is no part of {}", words[2]), kBurstForm);
    return Burst{.factor = *factor, .every_ns = *every, .length_ns = *length};
}

Result<Sweep> parse_sweep(std::string_view text)
{
    const auto assignment = parse_assignment(text);
    if (!assignment)
        return std::unexpected(Error(assignment.error()).context("--sweep"));
    Sweep sweep{.name = assignment->first, .values = {}};
    if (sweep.name == "rate" || sweep.name == "level" || sweep.name == "n")
        return refuse("--sweep", sweep.name, "is flyball's own", "--steps 100,200,400 for rates");
    std::set<std::string_view> seen;
    for (const std::string_view value : split(assignment->second, ',')) {
        if (value.empty() || !seen.insert(value).second)
            return refuse("--sweep", text, value.empty() ? "has an empty value" : "has a value twice", "workers=1,2,4");
        sweep.values.emplace_back(value);
    }
    return sweep;
}

Result<Range> parse_range(std::string_view text)
{
    constexpr std::string_view kForm = "rate=100..100000";
    const auto assignment = parse_assignment(text);
    if (!assignment)
        return std::unexpected(Error(assignment.error()).context("--find"));
    const auto range = ends(assignment->second);
    if (!range)
        return refuse("--find", assignment->second, "is not LOW..HIGH", kForm);
    if (range->first <= 0 || range->first >= range->second)
        return refuse("--find", assignment->second, "does not go up from above zero", kForm);
    const bool rate = assignment->first == "rate";
    if (rate && range->second > kMostRate)
        return refuse("--find", assignment->second, "is more than can be made", "rate=100..1000000");
    const bool whole = !rate && assignment->second.find('.') == assignment->second.rfind('.') - 1;
    return Range{.name = assignment->first, .low = range->first, .high = range->second, .whole = whole};
}

Result<MOfN> parse_m_of_n(std::string_view text)
{
    const auto parts = split(text, '/');
    const auto m = parts.size() == 2 ? parse_u64(parts[0]) : std::nullopt;
    const auto n = parts.size() == 2 ? parse_u64(parts[1]) : std::nullopt;
    if (!m || !n || *m == 0 || *m > *n || *n >= 2 * *m || *n > 99)
        return refuse("--confirm", text, "is not M/N with M more than half of N", "3/5");
    return MOfN{.m = *m, .n = *n};
}

}  // namespace flyball::load
