// SPDX-License-Identifier: Apache-2.0
#include "flyball/stream/reader.hpp"

#include "flyball/base/clock.hpp"
#include "ring_deleter.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace flyball::stream {

namespace {

// Between a program's clock and its ring: the scheduler's clock is read some microseconds before an event is
// written. What comes later still is counted (InOrder::late()).
constexpr std::uint64_t kUnderWayNs = 2'000'000;

// The batches of all CPUs, mapped read-only: shows what waits without a system call.
class BatchWindow {
public:
    BatchWindow() = default;
    ~BatchWindow()
    {
        if (base_ != nullptr)
            ::munmap(base_, bytes_);
    }
    BatchWindow(const BatchWindow&) = delete;
    BatchWindow& operator=(const BatchWindow&) = delete;

    Result<> map(int fd, std::size_t cpus)
    {
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        bytes_ = (cpus * sizeof(fb_batch) + page - 1) / page * page;
        void* at = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED)
            return std::unexpected(errno_error(ErrorKind::Unavailable, "mapping the event batches", errno));
        base_ = at;
        return {};
    }

    [[nodiscard]] const volatile fb_batch& of(std::size_t cpu) const
    {
        return static_cast<const volatile fb_batch*>(base_)[cpu];
    }

private:
    void* base_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace

struct Reader::State {
    std::unique_ptr<ring_buffer, RingDeleter> rings;
    BatchWindow window;
    std::size_t cpus = 0;
    int flush_prog_fd = -1;
    Sink* sink = nullptr;  // only during consume()
    std::uint64_t malformed = 0;
    std::uint64_t settled_ns = 0;  // all older events are in the rings

    static int on_batch(void* self, void* data, std::size_t size)
    {
        auto& state = *static_cast<State*>(self);
        const auto* batch = static_cast<const fb_batch*>(data);
        const bool whole = size >= FB_BATCH_HEADER && batch->abi == FB_ABI_VERSION && batch->n <= FB_BATCH_EVENTS &&
                           size >= FB_BATCH_HEADER + batch->n * sizeof(fb_event);
        if (!whole) {
            ++state.malformed;
            return 0;
        }
        state.sink->on_batch(*batch, {batch->events, batch->n});
        return 0;
    }

    static int on_control(void* self, void* data, std::size_t size)
    {
        auto& state = *static_cast<State*>(self);
        const auto* header = static_cast<const fb_hdr*>(data);
        if (size < sizeof(fb_hdr) || header->size > size) {
            ++state.malformed;
            return 0;
        }
        state.sink->on_control({static_cast<const std::byte*>(data), header->size});
        return 0;
    }

    // Runs the flush program on that CPU. 0: the batch is empty now.
    [[nodiscard]] int flush(std::size_t cpu) const
    {
        LIBBPF_OPTS(bpf_test_run_opts, options, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = static_cast<__u32>(cpu));
        const int error = bpf_prog_test_run_opts(flush_prog_fd, &options);
        return error != 0 ? error : static_cast<int>(options.retval);
    }
};

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::~Reader() = default;
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;

Result<Reader> Reader::open(const Source& source)
{
    auto state = std::make_unique<State>();
    state->cpus = source.ring_fds.size();
    state->flush_prog_fd = source.flush_prog_fd;
    state->rings.reset(ring_buffer__new(source.control_fd, State::on_control, state.get(), nullptr));
    if (!state->rings)
        return std::unexpected(errno_error(ErrorKind::Unavailable, "opening the control ring", errno));
    for (const int fd : source.ring_fds) {
        const int error = ring_buffer__add(state->rings.get(), fd, State::on_batch, state.get());
        if (error != 0)
            return std::unexpected(errno_error(ErrorKind::Unavailable, "opening an event ring", -error));
    }
    if (auto mapped = state->window.map(source.batches_fd, state->cpus); !mapped)
        return std::unexpected(mapped.error());
    return Reader(std::move(state));
}

int Reader::poll_fd() const
{
    return ring_buffer__epoll_fd(state_->rings.get());
}

Result<> Reader::consume(Sink& sink)
{
    state_->sink = &sink;
    const int n = ring_buffer__consume(state_->rings.get());
    state_->sink = nullptr;
    if (n < 0)
        return std::unexpected(errno_error(ErrorKind::Io, "reading the event rings", -n));
    if (state_->settled_ns != 0)
        sink.on_round(std::exchange(state_->settled_ns, 0));
    return {};
}

void Reader::flush_older_than(std::uint64_t max_age_ns)
{
    const std::uint64_t now = monotonic_ns();
    std::uint64_t settled = now;
    for (std::size_t cpu = 0; cpu < state_->cpus; ++cpu) {
        const volatile fb_batch& batch = state_->window.of(cpu);
        if (batch.n == 0)
            continue;
        const std::uint64_t first = batch.events[0].hdr.ts_ns;
        // A full ring or a batch in use: the next tick tries again.
        if (now > first && now - first >= max_age_ns && state_->flush(cpu) == 0)
            continue;
        settled = std::min(settled, first);
    }
    state_->settled_ns = settled > kUnderWayNs ? settled - kUnderWayNs : 0;
}

Result<bool> Reader::drain(Sink& sink)
{
    bool empty = false;
    // Bounded: a program may hold a batch for as long as its CPU does not run it.
    for (int round = 0; round < 50 && !empty; ++round) {
        if (auto consumed = consume(sink); !consumed)
            return std::unexpected(consumed.error());
        empty = true;
        for (std::size_t cpu = 0; cpu < state_->cpus; ++cpu) {
            if (state_->window.of(cpu).n != 0 && state_->flush(cpu) != 0)
                empty = false;
        }
        if (!empty)
            ::usleep(2000);
    }
    if (auto consumed = consume(sink); !consumed)
        return std::unexpected(consumed.error());
    return empty;
}

std::uint64_t Reader::malformed() const
{
    return state_->malformed;
}

}  // namespace flyball::stream
