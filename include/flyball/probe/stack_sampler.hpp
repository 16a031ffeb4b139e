// SPDX-License-Identifier: Apache-2.0
// A clock on each CPU whose ticks are told with the stacks of who runs: made on request only, gone with its
// owner. Not thread-safe.
#pragma once

#include "flyball/abi/stacks.h"
#include "flyball/base/result.hpp"
#include "flyball/kernel/plan.hpp"

#include <cstdint>
#include <memory>

namespace flyball::probe {

struct StackSamplerOptions {
    std::uint32_t hz = 99;  // ticks a second on each CPU
    bool verbose = false;   // libbpf's own messages on stderr
};

class StackSampler {
public:
    // The plan says where the cpu controller lives. Unavailable, with the reason and what to do, where the
    // kernel or the privileges refuse it. CPUs that come online afterwards have no clock.
    static Result<StackSampler> open(const kernel::Plan& plan, const StackSamplerOptions& options);
    ~StackSampler();
    StackSampler(StackSampler&&) noexcept;
    StackSampler& operator=(StackSampler&&) noexcept;

    // Opens and closes the window in which samples are taken.
    void set_recording(bool on);

    // Stops the clocks. What was counted can still be read.
    void detach();

    // CPUs that have a clock.
    [[nodiscard]] std::uint32_t cpus() const;

    // Sums over all CPUs.
    [[nodiscard]] Result<fb_stack_stats> read_stats() const;

    // Descriptor of the ring, for stream::StackReader; it stays the sampler's.
    [[nodiscard]] int ring_fd() const;

private:
    struct State;
    explicit StackSampler(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::probe
