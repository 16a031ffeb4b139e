// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/proposal.hpp"

#include <array>

namespace flyball::tune {
namespace {

template <std::size_t N, class Enum>
std::string_view pick(const std::array<std::string_view, N>& names, Enum value)
{
    const auto index = static_cast<std::size_t>(value);
    return index < N ? names[index] : "?";
}

}  // namespace

std::string_view name(Resource resource)
{
    return pick(std::array<std::string_view, 4>{"cpu", "memory", "pids", "io"}, resource);
}

std::string_view name(Answer answer)
{
    return pick(std::array<std::string_view, 5>{"limit", "no_limit", "inconclusive", "refused", "aborted"}, answer);
}

std::string_view name(Unit unit)
{
    return pick(std::array<std::string_view, 7>{"", "ns", "bytes", "tasks", "share", "cpus", "per_second"}, unit);
}

std::string_view name(Verdict verdict)
{
    return pick(std::array<std::string_view, 4>{"accepted", "rejected", "inconclusive", "aborted"}, verdict);
}

}  // namespace flyball::tune
