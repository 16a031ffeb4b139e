// SPDX-License-Identifier: Apache-2.0
// What a verb takes of the machine that it runs on: its cgroups, its kernel, its time. Passed in, so that a test can
// play another one.
#pragma once

#include "flyball/base/clock.hpp"
#include "flyball/live/collector.hpp"

#include <functional>
#include <memory>

namespace flyball::live {

struct Host {
    std::function<Result<cgroup::Layout>()> layout;
    std::function<Result<std::unique_ptr<Collector>>(const cgroup::Layout&, const CollectorOptions&, StopToken&)>
        collector;
    Clock* clock = nullptr;
};

// This one. One object for all; it has no state.
[[nodiscard]] const Host& this_host();

}  // namespace flyball::live
