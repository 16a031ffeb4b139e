// SPDX-License-Identifier: Apache-2.0
// What a recording and the JSON of its report have in common: from here on the two are the same.
#pragma once

#include "flyball/compare/run.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace flyball::compare {

using Maybe = std::optional<std::uint64_t>;  // nullopt: not measured

struct Figures {
    std::string path;
    Maybe on_cpu_ns, wait_ns, held_ns, mem_stall_ns, oom_kills;
    std::map<std::string, profile::Histogram> histograms;  // by the metric's name, those that are not empty
    std::map<std::string, Maybe> counts;
};

[[nodiscard]] inline bool is_one_of(std::span<const std::string_view> list, std::string_view word)
{
    return std::ranges::find(list, word) != list.end();
}

[[nodiscard]] bool is_idle(const Figures& figures);
void add_figures(Run& run, const Figures& figures, std::uint64_t window_ns);

}  // namespace flyball::compare
