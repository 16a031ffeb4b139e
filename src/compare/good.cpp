// SPDX-License-Identifier: Apache-2.0
// Is more of it good? By the words that its name is made of.
#include "figures.hpp"
#include "flyball/compare/run.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

namespace flyball::compare {
namespace {

constexpr auto kLower = std::to_array<std::string_view>(
    {"latency", "latencies", "lat",   "time",     "times",   "duration", "durations", "elapsed",    "runtime", "wait",
     "waits",   "waited",    "stall", "stalls",   "stalled", "held",     "throttled", "throttling", "delay",   "delays",
     "error",   "errors",    "fail",  "failed",   "fails",   "failure",  "failures",  "miss",       "misses",  "missed",
     "lost",    "loss",      "drop",  "drops",    "dropped", "kill",     "kills",     "killed",     "oom",     "memory",
     "mem",     "rss",       "pss",   "overhead", "jitter",  "timeout",  "timeouts",  "retries",    "refused"});
constexpr auto kHigher = std::to_array<std::string_view>(
    {"throughput", "goodput", "ops", "rps", "qps", "tps", "iops", "bandwidth", "hit", "hits", "speed", "done",
     "completed", "success", "successes", "score", "efficiency", "mbps", "availability"});
// What a value is counted in. It decides only where no other word does.
constexpr auto kTimeUnits = std::to_array<std::string_view>(
    {"ns", "us", "ms", "s", "sec", "secs", "second", "seconds", "p50", "p90", "p95", "p99", "p999", "p99.9"});
constexpr auto kRates = std::to_array<std::string_view>({"rate", "per"});

// "p99LatencyMs", "p99_latency_ms" and "p99-latency.ms" have the same words.
std::vector<std::string> words_of(std::string_view name)
{
    std::vector<std::string> words(1);
    char before = '\0';
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        const bool camel = std::isupper(byte) != 0 && std::islower(static_cast<unsigned char>(before)) != 0;
        if ((std::isalnum(byte) == 0 || camel) && !words.back().empty())
            words.emplace_back();
        if (std::isalnum(byte) != 0)
            words.back() += static_cast<char>(std::tolower(byte));
        before = c;
    }
    return words;
}

}  // namespace

Good guess_good(std::string_view name)
{
    const std::vector<std::string> words = words_of(name);
    const auto any = [&](std::span<const std::string_view> list) {
        return std::ranges::any_of(words, [&](const std::string& word) { return is_one_of(list, word); });
    };
    const bool lower = any(kLower), higher = any(kHigher);
    if (lower || higher)
        return lower == higher ? Good::Unknown : lower ? Good::Lower : Good::Higher;
    if (any(kRates) || name.ends_with("/s"))
        return Good::Higher;
    return any(kTimeUnits) ? Good::Lower : Good::Unknown;
}

}  // namespace flyball::compare
