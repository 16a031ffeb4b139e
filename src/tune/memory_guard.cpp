// SPDX-License-Identifier: Apache-2.0
#include "memory_guard.hpp"

#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace flyball::tune {
namespace {

constexpr std::uint64_t kPieceNs = 250'000'000, kPieces = 4;

}  // namespace

std::uint64_t events_between(const Reading& before, const Reading& after, const std::string& name)
{
    const auto& first = before.counters.memory_events;
    const auto& last = after.counters.memory_events;
    const auto a = first.find(name), b = last.find(name);
    return a == first.end() || b == last.end() || b->second < a->second ? 0 : b->second - a->second;
}

std::optional<double> stalled_between(const Reading& before, const Reading& after, const std::string& kind)
{
    const auto& first = before.counters.pressure_us;
    const auto& last = after.counters.pressure_us;
    const auto a = first.find("memory." + kind), b = last.find("memory." + kind);
    if (a == first.end() || b == last.end() || b->second < a->second || after.at_ns <= before.at_ns)
        return std::nullopt;
    return static_cast<double>(b->second - a->second) * 1e3 / static_cast<double>(after.at_ns - before.at_ns);
}

MemoryGuard::MemoryGuard(Subject& subject, std::string original_high, double most_full)
    : subject_(subject), original_(std::move(original_high)), most_full_(most_full)
{
}

Result<> MemoryGuard::set(std::string_view file, std::string_view value)
{
    if (file == "memory.high")
        tight_ = fresh_ = value != original_;
    return subject_.set(file, value);
}

Result<Window> MemoryGuard::piece(std::uint64_t length_ns)
{
    auto window = subject_.run(length_ns);
    if (!window)
        return window;
    // Near-OOM is none of the prices that may be paid: memory.max was hit, though we have only taken away.
    for (const char* const name : {"max", "oom", "oom_kill"}) {
        if (events_between(window->before, window->after, name) > 0)
            return fail(ErrorKind::Stopped, fmt::format("memory.events counted {} during the experiment", name));
    }
    const auto full = stalled_between(window->before, window->after, "full");
    if (tight_ && full && *full > most_full_) {
        tripped_ = fmt::format("everything waited for memory for {} of {}", format_percent(*full),
                               format_ns(window->span_ns()));
        if (auto back = set("memory.high", original_); !back)
            return std::unexpected(std::move(back.error()));
        return fail(ErrorKind::Stopped, *tripped_);
    }
    return window;
}

Result<Window> MemoryGuard::run(std::uint64_t length_ns)
{
    if (std::exchange(fresh_, false) && length_ns > (kPieces + 1) * kPieceNs) {
        for (std::uint64_t i = 0; i < kPieces; ++i, length_ns -= kPieceNs) {
            if (auto window = piece(kPieceNs); !window)
                return window;
        }
    }
    return piece(length_ns);
}

std::optional<std::string> MemoryGuard::tripped()
{
    return std::exchange(tripped_, std::nullopt);
}

}  // namespace flyball::tune
