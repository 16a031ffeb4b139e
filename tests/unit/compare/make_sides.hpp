// SPDX-License-Identifier: Apache-2.0
// Halves of a comparison made up: by hand, or as noise of a known kind.
#pragma once

#include "flyball/compare/run.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace flyball::test {

inline void add_metric(compare::Side& side, const std::string& name, const std::vector<double>& values)
{
    side.runs.resize(std::max(side.runs.size(), values.size()));
    for (std::size_t i = 0; i < values.size(); ++i)
        side.runs[i].values[{"", name}] = {values[i], compare::Unit::Number, compare::guess_good(name), true};
}

inline compare::Side side_of(const std::string& name, const std::vector<double>& values)
{
    compare::Side side{.name = "A"};
    add_metric(side, name, values);
    return side;
}

// Of the level 100. Alike: each run is like the one before, by a first autocorrelation of 0.5 or 0.9.
enum class Noise { Normal, Lognormal, HeavyTail, Whole, MostlyZero, Alike50, Alike90 };
inline constexpr std::array kNoises{Noise::Normal,     Noise::Lognormal, Noise::HeavyTail, Noise::Whole,
                                    Noise::MostlyZero, Noise::Alike50,   Noise::Alike90};

inline bool is_dependent(Noise noise)
{
    return noise == Noise::Alike50 || noise == Noise::Alike90;
}

inline const char* name_of(Noise noise)
{
    constexpr std::array kNames{"normal, 5 %",         "lognormal, sigma 0.5", "heavy tail (Student, 2 df)",
                                "small whole numbers", "mostly zero",          "alike, r = 0.5",
                                "alike, r = 0.9"};
    return kNames[static_cast<std::size_t>(noise)];
}

inline std::vector<double> noisy(Noise noise, std::size_t count, std::mt19937_64& random)
{
    std::normal_distribution<double> normal(0, 1);
    std::student_t_distribution<double> heavy(2);
    std::poisson_distribution<int> whole(3), rare(0.2);
    const double r = noise == Noise::Alike50 ? 0.5 : 0.9;
    double state = normal(random);
    std::vector<double> values;
    for (std::size_t i = 0; i < count; ++i) {
        switch (noise) {
        case Noise::Normal:
            values.push_back(100 + 5 * normal(random));
            break;
        case Noise::Lognormal:
            values.push_back(100 * std::exp(0.5 * normal(random)));
            break;
        case Noise::HeavyTail:
            values.push_back(100 + 5 * heavy(random));
            break;
        case Noise::Whole:
            values.push_back(whole(random));
            break;
        case Noise::MostlyZero:
            values.push_back(rare(random));
            break;
        case Noise::Alike50:
        case Noise::Alike90:
            values.push_back(100 + 5 * state);
            state = r * state + std::sqrt(1 - r * r) * normal(random);
            break;
        }
    }
    return values;
}

inline compare::Side noisy_side(Noise noise, std::size_t runs, std::size_t metrics, std::mt19937_64& random)
{
    compare::Side side{.name = "A"};
    for (std::size_t metric = 0; metric < metrics; ++metric)
        add_metric(side, "m" + std::to_string(metric) + "_ms", noisy(noise, runs, random));
    return side;
}

}  // namespace flyball::test
