// SPDX-License-Identifier: Apache-2.0
#include "target_bound.hpp"

#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace flyball::calibrate {
namespace {

constexpr double kMostPercent = 1e6;

bool is_letter(char c)
{
    return std::isalpha(static_cast<unsigned char>(c)) != 0;
}

// Cut off the front: digits, with a fraction or without. No sign, no exponent.
std::optional<double> take_number(std::string_view& text)
{
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error != std::errc{} || text.empty() || std::isdigit(static_cast<unsigned char>(text.front())) == 0)
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

// "s", "second", "min", ...: its length in seconds.
std::optional<double> seconds_of(std::string_view word)
{
    constexpr std::array<std::pair<std::string_view, double>, 10> kWords{{{"s", 1},
                                                                          {"sec", 1},
                                                                          {"second", 1},
                                                                          {"seconds", 1},
                                                                          {"m", 60},
                                                                          {"min", 60},
                                                                          {"minute", 60},
                                                                          {"h", 3600},
                                                                          {"hour", 3600},
                                                                          {"hours", 3600}}};
    const auto* found = std::ranges::find(kWords, word, &std::pair<std::string_view, double>::first);
    return found == kWords.end() ? std::nullopt : std::optional(found->second);
}

std::unexpected<Error> not_a(std::string_view text, std::string_view what, std::string_view example)
{
    return fail(ErrorKind::Usage, fmt::format("'{}' is not {}", text, what), fmt::format("write it like {}", example));
}

// "800/s", "1000 ops/minute", "100K msg/s".
std::optional<double> parse_rate(std::string_view text)
{
    const auto slash = text.rfind('/');
    if (slash == std::string_view::npos)
        return std::nullopt;
    const auto seconds = seconds_of(trim(text.substr(slash + 1)));
    std::string_view left = trim(text.substr(0, slash));
    auto number = take_number(left);
    if (!seconds || !number)
        return std::nullopt;
    if (left.starts_with('k') || left.starts_with('K'))
        *number *= 1e3;
    else if (left.starts_with('M'))
        *number *= 1e6;
    else if (left.starts_with('G'))
        *number *= 1e9;
    if (!left.empty() && is_letter(left.front()))
        left.remove_prefix(1);
    // What is counted is said for people.
    if (!left.empty() && (left.front() != ' ' || !std::ranges::all_of(trim(left), is_letter)))
        return std::nullopt;
    return *number / *seconds;
}

std::optional<double> parse_byte_rate(std::string_view text)
{
    const auto slash = text.rfind('/');
    if (slash == std::string_view::npos)
        return std::nullopt;
    const auto seconds = seconds_of(trim(text.substr(slash + 1)));
    const auto bytes = parse_bytes(text.substr(0, slash));
    if (!seconds || !bytes)
        return std::nullopt;
    return static_cast<double>(*bytes) / *seconds;
}

std::optional<double> parse_count(std::string_view text)
{
    const auto number = take_number(text);
    return number && text.empty() ? number : std::nullopt;
}

}  // namespace

std::optional<double> parse_share(std::string_view text)
{
    const auto number = take_number(text);
    if (!number || text != "%" || *number > kMostPercent)
        return std::nullopt;
    return *number / 100;
}

Result<double> parse_bound(std::string_view text, Unit unit)
{
    switch (unit) {
    case Unit::Nanoseconds:
        // A bare number would be seconds elsewhere; here nobody could know.
        if (const auto ns = parse_duration(text); ns && !text.empty() && is_letter(text.back()))
            return static_cast<double>(*ns);
        return not_a(text, "a time with its unit", "100ms");
    case Unit::Bytes:
        if (const auto bytes = parse_bytes(text); bytes && is_letter(text.back()))
            return static_cast<double>(*bytes);
        return not_a(text, "a size with its unit", "640M");
    case Unit::Share:
        if (const auto share = parse_share(text))
            return *share;
        return not_a(text, "a percentage", "12.5%");
    case Unit::PerSecond:
        if (const auto rate = parse_rate(text))
            return *rate;
        return not_a(text, "a rate", "800/s, 1000 ops/min or 100K msg/s");
    case Unit::BytesPerSecond:
        if (const auto rate = parse_byte_rate(text))
            return *rate;
        return not_a(text, "bytes per time", "80 MB/s");
    case Unit::Count:
        if (const auto count = parse_count(text))
            return *count;
        return not_a(text, "a count", "0 or 12");
    }
    return fail(ErrorKind::Internal, "no such unit");
}

}  // namespace flyball::calibrate
