// SPDX-License-Identifier: Apache-2.0
// When requests are to be made: a rate that changes with time, and the instants that follow from it.
//
// Open loop: the instants depend on nothing that the system under load does. They are the points of a process of rate 1
// (every 1, or with exponential gaps), carried over to real time by the inverse of the integral of the rate (time
// rescaling; Daley and Vere-Jones, An Introduction to the Theory of Point Processes, 7.4): exact for ramps too. Pure;
// not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace flyball::load {

// The rate goes in a straight line from the one to the other.
struct Segment {
    std::string label;
    double from_rate = 0, to_rate = 0;  // requests a second, not below zero
    std::uint64_t length_ns = 0;
    // Requests that are intended in it, on average.
    [[nodiscard]] double expected() const { return (from_rate + to_rate) / 2 * static_cast<double>(length_ns) * 1e-9; }
    friend bool operator==(const Segment&, const Segment&) = default;
};

enum class Arrivals { Fixed, Poisson };

struct Arrival {
    std::uint64_t number = 0;  // counts from 0
    std::uint64_t at_ns = 0;   // from the beginning
    std::size_t segment = 0;
    double rate = 0;  // at that instant
};

class Schedule {
public:
    // seed: of Poisson arrivals; the same one gives the same instants on every machine.
    Schedule(std::vector<Segment> segments, Arrivals arrivals, std::uint64_t seed = 1);

    // In order of time; nullopt: there are no more. Fixed arrivals begin at 0.
    [[nodiscard]] std::optional<Arrival> next();

    [[nodiscard]] std::uint64_t length_ns() const;
    [[nodiscard]] double expected() const;
    [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }

private:
    [[nodiscard]] double gap();

    std::vector<Segment> segments_;
    Arrivals arrivals_;
    std::mt19937_64 random_;
    std::uint64_t number_ = 0;
    double due_ = 0;  // on the scale of the process of rate 1, since the segment's beginning
    std::size_t segment_ = 0;
    std::uint64_t begin_ns_ = 0;  // of that segment
};

}  // namespace flyball::load
