// SPDX-License-Identifier: Apache-2.0
#include "compare_values.hpp"

#include "cells.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::report {
namespace {

std::string plain(double value)
{
    const double size = std::abs(value);
    if (size == 0)
        return "0";
    if (size >= 1e6 || size < 1e-3)
        return fmt::format("{:.2e}", value);
    if (size >= 1000)
        return fmt::format("{:.0f}", value);
    return fmt::format("{:.{}f}", value, size >= 100 ? 1 : size >= 10 ? 2 : size >= 1 ? 3 : 4);
}

std::uint64_t whole_of(double size)
{
    return size < 1.8e19 ? static_cast<std::uint64_t>(std::llround(std::min(size, 9e18))) : ~std::uint64_t{0};
}

}  // namespace

std::string compared_value(compare::Unit unit, double value)
{
    const std::string sign = value < 0 ? "-" : "";
    const double size = std::abs(value);
    switch (unit) {
    case compare::Unit::Nanoseconds:
        return sign + narrow_ns(whole_of(size));
    case compare::Unit::Bytes:
        return sign + narrow_bytes(whole_of(size));
    case compare::Unit::Share:
        return sign + fmt::format("{:.{}f}%", size * 100, size >= 0.1 ? 1 : 2);
    case compare::Unit::Count:
        return sign + (size == std::floor(size) && size < 1e15 ? narrow_count(whole_of(size)) : plain(size));
    default:
        return plain(value);
    }
}

std::string changed_by(double ratio)
{
    if (ratio >= 9)
        return fmt::format("x{:.3g}", ratio + 1);
    return fmt::format("{:+.1f}%", ratio * 100);
}

std::string_view unit_word(compare::Unit unit)
{
    switch (unit) {
    case compare::Unit::Nanoseconds:
        return "ns";
    case compare::Unit::Bytes:
        return "bytes";
    case compare::Unit::Share:
        return "share";
    case compare::Unit::Tasks:
        return "tasks";
    case compare::Unit::PerSecond:
        return "per_second";
    case compare::Unit::Count:
        return "count";
    case compare::Unit::Number:
        break;
    }
    return "number";
}

std::string_view verdict_word(compare::Verdict verdict)
{
    switch (verdict) {
    case compare::Verdict::Better:
        return "better";
    case compare::Verdict::Worse:
        return "worse";
    case compare::Verdict::Changed:
        return "changed";
    case compare::Verdict::Same:
        return "same";
    case compare::Verdict::Inconclusive:
        break;
    }
    return "inconclusive";
}

std::string_view good_word(compare::Good good)
{
    switch (good) {
    case compare::Good::Lower:
        return "lower";
    case compare::Good::Higher:
        return "higher";
    case compare::Good::Unknown:
        break;
    }
    return "unknown";
}

std::string_view basis_word(compare::Basis basis)
{
    switch (basis) {
    case compare::Basis::Runs:
        return "runs";
    case compare::Basis::Slices:
        return "slices";
    case compare::Basis::None:
        break;
    }
    return "none";
}

std::string quantile_name(double q)
{
    return fmt::format("p{:.4g}", q * 100);
}

}  // namespace flyball::report
