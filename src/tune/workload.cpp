// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/workload.hpp"

#include "flyball/base/strings.hpp"
#include "lines.hpp"
#include "rate_average.hpp"
#include "workload_line.hpp"
#include "workload_pattern.hpp"

#include <utility>

namespace flyball::tune {
namespace {

constexpr std::size_t kMostShown = 80;

std::string printable(std::string_view line)
{
    std::string shown(line.substr(0, kMostShown));
    for (char& c : shown) {
        if (c < ' ' || c > '~')
            c = '?';
    }
    return shown;
}

struct Pattern {
    WorkloadPattern regex;
    RateAverage rates;
};

}  // namespace

struct WorkloadMeter::State {
    LineCutter metrics{kMostLineBytes - 1}, output{kMostLineBytes};
    RateAverage rates;  // of the metrics
    std::vector<Pattern> patterns;
    std::string output_text;  // a line of output, ended by a null byte for the patterns

    bool begun = false;
    std::uint64_t begin_ns = 0;
    Performance now;
    bool counts = false;  // it told `done`, `op` or `fail`, ever

    std::uint64_t understood = 0, not_understood = 0;
    std::string first_not_understood;

    void begin(std::uint64_t at_ns)
    {
        begun = true;
        begin_ns = at_ns;
        now = {};
        rates.begin(at_ns);
        for (Pattern& pattern : patterns)
            pattern.rates.begin(at_ns);
    }
    void begin_once(std::uint64_t at_ns)
    {
        if (!begun)
            begin(at_ns);
    }
    void wrong(std::string_view line)
    {
        if (not_understood++ == 0)
            first_not_understood = printable(line);
    }
    void take_value(const Told& told)
    {
        auto found = now.values.find(std::string(told.name));
        if (found == now.values.end() && now.values.size() < kMostValueNames)
            found = now.values.emplace(told.name, std::vector<double>{}).first;
        if (found == now.values.end() || found->second.size() >= kMostValues)
            ++now.values_left_out;
        else
            found->second.push_back(told.number);
    }
    void account(const Told& told, RateAverage& of_rates, std::uint64_t at_ns)
    {
        ++understood;
        switch (told.word) {
        case Word::Done:
            now.done += told.number;
            break;
        case Word::Fail:
            now.failed += told.number;
            break;
        case Word::Op:
            now.done += 1;
            now.latency_ns.add(told.latency_ns);
            break;
        case Word::Rate:
            of_rates.add(told.number, at_ns);
            break;
        case Word::Value:
            take_value(told);
            return;
        }
        ++now.reports;
        counts = counts || told.word != Word::Rate;
    }
    void metrics_line(std::string_view line, bool whole, std::uint64_t at_ns)
    {
        if (trim(line).empty() && whole)
            return;
        const auto told = whole ? parse_workload_line(line) : std::nullopt;
        if (told)
            account(*told, rates, at_ns);
        else
            wrong(line);
    }
    void output_line(std::string_view bytes, std::uint64_t at_ns)
    {
        output_text.assign(bytes);
        for (Pattern& pattern : patterns) {
            const auto value = pattern.regex.match(output_text);
            if (!value)
                continue;
            if (const auto told = parse_told(pattern.regex.word(), trim(*value)))
                account(*told, pattern.rates, at_ns);
            else
                wrong(output_text);
        }
    }
    void add_rates(RateAverage& of, double& rate)
    {
        of.settle();
        if (of.seconds() <= 0)
            return;
        rate += of.units() / of.seconds();
        now.done += of.units();
        now.rate = rate;
    }
};

WorkloadMeter::WorkloadMeter() : state_(std::make_unique<State>()) {}
WorkloadMeter::~WorkloadMeter() = default;
WorkloadMeter::WorkloadMeter(WorkloadMeter&&) noexcept = default;
WorkloadMeter& WorkloadMeter::operator=(WorkloadMeter&&) noexcept = default;

Result<> WorkloadMeter::add_pattern(std::string_view kind_and_regex)
{
    auto regex = WorkloadPattern::parse(kind_and_regex);
    if (!regex)
        return std::unexpected(std::move(regex.error()));
    state_->patterns.push_back({.regex = std::move(*regex), .rates = {}});
    state_->patterns.back().rates.begin(state_->begin_ns);
    return {};
}

void WorkloadMeter::feed_metrics(std::string_view bytes, std::uint64_t at_ns)
{
    State& state = *state_;
    state.begin_once(at_ns);
    state.metrics.feed(bytes, [&](std::string_view line, bool whole) { state.metrics_line(line, whole, at_ns); });
}

void WorkloadMeter::feed_output(std::string_view bytes, std::uint64_t at_ns)
{
    State& state = *state_;
    state.begin_once(at_ns);
    state.output.feed(bytes, [&](std::string_view line, bool) { state.output_line(line, at_ns); });
}

Performance WorkloadMeter::take(std::uint64_t at_ns)
{
    State& state = *state_;
    state.begin_once(at_ns);
    if (!state.counts) {
        double rate = 0;
        state.add_rates(state.rates, rate);
        for (Pattern& pattern : state.patterns)
            state.add_rates(pattern.rates, rate);
    } else if (at_ns > state.begin_ns) {
        state.now.rate = state.now.done / (static_cast<double>(at_ns - state.begin_ns) / 1e9);
    }
    Performance told = std::move(state.now);
    state.begin(at_ns);
    return told;
}

std::uint64_t WorkloadMeter::understood() const
{
    return state_->understood;
}
std::uint64_t WorkloadMeter::not_understood() const
{
    return state_->not_understood;
}
const std::string& WorkloadMeter::first_not_understood() const
{
    return state_->first_not_understood;
}

}  // namespace flyball::tune
