// SPDX-License-Identifier: Apache-2.0
#include "xml.hpp"

#include "cells.hpp"
#include "flyball/base/strings.hpp"

namespace flyball::report {
namespace {

std::string_view entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return {};
    }
}

}  // namespace

std::string xml_line(std::string_view text)
{
    std::string out;
    for (const char c : harmless(text)) {
        const std::string_view escaped = entity(c);
        if (escaped.empty())
            out += c;
        else
            out += escaped;
    }
    return out;
}

std::string xml_lines(std::string_view text)
{
    std::string out;
    for_each_line(text, [&](std::string_view line) { out += xml_line(line) + "\n"; });
    return out;
}

}  // namespace flyball::report
