// SPDX-License-Identifier: Apache-2.0
// An experiment that ends before its time is an answer; whatever else fails is an error.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/tune/proposal.hpp"

#include <utility>

namespace flyball::tune {

[[nodiscard]] inline Result<Proposal> ended(Proposal proposal, const Error& why)
{
    if (why.kind != ErrorKind::Stopped && why.kind != ErrorKind::Finished)
        return std::unexpected(why);
    proposal.answer = why.kind == ErrorKind::Stopped ? Answer::Aborted : Answer::Inconclusive;
    proposal.summary = why.what;
    return proposal;
}

}  // namespace flyball::tune
