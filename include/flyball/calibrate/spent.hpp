// SPDX-License-Identifier: Apache-2.0
// When a calibration began, and what time it has taken: kept in its store, so that one that was killed and went on says
// both truly. Any thread.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/calibrate/engine.hpp"

#include <cstdint>
#include <optional>

namespace flyball::calibrate {

struct Spent {
    std::uint64_t start_wall_ns = 0;  // CLOCK_REALTIME, of the first sitting
    std::uint64_t took_ns = 0;        // all sittings together
    friend bool operator==(const Spent&, const Spent&) = default;
};

// nullopt: it has not begun, or what is there is of another version.
[[nodiscard]] Result<std::optional<Spent>> spent_so_far(Store& store);
[[nodiscard]] Result<> keep(Store& store, const Spent& spent);

}  // namespace flyball::calibrate
