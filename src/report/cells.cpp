// SPDX-License-Identifier: Apache-2.0
#include "cells.hpp"

#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace flyball::report {
namespace {

struct Char {
    std::size_t bytes = 1;
    char32_t code = 0;
    bool valid = false;
};

// The first character of TEXT, which is not empty. Overlong forms and surrogates are not valid.
Char first_char(std::string_view text)
{
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return {1, lead, true};
    const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    constexpr std::array<char32_t, 5> kLeast{0, 0, 0x80, 0x800, 0x10000};
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length)
        return {};
    char32_t code = lead & (0x7fU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U)
            return {};
        code = (code << 6U) | (byte(i) & 0x3fU);
    }
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < kLeast[length] || code > 0x10ffff || surrogate)
        return {};
    return {length, code, true};
}

struct Range {
    char32_t first, last;
};

// Unicode's East Asian Width W and F, in the blocks that names are made of.
constexpr std::array kWide{Range{0x1100, 0x115f},  Range{0x2e80, 0x303e}, Range{0x3041, 0xa4cf},
                           Range{0xac00, 0xd7a3},  Range{0xf900, 0xfaff}, Range{0xfe30, 0xfe6f},
                           Range{0xff00, 0xff60},  Range{0xffe0, 0xffe6}, Range{0x1f300, 0x1faff},
                           Range{0x20000, 0x3fffd}};
// Marks that stand on the character before them, and what joins or directs characters.
constexpr std::array kNoWidth{
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd}, Range{0x064b, 0x065f}, Range{0x200b, 0x200f},
    Range{0x202a, 0x202e}, Range{0x2060, 0x2064}, Range{0x20d0, 0x20ff}, Range{0xfe00, 0xfe0f}, Range{0xfe20, 0xfe2f}};

std::size_t columns(char32_t code)
{
    const auto within = [=](const Range& range) { return code >= range.first && code <= range.last; };
    if (std::ranges::any_of(kNoWidth, within))
        return 0;
    return std::ranges::any_of(kWide, within) ? 2 : 1;
}

bool is_control(char32_t code)
{
    // C0, DEL, C1, the marks that turn the direction of writing, and the two that XML and YAML refuse.
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfffe || code == 0xffff;
}

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

std::size_t display_width(std::string_view text)
{
    std::size_t width = 0;
    while (!text.empty()) {
        const Char c = first_char(text);
        width += c.valid ? columns(c.code) : 1;
        text.remove_prefix(c.bytes);
    }
    return width;
}

std::string harmless(std::string_view text)
{
    std::string clean;
    while (!text.empty()) {
        const Char c = first_char(text);
        if (c.valid && !is_control(c.code)) {
            clean += text.substr(0, c.bytes);
        } else {
            for (const char byte : text.substr(0, c.bytes)) {
                clean += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
            }
        }
        text.remove_prefix(c.bytes);
    }
    return clean;
}

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
