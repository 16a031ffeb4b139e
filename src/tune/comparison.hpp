// SPDX-License-Identifier: Apache-2.0
// What pairs of blocks say of B against A: the decision of an experiment, without the experiment. Pure; not
// thread-safe.
#pragma once

#include "flyball/stats/statistics.hpp"
#include "flyball/tune/proposal.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace flyball::tune {

// A block's median has to rest on some units, its p99 on three beyond it, or it is the maximum by another name.
inline constexpr std::uint64_t kLeastForP50 = 20, kLeastForP99 = 300;

struct ComparisonBounds {
    double rate = 0.8;      // part of A's that B has to keep
    double latency = 1.25;  // times A's that B's may be
    double alpha = 0.05;
    std::size_t most_pairs = 30;
};

// Accepted: each metric is surely within its bound at alpha, which needs no correction for their number (an
// intersection-union test). Rejected: one of them is surely not, at alpha divided by their number, or the rate was
// terrible in two pairs in a row.
class Comparison {
public:
    explicit Comparison(const ComparisonBounds& bounds) : bounds_(bounds) {}

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
        double bound;  // of B over A: a rate, or one over a latency
        // The first decides on acceptance, the second on rejection.
        stats::NonInferiority accepts, rejects;
    };
    void begin(const LatencyPair& p50, const LatencyPair& p99);
    void decide();
    [[nodiscard]] const Metric* find(const std::string& name) const;

    ComparisonBounds bounds_;
    std::vector<Metric> metrics_;
    std::size_t pairs_ = 0, terrible_ = 0;  // terrible: in a row
    std::optional<Verdict> verdict_;
    std::string note_;
};

}  // namespace flyball::tune
