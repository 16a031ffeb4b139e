// SPDX-License-Identifier: Apache-2.0
// std::ranges::contains(), which g++ 12 has not.
#pragma once

#include <algorithm>
#include <functional>

namespace flyball::oom {

template <class Range, class Value, class Projection = std::identity>
[[nodiscard]] bool contains(const Range& range, const Value& value, Projection projection = {})
{
    return std::ranges::find(range, value, projection) != std::ranges::end(range);
}

}  // namespace flyball::oom
