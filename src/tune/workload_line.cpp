// SPDX-License-Identifier: Apache-2.0
#include "workload_line.hpp"

#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace flyball::tune {
namespace {

constexpr double kMostLatencyNs = 9.2e18;  // within 63 bits

struct TimeUnit {
    std::string_view name;
    double ns;
};
// The micro sign and the Greek letter, both in UTF-8: some languages print them.
constexpr std::array kTimeUnits{TimeUnit{"ms", 1e6},       TimeUnit{"us", 1e3}, TimeUnit{"ns", 1},
                                TimeUnit{"s", 1e9},        TimeUnit{"", 1e9},   TimeUnit{"\xc2\xb5s", 1e3},
                                TimeUnit{"\xce\xbcs", 1e3}};

struct Number {
    double value;
    std::string_view rest;
};

std::optional<Number> take_number(std::string_view text)
{
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || !std::isfinite(value))
        return std::nullopt;
    return Number{value, text.substr(static_cast<std::size_t>(end - text.data()))};
}

std::optional<double> parse_number(std::string_view text)
{
    const auto number = take_number(text);
    if (!number || !number->rest.empty())
        return std::nullopt;
    return number->value;
}

// Cuts the first word off the front.
std::string_view take_word(std::string_view& text)
{
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view word = text.substr(0, end);
    text = trim(text.substr(end));
    return word;
}

}  // namespace

std::optional<std::uint64_t> parse_latency(std::string_view text)
{
    const auto number = take_number(text);
    if (!number || std::signbit(number->value))
        return std::nullopt;
    const std::string_view name = trim(number->rest);
    for (const TimeUnit& unit : kTimeUnits) {
        if (name != unit.name)
            continue;
        const double ns = number->value * unit.ns;
        if (ns > kMostLatencyNs)
            return std::nullopt;
        return static_cast<std::uint64_t>(std::llround(ns));
    }
    const auto composed = parse_duration(text);
    return composed ? std::optional(*composed) : std::nullopt;
}

std::optional<Told> parse_told(Word word, std::string_view value)
{
    if (word == Word::Op) {
        const auto latency = parse_latency(value);
        return latency ? std::optional(Told{.word = word, .latency_ns = *latency}) : std::nullopt;
    }
    const auto number = parse_number(value);
    if (!number || (word != Word::Value && *number < 0))
        return std::nullopt;
    return Told{.word = word, .number = *number};
}

std::optional<Told> parse_workload_line(std::string_view line)
{
    std::string_view rest = trim(line);
    const std::string_view first = take_word(rest);
    if (first == "value") {
        const std::string_view name = take_word(rest);
        auto told = parse_told(Word::Value, rest);
        if (told)
            told->name = name;
        return told;
    }
    constexpr std::array kWords{
        std::pair{std::string_view("done"), Word::Done}, std::pair{std::string_view("op"), Word::Op},
        std::pair{std::string_view("fail"), Word::Fail}, std::pair{std::string_view("rate"), Word::Rate}};
    for (const auto& [name, word] : kWords) {
        if (first == name)
            return parse_told(word, rest);
    }
    return std::nullopt;
}

}  // namespace flyball::tune
