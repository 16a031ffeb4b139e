// SPDX-License-Identifier: Apache-2.0
// The grammar of objectives.
#include "flyball/load/objective.hpp"

#include "flyball/base/units.hpp"
#include "flyball/load/quantiles.hpp"
#include "flyball/stats/statistics.hpp"
#include "numbers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace flyball::load {
namespace {

enum class BoundKind { Duration, Percent, Throughput, Size, Number };
enum class Side { Below, Above, Any };

struct Word {
    std::string_view name;
    Measure measure;
    Side side;
    BoundKind bound;
};
constexpr std::array kWords{
    Word{"mean", Measure::Mean, Side::Below, BoundKind::Duration},
    Word{"max", Measure::Max, Side::Below, BoundKind::Duration},
    Word{"errors", Measure::Errors, Side::Below, BoundKind::Percent},
    Word{"success", Measure::Success, Side::Above, BoundKind::Percent},
    Word{"throughput", Measure::Throughput, Side::Above, BoundKind::Throughput},
    Word{"cpu", Measure::Cpu, Side::Below, BoundKind::Percent},
    Word{"throttled", Measure::Throttled, Side::Below, BoundKind::Percent},
    Word{"memory", Measure::Memory, Side::Below, BoundKind::Size},
    Word{"oom", Measure::Oom, Side::Below, BoundKind::Number},
};
constexpr std::string_view kValue = "value:";
constexpr std::string_view kMeasures =
    "p50 ... p99.9, mean, max, errors, success, throughput, cpu, throttled, memory, oom or value:NAME";

// Reads from the left, and knows where it is.
struct Scanner {
    std::string_view text;
    std::size_t at = 0;

    void skip_blanks() { at = std::min(text.find_first_not_of(" \t", at), text.size()); }
    std::string_view until(std::string_view stops)
    {
        const std::size_t begin = at;
        at = std::min(text.find_first_of(stops, at), text.size());
        return text.substr(begin, at - begin);
    }
    [[nodiscard]] std::unexpected<Error> wrong(std::size_t where, std::string_view what, std::string hint) const
    {
        return fail(ErrorKind::Usage, fmt::format("objective '{}', character {}: {}", text, where + 1, what),
                    std::move(hint));
    }
};

std::string found(std::string_view piece)
{
    return piece.empty() ? "the end" : fmt::format("'{}'", piece);
}

Result<Word> scan_measure(Scanner& in, Objective& objective)
{
    in.skip_blanks();
    const std::size_t where = in.at;
    const std::string_view word = in.until(" \t<>=");
    if (word.starts_with(kValue) && word.size() > kValue.size()) {
        objective.name = word.substr(kValue.size());
        return Word{kValue, Measure::Value, Side::Any, BoundKind::Number};
    }
    if (word.size() > 1 && word.front() == 'p') {
        const auto percent = parse_number(word.substr(1));
        if (!percent || *percent <= 0 || *percent >= 100)
            return in.wrong(where, fmt::format("'{}' is no quantile", word), "between p0 and p100, as in p99 or p99.9");
        objective.q = *percent / 100;
        return Word{"p", Measure::Quantile, Side::Below, BoundKind::Duration};
    }
    const auto known = std::ranges::find(kWords, word, &Word::name);
    if (known == kWords.end())
        return in.wrong(where, fmt::format("{} is no measure", found(word)), fmt::format("one of {}", kMeasures));
    return *known;
}

Result<> scan_relation(Scanner& in, const Word& word, Objective& objective)
{
    in.skip_blanks();
    const std::size_t where = in.at;
    in.at = std::min(in.text.find_first_not_of("<>=", in.at), in.text.size());
    const std::string_view sign = in.text.substr(where, in.at - where);
    const bool below = sign == "<" || sign == "<=", above = sign == ">" || sign == ">=";
    if (!below && !above)
        return in.wrong(where,
                        sign.empty() ? fmt::format("a relation is missing before {}", found(in.text.substr(where)))
                                     : fmt::format("'{}' is no relation", sign),
                        "<, <=, > or >=");
    if ((word.side == Side::Below && above) || (word.side == Side::Above && below))
        return in.wrong(
            where, fmt::format("'{}' asks for bad {}", sign, word.measure == Measure::Quantile ? "latency" : word.name),
            word.side == Side::Below ? "< or <=" : "> or >=");
    objective.relation = sign == "<"    ? Relation::Less
                         : sign == "<=" ? Relation::LessEqual
                         : sign == ">"  ? Relation::Greater
                                        : Relation::GreaterEqual;
    return {};
}

std::optional<double> scan_percent(std::string_view text)
{
    if (!text.ends_with('%'))
        return std::nullopt;
    const auto number = parse_number(text.substr(0, text.size() - 1));
    return number ? std::optional(*number / 100) : std::nullopt;
}

Result<> scan_bound(Scanner& in, BoundKind kind, Objective& objective)
{
    in.skip_blanks();
    const std::size_t where = in.at;
    const std::string_view text = in.until(" \t");
    const auto refuse = [&](std::string_view what, std::string_view form) {
        return in.wrong(where, fmt::format("{} is no {}", found(text), what), std::string(form));
    };
    std::optional<double> bound;
    switch (kind) {
    case BoundKind::Duration: {
        // A plain number would be seconds: too easily meant otherwise.
        const auto ns = parse_duration(text);
        if (!ns || parse_number(text))
            return refuse("duration", "with its unit: 830us, 50ms, 1.5s");
        bound = static_cast<double>(*ns);
        break;
    }
    case BoundKind::Percent:
        bound = scan_percent(text);
        if (!bound)
            return refuse("percentage", "0.1%, 95%");
        break;
    case BoundKind::Throughput:
        bound = scan_percent(text);
        objective.of_offered = bound.has_value();
        if (!bound && text.ends_with("/s"))
            bound = parse_number(text.substr(0, text.size() - 2));
        if (!bound)
            return refuse("throughput", "95% (of what is offered), or 200/s");
        break;
    case BoundKind::Size: {
        const auto bytes = parse_bytes(text);
        if (!bytes)
            return refuse("size", "64M, 1.5G");
        bound = static_cast<double>(*bytes);
        break;
    }
    case BoundKind::Number:
        bound = parse_number(text);
        if (!bound)
            return refuse("number", "1, 2.5");
        break;
    }
    objective.bound = *bound;
    in.skip_blanks();
    if (in.at != in.text.size())
        return in.wrong(in.at, fmt::format("'{}' is left over", in.text.substr(in.at)),
                        "one objective in each argument");
    return {};
}

}  // namespace

Result<Objective> parse_objective(std::string_view text)
{
    Objective objective;
    objective.text = text;
    Scanner in{.text = text};
    const auto word = scan_measure(in, objective);
    if (!word)
        return std::unexpected(word.error());
    objective.measure = word->measure;
    if (auto scanned = scan_relation(in, *word, objective); !scanned)
        return std::unexpected(std::move(scanned.error()));
    if (auto scanned = scan_bound(in, word->bound, objective); !scanned)
        return std::unexpected(std::move(scanned.error()));
    return objective;
}

bool Objective::holds(double observed) const
{
    switch (relation) {
    case Relation::Less:
        return observed < bound;
    case Relation::LessEqual:
        return observed <= bound;
    case Relation::Greater:
        return observed > bound;
    case Relation::GreaterEqual:
        return observed >= bound;
    }
    return false;
}

std::uint64_t requests_needed(std::span<const Objective> objectives)
{
    std::uint64_t most = 0;
    for (const Objective& objective : objectives)
        if (objective.measure == Measure::Quantile)
            most = std::max<std::uint64_t>(most, stats::least_samples(objective.q, kConfidence));
    return most;
}

std::string_view name(Verdict verdict)
{
    switch (verdict) {
    case Verdict::Met:
        return "met";
    case Verdict::Broken:
        return "broken";
    case Verdict::Unknown:
        return "unknown";
    }
    return "?";
}

}  // namespace flyball::load
