// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/memory_descent.hpp"

#include "units.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace flyball::tune {
namespace {

// Pages that come back one by one for reasons of their own: reading ahead, a file that is opened again.
constexpr double kRefaultsThatCount = 64 * 4096;
constexpr double kDeviations = 3;

}  // namespace

std::string_view name(DescentEnd end)
{
    constexpr std::array<std::string_view, 7> kNames{"nothing more could be reclaimed",
                                                     "it waited for memory",
                                                     "what was taken came back",
                                                     "it became slower",
                                                     "the kernel gave less than it was asked for",
                                                     "the most steps were made",
                                                     "half of the time was used"};
    return kNames.at(static_cast<std::size_t>(end));
}

std::optional<std::uint64_t> Descent::next(std::uint64_t use, std::uint64_t floor)
{
    if (end_)
        return std::nullopt;
    if (steps_ >= options_.most_steps) {
        end_ = DescentEnd::Steps;
        return std::nullopt;
    }
    const auto of_use = [&](double part) {
        return static_cast<std::uint64_t>(part * static_cast<double>(use)) / kPage * kPage;
    };
    const std::uint64_t above = use - std::min(use, floor);
    const std::uint64_t step = std::min(of_use(felt_ ? options_.careful : options_.bold), above);
    if (step < std::max(of_use(options_.least_step), kPage)) {
        end_ = DescentEnd::Floor;
        return std::nullopt;
    }
    return step;
}

double Descent::excess(std::uint64_t refaulted, double seconds) const
{
    return std::max(static_cast<double>(refaulted) - baseline_.refaults_per_s * seconds, 0.0);
}

bool Descent::slower(double rate, std::size_t windows) const
{
    const double error = baseline_.rate_deviation / std::sqrt(static_cast<double>(std::max<std::size_t>(windows, 1)));
    return rate < baseline_.rate - std::max(options_.most_slower * baseline_.rate, kDeviations * error);
}

void Descent::add(const DescentStep& step)
{
    ++steps_;
    const double returned = excess(step.refaulted, step.seconds), stalled = step.stalled - baseline_.stalled;
    felt_ |= returned > kRefaultsThatCount || stalled > options_.most_stalled / 5;
    if (step.rate && slower(*step.rate, step.windows))
        end_ = DescentEnd::Slower;
    else if (stalled > options_.most_stalled)
        end_ = DescentEnd::Stalled;
    else if (returned > kRefaultsThatCount && returned > options_.most_returned * static_cast<double>(step.reclaimed))
        end_ = DescentEnd::Returned;
    else if (static_cast<double>(step.reclaimed) < options_.least_given * static_cast<double>(step.asked))
        end_ = DescentEnd::Withheld;
}

}  // namespace flyball::tune
