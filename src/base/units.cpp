// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/units.hpp"

#include "flyball/base/strings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace flyball {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t scale;
};

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMaxDurationNs = std::numeric_limits<std::int64_t>::max();

// From large to small: their order is the order in which they may be combined.
constexpr std::array<Unit, 7> kDurations{{{"d", 86400 * kSecond},
                                          {"h", 3600 * kSecond},
                                          {"m", 60 * kSecond},
                                          {"s", kSecond},
                                          {"ms", 1'000'000},
                                          {"us", 1'000},
                                          {"ns", 1}}};

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "123" or "1.5", cut off the front of `text`, times `scale`, exactly: nullopt on garbage or overflow.
struct Number {
    std::string_view whole, fraction;
};

std::optional<Number> take_number(std::string_view& text)
{
    const auto digits = [&text] {
        const auto end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
        const std::string_view run = text.substr(0, end);
        text.remove_prefix(end);
        return run;
    };
    Number number{.whole = digits(), .fraction = {}};
    if (number.whole.empty())
        return std::nullopt;
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        number.fraction = digits();
        if (number.fraction.empty())
            return std::nullopt;
    }
    return number;
}

std::string_view take_letters(std::string_view& text)
{
    const auto end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_letter) - text.begin());
    const std::string_view run = text.substr(0, end);
    text.remove_prefix(end);
    return run;
}

std::optional<std::uint64_t> scaled(const Number& number, std::uint64_t scale, std::uint64_t limit)
{
    const auto whole = parse_u64(number.whole);
    if (!whole || *whole > limit / scale)
        return std::nullopt;
    // Digits finer than 10^-15 of a unit change nothing that is measured here.
    double fraction = 0;
    double weight = 0.1;
    for (const char digit : number.fraction.substr(0, 15)) {
        fraction += weight * (digit - '0');
        weight /= 10;
    }
    const std::uint64_t value = *whole * scale;
    const auto rest = static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(scale)));
    if (rest > limit - value)
        return std::nullopt;
    return value + rest;
}

std::unexpected<Error> bad_duration(std::string_view text, std::string_view why)
{
    return fail(ErrorKind::Usage, fmt::format("'{}' is not a duration: {}", text, why),
                "give a number and a unit of d, h, m, s, ms, us, ns, such as 30s, 1m30s or 500ms; a plain "
                "number is seconds");
}

std::unexpected<Error> bad_size(std::string_view text, std::string_view why)
{
    return fail(ErrorKind::Usage, fmt::format("'{}' is not a size: {}", text, why),
                "give bytes, with K, M, G, T or P for powers of 1024, such as 4096, 64M or 1.5GiB");
}

// Three significant digits of a value >= 1.
std::string three_digits(double value)
{
    if (value >= 99.95)
        return fmt::format("{:.0f}", value);
    if (value >= 9.995)
        return fmt::format("{:.1f}", value);
    return fmt::format("{:.2f}", value);
}

// The largest unit of which `value` holds one; a value that would print as 1000 (1024) takes the next.
template <std::size_t N>
std::string with_unit(std::uint64_t value, const std::array<std::string_view, N>& units, double base)
{
    auto left = static_cast<double>(value);
    std::size_t unit = 0;
    while (unit + 1 < N && left >= base - 0.5) {
        left /= base;
        ++unit;
    }
    if (unit == 0)
        return fmt::format("{}{}", value, units[0]);
    return three_digits(left) + std::string(units[unit]);
}

}  // namespace

Result<std::uint64_t> parse_duration(std::string_view text)
{
    std::string_view left = trim(text);
    if (left.empty())
        return bad_duration(text, "it is empty");
    if (left.front() == '-')
        return bad_duration(text, "it is negative");
    std::uint64_t total = 0;
    std::size_t next_unit = 0;
    while (!left.empty()) {
        const auto number = take_number(left);
        if (!number)
            return bad_duration(text, "a number was expected");
        std::string_view name = take_letters(left);
        if (name.empty()) {
            if (next_unit != 0 || !left.empty())
                return bad_duration(text, "a unit is missing");
            name = "s";
        }
        const auto* const unit =
            std::find_if(kDurations.begin(), kDurations.end(), [&](const Unit& u) { return u.name == name; });
        if (unit == kDurations.end())
            return bad_duration(text, fmt::format("there is no unit '{}'", name));
        const auto index = static_cast<std::size_t>(unit - kDurations.begin());
        if (index < next_unit)
            return bad_duration(text, "units go from large to small, each once");
        next_unit = index + 1;
        const auto part = scaled(*number, unit->scale, kMaxDurationNs - total);
        if (!part)
            return bad_duration(text, "it is too long");
        total += *part;
    }
    if (total == 0)
        return bad_duration(text, "it must be more than zero");
    return total;
}

Result<std::uint64_t> parse_bytes(std::string_view text)
{
    std::string_view left = trim(text);
    if (left.empty())
        return bad_size(text, "it is empty");
    if (left.front() == '-')
        return bad_size(text, "it is negative");
    const auto number = take_number(left);
    if (!number)
        return bad_size(text, "a number was expected");
    if (left.starts_with(' '))
        left.remove_prefix(1);
    std::string unit(left);
    std::transform(unit.begin(), unit.end(), unit.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    std::uint64_t scale = 1;
    if (!unit.empty() && unit != "b") {
        constexpr std::string_view kPrefixes = "kmgtp";
        const auto power = kPrefixes.find(unit.front());
        const std::string_view rest = std::string_view(unit).substr(1);
        if (power == std::string_view::npos || (!rest.empty() && rest != "b" && rest != "ib"))
            return bad_size(text, fmt::format("there is no unit '{}'", left));
        scale = std::uint64_t{1} << (10 * (power + 1));
    } else if (!number->fraction.empty()) {
        return bad_size(text, "there is no part of a byte");
    }
    const auto bytes = scaled(*number, scale, std::numeric_limits<std::uint64_t>::max());
    if (!bytes)
        return bad_size(text, "it is too large");
    return *bytes;
}

Result<double> parse_share(std::string_view text)
{
    std::string_view left = trim(text);
    const bool percent = left.ends_with('%');
    if (percent)
        left.remove_suffix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(left.data(), left.data() + left.size(), value, std::chars_format::fixed);
    if (error != std::errc{} || end != left.data() + left.size())
        return fail(ErrorKind::Usage, fmt::format("'{}' is no share", text), "like 5% or 0.05");
    if (percent)
        value /= 100;
    if (!(value >= 0 && value <= 1))
        return fail(ErrorKind::Usage, fmt::format("'{}' is not from 0% to 100%", text),
                    percent ? "" : fmt::format("{}% perhaps", left));
    return value;
}

std::string format_ns(std::uint64_t ns)
{
    constexpr std::array<std::string_view, 4> kUnits{" ns", " us", " ms", " s"};
    constexpr std::uint64_t kLongAsSeconds = 600 * kSecond;
    if (ns < kLongAsSeconds)
        return with_unit(ns, kUnits, 1000.0);
    const std::uint64_t minutes = ns / (60 * kSecond);
    if (minutes < 60)
        return fmt::format("{} min {:02} s", minutes, ns / kSecond % 60);
    if (minutes < 48 * 60)
        return fmt::format("{} h {:02} min", minutes / 60, minutes % 60);
    return fmt::format("{} d {:02} h", minutes / 1440, minutes / 60 % 24);
}

std::string format_bytes(std::uint64_t bytes)
{
    constexpr std::array<std::string_view, 7> kUnits{" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    return with_unit(bytes, kUnits, 1024.0);
}

std::string format_count(std::uint64_t count)
{
    constexpr std::array<std::string_view, 7> kUnits{"", " k", " M", " G", " T", " P", " E"};
    return with_unit(count, kUnits, 1000.0);
}

std::string format_percent(double ratio)
{
    const double percent = ratio * 100;
    if (!std::isfinite(percent))
        return "-";
    const double size = std::abs(percent);
    if (size == 0)
        return "0.0%";
    if (size < 0.005)
        return percent < 0 ? ">-0.01%" : "<0.01%";
    return size < 0.0995 ? fmt::format("{:.2f}%", percent) : fmt::format("{:.1f}%", percent);
}

}  // namespace flyball
