// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"

#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

// As much of the front as fits into WIDTH columns, in bytes.
std::size_t prefix(std::string_view text, std::size_t width)
{
    std::size_t at = 0, used = 0;
    while (at < text.size()) {
        const Char c = first_char(text.substr(at));
        used += c.valid ? columns(c.code) : 1;
        if (used > width)
            break;
        at += c.bytes;
    }
    return at;
}

// Where a tail of at most WIDTH columns begins, in bytes.
std::size_t suffix(std::string_view text, std::size_t width)
{
    const std::size_t total = display_width(text);
    std::size_t at = 0, left = total;
    while (at < text.size() && left > width) {
        const Char c = first_char(text.substr(at));
        left -= c.valid ? columns(c.code) : 1;
        at += c.bytes;
    }
    return at;
}

std::string without_blanks(std::string text)
{
    std::erase(text, ' ');
    return text;
}

}  // namespace

std::string squeeze(std::string_view text, std::size_t width)
{
    constexpr std::string_view kDots = "...";
    if (display_width(text) <= width)
        return std::string(text);
    if (width <= kDots.size())
        return std::string(text.substr(0, prefix(text, width)));
    // The end of a path tells cgroups apart better than its beginning: it gets the larger half.
    const std::size_t front = (width - kDots.size()) * 2 / 5;
    const std::size_t back = width - kDots.size() - front;
    std::string cut(text.substr(0, prefix(text, front)));
    cut += kDots;
    cut += text.substr(suffix(text, back));
    return cut;
}

std::string pad_right(std::string_view text, std::size_t width)
{
    const std::size_t have = display_width(text);
    return std::string(text) + std::string(width > have ? width - have : 0, ' ');
}

std::string pad_left(std::string_view text, std::size_t width)
{
    const std::size_t have = display_width(text);
    return std::string(width > have ? width - have : 0, ' ') + std::string(text);
}

std::vector<std::string> wrap(std::string_view text, std::size_t width)
{
    std::vector<std::string> lines;
    std::string line;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(' '), text.size());
        std::string_view word = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
            lines.push_back(std::move(line));
            line.clear();
        }
        while (display_width(word) > width) {
            const std::size_t cut = std::max<std::size_t>(prefix(word, width), 1);
            lines.emplace_back(word.substr(0, cut));
            word.remove_prefix(cut);
        }
        if (!line.empty() && !word.empty())
            line += ' ';
        line += word;
    }
    if (!line.empty())
        lines.push_back(std::move(line));
    return lines;
}

std::string narrow_ns(std::uint64_t ns)
{
    constexpr std::uint64_t kMinute = 60'000'000'000;
    if (ns < 10 * kMinute)
        return without_blanks(format_ns(ns));
    const std::uint64_t minutes = ns / kMinute;
    if (minutes < 60)
        return fmt::format("{}m{:02}s", minutes, ns / 1'000'000'000 % 60);
    if (minutes < 48 * 60)
        return fmt::format("{}h{:02}m", minutes / 60, minutes % 60);
    const std::uint64_t days = minutes / 1440;
    if (days < 100)
        return fmt::format("{}d{:02}h", days, minutes / 60 % 24);
    return days < 10'000 ? fmt::format("{}d", days) : fmt::format("{}y", days / 365);
}

std::string narrow_bytes(std::uint64_t bytes)
{
    std::string text = without_blanks(format_bytes(bytes));
    if (text.ends_with("iB"))
        text.resize(text.size() - 2);
    return text;
}

std::string narrow_count(std::uint64_t count)
{
    constexpr std::uint64_t kSixDigits = 999'999;
    return count <= kSixDigits ? std::to_string(count) : without_blanks(format_count(count));
}

std::string exact_count(std::uint64_t count)
{
    constexpr std::uint64_t kNineDigits = 999'999'999;
    return count <= kNineDigits ? std::to_string(count) : narrow_count(count);
}

std::string narrow(Unit unit, std::uint64_t value)
{
    switch (unit) {
    case Unit::Nanoseconds:
        return narrow_ns(value);
    case Unit::Bytes:
        return narrow_bytes(value);
    case Unit::Pages:
    case Unit::Count:
        break;
    }
    return narrow_count(value);
}

std::string spelled(Unit unit, std::uint64_t value)
{
    switch (unit) {
    case Unit::Nanoseconds:
        return format_ns(value);
    case Unit::Bytes:
        return format_bytes(value);
    case Unit::Pages:
        return fmt::format("{} pages", value);
    case Unit::Count:
        break;
    }
    return std::to_string(value);
}

}  // namespace flyball::report
