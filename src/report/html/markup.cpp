// SPDX-License-Identifier: Apache-2.0
#include "markup.hpp"

#include "xml.hpp"

#include <algorithm>
#include <array>

namespace flyball::report {
namespace {

// Within a line of text a newline would become a blank.
constexpr std::array<std::string_view, 10> kInline{"span",   "a",     "b",    "em",   "code",
                                                   "strong", "title", "text", "abbr", "pre"};

}  // namespace

Markup::Scope::~Scope()
{
    if (markup_ == nullptr)
        return;
    markup_->out_ += "</";
    markup_->out_ += tag_;
    markup_->out_ += '>';
}

void Markup::begin(std::string_view tag, Attributes attributes)
{
    if (std::ranges::find(kInline, tag) == kInline.end())
        out_ += '\n';
    out_ += '<';
    out_ += tag;
    for (const auto& [name, value] : attributes) {
        if (value.empty())
            continue;
        out_ += ' ';
        out_ += name;
        out_ += "=\"";
        out_ += xml_line(value);
        out_ += '"';
    }
}

Markup::Scope Markup::in(std::string_view tag, Attributes attributes)
{
    begin(tag, attributes);
    out_ += '>';
    return {*this, tag};
}

void Markup::element(std::string_view tag, Attributes attributes, std::string_view content)
{
    const Scope scope = in(tag, attributes);
    text(content);
}

void Markup::shape(std::string_view tag, Attributes attributes, std::string_view title)
{
    begin(tag, attributes);
    if (title.empty()) {
        out_ += "/>";
        return;
    }
    out_ += "><title>";
    text(title);
    out_ += "</title></";
    out_ += tag;
    out_ += '>';
}

void Markup::text(std::string_view text)
{
    out_ += xml_line(text);
}

}  // namespace flyball::report
