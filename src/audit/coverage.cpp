// SPDX-License-Identifier: Apache-2.0
#include "flyball/audit/coverage.hpp"

#include <fmt/format.h>

namespace flyball::audit {
namespace {

bool is_below(std::string_view name, std::string_view family)
{
    return name.size() > family.size() && name.starts_with(family) && name[family.size()] == '.';
}

// How well an entry answers: the metric itself, else the nearest family, else an available member.
std::size_t fit(const profile::Coverage& entry, std::string_view metric)
{
    constexpr std::size_t kExact = 1'000'000, kFamily = 1'000;
    if (entry.metric == metric)
        return kExact;
    if (is_below(metric, entry.metric))
        return kFamily + entry.metric.size();
    if (is_below(entry.metric, metric))
        return entry.available ? 2 : 1;
    return 0;
}

}  // namespace

Covered covered(const profile::Meta& meta, std::string_view metric)
{
    const profile::Coverage* best = nullptr;
    for (const profile::Coverage& entry : meta.coverage) {
        if (fit(entry, metric) > (best == nullptr ? 0 : fit(*best, metric)))
            best = &entry;
    }
    if (best == nullptr) {
        return {.hook = {}, .why = fmt::format("the recording does not say whether {} was measured", metric)};
    }
    if (best->available) {
        const bool polled = best->hook.find("(polled)") != std::string::npos;
        return {.available = true, .polled = polled, .hook = best->hook, .why = {}};
    }
    const std::string_view note = best->note.empty() ? std::string_view("unavailable") : best->note;
    return {.hook = {}, .why = fmt::format("{} was not measured: {}", metric, note)};
}

}  // namespace flyball::audit
