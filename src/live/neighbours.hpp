// SPDX-License-Identifier: Apache-2.0
// Components that run beside the one that is looked at, each with its first steady scenario, in cgroups of their own
// under their baseline limits. Gone with the value. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/calibrate/spec.hpp"
#include "flyball/live/setup.hpp"
#include "flyball/process/child.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

class Neighbours {
public:
    // names: of components in `all`. length_ns: they run for at most so long. Their output goes to output_fd.
    [[nodiscard]] static Result<Neighbours> start(std::span<const std::string> names,
                                                  std::span<const calibrate::Component> all,
                                                  const cgroup::Layout& layout, std::uint64_t length_ns, int output_fd,
                                                  const std::function<void(std::string_view)>& say);

private:
    Result<> add(const calibrate::Component& component, const cgroup::Layout& layout, std::uint64_t length_ns,
                 int output_fd, const std::function<void(std::string_view)>& say);

    std::vector<CommandInCgroup> running_;  // what flyball starts itself, and the load of services
};

}  // namespace flyball::live
