// SPDX-License-Identifier: Apache-2.0
// The reader's side of the loss equation: what arrived, by program and CPU.
#pragma once

#include "flyball/abi/events.h"
#include "flyball/profile/snapshot.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace flyball::profile {

class Received {
public:
    void add_batch(const fb_batch& header, std::span<const fb_event> events);
    void add_control(const fb_hdr& hdr);
    void add_unknown() { ++unknown_; }

    [[nodiscard]] std::uint64_t total() const { return total_; }
    [[nodiscard]] std::uint64_t unknown() const { return unknown_; }
    [[nodiscard]] std::uint64_t sequence_gaps() const { return gaps_; }
    [[nodiscard]] std::uint64_t last_ns() const { return last_ns_; }

    // Joins the kernel's side with what arrived: one row a (program, CPU) that either side knows.
    [[nodiscard]] std::vector<ProgramLoss> reconcile(std::vector<ProgramLoss> kernel) const;

private:
    void check_sequence(std::uint32_t cpu, std::uint64_t sequence);

    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint64_t> delivered_;  // (prog, cpu)
    std::unordered_map<std::uint32_t, std::uint64_t> next_sequence_;              // by CPU
    std::uint64_t total_ = 0;
    std::uint64_t unknown_ = 0;
    std::uint64_t gaps_ = 0;
    std::uint64_t last_ns_ = 0;
};

}  // namespace flyball::profile
