// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/memory.hpp"

#include "ending.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"
#include "memory_tuner.hpp"
#include "units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::tune {
namespace {

// mm/memcontrol.c: MEMCG_CHARGE_BATCH pages are charged ahead for each CPU.
constexpr std::uint64_t kStockPages = 64;
// Of a small cgroup on a large machine the stocks would be most of the limit.
constexpr double kMostStock = 0.02;

}  // namespace

MemoryTuner::MemoryTuner(Subject& subject, const MemoryOptions& options)
    : options_(options),
      original_high_(subject.limit("memory.high").value_or("")),
      subject_(subject, original_high_, options.most_full)
{
    proposal_.resource = Resource::Memory;
    proposal_.cgroup = subject.cgroup();
}

Result<Proposal> MemoryTuner::run()
{
    if (auto observed = observe(); !observed)
        return ended(std::move(proposal_), observed.error());
    add_evidence();
    if (refuse())
        return std::move(proposal_);
    if (const auto why = no_experiments()) {
        proposal_.refused.push_back({"memory.high", *why});
    } else if (auto tried = experiment(); !tried) {
        if (tried.error().kind != ErrorKind::Finished)
            return ended(std::move(proposal_), tried.error());
        // A command that has ended leaves what was learnt until then.
        cut_short_ = tried.error().what;
        if (bracket_ && !bracket_->accepted())
            bracket_.reset();
        if (!bracket_)
            proposal_.refused.push_back({"memory.high", "it ended before one had been tried out: " + cut_short_});
    }
    conclude();
    return std::move(proposal_);
}

Result<Window> MemoryTuner::go_on(std::uint64_t length_ns)
{
    auto window = subject_.run(length_ns);
    if (window)
        took_ns_ += window->span_ns();
    return window;
}

std::uint64_t MemoryTuner::stock_bytes() const
{
    const auto most = static_cast<std::uint64_t>(kMostStock * static_cast<double>(seen_.usage_peak));
    return std::min(kStockPages * kPage * subject_.cpus(), most);
}

std::optional<std::string> MemoryTuner::no_experiments() const
{
    if (!subject_.may_experiment())
        return "without experiments nobody knows how much of its cache it needs";
    if (original_high_.empty())
        return "there is none here: on cgroup v2 it comes with the memory controller, cgroup v1 has none";
    if (!workload_tells_ && !stalled_between(seen_.before, seen_.after, "some"))
        return "neither the workload nor memory.pressure tells how it gets on, so that nothing can be tried out";
    return std::nullopt;
}

Result<> MemoryTuner::experiment()
{
    if (auto descended = descend(); !descended) {
        if (descended.error().kind != ErrorKind::Unavailable)
            return descended;
        // The present use is what it has come to without anybody pressing.
        working_set_ = seen_.after.memory.current.value_or(seen_.usage_peak);
        proposal_.notes.push_back(descended.error().what +
                                  ": how much of its cache it needs is not known, and the trials begin with all of it");
    }
    return search();
}

// What it kept at most, its start included: of what was before the profile memory.peak tells, unless cache could have
// been it, which may be gone by now where anything was ever reclaimed.
std::uint64_t MemoryTuner::most_kept() const
{
    const auto peak = seen_.after.memory.peak;
    const bool reclaimed = seen_.before.memory.pgsteal.value_or(0) > 0;
    const bool tells =
        peak && !reclaimed && *peak > seen_.usage_peak + stock_bytes() && *peak > seen_.kept_peak + seen_.cache;
    return tells ? *peak - seen_.cache : seen_.kept_peak;
}

// Above memory.high each charge waits, up to 2 s (MEMCG_MAX_HIGH_DELAY_JIFFIES): a start that needs more and can give
// nothing back hardly comes to its end. So what was accepted later is for who sets it later.
std::uint64_t MemoryTuner::add_high()
{
    const std::uint64_t accepted = *bracket_->accepted(), most = most_kept();
    const bool raised = most > accepted;
    const std::uint64_t value = raised ? pages_up(most + stock_bytes()) : accepted;
    const std::uint64_t low = raised ? most : std::min(std::max(bracket_->rejected().value_or(0), seen_.floor), value);
    proposal_.values.push_back(
        {.file = "memory.high",
         .text = fmt::format("{}", value),
         .before = original_high_,
         .estimate = static_cast<double>(value),
         .unit = Unit::Bytes,
         .interval = stats::Interval{static_cast<double>(low), static_cast<double>(value)},
         .confidence = 1 - options_.trial.alpha,
         .method =
             raised
                 ? fmt::format(
                       "what it kept before it had settled: with less, it would hardly start again; {} was tried and "
                       "accepted once it had settled",
                       format_bytes(accepted))
                 : fmt::format("the lowest that was tried and accepted by {}; {}", measure_.judged_by,
                               bracket_->rejected() ? "below it is the highest that was rejected"
                                                    : "below it nothing but what cannot be reclaimed is known")});
    if (raised)
        proposal_.notes.push_back(fmt::format(
            "before it had settled it kept {}; memory.high {} is enough from then on, if it is set after each start",
            format_bytes(most), format_bytes(accepted)));
    return value;
}

// P(the peak of the next window exceeds the highest of N) is at most 1 / (N + 1) when any order of them is equally
// likely.
void MemoryTuner::add_max(std::uint64_t above, const std::string& what)
{
    const std::uint64_t base = std::max(above, most_kept());
    if (most_kept() > seen_.kept_peak)
        proposal_.notes.push_back(
            fmt::format("memory.peak is {}, from before it was looked at, and not by cache: there is room for that",
                        format_bytes(*seen_.after.memory.peak)));
    const std::uint64_t growth = growth_envelope(seen_.kept, options_.growth_ns);
    const std::uint64_t value = pages_up(base + growth + stock_bytes());
    const auto n = static_cast<double>(seen_.windows);
    proposal_.values.push_back(
        {.file = "memory.max",
         .text = fmt::format("{}", value),
         .before = subject_.limit("memory.max").value_or(""),
         .estimate = static_cast<double>(value),
         .unit = Unit::Bytes,
         .interval = stats::Interval{static_cast<double>(std::min(seen_.kept_peak, value)), static_cast<double>(value)},
         .confidence = n / (n + 1),
         .method = fmt::format("{}, and {} for its growth within {}; another window of {} exceeds the peak of {} with "
                               "a probability of at "
                               "most 1/{}",
                               what, format_bytes(growth), format_ns(options_.growth_ns), format_ns(options_.window_ns),
                               seen_.windows, seen_.windows + 1)});
}

void MemoryTuner::conclude()
{
    const auto high = bracket_ ? bracket_->accepted() : std::nullopt;
    if (bracket_ && !high) {
        const bool tried = bracket_->trials() > 0;
        proposal_.refused.push_back(
            {"memory.high", tried      ? "none that was tried was surely good enough, up to where it would do nothing"
                            : no_time_ ? "there was no time for a trial"
                                       : "what it needs is about the limit that it has"});
    }
    if (high) {
        add_max(add_high(), "memory.high");
        if (!cut_short_.empty())
            proposal_.notes.push_back("the search ended early: " + cut_short_);
    } else {
        add_max(seen_.usage_peak, "the peak with all its cache");
    }
    const Value& last = proposal_.values.back();
    proposal_.answer = Answer::Limit;
    const auto bytes_of = [](const Value& value) { return format_bytes(static_cast<std::uint64_t>(value.estimate)); };
    const bool has_one = cgroup::parse_memory_limit(original_high_).value_or(cgroup::kUnlimited) != cgroup::kUnlimited;
    proposal_.summary =
        high ? fmt::format("memory.high {}, memory.max {}", bytes_of(proposal_.values.front()), bytes_of(last))
             : fmt::format("memory.max {}, {}", bytes_of(last), has_one ? "memory.high as it is" : "no memory.high");
}

Result<Proposal> tune_memory(Subject& subject, const MemoryOptions& options)
{
    return MemoryTuner(subject, options).run();
}

}  // namespace flyball::tune
