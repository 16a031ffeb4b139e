// SPDX-License-Identifier: Apache-2.0
// CPU time laid over steps of kDemandStepNs.
#pragma once

#include <cstdint>
#include <vector>

namespace flyball::tune {

class DemandSteps {
public:
    explicit DemandSteps(std::uint64_t begin_ns) : begin_ns_(begin_ns) {}

    // Spreads ns evenly over the stretch. What lies before the beginning belongs to the window before, which is gone.
    void add(std::uint64_t from_ns, std::uint64_t to_ns, std::uint64_t ns);

    // The whole steps before at_ns; what is later stays.
    [[nodiscard]] std::vector<std::uint64_t> take(std::uint64_t at_ns);

private:
    std::uint64_t begin_ns_;
    std::vector<std::uint64_t> steps_;
};

}  // namespace flyball::tune
