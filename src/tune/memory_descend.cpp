// SPDX-License-Identifier: Apache-2.0
// Taking memory away until it is felt, to learn what comes back.
#include "flyball/base/units.hpp"
#include "memory_tuner.hpp"
#include "units.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::tune {
namespace {

// Of a step, by refaults in a settle window: it is still coming back. A stretch below that, twice in a row, is quiet.
constexpr double kStillComing = 0.05;
constexpr std::size_t kQuietWindows = 2;
// Of dozens of windows one is slow by chance: so many in a row decide, and more when nothing came back, since then
// something else may be the reason.
constexpr std::size_t kSlowWindows = 3, kSlowWithoutRefaults = 6;

std::uint64_t refaulted_between(const Reading& before, const Reading& after)
{
    const auto pages = [](const std::optional<std::uint64_t>& a, const std::optional<std::uint64_t>& b) {
        return a && b && *b > *a ? *b - *a : 0;
    };
    return kPage * (pages(before.memory.refault_anon, after.memory.refault_anon) +
                    pages(before.memory.refault_file, after.memory.refault_file));
}

}  // namespace

Result<> MemoryTuner::descend()
{
    descent_.emplace(options_.descent, seen_.baseline);
    subject_.say("taking memory away bit by bit, until it is missed");
    while (true) {
        // The other half is for trials.
        if (took_ns_ > options_.longest_ns / 2)
            descent_->stop();
        const auto now = subject_.read();
        if (!now)
            return std::unexpected(now.error());
        const std::uint64_t floor = std::max(seen_.floor, memory_floor(now->memory).value_or(0));
        const auto ask = descent_->next(now->memory.current.value_or(0), floor);
        if (!ask)
            break;
        auto reclaimed = subject_.reclaim(*ask);
        if (!reclaimed)
            return std::unexpected(std::move(reclaimed.error()));
        auto settled = settle(*reclaimed);
        if (!settled)
            return std::unexpected(std::move(settled.error()));
        descent_->add({.asked = *ask,
                       .reclaimed = *reclaimed,
                       .refaulted = settled->refaulted,
                       .seconds = settled->seconds,
                       .stalled = settled->stalled,
                       .rate = settled->rate,
                       .windows = settled->windows});
    }
    subject_.say(fmt::format("{} steps: {}", descent_->steps(), name(*descent_->end())));
    return recover();
}

// Until nothing comes back any more, or for the longest time; at least one window.
Result<MemoryTuner::Settled> MemoryTuner::settle(std::uint64_t reclaimed)
{
    Settled settled;
    double rates = 0;
    for (std::size_t i = 1; i <= options_.most_settles; ++i) {
        auto window = go_on(options_.settle_ns);
        if (!window)
            return std::unexpected(std::move(window.error()));
        const std::uint64_t refaulted = refaulted_between(window->before, window->after);
        const double seconds = static_cast<double>(window->span_ns()) / kNsPerS;
        settled.refaulted += refaulted;
        settled.seconds += seconds;
        settled.stalled = std::max(settled.stalled, stalled_between(window->before, window->after, "some").value_or(0));
        settled.windows = i;
        bool slower = false;
        if (workload_tells_) {
            rates += window->performance.rate.value_or(0);
            settled.rate = rates / static_cast<double>(i);
            slower = descent_->slower(*settled.rate, i);
            const double lost_s =
                (1 - window->performance.rate.value_or(0) / std::max(seen_.baseline.rate, 1e-9)) * seconds;
            if (auto spent = slower && lost_s > 0 ? subject_.spend(lost_s) : Result<>{}; !spent)
                return std::unexpected(std::move(spent.error()));
        }
        const bool unsure =
            slower &&
            i < (descent_->excess(settled.refaulted, settled.seconds) > 0 ? kSlowWindows : kSlowWithoutRefaults);
        if (!unsure && descent_->excess(refaulted, seconds) <= kStillComing * static_cast<double>(reclaimed))
            break;
    }
    return settled;
}

// The working set is what it has come back to: pushing below it was what was felt.
Result<> MemoryTuner::recover()
{
    std::size_t quiet = 0;
    const std::uint64_t begin_ns = took_ns_;
    const std::size_t wanted = descent_->felt() ? kQuietWindows : 1;
    for (std::size_t i = 0; i < options_.most_settles && quiet < wanted; ++i) {
        auto window = go_on(options_.settle_ns);
        if (!window)
            return std::unexpected(std::move(window.error()));
        const double seconds = static_cast<double>(window->span_ns()) / kNsPerS;
        const double share = descent_->excess(refaulted_between(window->before, window->after), seconds) /
                             std::max(static_cast<double>(window->after.memory.current.value_or(0)), 1.0);
        quiet = share < options_.descent.least_step ? quiet + 1 : 0;
        working_set_ = std::max(most_bytes(window->memory_use), window->after.memory.current.value_or(0));
    }
    return_ns_ = took_ns_ - begin_ns - std::min(took_ns_ - begin_ns, wanted * options_.settle_ns);
    if (quiet < wanted)
        proposal_.notes.push_back(fmt::format("after {} pages were still coming back: the working set may be larger",
                                              format_ns(options_.most_settles * options_.settle_ns)));
    const auto size = static_cast<double>(working_set_);
    proposal_.evidence.push_back(
        {"working_set", size, Unit::Bytes, std::nullopt, "memory.current, after memory.reclaim"});
    proposal_.notes.push_back(
        fmt::format("memory was taken away in {} steps, until {}", descent_->steps(), name(*descent_->end())));
    return {};
}

}  // namespace flyball::tune
