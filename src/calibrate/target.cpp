// SPDX-License-Identifier: Apache-2.0
// The grammar of targets. What is left of the text is cut from its front.
#include "flyball/calibrate/target.hpp"

#include "flyball/base/strings.hpp"
#include "target_bound.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace flyball::calibrate {
namespace {

constexpr std::string_view kForms = "such as 'throughput >= 800/s', 'p99 < 100ms', 'memory / workers <= 77M', "
                                    "'95% of runs under 120ms' or 'throughput >= 80% of baseline'";

std::unexpected<Error> wrong(std::string what, std::string hint = fmt::format("write a target {}", kForms))
{
    return fail(ErrorKind::Usage, std::move(what), std::move(hint));
}

bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == '%';
}

// The next word of letters, digits and "_-.%", or nothing.
std::string_view peek(std::string_view text)
{
    text = trim(text);
    return text.substr(0, static_cast<std::size_t>(std::ranges::find_if_not(text, is_name_character) - text.begin()));
}

std::string_view take(std::string_view& text)
{
    const std::string_view word = peek(text);
    text = trim(text);
    text.remove_prefix(word.size());
    return word;
}

bool take_word(std::string_view& text, std::string_view wanted)
{
    if (peek(text) != wanted)
        return false;
    take(text);
    return true;
}

struct Sign {
    std::string_view text;
    Comparison comparison;
};
// Longer ones first.
constexpr std::array kSigns{
    Sign{"<=", Comparison::AtMost},  Sign{">=", Comparison::AtLeast},       Sign{"≤", Comparison::AtMost},
    Sign{"≥", Comparison::AtLeast},  Sign{"==", Comparison::Equal},         Sign{"<", Comparison::Less},
    Sign{">", Comparison::More},     Sign{"=", Comparison::Equal},          Sign{"under", Comparison::Less},
    Sign{"below", Comparison::Less}, Sign{"at most", Comparison::AtMost},   Sign{"over", Comparison::More},
    Sign{"above", Comparison::More}, Sign{"at least", Comparison::AtLeast},
};

std::optional<Comparison> take_comparison(std::string_view& text)
{
    text = trim(text);
    for (const Sign& sign : kSigns) {
        if (!text.starts_with(sign.text))
            continue;
        const std::string_view rest = text.substr(sign.text.size());
        const bool word = is_name_character(sign.text.front());
        if (word && !rest.empty() && is_name_character(rest.front()))
            continue;  // "overhead"
        text = rest;
        return sign.comparison;
    }
    return std::nullopt;
}

std::optional<Among> among_of(std::string_view word)
{
    constexpr std::array<std::pair<std::string_view, Among>, 10> kWords{{{"runs", Among::Runs},
                                                                         {"samples", Among::Samples},
                                                                         {"events", Among::Samples},
                                                                         {"operations", Among::Samples},
                                                                         {"ops", Among::Samples},
                                                                         {"requests", Among::Samples},
                                                                         {"starts", Among::Samples},
                                                                         {"spawns", Among::Samples},
                                                                         {"time", Among::Time},
                                                                         {"seconds", Among::Time}}};
    const auto* found = std::ranges::find(kWords, word, &std::pair<std::string_view, Among>::first);
    return found == kWords.end() ? std::nullopt : std::optional(found->second);
}

// "95% of runs", when the text begins with a percentage.
Result<> take_share(std::string_view& text, Target& target)
{
    if (!peek(text).ends_with('%'))
        return {};
    const std::string_view word = take(text);
    const auto share = parse_share(word);
    if (!share || *share <= 0 || *share >= 1)
        return wrong(fmt::format("'{}' is not a share between 0% and 100%", word), "write one such as 95%");
    if (!take_word(text, "of"))
        return wrong(fmt::format("'of' is missing after '{}'", word));
    const std::string_view what = take(text);
    const auto among = among_of(what);
    if (!among)
        return wrong(fmt::format("'{}' is nothing to have a share of", what),
                     "write runs, samples, operations, requests, starts or time");
    target.share = share;
    target.among = *among;
    if (!take_word(text, "have"))
        take_word(text, "with");
    return {};
}

// "p99", "p99.9", "median", ...: false when it is none.
bool statistic_of(std::string_view word, Target& target)
{
    constexpr std::array<std::pair<std::string_view, Statistic>, 7> kWords{{{"median", Statistic::Median},
                                                                            {"mean", Statistic::Mean},
                                                                            {"average", Statistic::Mean},
                                                                            {"max", Statistic::Largest},
                                                                            {"min", Statistic::Smallest},
                                                                            {"total", Statistic::Total},
                                                                            {"variation", Statistic::Variation}}};
    const auto* found = std::ranges::find(kWords, word, &std::pair<std::string_view, Statistic>::first);
    if (found != kWords.end()) {
        target.statistic = found->second;
        return true;
    }
    if (word.size() < 2 || word.front() != 'p')
        return false;
    double percent = 0;
    const char* const end = word.data() + word.size();
    const auto [stop, error] = std::from_chars(word.data() + 1, end, percent, std::chars_format::fixed);
    if (error != std::errc{} || stop != end || percent <= 0 || percent >= 100)
        return false;
    target.statistic = Statistic::Quantile;
    target.quantile = percent / 100;
    return true;
}

struct Quantity {
    bool has_statistic = false;
    std::string_view metric;
};

// "[STATISTIC] [METRIC] [/ PARAMETER]", or "METRIC STATISTIC".
Quantity take_quantity(std::string_view& text, Target& target)
{
    Quantity quantity;
    const auto at_comparison = [&text] {
        std::string_view look = text;
        return take_comparison(look).has_value();
    };
    for (int i = 0; i < 2 && !at_comparison() && !peek(text).empty(); ++i) {
        if (!quantity.has_statistic && statistic_of(peek(text), target)) {
            quantity.has_statistic = true;
            take(text);
        } else if (quantity.metric.empty()) {
            quantity.metric = take(text);
        }
    }
    if (trim(text).starts_with('/')) {
        text = trim(text).substr(1);
        target.per = take(text);
    }
    return quantity;
}

std::string nearest_metric(std::string_view wanted, std::span<const Metric> declared)
{
    std::string_view best;
    std::size_t distance = 4;
    for (const auto list : {declared, common_metrics()}) {
        for (const Metric& metric : list) {
            if (const auto d = edit_distance(wanted, metric.name); d < distance) {
                best = metric.name;
                distance = d;
            }
        }
    }
    return best.empty() ? "name one of docs/calibrate-spec.md, or declare it under metrics"
                        : fmt::format("did you mean '{}'?", best);
}

// What is meant where no metric is named: the bound tells.
std::string_view metric_of_bound(const Quantity& quantity, std::string_view bound)
{
    if (bound.find('/') != std::string_view::npos)
        return "throughput";
    if (parse_bound(bound, Unit::Nanoseconds))
        return "latency";
    if (parse_bound(bound, Unit::Bytes))
        return "memory";
    return quantity.has_statistic ? "latency" : "";
}

Result<> read_bound(std::string_view text, Target& target)
{
    std::string_view look = text;
    const std::string_view first = take(look);
    if (first.ends_with('%') && take_word(look, "of")) {
        const auto factor = parse_share(first);
        target.of = take(look);
        if (!factor || *factor <= 0 || target.of.empty() || !trim(look).empty())
            return wrong(fmt::format("'{}' is not a part of something else", trim(text)),
                         "write '80% of baseline', or '90% of' and the name of a scenario");
        target.bound = *factor;
        return {};
    }
    const auto bound = parse_bound(trim(text), target.unit);
    if (!bound)
        return std::unexpected(bound.error());
    target.bound = *bound;
    return {};
}

Result<> check_sense(const Target& target)
{
    const bool counted = target.unit == Unit::Count && target.statistic != Statistic::Quantile;
    if (target.comparison == Comparison::Equal && (!counted || !target.of.empty()))
        return wrong("'=' compares counts only", "use <= or >=");
    if (target.share && !target.of.empty())
        return wrong("a share of runs has an absolute bound", "write '95% of runs under 120ms'");
    if (target.share && target.comparison == Comparison::Equal)
        return wrong("a share of runs is under or over a bound", "use <= or >=");
    return {};
}

}  // namespace

std::string_view sign(Comparison comparison)
{
    switch (comparison) {
    case Comparison::Less:
        return "<";
    case Comparison::AtMost:
        return "<=";
    case Comparison::More:
        return ">";
    case Comparison::AtLeast:
        return ">=";
    case Comparison::Equal:
        return "=";
    }
    return "?";
}

Result<Target> parse_target(std::string_view text, std::span<const Metric> declared)
{
    Target target;
    target.text = text;
    std::string_view left = trim(text);
    if (left.empty())
        return wrong("the target is empty");
    if (auto share = take_share(left, target); !share)
        return std::unexpected(share.error());
    const Quantity quantity = take_quantity(left, target);
    const auto comparison = take_comparison(left);
    if (!comparison)
        return wrong(fmt::format("'{}' compares nothing at '{}'", text, trim(left)));
    target.comparison = *comparison;
    const std::string_view named = quantity.metric.empty() ? metric_of_bound(quantity, trim(left)) : quantity.metric;
    if (named.empty())
        return wrong(fmt::format("'{}' names no metric", text));
    const Metric* const metric = find_metric(named, declared);
    if (metric == nullptr)
        return wrong(fmt::format("nothing provides a metric '{}'", named), nearest_metric(named, declared));
    target.metric = metric->name;
    target.unit = metric->unit;
    if (!quantity.has_statistic)
        target.statistic = metric->usual;
    if (target.statistic == Statistic::Variation)
        target.unit = Unit::Share;
    if (auto bound = read_bound(left, target); !bound)
        return std::unexpected(bound.error());
    if (auto sense = check_sense(target); !sense)
        return std::unexpected(sense.error());
    return target;
}

}  // namespace flyball::calibrate
