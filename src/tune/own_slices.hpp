// SPDX-License-Identifier: Apache-2.0
// When the subject's own tasks had which CPU, as far back as a wait matters. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flyball::tune {

class OwnSlices {
public:
    // In order of their ends on each CPU.
    void add(std::size_t cpu, std::uint64_t from_ns, std::uint64_t to_ns);
    // Of the time between, what its own tasks had of that CPU. Slices that are forgotten count as others'.
    [[nodiscard]] std::uint64_t within(std::size_t cpu, std::uint64_t from_ns, std::uint64_t to_ns) const;

private:
    struct Slice {
        std::uint64_t from_ns = 0, to_ns = 0;
    };
    // A task that waits for its siblings gets its turn after a few of them.
    static constexpr std::size_t kRemembered = 64;
    struct Cpu {
        std::array<Slice, kRemembered> slices;
        std::size_t added = 0;
    };
    std::vector<Cpu> cpus_;
};

}  // namespace flyball::tune
