// SPDX-License-Identifier: Apache-2.0
// Any bytes as a specification, and as a target: it is read or refused with a place in the text, and what is read can
// be written back with other limits and read again.
#include "flyball/calibrate/spec.hpp"
#include "flyball/calibrate/write.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

void check_problems(std::string_view text, const std::vector<flyball::calibrate::Problem>& problems)
{
    const auto lines = 1 + static_cast<std::size_t>(std::ranges::count(text, '\n'));
    require(!problems.empty() && problems.size() <= flyball::calibrate::kMostProblems);
    for (const auto& problem : problems) {
        require(problem.place.line >= 1 && problem.place.line <= lines && problem.place.column >= 1);
        require(!problem.what.empty() && !problem.remedy.empty());
        require(flyball::calibrate::text(problem, "f").find('\n') == std::string::npos);
    }
}

void check_round_trip(std::string_view text, flyball::calibrate::Spec spec)
{
    using namespace flyball::calibrate;
    require(write_calibrated(text, {}).value() == text);
    auto& component = spec.components.front();
    // Unlimited contradicts nothing but what takes a part of memory.max, and a protection.
    const bool free =
        std::ranges::none_of(component.scenarios, [](const auto& s) { return s.memory_stress.has_value(); });
    if (!free || component.oom_test || !component.bounds.empty())
        return;
    component.limits["memory.max"] = "max";
    const auto written = write_calibrated(text, {{component.name, {{"memory.max", "max"}}}});
    require(written.has_value());
    const auto again = parse_spec(*written);
    // What is tuned by default follows the limits.
    require(again && again->components.front().limits == component.limits);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto target = flyball::calibrate::parse_target(text.substr(0, text.find('\n'))))
        require(!target->metric.empty() && target->bound >= 0);
    const auto spec = flyball::calibrate::parse_spec(text);
    if (!spec)
        check_problems(text, spec.error());
    else
        check_round_trip(text, *spec);
    return 0;
}
