// SPDX-License-Identifier: Apache-2.0
// HTML and SVG that are well-formed whatever the texts are: every element is closed, every text and attribute escaped.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace flyball::report {

class Markup {
public:
    // Values are escaped; an empty value is an attribute without meaning and left out.
    using Attributes = std::initializer_list<std::pair<std::string_view, std::string_view>>;

    // An element that ends with it.
    class [[nodiscard]] Scope {
    public:
        Scope(Markup& markup, std::string_view tag) : markup_(&markup), tag_(tag) {}
        Scope(Scope&& other) noexcept : markup_(std::exchange(other.markup_, nullptr)), tag_(other.tag_) {}
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        Scope& operator=(Scope&&) = delete;
        ~Scope();

    private:
        Markup* markup_;
        std::string_view tag_;
    };

    // `tag` is a literal: it outlives the scope.
    Scope in(std::string_view tag, Attributes attributes = {});
    void element(std::string_view tag, Attributes attributes, std::string_view text);
    // <rect .../>; with a title, which browsers show when the mouse is on it and screen readers read.
    void shape(std::string_view tag, Attributes attributes, std::string_view title = {});
    void text(std::string_view text);
    // As it stands: the style sheet, the declaration of the document.
    void raw(std::string_view text) { out_ += text; }
    [[nodiscard]] std::string take() { return std::move(out_); }

private:
    void begin(std::string_view tag, Attributes attributes);
    std::string out_;
};

}  // namespace flyball::report
