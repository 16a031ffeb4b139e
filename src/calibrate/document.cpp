// SPDX-License-Identifier: Apache-2.0
#include "document.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <exception>
#include <iterator>
#include <optional>
#include <utility>

namespace flyball::calibrate::detail {
namespace {

using nlohmann::json;

// Counts what the lexer has taken. The lexer copies its iterator, so the count lies outside.
class CountingIterator {
public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingIterator(const char* at, std::size_t* taken) : at_(at), taken_(taken) {}
    reference operator*() const { return *at_; }
    CountingIterator& operator++()
    {
        ++at_;
        ++*taken_;
        return *this;
    }
    CountingIterator operator++(int)
    {
        CountingIterator old = *this;
        ++*this;
        return old;
    }
    friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }

private:
    const char* at_;
    std::size_t* taken_;
};

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Where the next token begins: after what may stand between two of them. Only called on what the lexer has accepted.
std::size_t skip_to_token(std::string_view text, std::size_t at)
{
    if (at == 0 && text.starts_with(kByteOrderMark))
        at = kByteOrderMark.size();
    while (at < text.size()) {
        if (text.substr(at).starts_with("//")) {
            at = std::min(text.find('\n', at), text.size());
        } else if (text.substr(at).starts_with("/*")) {
            const auto close = text.find("*/", at + 2);
            at = close == std::string_view::npos ? text.size() : close + 2;
        } else if (std::string_view(" \t\r\n,:").find(text[at]) != std::string_view::npos) {
            ++at;
        } else {
            break;
        }
    }
    return at;
}

// "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing X - Y; expected Z" ->
// "while parsing X: Y; expected Z".
std::string plain_message(std::string message)
{
    constexpr std::string_view kBefore = "syntax error ";
    if (const auto at = message.find(kBefore); at != std::string::npos)
        message.erase(0, at + kBefore.size());
    if (const auto dash = message.find(" - "); dash != std::string::npos)
        message.replace(dash, 3, ": ");
    if (const auto tag = message.find("] "); message.starts_with('[') && tag != std::string::npos)
        message.erase(0, tag + 2);
    std::ranges::replace(message, '\n', ' ');
    return message;
}

class Builder {
public:
    Builder(std::string_view text, const std::size_t* taken) : text_(text), taken_(taken) {}

    bool null() { return leaf(Node::Kind::Null); }
    bool boolean(bool) { return leaf(Node::Kind::Boolean); }
    bool number_integer(json::number_integer_t value) { return number(static_cast<double>(value)); }
    bool number_unsigned(json::number_unsigned_t value) { return number(static_cast<double>(value)); }
    bool number_float(json::number_float_t value, const std::string&) { return number(value); }
    bool string(std::string& value)
    {
        leaf(Node::Kind::String);
        last_->text = std::move(value);
        return true;
    }
    bool binary(json::binary_t&) { return false; }  // no text form has it

    bool start_object(std::size_t) { return open(Node::Kind::Object); }
    bool end_object() { return close(); }
    bool start_array(std::size_t) { return open(Node::Kind::Array); }
    bool end_array() { return close(); }
    bool key(std::string& name)
    {
        open_.back()->members.push_back({.key = std::move(name), .begin = skip_to_token(text_, end_), .value = {}});
        end_ = *taken_;
        return true;
    }

    bool parse_error(std::size_t position, const std::string&, const json::exception& error)
    {
        problem_ = Problem{.place = place_of(text_, position > 0 ? position - 1 : 0),
                           .field = {},
                           .what = "not JSON: " + plain_message(error.what()),
                           .remedy = "comments are allowed, a comma after the last element is not"};
        return false;
    }

    Node root;
    [[nodiscard]] std::optional<Problem>& problem() { return problem_; }

private:
    Node& add(Node::Kind kind)
    {
        Node node;
        node.kind = kind;
        node.begin = skip_to_token(text_, end_);
        if (open_.empty()) {
            root = std::move(node);
            return root;
        }
        Node& parent = *open_.back();
        if (parent.is(Node::Kind::Object)) {
            parent.members.back().value = std::move(node);
            return parent.members.back().value;
        }
        return parent.elements.emplace_back(std::move(node));
    }

    bool leaf(Node::Kind kind)
    {
        last_ = &add(kind);
        end_ = last_->end = *taken_;
        last_->text = text_.substr(last_->begin, last_->end - last_->begin);
        return true;
    }

    // The lexer has looked at the character after a number, unless the text ends there.
    bool number(double value)
    {
        leaf(Node::Kind::Number);
        const auto length = last_->text.find_first_not_of("0123456789+-.eE");
        if (length != std::string::npos)
            last_->text.resize(length);
        end_ = last_->end = last_->begin + last_->text.size();
        last_->number = value;
        return true;
    }

    bool open(Node::Kind kind)
    {
        Node& node = add(kind);
        end_ = *taken_;
        if (open_.size() == kMaxDepth) {
            problem_ = Problem{.place = place_of(text_, node.begin),
                               .field = {},
                               .what = "nested too deeply",
                               .remedy = "no field of a specification needs " + std::to_string(kMaxDepth) + " levels"};
            return false;
        }
        // A node's children are added while it is the last of its parent's, which does not grow meanwhile.
        open_.push_back(&node);
        return true;
    }

    bool close()
    {
        end_ = open_.back()->end = *taken_;
        open_.pop_back();
        return true;
    }

    std::string_view text_;
    const std::size_t* taken_;
    std::size_t end_ = 0;  // of the token before
    Node* last_ = nullptr;
    std::vector<Node*> open_;
    std::optional<Problem> problem_;
};

}  // namespace

const Node* Node::find(std::string_view key) const
{
    const auto found = std::ranges::find(members, key, &Member::key);
    return found == members.end() ? nullptr : &found->value;
}

std::string_view name(Node::Kind kind)
{
    switch (kind) {
    case Node::Kind::Null:
        return "null";
    case Node::Kind::Boolean:
        return "true or false";
    case Node::Kind::Number:
        return "a number";
    case Node::Kind::String:
        return "a text";
    case Node::Kind::Array:
        return "a list";
    case Node::Kind::Object:
        return "an object";
    }
    return "?";
}

std::expected<Node, Problem> read_document(std::string_view text)
{
    std::size_t taken = 0;
    Builder builder(text, &taken);
    const char* const end = text.data() + text.size();
    try {
        if (json::sax_parse(CountingIterator(text.data(), &taken), CountingIterator(end, &taken), &builder,
                            json::input_format_t::json, /*strict=*/true, /*ignore_comments=*/true))
            return std::move(builder.root);
    } catch (const std::exception& error) {  // a number out of range, no memory
        return std::unexpected(
            Problem{place_of(text, taken), {}, "not JSON: " + plain_message(error.what()), "correct the text"});
    }
    return std::unexpected(std::move(builder.problem()).value_or(Problem{{}, {}, "not JSON", "correct the text"}));
}

Place place_of(std::string_view text, std::size_t offset)
{
    const std::string_view before = text.substr(0, std::min(offset, text.size()));
    const auto newline = before.rfind('\n');
    std::string_view line = newline == std::string_view::npos ? before : before.substr(newline + 1);
    if (newline == std::string_view::npos && line.starts_with(kByteOrderMark))
        line.remove_prefix(kByteOrderMark.size());
    const auto is_first_byte = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    return {.line = 1 + static_cast<std::size_t>(std::ranges::count(before, '\n')),
            .column = 1 + static_cast<std::size_t>(std::ranges::count_if(line, is_first_byte))};
}

}  // namespace flyball::calibrate::detail
