// SPDX-License-Identifier: Apache-2.0
// Who grew: what each process held, a sample a second, of the last twelve seconds, and one in ten of the minute before.
// Plain values, one thread. 48 bytes a process and sample, of which there are 19.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/oom/surroundings.hpp"

#include <cstdint>
#include <deque>
#include <vector>

namespace flyball::oom {

class MemoryHistory {
public:
    void add(std::uint64_t at_ns, std::vector<fb_process_memory> all);
    // As Surroundings::grown().
    [[nodiscard]] std::vector<fb_oom_grew> grown(const GrowthAsked& asked) const;

private:
    struct Sample {
        std::uint64_t at_ns = 0;
        std::vector<fb_process_memory> all;  // by tgid
    };
    void thin(std::uint64_t now_ns);
    [[nodiscard]] const Sample* before(std::uint64_t at_ns) const;
    [[nodiscard]] const Sample* aged(std::uint64_t at_ns, std::uint64_t age_ns) const;

    std::deque<Sample> samples_;  // in time order
};

}  // namespace flyball::oom
