// SPDX-License-Identifier: Apache-2.0
// What pairs of blocks say of B against A: the decision of an experiment, without the experiment. Pure; not thread-safe.
#pragma once

#include "flyball/tune/experiment.hpp"
#include "flyball/tune/statistics.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::tune {

// A block's median has to rest on some units, its p99 on three beyond it, or it is the maximum by another name.
inline constexpr std::uint64_t kLeastForP50 = 20, kLeastForP99 = 300;

class Comparison {
public:
    explicit Comparison(const ExperimentOptions& options) : options_(options) {}

    struct RatePair {
        double a = 0, b = 0;  // a above 0
    };
    struct LatencyPair {
        std::optional<double> a, b;  // ns
    };
    void add(RatePair rate, LatencyPair p50, LatencyPair p99);

    [[nodiscard]] bool decided() const { return verdict_.has_value(); }
    // Verdict, pairs, ratios and note; the rest is left empty.
    [[nodiscard]] Trial trial() const;

private:
    struct Metric {
        std::string name;
        double bound;  // of B's rate over A's
        // The first decides on acceptance, the second on rejection.
        NonInferiority accepts, rejects;
    };
    void begin(const LatencyPair& p50, const LatencyPair& p99);
    void decide();
    [[nodiscard]] const Metric* find(const std::string& name) const;

    ExperimentOptions options_;
    std::vector<Metric> metrics_;
    std::size_t pairs_ = 0, terrible_ = 0;  // terrible: in a row
    std::optional<Verdict> verdict_;
    std::string note_;
};

}  // namespace flyball::tune
