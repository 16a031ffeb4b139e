// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/snapshot.hpp"

#include <algorithm>

namespace flyball::profile {

bool covers(const Meta& meta, std::string_view metric)
{
    const auto found = std::ranges::find(meta.coverage, metric, &Coverage::metric);
    return found != meta.coverage.end() && found->available;
}

bool covers_by(const Meta& meta, std::string_view metric, std::string_view function)
{
    const auto found = std::ranges::find(meta.coverage, metric, &Coverage::metric);
    return found != meta.coverage.end() && found->available && found->hook.find(function) != std::string::npos;
}

int hierarchy_of(const Meta& meta, const std::string& controller)
{
    const auto found = meta.hierarchy.find(controller);
    return found == meta.hierarchy.end() ? 0 : found->second;
}

}  // namespace flyball::profile
