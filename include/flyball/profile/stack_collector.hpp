// SPDX-License-Identifier: Apache-2.0
// From samples to Stacks. Memory is bounded by the number of different stacks, which is. Not thread-safe.
#pragma once

#include "flyball/profile/stacks.hpp"
#include "flyball/stream/stack_reader.hpp"
#include "flyball/symbol/places.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace flyball::profile {

class StackCollector final : public stream::StackSink {
public:
    struct Limits {
        std::size_t frames = 4'000'000;       // of all stacks that are kept: 64 MiB
        std::size_t depth = FB_STACK_FRAMES;  // a stack of so many was cut off by the kernel
    };
    // Places and names come from there.
    explicit StackCollector(symbol::Places places = symbol::Places());
    StackCollector(symbol::Places places, const Limits& limits);

    // Looks into the process's memory map, which is there only while it lives: call it soon.
    void on_sample(const fb_stack_sample& header, std::span<const std::uint64_t> user,
                   std::span<const std::uint64_t> kernel) override;

    // Finds the names, which takes a while. What the clocks counted is the caller's to fill in: hz, cpus,
    // due, idle, attempted, dropped. Spent after it.
    [[nodiscard]] Stacks finish(const std::string& proc = "/proc") &&;

private:
    struct Key {
        std::uint64_t cgroup_id = 0;
        std::string comm;
        std::vector<symbol::Place> user;    // innermost first
        std::vector<std::uint64_t> kernel;  // innermost first
        enum Mark : std::uint8_t { kNone = 0, kNoUser = 1, kUserCut = 2, kKernelCut = 4, kNotKept = 8 };
        std::uint8_t marks = kNone;
        friend auto operator<=>(const Key&, const Key&) = default;
    };
    class Naming;

    symbol::Places places_;
    Limits limits_;
    std::size_t frames_ = 0;
    std::map<Key, std::uint64_t> samples_;
    Stacks counts_;
};

}  // namespace flyball::profile
