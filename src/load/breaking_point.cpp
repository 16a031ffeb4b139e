// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/breaking_point.hpp"

#include <algorithm>
#include <cmath>

namespace flyball::load {

BreakingPoint::BreakingPoint(const SearchOptions& options) : options_(options)
{
    go(SearchPhase::Climb, options_.low);
}

double BreakingPoint::rounded(double level) const
{
    return options_.whole ? std::round(level) : level;
}

bool BreakingPoint::narrow() const
{
    constexpr double kRounding = 1e-9;
    if (*broken_ - *held_ <= *held_ * options_.width + kRounding)
        return true;
    return options_.whole && *broken_ - *held_ < 1.5;
}

void BreakingPoint::go(SearchPhase phase, double level)
{
    phase_ = phase;
    level_ = level;
    votes_ = {};
}

std::optional<Trial> BreakingPoint::next() const
{
    if (end_ != SearchEnd::Running)
        return std::nullopt;
    return Trial{.level = level_, .phase = phase_, .after_break = after_break_};
}

void BreakingPoint::report(Verdict verdict)
{
    if (end_ != SearchEnd::Running)
        return;
    ++trials_;
    if (verdict == Verdict::Unknown) {
        end_ = SearchEnd::Unknown;
        return;
    }
    const bool held = verdict == Verdict::Met;
    after_break_ = !held;
    ++(held ? votes_.held : votes_.broken);
    const bool confirming = phase_ == SearchPhase::ConfirmHeld || phase_ == SearchPhase::ConfirmBroken;
    if (confirming) {
        // As soon as the windows that are left cannot change it: either side has `confirm`, or cannot reach it.
        if (votes_.held >= options_.confirm)
            confirmed(true);
        else if (votes_.broken >= options_.confirm)
            confirmed(false);
        else if (votes_.count() >= options_.of)
            confirmed(phase_ == SearchPhase::ConfirmBroken);
    } else if (votes_.broken == 0 || votes_.held == 2) {
        settled(true);
    } else if (votes_.broken == 2) {
        settled(false);
    }
    if (end_ == SearchEnd::Running && trials_ >= options_.most_trials)
        end_ = SearchEnd::Unsettled;
}

void BreakingPoint::settled(bool held)
{
    known_[level_] = held;
    (held ? held_ : broken_) = level_;
    (held ? held_confirmed_ : broken_confirmed_) = false;
    advance();
}

// From what is known to the next level.
void BreakingPoint::advance()
{
    if (!broken_) {
        if (*held_ >= options_.high && held_confirmed_) {
            end_ = SearchEnd::HeldAll;
            return;
        }
        if (*held_ >= options_.high)
            return go(SearchPhase::ConfirmHeld, *held_);
        return go(SearchPhase::Climb, std::min(rounded(*held_ * 2), options_.high));
    }
    if (!held_)
        return go(SearchPhase::ConfirmBroken, *broken_);
    if (!narrow()) {
        // The middle of the ratio: levels are compared by ratio.
        double middle = rounded(std::sqrt(*held_ * *broken_));
        if (options_.whole)
            middle = std::clamp(middle, *held_ + 1, *broken_ - 1);
        return go(SearchPhase::Bisect, middle);
    }
    if (!held_confirmed_)
        return go(SearchPhase::ConfirmHeld, *held_);
    if (!broken_confirmed_)
        return go(SearchPhase::ConfirmBroken, *broken_);
    end_ = SearchEnd::Found;
}

void BreakingPoint::confirmed(bool held)
{
    known_[level_] = held;
    if (phase_ == SearchPhase::ConfirmHeld) {
        if (!held)
            return reopen(false);
        held_votes_ = votes_;
        held_confirmed_ = true;
        return advance();
    }
    if (held)
        return reopen(true);
    broken_votes_ = votes_;
    broken_confirmed_ = true;
    if (!held_) {
        end_ = SearchEnd::BrokeAll;
        return;
    }
    advance();
}

// The level at which we are has changed sides: the interval is now between it and its neighbour on the other side.
void BreakingPoint::reopen(bool upwards)
{
    if (++reopenings_ > options_.most_reopenings) {
        end_ = SearchEnd::Unsettled;
        return;
    }
    if (upwards) {
        held_ = level_;
        held_votes_ = votes_;
        held_confirmed_ = true;
        broken_confirmed_ = false;
        broken_.reset();
        for (auto it = known_.upper_bound(level_); it != known_.end() && !broken_; ++it)
            if (!it->second)
                broken_ = it->first;
    } else {
        broken_ = level_;
        broken_votes_ = votes_;
        broken_confirmed_ = true;
        held_confirmed_ = false;
        held_.reset();
        for (auto it = known_.lower_bound(level_); it != known_.begin() && !held_;)
            if ((--it)->second)
                held_ = it->first;
        // Nothing below is known to hold: the lowest level has the say.
        if (!held_ && level_ > options_.low)
            return go(SearchPhase::Bisect, options_.low);
    }
    advance();
}

SearchResult BreakingPoint::result() const
{
    return {.end = end_,
            .held = held_,
            .broken = broken_,
            .held_votes = held_votes_,
            .broken_votes = broken_votes_,
            .trials = trials_};
}

std::string_view name(SearchPhase phase)
{
    switch (phase) {
    case SearchPhase::Climb:
        return "climb";
    case SearchPhase::Bisect:
        return "bisect";
    case SearchPhase::ConfirmHeld:
        return "confirm held";
    case SearchPhase::ConfirmBroken:
        return "confirm broken";
    }
    return "?";
}

std::string_view name(SearchEnd end)
{
    switch (end) {
    case SearchEnd::Running:
        return "running";
    case SearchEnd::Found:
        return "found";
    case SearchEnd::HeldAll:
        return "held throughout";
    case SearchEnd::BrokeAll:
        return "broken throughout";
    case SearchEnd::Unsettled:
        return "unsettled";
    case SearchEnd::Unknown:
        return "unknown";
    }
    return "?";
}

}  // namespace flyball::load
