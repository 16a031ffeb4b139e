// SPDX-License-Identifier: Apache-2.0
#include "svg_axis.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>

namespace flyball::report {
namespace {

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
    // Room at both ends, and 1, 2, 5 where there are few powers of ten.
    constexpr double kRoom = 1.25, kFewDecades = 2.2;
    Axis axis;
    axis.log_ = true;
    axis.low_ = least / kRoom;
    axis.high_ = most * kRoom;
    const bool fine = std::log10(axis.high_ / axis.low_) < kFewDecades;
    for (double ten = std::floor(std::log10(axis.low_)); ten <= std::ceil(std::log10(axis.high_)); ++ten)
        for (const double times : {1.0, 2.0, 5.0})
            if (const double tick = times * std::pow(10, ten);
                (fine || times == 1.0) && tick >= axis.low_ && tick <= axis.high_)
                axis.ticks_.push_back(tick);
    return axis;
}

std::vector<double> Axis::labelled() const
{
    constexpr std::size_t kMany = 7;
    if (ticks_.size() <= kMany)
        return ticks_;
    std::vector<double> some;
    const double step = ticks_[1] - ticks_[0];
    std::ranges::copy_if(ticks_, std::back_inserter(some),
                         [&](double tick) { return std::llround(tick / step) % 2 == 0; });
    return some;
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
