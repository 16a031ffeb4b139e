// SPDX-License-Identifier: Apache-2.0
#include "flyball/stream/stack_reader.hpp"

#include "ring_deleter.hpp"

#include <bpf/libbpf.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace flyball::stream {

struct StackReader::State {
    std::unique_ptr<ring_buffer, RingDeleter> ring;
    StackSink* sink = nullptr;  // only during consume()
    std::array<std::uint64_t, std::size_t{2} * FB_STACK_FRAMES> addresses{};
    std::uint64_t delivered = 0;
    std::uint64_t malformed = 0;

    static int on_record(void* self, void* data, std::size_t size)
    {
        auto& state = *static_cast<State*>(self);
        const auto* sample = static_cast<const fb_stack_sample*>(data);
        const auto frames = [](std::int32_t n) { return static_cast<std::size_t>(std::max(n, 0)); };
        if (size < FB_STACK_HEADER || sample->user > FB_STACK_FRAMES || sample->kernel > FB_STACK_FRAMES ||
            size < FB_STACK_HEADER + 8 * (frames(sample->user) + frames(sample->kernel))) {
            ++state.malformed;
            return 0;
        }
        ++state.delivered;
        const std::size_t user = frames(sample->user), kernel = frames(sample->kernel);
        // The wire's 64 bits and the library's are different types of C++.
        std::copy_n(sample->addresses, user + kernel, state.addresses.begin());
        state.sink->on_sample(*sample, std::span(state.addresses).first(user),
                              std::span(state.addresses).subspan(user, kernel));
        return 0;
    }
};

StackReader::StackReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
StackReader::~StackReader() = default;
StackReader::StackReader(StackReader&&) noexcept = default;
StackReader& StackReader::operator=(StackReader&&) noexcept = default;

Result<StackReader> StackReader::open(int ring_fd)
{
    auto state = std::make_unique<State>();
    state->ring.reset(ring_buffer__new(ring_fd, State::on_record, state.get(), nullptr));
    if (!state->ring)
        return std::unexpected(errno_error(ErrorKind::Unavailable, "opening the ring of stack samples", errno));
    return StackReader(std::move(state));
}

int StackReader::poll_fd() const
{
    return ring_buffer__epoll_fd(state_->ring.get());
}

Result<> StackReader::consume(StackSink& sink)
{
    state_->sink = &sink;
    const int n = ring_buffer__consume(state_->ring.get());
    state_->sink = nullptr;
    if (n < 0)
        return std::unexpected(errno_error(ErrorKind::Io, "reading the ring of stack samples", -n));
    return {};
}

std::uint64_t StackReader::delivered() const
{
    return state_->delivered;
}

std::uint64_t StackReader::malformed() const
{
    return state_->malformed;
}

}  // namespace flyball::stream
