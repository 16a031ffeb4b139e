// SPDX-License-Identifier: Apache-2.0
// Axes of the plots. Places are in percent of the plot's width or height, so that plots are as wide as the window is.
// Pure.
#pragma once

#include "flyball/calibrate/metric.hpp"
#include "markup.hpp"

#include <span>
#include <string>
#include <vector>

namespace flyball::report {

class Axis {
public:
    // A little beyond both, with ticks at 1, (2, 5,) 10, ...; 0 < least <= most.
    static Axis logarithmic(double least, double most);
    // From and to the multiples of `step` around them, with ticks at each.
    static Axis between(double low, double high, double step);

    [[nodiscard]] double low() const { return low_; }
    [[nodiscard]] double high() const { return high_; }
    [[nodiscard]] const std::vector<double>& ticks() const { return ticks_; }
    // Every other one where they are many.
    [[nodiscard]] std::vector<double> labelled() const;
    // 0 to 100; what is outside is moved to the edge.
    [[nodiscard]] double at(double value) const;

private:
    double low_ = 0, high_ = 1;
    bool log_ = false;
    std::vector<double> ticks_;
};

// "37.25%" of 37.25, for an attribute.
[[nodiscard]] std::string percent(double place);
// Two decimals, for a path.
[[nodiscard]] std::string number(double place);
// "512 MiB", "2 ms", "0": without the zeros that make figures comparable.
[[nodiscard]] std::string tick_words(double value, calibrate::Unit unit);

// Lines over the whole height at the ticks.
void vertical_grid(const Axis& axis, Markup& page);
// A line of labels under a plot; those at the edges stay within it.
template <class Words>
void axis_labels(const Axis& axis, Words words, Markup& page)
{
    const auto svg = page.in("svg", {{"class", "axis"}, {"aria-hidden", "true"}});
    for (const double tick : axis.labelled()) {
        const double at = axis.at(tick);
        page.element("text",
                     {{"x", percent(at)},
                      {"y", "12"},
                      {"class", at < 4    ? "first"
                                : at > 94 ? "last"
                                          : "mid"}},
                     words(tick));
    }
}

}  // namespace flyball::report
