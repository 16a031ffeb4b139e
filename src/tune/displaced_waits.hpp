// SPDX-License-Identifier: Apache-2.0
// How long the subject's tasks waited for CPUs that others had, and who these were. Not thread-safe.
#pragma once

#include "cpu_occupants.hpp"
#include "flyball/tune/demand_trace.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flyball::tune {

// From CPU to CPU within one wait. Of more moves than these the last are kept.
class WaitMoves {
public:
    void add(std::uint64_t at_ns, std::uint16_t from_cpu) { moves_[count_++ % kKept] = {at_ns, from_cpu}; }
    void clear() { count_ = 0; }

    // f(cpu, from_ns, to_ns) for each stretch of a wait that ended on that CPU, the last one first.
    template <class F>
    void legs(std::size_t cpu, std::uint64_t from_ns, std::uint64_t to_ns, F&& f) const
    {
        for (std::size_t back = 1; back <= std::min(count_, kKept) && to_ns > from_ns; ++back) {
            const Move& move = moves_[(count_ - back) % kKept];
            const std::uint64_t since_ns = std::clamp(move.at_ns, from_ns, to_ns);
            f(cpu, since_ns, to_ns);
            cpu = move.from_cpu;
            to_ns = since_ns;
        }
        if (to_ns > from_ns)
            f(cpu, from_ns, to_ns);
    }

private:
    static constexpr std::size_t kKept = 4;
    struct Move {
        std::uint64_t at_ns = 0;
        std::uint16_t from_cpu = 0;
    };
    std::array<Move, kKept> moves_;
    std::size_t count_ = 0;
};

class DisplacedWaits {
public:
    explicit DisplacedWaits(std::uint64_t begin_ns) : occupants_(begin_ns) {}

    [[nodiscard]] CpuOccupants& occupants() { return occupants_; }
    // Moves of waiting tasks are told: the program that tells them is there.
    void moves_are_told() { moves_told_ = true; }

    // Of a wait that ends with this switch: the part for which others had the CPU. Neither its own siblings nor the
    // load are others, nor is an idle CPU that wakes up, whatever it takes.
    [[nodiscard]] std::uint64_t of_wait(const fb_switch& event, std::uint64_t wait_ns, const WaitMoves& moves);

    // Since the last call, worst first.
    [[nodiscard]] std::vector<DisplacedBy> take();

private:
    template <class F>
    void over_legs(const fb_switch& event, std::uint64_t from_ns, const WaitMoves& moves, F&& f) const;
    void add_like(const fb_switch& event, std::uint64_t from_ns, const WaitMoves& moves, double times);
    void add(std::uint64_t cgroup, std::uint64_t ns);

    CpuOccupants occupants_;
    bool moves_told_ = false;
    std::vector<DisplacedBy> by_;  // few: beyond kMostDisplacers they are kByUnseen
};

}  // namespace flyball::tune
