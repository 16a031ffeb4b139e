// SPDX-License-Identifier: Apache-2.0
// Half-open stretches of time, and taking some out of others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace flyball::ledger {

struct Span {
    std::uint64_t from = 0, to = 0;
    [[nodiscard]] std::uint64_t length() const { return to > from ? to - from : 0; }
    friend bool operator==(const Span&, const Span&) = default;
};

[[nodiscard]] inline Span overlap(Span a, Span b)
{
    return {std::max(a.from, b.from), std::min(a.to, b.to)};
}

// Takes `wanted` out of the free spans: gives how much of it was still there. Whoever claims first owns it.
[[nodiscard]] inline std::uint64_t claim(std::vector<Span>& free, Span wanted)
{
    std::uint64_t got = 0;
    for (std::size_t i = 0; i < free.size();) {
        const Span span = free[i];
        const Span common = overlap(span, wanted);
        if (common.length() == 0) {
            ++i;
            continue;
        }
        got += common.length();
        const Span left{span.from, common.from}, right{common.to, span.to};
        if (left.length() > 0 && right.length() > 0) {
            free[i] = left;
            free.insert(free.begin() + static_cast<std::ptrdiff_t>(i) + 1, right);
            return got;  // the rest of `wanted` lay inside this span
        }
        if (left.length() > 0 || right.length() > 0) {
            free[i++] = left.length() > 0 ? left : right;
        } else {
            free.erase(free.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    return got;
}

[[nodiscard]] inline std::uint64_t length(const std::vector<Span>& spans)
{
    std::uint64_t sum = 0;
    for (const Span& span : spans)
        sum += span.length();
    return sum;
}

}  // namespace flyball::ledger
