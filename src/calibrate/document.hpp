// SPDX-License-Identifier: Apache-2.0
// A JSON text as a tree that knows where each value and key stands, with comments allowed.
//
// nlohmann_json up to 3.11 keeps no positions: its SAX interface tells a position for syntax errors only. It reads
// through an iterator, though, and never further than the token it reports (by one character after a number), so a
// counting iterator knows where each token ends, and what lies between two tokens is blank, comment, ',' or ':'.
#pragma once

#include "flyball/calibrate/problem.hpp"

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::calibrate::detail {

struct Member;

struct Node {
    enum class Kind { Null, Boolean, Number, String, Array, Object };
    Kind kind = Kind::Null;
    std::size_t begin = 0, end = 0;  // bytes of the text, with the quotes of a string
    std::string text;                // a string's value; a number, true or false as it is written
    double number = 0;
    std::vector<Node> elements;
    std::vector<Member> members;  // in the order of the text

    // The first of that name; nullptr: none, or no object.
    [[nodiscard]] const Node* find(std::string_view key) const;
    [[nodiscard]] bool is(Kind wanted) const { return kind == wanted; }
};

struct Member {
    std::string key;
    std::size_t begin = 0;  // of the key's opening quote
    Node value;
};

[[nodiscard]] std::string_view name(Node::Kind kind);  // "a list"

// Deeper than any specification: a bound for those who read the tree by recursion.
inline constexpr std::size_t kMaxDepth = 32;

// The problem says where the text ceases to be JSON, or nests too deeply.
[[nodiscard]] std::expected<Node, Problem> read_document(std::string_view text);

// Line and column, both from 1; columns count characters, not bytes.
[[nodiscard]] Place place_of(std::string_view text, std::size_t offset);

}  // namespace flyball::calibrate::detail
