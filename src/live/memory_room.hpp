// SPDX-License-Identifier: Apache-2.0
// Memory taken away from a cgroup piece by piece (memory.reclaim, since v5.19). Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace flyball::live {

class MemoryRoom {
public:
    // between: called between two pieces, so that the rings are read, the guards asked and signals heard meanwhile; its
    // error ends it. The layout must outlive it.
    MemoryRoom(const cgroup::Layout& layout, std::string path, std::function<Result<>()> between)
        : layout_(layout), path_(std::move(path)), between_(std::move(between))
    {
    }

    [[nodiscard]] std::optional<std::uint64_t> use() const;  // bytes
    // It can be done here.
    [[nodiscard]] bool possible() const { return directory().has_value(); }
    // How much went, which may be less than was asked for. Unavailable: not on this machine.
    [[nodiscard]] Result<std::uint64_t> reclaim(std::uint64_t bytes);
    // Below what is used, a write to memory.high comes back when the kernel has reclaimed the rest, and nobody looks
    // meanwhile. So it is reclaimed before, where it can be. Other files need nothing.
    [[nodiscard]] Result<> make_for(std::string_view file, std::string_view value);

private:
    [[nodiscard]] std::optional<std::string> directory() const;

    const cgroup::Layout& layout_;
    std::string path_;
    std::function<Result<>()> between_;
};

}  // namespace flyball::live
