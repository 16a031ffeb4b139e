// SPDX-License-Identifier: Apache-2.0
#include "svg_axis.hpp"

#include "tune_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::report {
namespace {

constexpr double kFewTicks = 5;

// 1, 2 or 5 times a power of ten, or a power of two: so that there are about five of them.
double round_step(double most, bool binary)
{
    const double least = most / kFewTicks;
    if (binary)
        return std::exp2(std::ceil(std::log2(least)));
    const double ten = std::pow(10, std::floor(std::log10(least)));
    for (const double times : {1.0, 2.0, 5.0})
        if (times * ten >= least * (1 - 1e-9))
            return times * ten;
    return 10 * ten;
}

// "512.00 MiB" -> "512 MiB", "1.50 s" -> "1.5 s".
std::string without_zeros(std::string text)
{
    const auto point = text.find('.');
    if (point == std::string::npos)
        return text;
    const auto end = std::min(text.find_first_not_of("0123456789", point + 1), text.size());
    auto last = end;
    while (last > point && (text[last - 1] == '0' || text[last - 1] == '.'))
        if (text[--last] == '.')
            break;
    return text.erase(last, end - last);
}

}  // namespace

Axis Axis::linear(double most, bool binary)
{
    Axis axis;
    const double top = most > 0 && std::isfinite(most) ? most : 1;
    const double step = round_step(top, binary);
    axis.high_ = std::ceil(top / step * (1 - 1e-9)) * step;
    for (int i = 0; i * step <= axis.high_ * (1 + 1e-9); ++i)
        axis.ticks_.push_back(i * step);
    return axis;
}

Axis Axis::between(double low, double high, double step)
{
    Axis axis;
    axis.low_ = std::floor(low / step + 1e-9) * step;
    axis.high_ = std::ceil(high / step - 1e-9) * step;
    for (int i = 0; axis.low_ + i * step <= axis.high_ + step * 1e-6; ++i)
        axis.ticks_.push_back(axis.low_ + i * step);
    return axis;
}

Axis Axis::logarithmic(double least, double most)
{
    Axis axis;
    axis.log_ = true;
    constexpr double kFewDecades = 1.7;
    const bool fine = std::log10(most / least) < kFewDecades;
    std::vector<double> all;
    for (double ten = std::floor(std::log10(least)); ten <= std::ceil(std::log10(most)); ++ten)
        for (const double times : {1.0, 2.0, 5.0})
            if (fine || times == 1.0)
                all.push_back(times * std::pow(10, ten));
    const auto above = std::ranges::upper_bound(all, least * (1 + 1e-9));
    const auto first = above == all.begin() ? above : std::prev(above);
    auto last = std::ranges::lower_bound(all, most * (1 - 1e-9));
    if (last == all.end())
        --last;
    if (last <= first)
        last = std::next(first) == all.end() ? first : std::next(first);
    axis.low_ = *first;
    axis.high_ = std::max(*last, most);
    axis.ticks_.assign(first, std::next(last));
    return axis;
}

double Axis::at(double value) const
{
    if (std::isnan(value))
        return 0;
    const double within = std::clamp(value, low_, high_);
    if (high_ <= low_)
        return 0;
    return log_ ? 100 * std::log(within / low_) / std::log(high_ / low_) : 100 * (within - low_) / (high_ - low_);
}

std::string number(double place)
{
    return fmt::format("{:.2f}", place);
}

std::string percent(double place)
{
    return number(place) + "%";
}

std::string tick_words(double value, tune::Unit unit)
{
    return value == 0 ? "0" : without_zeros(quantity(value, unit));
}

std::string tick_words(double value, calibrate::Unit unit)
{
    return value == 0 ? "0" : without_zeros(calibrate::format(value, unit));
}

void vertical_grid(const Axis& axis, Markup& page)
{
    for (const double tick : axis.ticks()) {
        const std::string x = percent(axis.at(tick));
        page.shape("line", {{"x1", x}, {"x2", x}, {"y1", "0"}, {"y2", "100%"}, {"class", "grid"}});
    }
}

}  // namespace flyball::report
