// SPDX-License-Identifier: Apache-2.0
#include "measuring.hpp"

#include "flyball/calibrate/evidence.hpp"
#include "series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace flyball::calibrate {
namespace {

// A run that is void is made again so many times, then the machine is too busy.
constexpr std::uint32_t kMostAgain = 2;

std::map<std::string, double> numbers(const Parameters& parameters)
{
    std::map<std::string, double> found;
    for (const auto& [name, text] : parameters) {
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error == std::errc{} && end == text.data() + text.size())
            found[name] = value;
    }
    return found;
}

std::uint32_t repetitions(const Scenario& scenario, Extent extent)
{
    switch (extent) {
    case Extent::First:
        return 1;
    case Extent::All:
        return scenario.timing.iterations;
    case Extent::Twice:
        return 2 * scenario.timing.iterations;
    }
    return 0;
}

bool works(const Run& run, const std::string& performance)
{
    const auto found = run.metrics.find(performance);
    return found != run.metrics.end() && !found->second.runs.empty() && std::ranges::max(found->second.runs) > 0;
}

}  // namespace

bool ends_all(const Error& error)
{
    return error.kind == ErrorKind::Interrupted || error.kind == ErrorKind::Usage || error.kind == ErrorKind::Internal;
}

const Stage* find_stage(const Scenario& scenario, const std::string& name)
{
    const auto found = std::ranges::find(scenario.stages, name, &Stage::name);
    return found == scenario.stages.end() ? nullptr : &*found;
}

std::uint64_t length_of(const Scenario& scenario, const Stage* stage)
{
    return scenario.timing.warmup_ns + (stage != nullptr ? stage->duration_ns : scenario.timing.duration_ns);
}

Measurements Side::measurements(const Scenario& scenario) const
{
    std::vector<const Run*> all;
    if (const auto found = runs.find(scenario.name); found != runs.end()) {
        for (const Run& one : found->second)
            all.push_back(&one);
    }
    return gather(all, numbers(scenario.parameters));
}

bool Side::has_lifeless() const
{
    return std::ranges::any_of(lifeless, [](const auto& one) { return !one.second.empty(); });
}

Result<Run> Measuring::once(const Scenario& scenario, const Stage* stage, const Limits& limits, const RunKey& key)
{
    auto kept = store_.get(key.file());
    if (!kept)
        return std::unexpected(std::move(kept.error()));
    steps_.begin(fmt::format("{}: {}, {}{}, {} of {}{}", component_.name, key.phase, scenario.name,
                             stage != nullptr ? "/" + stage->name : "", key.repetition + 1,
                             std::max(scenario.timing.iterations, key.repetition + 1), key.again > 0 ? ", again" : ""),
                 length_of(scenario, stage));
    if (*kept) {
        auto run = run_from_json(**kept);
        // A run under other limits is not this run: whoever has changed the specification measures anew.
        const bool same = run && run->key == key && run->limits == limits;
        // Whoever goes on later with a machine that was too busy wants to know how it is now.
        const bool given_up = same && !run->disturbed.empty() && key.again >= kMostAgain && machine_.measures();
        if (same && !given_up)
            return run;
    }
    auto run = machine_.run(component_, scenario, stage, limits, key);
    if (!run && ends_all(run.error()))
        return run;
    if (!run)
        return Run{
            .key = key, .limits = limits, .metrics = {}, .disturbed = {}, .trouble = run.error().what, .made = false};
    if (auto put = store_.put(key.file(), run_to_json(*run)); !put)
        return std::unexpected(std::move(put.error()));
    return run;
}

Result<Run> Measuring::run(const Scenario& scenario, const Stage* stage, const Limits& limits, RunKey key)
{
    while (true) {
        auto one = once(scenario, stage, limits, key);
        if (!one || one->disturbed.empty() || key.again >= kMostAgain)
            return one;
        ++key.again;
        steps_.expect(1, length_of(scenario, stage));
    }
}

Result<> Measuring::repeat(const Scenario& scenario, Side& side, std::uint32_t repetition)
{
    std::vector<const Stage*> stages;
    for (const Stage& stage : scenario.stages)
        stages.push_back(&stage);
    if (stages.empty())
        stages.push_back(nullptr);
    for (const Stage* stage : stages) {
        auto one = run(scenario, stage, side.limits,
                       {.component = component_.name,
                        .phase = side.phase,
                        .scenario = scenario.name,
                        .stage = stage != nullptr ? stage->name : "",
                        .repetition = repetition});
        if (!one)
            return std::unexpected(std::move(one.error()));
        if (!one->disturbed.empty()) {
            side.disturbed = fmt::format("{}: {}", scenario.name, one->disturbed);
            return {};
        }
        if (std::string why = lifeless(scenario, *one); !why.empty())
            side.lifeless[scenario.name].push_back(std::move(why));
        if (stage == nullptr || stage->measured)
            side.runs[scenario.name].push_back(std::move(*one));
    }
    return {};
}

// A run without the work that its siblings did: what it was is not known, and it is made again. If that is silent too,
// the workload did not do its work.
Result<> Measuring::mend_silent(const Scenario& scenario, Side& side)
{
    const std::string& performance = component_.tuning.performance;
    auto& runs = side.runs[scenario.name];
    for (Run& one : runs) {
        const bool siblings_work = std::ranges::any_of(
            runs, [&](const Run& other) { return other.key.stage == one.key.stage && works(other, performance); });
        if (!siblings_work || works(one, performance) || !one.trouble.empty())
            continue;
        RunKey key = one.key;
        while ((!works(one, performance) || !one.disturbed.empty()) && key.again < kMostAgain) {
            ++key.again;
            steps_.expect(1, length_of(scenario, find_stage(scenario, key.stage)));
            auto again = once(scenario, find_stage(scenario, key.stage), side.limits, key);
            if (!again)
                return std::unexpected(std::move(again.error()));
            one = std::move(*again);
        }
        if (!one.disturbed.empty())
            side.disturbed = fmt::format("{}: {}", scenario.name, one.disturbed);
        else if (std::string why = lifeless(scenario, one); !why.empty())
            side.lifeless[scenario.name].push_back(std::move(why));
        else if (!works(one, performance))
            side.lifeless[scenario.name].push_back(fmt::format("a run had no {}, which the others had", performance));
    }
    return {};
}

Result<> Measuring::measure(std::span<Side* const> sides, Extent extent)
{
    for (const Scenario& scenario : component_.scenarios) {
        std::uint32_t& made = sides.front()->made[scenario.name];
        const std::uint32_t until = repetitions(scenario, extent);
        for (; made < until; ++made) {
            const std::uint32_t repetition = made;
            std::vector<Side*> order(sides.begin(), sides.end());
            if (repetition % 2 == 1)
                std::ranges::reverse(order);
            for (Side* const side : order) {
                if (auto ran = repeat(scenario, *side, repetition); !ran)
                    return ran;
                if (!side->disturbed.empty())
                    return {};
            }
        }
        for (Side* const side : sides) {
            if (auto mended = mend_silent(scenario, *side); !mended)
                return mended;
        }
    }
    return {};
}

}  // namespace flyball::calibrate
