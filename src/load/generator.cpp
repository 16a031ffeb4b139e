// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/generator.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/file.hpp"
#include "flyball/tune/workload.hpp"
#include "spawn.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <utility>

namespace flyball::load {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kTickNs = 200 * kMs;
constexpr std::uint64_t kGraceNs = 2'000 * kMs;

struct Pipe {
    UniqueFd read, write;
};

Result<Pipe> make_pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "making a pipe", errno));
    Pipe pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
    ::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK);
    return pipe;
}

// A number in [0, 2^64), rounded; what is told may be anything.
std::uint64_t whole(double number)
{
    constexpr double kMost = 1e18;
    return number > 0 ? static_cast<std::uint64_t>(std::llround(std::min(number, kMost))) : 0;
}

class Generator {
public:
    Generator(const LevelSpec& spec, const GeneratorOptions& options, StopSignal& stop) : spec_(spec), options_(options), stop_(stop) {}
    ~Generator();
    Generator(const Generator&) = delete;
    Generator& operator=(const Generator&) = delete;

    Result<> start(const Command& command, const cgroup::TransientCgroup& cgroup);
    void run();
    Level finish();

private:
    [[nodiscard]] std::uint64_t elapsed() const { return monotonic_ns() - begin_ns_; }
    void read_all();
    void wait_until(std::uint64_t at_ns);
    bool reap();
    void end();

    const LevelSpec& spec_;
    const GeneratorOptions& options_;
    StopSignal& stop_;
    tune::WorkloadMeter meter_;
    Pipe metrics_, output_;
    Spawned child_;
    std::uint64_t begin_ns_ = 0, counted_from_ns_ = 0, counted_to_ns_ = 0;
    bool interrupted_ = false;
    std::optional<int> exit_code_;  // of an end of its own
    bool gone_ = false;
};

Generator::~Generator()
{
    if (child_.pid <= 0 || gone_)
        return;
    ::kill(-child_.pid, SIGKILL);
    ::kill(child_.pid, SIGKILL);
    while (::waitpid(child_.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Result<> Generator::start(const Command& command, const cgroup::TransientCgroup& cgroup)
{
    for (const std::string& pattern : options_.patterns)
        if (auto added = meter_.add_pattern(pattern); !added)
            return added;
    auto metrics = make_pipe(), output = make_pipe();
    auto null = open_fd("/dev/null", O_RDONLY);
    if (!metrics || !output || !null)
        return std::unexpected(!metrics ? metrics.error() : !output ? output.error() : null.error());
    metrics_ = *std::move(metrics);
    output_ = *std::move(output);
    std::vector<std::string> environment = command.environment_for(spec_.parameters, environ);
    std::erase_if(environment, [](const std::string& variable) { return variable.starts_with("FLYBALL_METRICS"); });
    // By our own entry in /proc, so that the path also works for a descendant that closed the descriptor.
    environment.push_back(fmt::format("FLYBALL_METRICS=/proc/{}/fd/{}", ::getpid(), metrics_.write.get()));
    environment.push_back(fmt::format("FLYBALL_METRICS_FD={}", metrics_.write.get()));
    const bool read_output = !options_.patterns.empty();
    begin_ns_ = monotonic_ns();
    auto spawned = spawn(command.words_for(spec_.parameters), environment, cgroup,
                         {.in = null->get(),
                          .out = read_output ? output_.write.get() : STDERR_FILENO,
                          .err = STDERR_FILENO,
                          .kept = metrics_.write.get()});
    if (!spawned)
        return std::unexpected(std::move(spawned.error()));
    child_ = *std::move(spawned);
    return {};
}

void Generator::read_all()
{
    std::array<char, 16384> piece;
    for (ssize_t got = 0; (got = ::read(metrics_.read.get(), piece.data(), piece.size())) > 0;)
        meter_.feed_metrics({piece.data(), static_cast<std::size_t>(got)}, monotonic_ns());
    for (ssize_t got = 0; (got = ::read(output_.read.get(), piece.data(), piece.size())) > 0;) {
        meter_.feed_output({piece.data(), static_cast<std::size_t>(got)}, monotonic_ns());
        (void)!::write(STDERR_FILENO, piece.data(), static_cast<std::size_t>(got));
    }
}

bool Generator::reap()
{
    int status = 0;
    if (gone_ || ::waitpid(child_.pid, &status, WNOHANG) != child_.pid)
        return gone_;
    gone_ = true;
    constexpr int kSignalBase = 128;
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
    return true;
}

// Or until it has ended, or a stop was asked for.
void Generator::wait_until(std::uint64_t at_ns)
{
    while (!reap() && !interrupted_) {
        const std::uint64_t at = elapsed();
        if (options_.progress)
            options_.progress(at);
        if (at >= at_ns)
            break;
        std::array<pollfd, 4> fds{{{metrics_.read.get(), POLLIN, 0},
                                   {output_.read.get(), POLLIN, 0},
                                   {stop_.fd(), POLLIN, 0},
                                   {child_.pidfd.get(), POLLIN, 0}}};
        (void)::poll(fds.data(), fds.size(), static_cast<int>((std::min(at_ns - at, kTickNs) + kMs - 1) / kMs));
        read_all();
        interrupted_ = stop_.requested();
    }
    read_all();
}

void Generator::end()
{
    if (reap())
        return;
    ::kill(-child_.pid, SIGTERM);
    const std::uint64_t until = elapsed() + kGraceNs;
    bool ended = false;
    while (!(ended = reap()) && elapsed() < until) {
        pollfd exited{.fd = child_.pidfd.get(), .events = POLLIN, .revents = 0};
        (void)::poll(&exited, 1, static_cast<int>((until - std::min(elapsed(), until)) / kMs + 1));
        read_all();  // so that it is not stuck in a full pipe
    }
    exit_code_.reset();  // it was told to go
}

void Generator::run()
{
    wait_until(spec_.warmup_ns);
    // A generator that is over before the warm-up is: all of it is counted.
    if (!gone_ && !interrupted_) {
        (void)meter_.take(monotonic_ns());
        counted_from_ns_ = elapsed();
        constexpr std::uint64_t kNoEnd = ~std::uint64_t{0};
        wait_until(spec_.length_ns == 0 ? kNoEnd : spec_.length_ns);
    }
    counted_to_ns_ = elapsed();
}

Level Generator::finish()
{
    const tune::Performance performance = meter_.take(begin_ns_ + counted_to_ns_);
    end();
    Level level;
    level.warmup_ns = counted_from_ns_;
    level.span_ns = counted_to_ns_ - counted_from_ns_;
    level.interrupted = interrupted_;
    level.total.begin_ns = counted_from_ns_;
    level.total.end_ns = counted_to_ns_;
    level.total.from_rate = level.total.to_rate = spec_.offered.value_or(0);
    level.total.latency_ns = performance.latency_ns;
    level.total.counts.ok = level.total.completed = whole(performance.done);
    level.total.counts.failed = whole(performance.failed);
    level.total.counts.intended = level.total.counts.ok + level.total.counts.failed;
    GeneratorTold told{.rate = performance.rate,
                       .done = performance.done,
                       .failed = performance.failed,
                       .values = performance.values,
                       .not_understood = meter_.not_understood(),
                       .first_not_understood = meter_.first_not_understood(),
                       .exit_code = exit_code_};
    level.told = std::move(told);
    return level;
}

}  // namespace

Result<Level> run_generator(const Command& command, const LevelSpec& spec, const GeneratorOptions& options,
                            const cgroup::TransientCgroup& cgroup, StopSignal& stop)
{
    Generator generator(spec, options, stop);
    if (auto started = generator.start(command, cgroup); !started)
        return std::unexpected(std::move(started.error()));
    generator.run();
    return generator.finish();
}

}  // namespace flyball::load
