// SPDX-License-Identifier: Apache-2.0
// Reads the ring of stack samples. Single-threaded: one thread calls everything.
#pragma once

#include "flyball/abi/stacks.h"
#include "flyball/base/result.hpp"

#include <cstdint>
#include <memory>
#include <span>

namespace flyball::stream {

class StackSink {
public:
    virtual ~StackSink() = default;
    // The innermost frame first; empty where there is none (header.user and header.kernel say why).
    // Does not throw, and keeps no reference beyond the call. header.addresses must not be touched.
    virtual void on_sample(const fb_stack_sample& header, std::span<const std::uint64_t> user,
                           std::span<const std::uint64_t> kernel) = 0;
};

class StackReader {
public:
    // ring_fd stays the owner's.
    static Result<StackReader> open(int ring_fd);
    ~StackReader();
    StackReader(StackReader&&) noexcept;
    StackReader& operator=(StackReader&&) noexcept;

    // Readable when the ring asks for attention: a process that was not seen before, or half of it is full.
    [[nodiscard]] int poll_fd() const;

    // Hands over everything that the ring holds now. Io when the ring cannot be read.
    Result<> consume(StackSink& sink);

    [[nodiscard]] std::uint64_t delivered() const;
    // Samples whose framing was wrong: always a bug. Not delivered.
    [[nodiscard]] std::uint64_t malformed() const;

private:
    struct State;
    explicit StackReader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::stream
