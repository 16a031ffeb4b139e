// SPDX-License-Identifier: Apache-2.0
// What was asked for, checked as a whole; layout.cpp lays it out as levels.
#include "flyball/load/plan.hpp"

#include "flyball/base/units.hpp"
#include "layout.hpp"
#include "numbers.hpp"
#include "shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::load {
namespace {

constexpr std::uint64_t kDefaultHoldNs = 10 * kSecond;
constexpr std::uint64_t kLongestWindowNs = 600 * kSecond;
constexpr std::size_t kMostLevels = 1000;

std::unexpected<Error> refuse(std::string what, std::string hint)
{
    return fail(ErrorKind::Usage, std::move(what), std::move(hint));
}

// One option's value into its place; nothing where it was not given.
template <class T>
Result<> take(std::string_view option, const std::string& text, T& into)
{
    if (text.empty())
        return {};
    auto parsed = parse_duration(text);
    if (!parsed)
        return std::unexpected(std::move(parsed.error()).context(option));
    into = *parsed;
    return {};
}

// What excludes what.
Result<> check_shapes(const Request& request)
{
    const std::pair<std::string_view, const std::string*> shapes[] = {
        {"--rate", &request.rate}, {"--steps", &request.steps}, {"--ramp", &request.ramp}};
    std::string_view first;
    for (const auto& [option, text] : shapes) {
        if (text->empty())
            continue;
        if (!first.empty())
            return refuse(fmt::format("{} and {} exclude each other", first, option), "give one shape of the load");
        first = option;
    }
    if (!request.burst.empty() && request.rate.empty())
        return refuse("--burst needs the rate between the bursts", "add --rate R");
    if (!request.find.empty() && (!request.steps.empty() || !request.ramp.empty() || !request.burst.empty()))
        return refuse("--find tries levels of its own", "leave out --steps, --ramp and --burst");
    if (!request.find.empty() && request.objectives.empty())
        return refuse("--find needs to know what breaking means",
                      "add --objective 'p99<50ms' 'errors<1%' 'throughput>=95%'");
    const bool levels = !request.steps.empty() || !request.sweeps.empty() || !request.find.empty();
    if (levels && !request.duration.empty())
        return refuse("-d is the time of the whole run", "give the time of each level: --hold 30s");
    if (!levels && !request.hold.empty())
        return refuse("--hold is the time of each of several levels", "give -d 30s");
    if (!request.ramp.empty() && !request.duration.empty())
        return refuse("--ramp has its time already", "leave out -d");
    if (!request.burst.empty() && request.duration.empty())
        return refuse("--burst needs an end", "add -d 5m");
    return {};
}

Result<> take_times(const Request& request, Plan& plan)
{
    plan.hold_ns = kDefaultHoldNs;
    plan.timeout_ns = 30 * kSecond;
    plan.drain_ns = kSecond;
    for (const auto& taken : {take("--hold", request.hold, plan.hold_ns), take("-d", request.duration, plan.hold_ns),
                              take("--timeout", request.timeout, plan.timeout_ns)})
        if (!taken)
            return taken;
    // Zero is a time here.
    if (request.drain == "0")
        plan.drain_ns = 0;
    else if (auto taken = take("--drain", request.drain, plan.drain_ns); !taken)
        return taken;
    if (request.warmup == "0")
        plan.warmup_ns = 0;
    else if (auto taken = take("--warmup", request.warmup, plan.warmup_ns); !taken)
        return taken;
    if (plan.warmup_ns && *plan.warmup_ns >= plan.hold_ns && request.ramp.empty())
        return refuse(fmt::format("--warmup {}: nothing is left of {}", request.warmup, format_ns(plan.hold_ns)),
                      "less than the time of a level");
    return {};
}

Result<> take_command(const Request& request, Plan& plan)
{
    if (request.command.empty())
        return refuse("no command was given", "flyball load --rate 100 -d 10s -- CMD [ARG]...");
    plan.command.words = request.command;
    for (const std::string& text : request.environment) {
        auto variable = parse_assignment(text);
        if (!variable)
            return std::unexpected(std::move(variable.error()).context("-e"));
        plan.command.environment.push_back(*std::move(variable));
    }
    for (const std::string& text : request.objectives) {
        auto objective = parse_objective(text);
        if (!objective)
            return std::unexpected(std::move(objective.error()));
        plan.objectives.push_back(*std::move(objective));
    }
    return {};
}

Result<> check_placeholder(const Plan& plan, std::string_view option, const std::string& name)
{
    if (plan.command.uses(name))
        return {};
    return refuse(fmt::format("{}: the command has no {{{}}}", option, name),
                  fmt::format("put {{{}}} where its value is to go, or add -e {}={{{}}}", name, name, name));
}

Result<> take_sweeps(const Request& request, Plan& plan)
{
    plan.combinations = {Values{}};
    for (const std::string& text : request.sweeps) {
        const auto sweep = parse_sweep(text);
        if (!sweep)
            return std::unexpected(sweep.error());
        if (auto placed = check_placeholder(plan, "--sweep", sweep->name); !placed)
            return placed;
        if (plan.combinations.front().contains(sweep->name))
            return refuse(fmt::format("--sweep {} is given twice", sweep->name), "name all its values at once");
        std::vector<Values> more;
        for (const Values& combination : plan.combinations)
            for (const std::string& value : sweep->values) {
                more.push_back(combination);
                more.back()[sweep->name] = value;
            }
        plan.combinations = std::move(more);
        if (plan.combinations.size() > kMostLevels)
            return refuse(fmt::format("--sweep: {} combinations", plan.combinations.size()), "1000 at most");
    }
    return {};
}

Result<> take_search(const Request& request, Plan& plan)
{
    const auto range = parse_range(request.find);
    if (!range)
        return std::unexpected(range.error());
    const bool rate = range->name == "rate";
    if (rate && !request.rate.empty())
        return refuse("--rate and --find rate=... exclude each other", "leave out --rate");
    if (range->name == "n" || range->name == "level" || plan.combinations.front().contains(range->name))
        return refuse(fmt::format("--find {}: the name is taken", range->name),
                      "rate, or a placeholder of the command");
    if (!rate)
        if (auto placed = check_placeholder(plan, "--find", range->name); !placed)
            return placed;
    MOfN votes;
    if (!request.confirm.empty()) {
        const auto parsed = parse_m_of_n(request.confirm);
        if (!parsed)
            return std::unexpected(parsed.error());
        votes = *parsed;
    }
    plan.search = Search{
        .parameter = range->name,
        .options = {.low = range->low, .high = range->high, .whole = range->whole, .confirm = votes.m, .of = votes.n}};
    // Windows grow until their quantiles can be judged: for ever, at a rate that is too low.
    const double slowest = rate ? range->low : plan.rate.value_or(0);
    const std::uint64_t needed = requests_needed(plan.objectives);
    if (!plan.generator && static_cast<double>(needed) / slowest > static_cast<double>(kLongestWindowNs) * 1e-9)
        return refuse(fmt::format("--find: the quantile of an objective needs {} requests: {} at {}/s", needed,
                                  format_ns(static_cast<std::uint64_t>(static_cast<double>(needed) / slowest * 1e9)),
                                  spell_number(slowest)),
                      "begin at a higher rate, or ask for a lower quantile");
    return {};
}

// An objective that nothing will ever be known of is a mistake.
Result<> check_objectives(const Plan& plan)
{
    const bool rated =
        plan.rate || (plan.search && plan.search->parameter == "rate") ||
        std::ranges::any_of(plan.levels, [](const LevelSpec& level) { return level.offered.has_value(); });
    for (const Objective& objective : plan.objectives) {
        if (objective.measure == Measure::Value && !plan.generator)
            return refuse(fmt::format("objective '{}': values are told by a generator", objective.text),
                          "the command is one if it has {level} in it, or if no rate is given");
        if (objective.of_offered && !rated)
            return refuse(fmt::format("objective '{}': no single rate is offered", objective.text),
                          "ask for a rate: throughput>=200/s");
    }
    return {};
}

}  // namespace

Result<Plan> make_plan(const Request& request)
{
    Plan plan;
    plan.arrivals = request.poisson ? Arrivals::Poisson : Arrivals::Fixed;
    plan.seed = request.seed;
    plan.in_flight = request.in_flight;
    for (const auto step : {take_command, take_times})
        if (auto taken = step(request, plan); !taken)
            return std::unexpected(std::move(taken.error()));
    if (auto checked = check_shapes(request); !checked)
        return std::unexpected(std::move(checked.error()));
    if (!request.rate.empty()) {
        const auto rate = parse_rate("--rate", request.rate);
        if (!rate)
            return std::unexpected(rate.error());
        plan.rate = *rate;
    }
    const bool rated =
        plan.rate || !request.steps.empty() || !request.ramp.empty() || request.find.starts_with("rate=");
    plan.generator = !rated || plan.command.uses("level");
    if (plan.generator && (!request.ramp.empty() || !request.burst.empty()))
        return refuse("a generator ({level}) is run once a level: its rate cannot ramp or burst",
                      "give --steps 100,200,400");
    if (plan.generator && request.poisson)
        return refuse("--poisson: the requests of a generator ({level}) are its own affair", "leave it out");
    if (plan.generator && plan.command.uses("n"))
        return refuse("{n} numbers requests, and a generator ({level}) makes its own", "leave one of them out");
    if (plan.generator && !rated && plan.command.uses("level"))
        return refuse("{level} is a rate, and none is given", "add --rate, --steps or --find rate=LOW..HIGH");
    if (auto taken = take_sweeps(request, plan); !taken)
        return std::unexpected(std::move(taken.error()));
    if (request.find.empty()) {
        auto levels = lay_out(request, plan);
        if (!levels)
            return std::unexpected(std::move(levels.error()));
        plan.levels = *std::move(levels);
    } else if (auto taken = take_search(request, plan); !taken) {
        return std::unexpected(std::move(taken.error()));
    }
    if (auto checked = check_objectives(plan); !checked)
        return std::unexpected(std::move(checked.error()));
    return plan;
}

}  // namespace flyball::load
