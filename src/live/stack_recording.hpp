// SPDX-License-Identifier: Apache-2.0
// The stacks of one recording, from the clocks to their names.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/probe/stack_sampler.hpp"
#include "flyball/profile/stack_collector.hpp"
#include "flyball/profile/stacks.hpp"
#include "flyball/stream/stack_reader.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::live {

class StackRecording {
public:
    // Unavailable where the kernel or the privileges refuse it.
    [[nodiscard]] static Result<StackRecording> open(const kernel::Plan& plan, std::uint32_t hz, bool verbose);

    // Readable when it wants consume() before the next tick: a process may end that nobody looked at yet.
    [[nodiscard]] int poll_fd() const { return reader_.poll_fd(); }

    void begin(std::uint64_t now_ns);
    [[nodiscard]] Result<> consume() { return reader_.consume(collector_); }
    void end(std::uint64_t now_ns);

    // After end(), once: reads what is left and finds the names.
    [[nodiscard]] Result<profile::Stacks> finish();

private:
    StackRecording(probe::StackSampler sampler, stream::StackReader reader, std::uint32_t hz);

    probe::StackSampler sampler_;
    stream::StackReader reader_;
    profile::StackCollector collector_;
    std::uint32_t hz_;
    std::uint64_t begin_ns_ = 0, end_ns_ = 0;
    std::vector<std::string> notes_;
};

// For stderr: how many, and what became of the others.
[[nodiscard]] std::string summary(const profile::Stacks& stacks);

}  // namespace flyball::live
