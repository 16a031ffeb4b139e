// SPDX-License-Identifier: Apache-2.0
// Was a metric measured? Coverage may speak of the metric, of its family ("cpu.throttle" of
// "cpu.throttle.own"), or of its members ("oom.victims" of "oom").
#pragma once

#include "flyball/profile/snapshot.hpp"

#include <string>
#include <string_view>

namespace flyball::audit {

struct Covered {
    bool available = false;
    bool polled = false;  // read from the kernel's own counter: no event of ours, nothing to compare
    std::string hook;
    std::string why;  // when it is not
};

[[nodiscard]] Covered covered(const profile::Meta& meta, std::string_view metric);

}  // namespace flyball::audit
