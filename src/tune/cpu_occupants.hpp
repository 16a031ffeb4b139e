// SPDX-License-Identifier: Apache-2.0
// Who had which CPU when, as far back as a wait matters: what a wait was for. Not thread-safe.
#pragma once

#include "flyball/abi/events.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flyball::tune {

// Unseen: its switches were lost. Forgotten: they are longer ago than is remembered.
enum class Occupant : std::uint8_t { Unseen, Forgotten, Idle, Own, Load, KernelThread, Other };

class CpuOccupants {
public:
    explicit CpuOccupants(std::uint64_t begin_ns) : begin_ns_(begin_ns), counted_ns_(begin_ns) {}

    // The first switch of a CPU: nobody had left it before. Then every one, this first as well.
    [[nodiscard]] bool knows(std::size_t cpu) const;
    void begin(const fb_switch& event, Occupant prev);
    void on_switch(const fb_switch& event, Occupant next);

    // f(occupant, cgroup, ns) for each stretch of the time between; they sum to its length.
    template <class F>
    void over(std::size_t cpu, std::uint64_t from_ns, std::uint64_t to_ns, F&& f) const
    {
        std::uint64_t left_ns = to_ns - std::min(from_ns, to_ns);
        const auto part = [&](const Slice& slice, std::uint64_t end_ns) {
            const std::uint64_t begin_ns = std::max(slice.from_ns, from_ns), until_ns = std::min(end_ns, to_ns);
            if (until_ns <= begin_ns)
                return;
            left_ns -= until_ns - begin_ns;
            f(slice.who, slice.cgroup, until_ns - begin_ns);
        };
        if (cpu < cpus_.size()) {
            const Cpu& of = cpus_[cpu];
            if (of.seen)
                part(of.now, to_ns);
            for (std::size_t back = 1; back <= std::min(of.gone, kRemembered); ++back) {
                const Past& past = of.past[(of.gone - back) % kRemembered];
                if (past.to_ns <= from_ns)
                    break;
                part(past.slice, past.to_ns);
            }
        }
        if (left_ns > 0)
            f(Occupant::Forgotten, 0, left_ns);
    }

    struct Totals {
        std::uint64_t others_ns = 0;  // of all but idle, the subject's own tasks and its load
        double spare = 1;             // part of the time in which CPUs were idle, each as much as the subject ran on it
    };
    // Since the last call.
    [[nodiscard]] Totals take(std::uint64_t at_ns);

private:
    struct Slice {
        std::uint64_t from_ns = 0, cgroup = 0;
        std::uint32_t tid = 0;
        Occupant who = Occupant::Unseen;
    };
    struct Past {
        Slice slice;
        std::uint64_t to_ns = 0;
    };
    // Stretches of one cgroup: a wait of a second behind some that take turns of 2 ms.
    static constexpr std::size_t kRemembered = 512;
    struct Cpu {
        std::array<Past, kRemembered> past;
        std::size_t gone = 0;
        Slice now;
        bool seen = false;
        std::uint64_t idle_ns = 0, own_ns = 0, others_ns = 0;  // since the last take()
    };
    static void remember(Cpu& of, std::uint64_t to_ns);
    void count(Cpu& of, std::uint64_t to_ns) const;

    std::uint64_t begin_ns_;
    std::uint64_t counted_ns_;  // time up to here was given
    std::vector<Cpu> cpus_;
};

}  // namespace flyball::tune
