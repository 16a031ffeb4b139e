// SPDX-License-Identifier: Apache-2.0
// Reads the fields of objects and notes what is wrong with them; what cannot be read is absent to the caller, who goes
// on, so that one run finds all problems.
#pragma once

#include "document.hpp"
#include "flyball/base/result.hpp"
#include "flyball/calibrate/command.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::calibrate::detail {

class Problems {
public:
    explicit Problems(std::string_view text) : text_(text) {}

    void add(std::size_t offset, std::string field, std::string what, std::string remedy);
    void add(const Node& node, std::string field, std::string what, std::string remedy)
    {
        add(node.begin, std::move(field), std::move(what), std::move(remedy));
    }
    void add(const Node& node, std::string field, const Error& error)
    {
        add(node.begin, std::move(field), error.what, error.hint.empty() ? "correct it" : error.hint);
    }
    [[nodiscard]] bool none() const { return found_.empty(); }
    // Fields of this name belong to somebody else.
    void ignore(std::vector<std::string> keys) { ignored_ = std::move(keys); }
    [[nodiscard]] bool ignores(std::string_view key) const;
    // In the order of the text, the first kMostProblems.
    [[nodiscard]] std::vector<Problem> take();

private:
    std::string_view text_;
    std::vector<Problem> found_;
    std::vector<std::string> ignored_;
};

// "components[2]" + "name" -> "components[2].name"; names with dots are quoted as in jq: resource_limits."memory.max".
[[nodiscard]] std::string join(const std::string& path, std::string_view key);
[[nodiscard]] std::string join(const std::string& path, std::size_t index);

[[nodiscard]] std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> known);

struct Range {
    double least, most;
};

// One object. Its known keys are given at once: others, and those that are there twice, are problems.
class Fields {
public:
    Fields(const Node& node, std::string path, std::span<const std::string_view> known, Problems& problems);

    [[nodiscard]] bool valid() const { return node_.is(Node::Kind::Object); }
    [[nodiscard]] const Node* get(std::string_view key) const;  // null counts as absent
    [[nodiscard]] std::string at(std::string_view key) const { return join(path_, key); }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] const Node& node() const { return node_; }
    [[nodiscard]] Problems& problems() const { return problems_; }

    void require(std::string_view key, std::string remedy) const;

    void read(std::string_view key, std::string& value) const;
    void read(std::string_view key, bool& value) const;
    void read(std::string_view key, std::uint32_t& value, Range range) const;
    // "30s", or a number of seconds. zero: whether 0 is allowed.
    void read_duration(std::string_view key, std::uint64_t& ns, bool zero) const;
    // "80%", or 0.8.
    void read_share(std::string_view key, double& share, Range range) const;
    void read(std::string_view key, std::optional<Command>& command) const;
    [[nodiscard]] std::vector<std::string> read_texts(std::string_view key) const;
    // Texts, numbers and booleans by name, all as texts, over what is there.
    void read_parameters(std::string_view key, Parameters& parameters, bool placeholder_names) const;

    // What `key` has as a list or an object; nullptr: absent, or a problem.
    [[nodiscard]] const Node* get(std::string_view key, Node::Kind kind) const;

private:
    const Node& node_;
    std::string path_;
    Problems& problems_;
};

[[nodiscard]] bool expect(const Node& node, const std::string& path, Node::Kind kind, Problems& problems);
[[nodiscard]] std::optional<Command> read_command(const Node& node, const std::string& path, Problems& problems);
// Whether a text is one of these; if not, that is a problem.
[[nodiscard]] bool expect_one_of(const Node& node, const std::string& path, std::string_view text,
                                 std::span<const std::string_view> allowed, Problems& problems);

}  // namespace flyball::calibrate::detail
