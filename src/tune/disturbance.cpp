// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/disturbance.hpp"

#include "flyball/base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <functional>

namespace flyball::tune {
namespace {

constexpr std::size_t kDisplacersNamed = 3;
constexpr double kWorthSaying = 0.05;  // of the wait

}  // namespace

double possible_error(const Disturbance& disturbance)
{
    return std::max(disturbance.steal, std::min(disturbance.displaced_of_span, disturbance.displaced));
}

std::string who_displaced(const Disturbance& disturbance)
{
    double all = 0;
    for (const Displacer& one : disturbance.by)
        all += static_cast<double>(one.ns);
    std::string text;
    for (std::size_t i = 0; i < std::min(disturbance.by.size(), kDisplacersNamed) && all > 0; ++i) {
        const double share = static_cast<double>(disturbance.by[i].ns) / all;
        if (i > 0 && share < kWorthSaying)
            break;
        text += i == 0 ? fmt::format("{} took {} of the wait", disturbance.by[i].who, format_percent(share))
                       : fmt::format(", {} {}", disturbance.by[i].who, format_percent(share));
    }
    return text;
}

std::string too_busy(const Disturbance& disturbance)
{
    const double waited = std::min(disturbance.displaced_of_span, disturbance.displaced);
    if (disturbance.steal > waited)
        return fmt::format("the machine is too busy: the hypervisor took {} of its CPUs",
                           format_percent(disturbance.steal));
    const std::string who = who_displaced(disturbance);
    return fmt::format("the machine is too busy: {}it waited for CPUs that others had for {} of the time",
                       who.empty() ? "" : who + "; ", format_percent(waited));
}

Disturbance joined(const Disturbance& first, double first_length, const Disturbance& second, double second_length)
{
    Disturbance both = second;
    for (double Disturbance::* const share : {&Disturbance::steal, &Disturbance::displaced, &Disturbance::others_busy,
                                              &Disturbance::displaced_of_span, &Disturbance::spare})
        both.*share =
            (first.*share * first_length + second.*share * second_length) / std::max(first_length + second_length, 1.0);
    for (const Displacer& one : first.by) {
        const auto same = std::ranges::find(both.by, one.who, &Displacer::who);
        if (same == both.by.end())
            both.by.push_back(one);
        else
            same->ns += one.ns;
    }
    std::ranges::stable_sort(both.by, std::ranges::greater{}, &Displacer::ns);
    return both;
}

}  // namespace flyball::tune
