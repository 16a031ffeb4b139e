// SPDX-License-Identifier: Apache-2.0
// Where a system breaks: which level to try next, and what follows from what came of it.
//
// Climb by doubling until a level breaks; go back and bisect between the highest that held and the lowest that broke,
// until they are a given width apart; then confirm both ends, M of N windows each. A window that broke is never
// believed alone: the level is tried again, two of three decide (what broke it may have been the machine's noise, or
// the rest of the level before). A window that held is believed until the confirmation. An end that the confirmation
// contradicts changes sides, and the search goes on next to it.
//
// The planner measures nothing and waits for nothing: it is told what came of the trial that it asked for. Pure; not
// thread-safe.
#pragma once

#include "flyball/load/objective.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string_view>

namespace flyball::load {

struct SearchOptions {
    double low = 0, high = 0;         // 0 < low < high: levels outside are not tried
    bool whole = false;               // whole numbers only
    double width = 0.05;              // of the interval, as a part of its lower end
    std::size_t confirm = 3, of = 5;  // confirm <= of < 2 * confirm
    std::size_t most_trials = 100;
    std::size_t most_reopenings = 4;  // that a confirmation may contradict the search
};

enum class SearchPhase { Climb, Bisect, ConfirmHeld, ConfirmBroken };
[[nodiscard]] std::string_view name(SearchPhase phase);

struct Trial {
    double level = 0;
    SearchPhase phase = SearchPhase::Climb;
    bool after_break = false;  // the window before it broke: drain first
};

struct Votes {
    std::size_t held = 0, broken = 0;
    [[nodiscard]] std::size_t count() const { return held + broken; }
};

enum class SearchEnd {
    Running,
    Found,      // holds at `held`, breaks at `broken`, both confirmed
    HeldAll,    // holds at the highest level, confirmed
    BrokeAll,   // breaks at the lowest level, confirmed
    Unsettled,  // the same levels held and broke, again and again
    Unknown,    // a window could not be judged
};
[[nodiscard]] std::string_view name(SearchEnd end);

struct SearchResult {
    SearchEnd end = SearchEnd::Running;
    // The highest level that held and the lowest that broke above it. Confirmed ones, where `end` says so.
    std::optional<double> held, broken;
    Votes held_votes, broken_votes;  // of the confirmation
    std::size_t trials = 0;
};

class BreakingPoint {
public:
    explicit BreakingPoint(const SearchOptions& options);

    // The same until report() is called; nullopt: it is over.
    [[nodiscard]] std::optional<Trial> next() const;
    // What came of it. Unknown ends the search.
    void report(Verdict verdict);
    [[nodiscard]] SearchResult result() const;

private:
    [[nodiscard]] double rounded(double level) const;
    [[nodiscard]] bool narrow() const;
    void go(SearchPhase phase, double level);
    void settled(bool held);
    void advance();
    void confirmed(bool held);
    void reopen(bool upwards);

    SearchOptions options_;
    SearchEnd end_ = SearchEnd::Running;
    SearchPhase phase_ = SearchPhase::Climb;
    double level_ = 0;
    Votes votes_;  // at this level, in this phase
    bool after_break_ = false;
    std::optional<double> held_, broken_;
    std::map<double, bool> known_;  // level -> held, as last decided
    Votes held_votes_, broken_votes_;
    bool held_confirmed_ = false, broken_confirmed_ = false;
    std::size_t trials_ = 0, reopenings_ = 0;
};

}  // namespace flyball::load
