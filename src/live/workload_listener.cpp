// SPDX-License-Identifier: Apache-2.0
#include "workload_listener.hpp"

#include "flyball/base/clock.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace flyball::live {

namespace {

// Lines of this time have one time stamp; a pipe of 1 MiB does not fill within it below 200 MB/s.
constexpr int kPauseMs = 5;
constexpr int kFileMs = 20;  // a file cannot be polled
constexpr std::size_t kMostUnpassed = std::size_t{4} << 20U;

// 0, or the error number of a descriptor that takes no more.
int write_all(int fd, std::string_view bytes)
{
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(put));
        } else if (errno == EAGAIN) {
            pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
            (void)::poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

}  // namespace

struct WorkloadListener::State {
    std::optional<cgroup::WorkloadPipe> metrics, output;
    std::optional<cgroup::WorkloadFile> file;
    int output_fd = 1;
    UniqueFd stop;  // eventfd

    mutable std::mutex mutex;  // of all below
    tune::WorkloadMeter meter;
    std::string bytes;
    std::string unpassed;  // output that the thread has still to pass on
    std::string trouble;

    std::jthread thread;

    void note(const Error& error)
    {
        if (trouble.empty())
            trouble = error.what;
    }
    template <class Source, class Feed>
    void drain_one(std::optional<Source>& source, Feed&& feed)
    {
        if (!source)
            return;
        bytes.clear();
        if (const auto read = source->read(bytes); !read)
            note(read.error());
        if (!bytes.empty())
            feed();
    }
    void drain()
    {
        const std::uint64_t now = monotonic_ns();
        drain_one(metrics, [&] { meter.feed_metrics(bytes, now); });
        drain_one(file, [&] { meter.feed_metrics(bytes, now); });
        // Whoever takes our output may be slow: then the command waits, as it would without us.
        if (unpassed.size() >= kMostUnpassed)
            return;
        drain_one(output, [&] {
            meter.feed_output(bytes, now);
            unpassed += bytes;
        });
    }
    void pass_on()
    {
        std::string taken;
        {
            const std::scoped_lock lock(mutex);
            taken.swap(unpassed);
        }
        if (output_fd < 0 || taken.empty())
            return;
        if (const int errnum = write_all(output_fd, taken); errnum != 0) {
            const std::scoped_lock lock(mutex);
            note(errno_error(ErrorKind::Io, "passing on the command's output", errnum));
            output_fd = -1;
        }
    }
    [[nodiscard]] bool wait_for_stop(int timeout_ms) const
    {
        pollfd asked{.fd = stop.get(), .events = POLLIN, .revents = 0};
        return ::poll(&asked, 1, timeout_ms) > 0;
    }
    void wait_for_bytes() const
    {
        std::array<pollfd, 3> fds{{{.fd = stop.get(), .events = POLLIN, .revents = 0},
                                   {.fd = metrics->fd(), .events = POLLIN, .revents = 0},
                                   {.fd = output ? output->fd() : -1, .events = POLLIN, .revents = 0}}};
        (void)::poll(fds.data(), fds.size(), file ? kFileMs : -1);
    }
    void run()
    {
        sigset_t all;
        sigfillset(&all);
        (void)::pthread_sigmask(SIG_BLOCK, &all, nullptr);  // writing to a closed pipe then gives EPIPE only
        bool last = false;
        do {
            wait_for_bytes();
            last = wait_for_stop(kPauseMs);
            {
                const std::scoped_lock lock(mutex);
                drain();
            }
            pass_on();
        } while (!last);
    }
};

WorkloadListener::WorkloadListener(std::unique_ptr<State> state) : state_(std::move(state)) {}
WorkloadListener::WorkloadListener(WorkloadListener&&) noexcept = default;
WorkloadListener& WorkloadListener::operator=(WorkloadListener&& other) noexcept
{
    std::swap(state_, other.state_);  // its destructor ends what was ours
    return *this;
}

WorkloadListener::~WorkloadListener()
{
    if (!state_)
        return;
    const std::uint64_t one = 1;
    (void)!::write(state_->stop.get(), &one, sizeof one);
    state_->thread.join();
}

Result<WorkloadListener> WorkloadListener::start(const ListenerOptions& options)
{
    auto state = std::make_unique<State>();
    state->output_fd = options.output_fd;
    for (const std::string& pattern : options.patterns) {
        if (auto added = state->meter.add_pattern(pattern); !added)
            return std::unexpected(std::move(added.error()));
    }
    const auto open = [](auto& into, auto&& made) -> Result<> {
        if (!made)
            return std::unexpected(std::move(made.error()));
        into = std::move(*made);
        return {};
    };
    if (!options.file.empty()) {
        if (auto opened = open(state->file, cgroup::WorkloadFile::open(options.file)); !opened)
            return std::unexpected(std::move(opened.error()));
    }
    if (auto made = open(state->metrics, cgroup::WorkloadPipe::make()); !made)
        return std::unexpected(std::move(made.error()));
    if (!options.patterns.empty()) {
        if (auto made = open(state->output, cgroup::WorkloadPipe::make()); !made)
            return std::unexpected(std::move(made.error()));
    }
    state->stop.reset(::eventfd(0, EFD_CLOEXEC));
    if (!state->stop.valid())
        return std::unexpected(errno_error(ErrorKind::Io, "making an eventfd", errno));
    (void)state->meter.take(monotonic_ns());
    state->thread = std::jthread([raw = state.get()] { raw->run(); });
    return WorkloadListener(std::move(state));
}

process::SpawnOptions WorkloadListener::spawn_options() const
{
    process::SpawnOptions options;
    state_->metrics->give_metrics(options);
    if (state_->output)
        state_->output->give_output(options);
    return options;
}

tune::Performance WorkloadListener::take()
{
    const std::scoped_lock lock(state_->mutex);
    state_->drain();
    return state_->meter.take(monotonic_ns());
}

Understanding WorkloadListener::understanding() const
{
    const std::scoped_lock lock(state_->mutex);
    const tune::WorkloadMeter& meter = state_->meter;
    return {meter.understood(), meter.not_understood(), meter.first_not_understood()};
}

std::string WorkloadListener::trouble() const
{
    const std::scoped_lock lock(state_->mutex);
    return state_->trouble;
}

}  // namespace flyball::live
