// SPDX-License-Identifier: Apache-2.0
#include "flyball/base/characters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace flyball {
namespace {

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

bool is_control(char32_t code)
{
    // C0, DEL, C1, the marks that turn the direction of writing, and the two that XML and YAML refuse.
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069) || code == 0xfffe || code == 0xffff;
}

}  // namespace

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

std::size_t columns(char32_t code)
{
    const auto within = [=](const Range& range) { return code >= range.first && code <= range.last; };
    if (std::ranges::any_of(kNoWidth, within))
        return 0;
    return std::ranges::any_of(kWide, within) ? 2 : 1;
}

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

}  // namespace flyball
