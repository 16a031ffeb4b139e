// SPDX-License-Identifier: Apache-2.0
// Carries out a plan: level after level, or the search for the breaking point, with a system under load behind Bench.
// Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/load/plan.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::load {

class Bench {
public:
    virtual ~Bench() = default;
    // From nothing running to nothing running, not judged. may_give_up: it may end as soon as an objective is lost.
    [[nodiscard]] virtual Result<Level> run(const LevelSpec& spec, bool may_give_up) = 0;
    // Lets the system come to rest.
    virtual void rest(std::uint64_t duration_ns) = 0;
    [[nodiscard]] virtual bool stopped() = 0;
};

// A window of a search.
struct TrialRecord {
    double level = 0;
    SearchPhase phase = SearchPhase::Climb;
    Verdict verdict = Verdict::Unknown;
    std::string why;        // what broke, or could not be judged; empty: nothing
    std::size_t index = 0;  // in Outcomes::levels
    // False: it broke while flyball itself could not start requests in time, which says nothing of the system. Such a
    // window is repeated; after three in a row at one level it counts all the same.
    bool counted = true;
};

struct Found {
    Values combination;
    std::string parameter;
    SearchOptions options;
    SearchResult result;
    std::vector<TrialRecord> trials;
    // All confirming windows of each end as one.
    std::optional<Phase> at_held, at_broken;
    std::string reason;  // why it breaks: the objective missed most often at the upper end, and how far
};

struct Outcomes {
    std::vector<Level> levels;
    std::vector<Found> found;
    bool interrupted = false;

    // Every level keeps to every objective; of a search: it has found something that does.
    [[nodiscard]] Verdict verdict() const;
};

using Say = std::function<void(std::string_view)>;
// Errors are the bench's. What came before an interruption is there.
[[nodiscard]] Result<Outcomes> carry_out(const Plan& plan, Bench& bench, const Say& say);

}  // namespace flyball::load
