// SPDX-License-Identifier: Apache-2.0
// Who was on the CPU, and where, at the ticks of a clock: named, and counted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::profile {

struct Stack {
    std::uint64_t cgroup_id = 0;  // in the cpu controller's hierarchy
    std::string comm;
    std::vector<std::uint32_t> frames;  // of Stacks::frames, outermost first: user, then kernel
    std::uint64_t samples = 0;
    friend bool operator==(const Stack&, const Stack&) = default;
};

struct Stacks {
    std::uint32_t hz = 0;    // ticks a second of each clock; a sample stands for 1/hz s on a CPU
    std::uint32_t cpus = 0;  // that had a clock

    // Ticks that were due in the window = idle + attempted + late. attempted = delivered + dropped.
    std::uint64_t due = 0;
    std::uint64_t idle = 0;       // nothing ran on that CPU
    std::uint64_t attempted = 0;  // samples
    std::uint64_t dropped = 0;    // the ring was full
    std::uint64_t delivered = 0;

    // Of those delivered:
    std::uint64_t no_user_stack = 0;  // of a user task, though: "[unknown user stack]"
    std::uint64_t ended = 0;          // its process ended before its memory map was read
    std::uint64_t cut = 0;            // deeper than what is kept: "[outer frames not kept]"
    std::uint64_t not_kept = 0;       // too many different stacks: "[stack not kept]"

    std::vector<std::string> frames;  // names; those of the kernel end in "_[k]"
    std::vector<Stack> stacks;
    std::vector<std::string> notes;  // what a reader must know: names that are hidden, ...

    // Ticks that did not come (a hypervisor that ran others, interrupts off for long) or found a BPF
    // program under way.
    [[nodiscard]] std::uint64_t late() const
    {
        const std::uint64_t came = idle + attempted;
        return due > came ? due - came : 0;
    }
    [[nodiscard]] std::uint64_t counted() const
    {
        std::uint64_t sum = 0;
        for (const Stack& stack : stacks)
            sum += stack.samples;
        return sum;
    }
    [[nodiscard]] bool balances() const { return attempted == delivered + dropped && counted() == delivered; }
    friend bool operator==(const Stacks&, const Stacks&) = default;
};

}  // namespace flyball::profile
