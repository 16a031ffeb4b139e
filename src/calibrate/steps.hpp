// SPDX-License-Identifier: Apache-2.0
// How far a calibration is: what was done, and what can be foreseen of the rest. Not thread-safe.
#pragma once

#include "flyball/calibrate/engine.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace flyball::calibrate {

class Steps {
public:
    Steps(const Spec& spec, const OnStep& on_step);

    // What is still expected of the component before is dropped: it has ended.
    void component(std::size_t index);
    // Of the present component, besides what is expected of every one.
    void expect(std::size_t steps, std::uint64_t length_ns);
    void begin(std::string what, std::uint64_t length_ns);

private:
    struct Expected {
        std::size_t steps = 0;
        std::uint64_t length_ns = 0;
    };
    std::vector<Expected> left_;  // of each component
    std::size_t now_ = 0, done_ = 0;
    const OnStep& on_step_;
};

}  // namespace flyball::calibrate
