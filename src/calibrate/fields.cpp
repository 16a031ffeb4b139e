// SPDX-License-Identifier: Apache-2.0
#include "fields.hpp"

#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "flyball/calibrate/spec.hpp"
#include "target_bound.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace flyball::calibrate::detail {
namespace {

// A line stays a line, whatever a key contains.
std::string printable(std::string text)
{
    constexpr std::size_t kLongest = 400;
    std::ranges::replace_if(text, [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
    if (text.size() <= kLongest)
        return text;
    text.resize(kLongest);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80)
        text.pop_back();
    return text + "...";
}

std::string shown(const Node& node)
{
    if (node.is(Node::Kind::String))
        return "'" + node.text + "'";
    return node.text.empty() ? std::string(name(node.kind)) : node.text;
}

}  // namespace

void Problems::add(std::size_t offset, std::string field, std::string what, std::string remedy)
{
    found_.push_back({place_of(text_, offset), printable(std::move(field)), printable(std::move(what)),
                      printable(std::move(remedy))});
}

bool Problems::ignores(std::string_view key) const
{
    return key.starts_with("x-") || std::ranges::find(ignored_, key) != ignored_.end();
}

std::vector<Problem> Problems::take()
{
    std::ranges::stable_sort(found_, {}, [](const Problem& p) { return std::pair(p.place.line, p.place.column); });
    if (found_.size() > kMostProblems)
        found_.resize(kMostProblems);
    return std::move(found_);
}

std::string join(const std::string& path, std::string_view key)
{
    const bool plain = key.find_first_of(".[]\" ") == std::string_view::npos && !key.empty();
    const std::string part = plain ? std::string(key) : fmt::format("\"{}\"", key);
    return path.empty() ? part : path + "." + part;
}

std::string join(const std::string& path, std::size_t index)
{
    return fmt::format("{}[{}]", path, index);
}

std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> known)
{
    const auto distance = [&](std::string_view one) { return edit_distance(wrong, one); };
    const auto best = std::ranges::min_element(known, {}, distance);
    if (best != known.end() && distance(*best) <= std::max<std::size_t>(1, best->size() / 3))
        return fmt::format("did you mean '{}'?", *best);
    return fmt::format("known are {}", fmt::join(known, ", "));
}

Fields::Fields(const Node& node, std::string path, std::span<const std::string_view> known, Problems& problems)
    : node_(node), path_(std::move(path)), problems_(problems)
{
    if (!expect(node, path_, Node::Kind::Object, problems_))
        return;
    std::set<std::string_view> seen;
    for (const Member& member : node.members) {
        if (!seen.insert(member.key).second)
            problems_.add(member.begin, at(member.key), "is there twice", "remove one of them");
        else if (std::ranges::find(known, member.key) == known.end() && !problems_.ignores(member.key))
            problems_.add(member.begin, at(member.key), "is not a known field", did_you_mean(member.key, known));
    }
}

const Node* Fields::get(std::string_view key) const
{
    const Node* const found = node_.find(key);
    return found != nullptr && found->is(Node::Kind::Null) ? nullptr : found;
}

const Node* Fields::get(std::string_view key, Node::Kind kind) const
{
    const Node* const found = get(key);
    return found != nullptr && expect(*found, at(key), kind, problems_) ? found : nullptr;
}

void Fields::require(std::string_view key, std::string remedy) const
{
    if (valid() && get(key) == nullptr)
        problems_.add(node_, at(key), "is missing", std::move(remedy));
}

void Fields::read(std::string_view key, std::string& value) const
{
    if (const Node* const found = get(key, Node::Kind::String))
        value = found->text;
}

void Fields::read(std::string_view key, bool& value) const
{
    if (const Node* const found = get(key, Node::Kind::Boolean))
        value = found->text == "true";
}

void Fields::read(std::string_view key, std::uint32_t& value, Range range) const
{
    const Node* const found = get(key, Node::Kind::Number);
    if (found == nullptr)
        return;
    if (found->number != std::floor(found->number) || found->number < range.least || found->number > range.most)
        problems_.add(*found, at(key), fmt::format("{} is out of range", found->text),
                      fmt::format("give a whole number from {} to {}", range.least, range.most));
    else
        value = static_cast<std::uint32_t>(found->number);
}

void Fields::read_duration(std::string_view key, std::uint64_t& ns, bool zero) const
{
    constexpr double kMostSeconds = 30 * 86400;
    const Node* const found = get(key);
    if (found == nullptr)
        return;
    if (!found->is(Node::Kind::Number) && !expect(*found, at(key), Node::Kind::String, problems_))
        return;
    double wanted = found->number * 1e9;
    if (found->is(Node::Kind::String) && !(zero && (found->text == "0" || found->text == "0s"))) {
        const auto parsed = parse_duration(found->text);
        if (!parsed)
            return problems_.add(*found, at(key), parsed.error());
        wanted = static_cast<double>(*parsed);
    }
    if (wanted < 0 || (wanted == 0 && !zero) || wanted > kMostSeconds * 1e9)
        problems_.add(*found, at(key), fmt::format("{} is out of range", shown(*found)),
                      "give a time up to 30 days, such as 30s");
    else
        ns = static_cast<std::uint64_t>(wanted);
}

void Fields::read_share(std::string_view key, double& share, Range range) const
{
    const Node* const found = get(key);
    if (found == nullptr)
        return;
    const auto value = found->is(Node::Kind::Number)   ? std::optional(found->number)
                       : found->is(Node::Kind::String) ? parse_share(trim(found->text))
                                                       : std::nullopt;
    if (!value || *value < range.least || *value > range.most)
        problems_.add(
            *found, at(key),
            fmt::format("{} is not a share from {:g}% to {:g}%", shown(*found), range.least * 100, range.most * 100),
            fmt::format("write it like \"{:g}%\"", std::min(range.most, 0.8) * 100));
    else
        share = *value;
}

void Fields::read(std::string_view key, std::optional<Command>& command) const
{
    if (const Node* const found = get(key))
        command = read_command(*found, at(key), problems_);
}

std::vector<std::string> Fields::read_texts(std::string_view key) const
{
    std::vector<std::string> texts;
    const Node* const found = get(key, Node::Kind::Array);
    if (found == nullptr)
        return texts;
    for (std::size_t i = 0; i < found->elements.size(); ++i) {
        const Node& element = found->elements[i];
        if (!expect(element, join(at(key), i), Node::Kind::String, problems_))
            continue;
        if (std::ranges::find(texts, element.text) != texts.end())
            problems_.add(element, join(at(key), i), fmt::format("'{}' is there twice", element.text),
                          "remove one of them");
        texts.push_back(element.text);
    }
    return texts;
}

void Fields::read_parameters(std::string_view key, Parameters& parameters, bool placeholder_names) const
{
    const Node* const found = get(key, Node::Kind::Object);
    if (found == nullptr)
        return;
    std::set<std::string_view> seen;
    for (const Member& member : found->members) {
        const std::string where = join(at(key), member.key);
        if (!seen.insert(member.key).second)
            problems_.add(member.begin, where, "is there twice", "remove one of them");
        if (placeholder_names && !is_placeholder_name(member.key))
            problems_.add(member.begin, where, "is no name for a placeholder", "use a-z, 0-9 and _, a letter first");
        else if (placeholder_names && std::ranges::find(kRuntimeValues, member.key) != kRuntimeValues.end())
            problems_.add(member.begin, where, "is a name that flyball gives a value to", "choose another name");
        else if (!placeholder_names &&
                 (member.key.empty() || member.key.find_first_of(std::string_view("=\0", 2)) != std::string::npos))
            problems_.add(member.begin, where, "is no name of an environment variable", "leave = out of it");
        const auto kind = member.value.kind;
        if (kind == Node::Kind::Object || kind == Node::Kind::Array || kind == Node::Kind::Null)
            problems_.add(member.value, where, fmt::format("is {}", name(kind)),
                          "give a text, a number, true or false");
        else
            parameters[member.key] = member.value.text;
    }
}

bool expect(const Node& node, const std::string& path, Node::Kind kind, Problems& problems)
{
    if (node.is(kind))
        return true;
    problems.add(node, path, fmt::format("is {}, not {}", name(node.kind), name(kind)),
                 fmt::format("give {} here", name(kind)));
    return false;
}

std::optional<Command> read_command(const Node& node, const std::string& path, Problems& problems)
{
    Command command;
    if (node.is(Node::Kind::String)) {
        command.argv = {"/bin/sh", "-c", node.text};
    } else if (node.is(Node::Kind::Array)) {
        for (std::size_t i = 0; i < node.elements.size(); ++i)
            if (expect(node.elements[i], join(path, i), Node::Kind::String, problems))
                command.argv.push_back(node.elements[i].text);
        if (command.argv.size() != node.elements.size())
            return std::nullopt;
    } else {
        problems.add(node, path, fmt::format("is {}, not a command", name(node.kind)),
                     "give a text for the shell, or a list of words");
        return std::nullopt;
    }
    const bool has_nul =
        std::ranges::any_of(command.argv, [](const auto& word) { return word.find('\0') != std::string::npos; });
    if (command.argv.empty() || command.argv.back().empty() || command.argv.front().empty() || has_nul) {
        problems.add(node, path, "is no command", "give a text for the shell, or a list of words");
        return std::nullopt;
    }
    return command;
}

bool expect_one_of(const Node& node, const std::string& path, std::string_view text,
                   std::span<const std::string_view> allowed, Problems& problems)
{
    if (std::ranges::find(allowed, text) != allowed.end())
        return true;
    problems.add(node, path, fmt::format("'{}' is none of {}", text, fmt::join(allowed, ", ")),
                 did_you_mean(text, allowed));
    return false;
}

}  // namespace flyball::calibrate::detail
