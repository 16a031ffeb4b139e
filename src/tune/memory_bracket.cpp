// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/memory_bracket.hpp"

#include "units.hpp"

#include <algorithm>

namespace flyball::tune {

Bracket::Bracket(const BracketOptions& options, std::uint64_t first, std::uint64_t lowest, std::uint64_t ceiling)
    : options_(options), candidate_(pages_up(std::max(first, lowest))), lowest_(lowest), ceiling_(ceiling)
{
}

std::optional<std::uint64_t> Bracket::next() const
{
    if (trials_ >= options_.most_trials)
        return std::nullopt;
    if (!accepted_)
        return candidate_ <= ceiling_ ? std::optional(candidate_) : std::nullopt;
    // Once it was widened, what is tighter has been tried.
    if (failed_below_ || tighter_ >= options_.most_tighter || trials_ > tighter_ + 1)
        return std::nullopt;
    const auto best = static_cast<double>(*accepted_);
    const double low = std::max(options_.reach * best, static_cast<double>(lowest_));
    const double middle = (low + best) / 2;
    return best - middle >= options_.resolution * best ? std::optional(pages_up(static_cast<std::uint64_t>(middle)))
                                                       : std::nullopt;
}

void Bracket::add(Verdict verdict)
{
    const auto tried = next();
    if (!tried)
        return;
    const bool tightening = accepted_.has_value();
    ++trials_;
    tighter_ += tightening ? 1 : 0;
    if (verdict == Verdict::Accepted) {
        accepted_ = tried;
        return;
    }
    if (verdict == Verdict::Rejected)
        rejected_ = std::max(rejected_.value_or(0), *tried);
    if (tightening)
        failed_below_ = true;
    else
        candidate_ = pages_up(static_cast<std::uint64_t>(options_.widen * static_cast<double>(*tried)));
}

}  // namespace flyball::tune
