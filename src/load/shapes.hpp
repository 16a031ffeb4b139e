// SPDX-License-Identifier: Apache-2.0
// The little languages of the options. Pure. Usage errors name the option, what was found, and the form.
#pragma once

#include "flyball/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::load {

// Requests a second: above zero, "100", "0.5", "100/s".
[[nodiscard]] Result<double> parse_rate(std::string_view option, std::string_view text);
// "100,200,400"
[[nodiscard]] Result<std::vector<double>> parse_rates(std::string_view option, std::string_view text);

struct Ramp {
    double from = 0, to = 0;
    std::uint64_t length_ns = 0;
};
// "100..1000 over 5m"; one of the ends may be 0.
[[nodiscard]] Result<Ramp> parse_ramp(std::string_view text);

struct Burst {
    double factor = 1;
    std::uint64_t every_ns = 0, length_ns = 0;
};
// "5x every 30s for 5s"
[[nodiscard]] Result<Burst> parse_burst(std::string_view text);

struct Sweep {
    std::string name;
    std::vector<std::string> values;
};
// "NAME=1,2,4"
[[nodiscard]] Result<Sweep> parse_sweep(std::string_view text);

struct Range {
    std::string name;
    double low = 0, high = 0;
    bool whole = false;  // neither end has a fraction
};
// "rate=100..100000"
[[nodiscard]] Result<Range> parse_range(std::string_view text);

struct MOfN {
    std::size_t m = 3, n = 5;
};
// "3/5"; more than half.
[[nodiscard]] Result<MOfN> parse_m_of_n(std::string_view text);

}  // namespace flyball::load
