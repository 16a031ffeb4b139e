// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/io_trace.hpp"
#include "units.hpp"

#include <algorithm>
#include <cmath>

namespace flyball::tune {

namespace {

template <class T, class Of>
T sum_of(const std::vector<IoStep>& steps, Of of)
{
    T sum{};
    for (const IoStep& step : steps)
        sum += of(step);
    return sum;
}

}  // namespace

IoWork& IoWork::operator+=(const IoWork& other)
{
    for (std::size_t i = 0; i < 2; ++i) {
        sequential[i] += other.sequential[i];
        random[i] += other.random[i];
        pages[i] += other.pages[i];
    }
    return *this;
}

double cost_s(const cgroup::CostModel& model, const IoWork& work)
{
    double sum = 0;
    for (std::size_t i = 0; i < 2; ++i) {
        const double page = model.bytes_per_s[i] > 0 ? 1 / std::ceil(model.bytes_per_s[i] / kPage) : 0;
        // The rates of operations are of those of one page, which is in them.
        const auto operation = [&](double per_s) { return per_s > 0 ? std::max(0.0, 1 / per_s - page) : 0; };
        sum += static_cast<double>(work.sequential[i]) * operation(model.sequential_per_s[i]) +
               static_cast<double>(work.random[i]) * operation(model.random_per_s[i]) +
               static_cast<double>(work.pages[i]) * page;
    }
    return sum;
}

double IoDeviceTrace::own_ns() const
{
    return sum_of<double>(steps, [](const IoStep& step) { return step.own_ns; });
}
std::uint64_t IoDeviceTrace::busy_ns() const
{
    return sum_of<std::uint64_t>(steps, [](const IoStep& step) { return step.busy_ns; });
}
double IoDeviceTrace::depth_ns() const
{
    return sum_of<double>(steps, [](const IoStep& step) { return step.depth_ns; });
}
std::uint64_t IoDeviceTrace::own_ios() const
{
    return sum_of<std::uint64_t>(steps, [](const IoStep& step) { return step.own_ios; });
}
std::uint64_t IoDeviceTrace::own_bytes() const
{
    return sum_of<std::uint64_t>(steps, [](const IoStep& step) { return step.own_bytes; });
}

const IoDeviceTrace* IoTrace::device(cgroup::DeviceNumber number) const
{
    const auto found = std::ranges::find(devices, number, &IoDeviceTrace::device);
    return found == devices.end() ? nullptr : &*found;
}

}  // namespace flyball::tune
