// SPDX-License-Identifier: Apache-2.0
#include "wait.hpp"

namespace flyball::ledger {

void split_at_moves(const Wait& wait, const std::vector<Move>& moves, std::vector<Leg>& legs)
{
    legs.clear();
    std::uint64_t from = wait.span.from;
    for (const Move& move : moves) {
        if (move.at_ns <= from || move.at_ns >= wait.span.to)
            continue;
        legs.push_back({move.from_cpu, {from, move.at_ns}});
        from = move.at_ns;
    }
    legs.push_back({wait.cpu, {from, wait.span.to}});
}

}  // namespace flyball::ledger
