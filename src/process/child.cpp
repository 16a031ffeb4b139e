// SPDX-License-Identifier: Apache-2.0
#include "flyball/process/child.hpp"

#include "spawn_plan.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

namespace flyball::process {

namespace {

enum class Stage : int { Ready, Attach, Exec };

// What the child says through the status pipe. Less than PIPE_BUF: one write is one message.
struct Report {
    Stage stage = Stage::Ready;
    int errnum = 0;
};

struct Pipe {
    UniqueFd read, write;
};

Result<Pipe> make_pipe()
{
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "making a pipe", errno));
    return Pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

// A socket, so that opening the gate of a child that died gives EPIPE and no SIGPIPE.
Result<Pipe> make_gate()
{
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "making a socket pair", errno));
    return Pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

struct Channels {
    Pipe gate, status;
};

// The child's ends lie where its own descriptors do not overwrite them.
Result<Channels> make_channels(const ChildDescriptors& descriptors)
{
    auto gate = make_gate();
    if (!gate)
        return std::unexpected(std::move(gate.error()));
    auto status = make_pipe();
    if (!status)
        return std::unexpected(std::move(status.error()));
    if (auto lifted = descriptors.lift(gate->read); !lifted)
        return std::unexpected(std::move(lifted.error()));
    if (auto lifted = descriptors.lift(status->write); !lifted)
        return std::unexpected(std::move(lifted.error()));
    return Channels{.gate = std::move(*gate), .status = std::move(*status)};
}

// All that the child needs, prepared before the fork: after it, in a process with threads, it must not
// allocate.
struct Plan {
    std::vector<char*> argv;
    char* const* environment = nullptr;
    const ChildDescriptors* descriptors = nullptr;
    int gate_read = -1, gate_write = -1;
    int status_read = -1, status_write = -1;
};

void report(const Plan& plan, Stage stage, int errnum)
{
    const Report message{.stage = stage, .errnum = errnum};
    (void)!::write(plan.status_write, &message, sizeof message);
}

// Between fork and exec: async-signal-safe calls only.
int child_main(const Plan& plan, int errnum)
{
    ::close(plan.gate_write);
    ::close(plan.status_read);
    report(plan, errnum == 0 ? Stage::Ready : Stage::Attach, errnum);
    if (errnum != 0)
        return kExitCannotExecute;
    char go = 0;
    ssize_t got = 0;
    do
        got = ::read(plan.gate_read, &go, 1);
    while (got < 0 && errno == EINTR);
    if (got != 1)
        return kExitCannotExecute;
    give_back_signals();
    const int code = plan.descriptors->install() ? execute(plan.argv.data(), plan.environment) : kExitCannotExecute;
    report(plan, Stage::Exec, errno);
    return code;
}

std::optional<Report> read_report(int fd)
{
    Report message;
    for (;;) {
        const ssize_t got = ::read(fd, &message, sizeof message);
        if (got == static_cast<ssize_t>(sizeof message))
            return message;
        if (got >= 0 || errno != EINTR)
            return std::nullopt;
    }
}

std::uint64_t ns_of(const timeval& time)
{
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(time.tv_usec) * 1'000U;
}

ExitStatus exit_status(int status, const rusage& usage)
{
    ExitStatus exit{.cpu_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime)};
    if (WIFSIGNALED(status)) {
        exit.signal = WTERMSIG(status);
        exit.core_dumped = WCOREDUMP(status);
    } else {
        exit.code = WEXITSTATUS(status);
    }
    return exit;
}

}  // namespace

Child::Child(pid_t pid, UniqueFd pidfd, UniqueFd gate, UniqueFd status, std::string name)
    : pid_(pid), pidfd_(std::move(pidfd)), gate_(std::move(gate)), status_(std::move(status)), name_(std::move(name))
{
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      gate_(std::move(other.gate_)),
      status_(std::move(other.status_)),
      name_(std::move(other.name_)),
      exit_(other.exit_)
{
}

Child::~Child()
{
    if (pid_ <= 0 || exit_)
        return;
    ::kill(pid_, SIGKILL);
    (void)reap(0);
}

Result<Child> Child::spawn(const std::vector<std::string>& command, const Place& place, const SpawnOptions& options)
{
    if (command.empty() || command.front().empty())
        return fail(ErrorKind::Usage, "no command was given", "flyball record -- CMD [ARG]...");
    const ChildEnvironment environment(options.environment);
    const auto descriptors = ChildDescriptors::prepare(options);
    if (!descriptors)
        return std::unexpected(descriptors.error());
    auto channels = make_channels(*descriptors);
    if (!channels)
        return std::unexpected(std::move(channels.error()));
    auto& [gate, status] = *channels;

    Plan plan{.environment = environment.get(),
              .descriptors = &*descriptors,
              .gate_read = gate.read.get(),
              .gate_write = gate.write.get(),
              .status_read = status.read.get(),
              .status_write = status.write.get()};
    // execvpe takes char* for historical reasons and changes nothing.
    for (const std::string& argument : command)
        plan.argv.push_back(const_cast<char*>(argument.c_str()));
    plan.argv.push_back(nullptr);

    auto born = start({.place = place}, fmt::format("'{}'", command.front()),
                      [&plan](int errnum) { return child_main(plan, errnum); });
    if (!born)
        return std::unexpected(std::move(born.error()));
    Child child(born->pid, std::move(born->pidfd), std::move(gate.write), std::move(status.read), command.front());
    gate.read.reset();
    status.write.reset();
    const auto ready = read_report(child.status_.get());
    if (!ready)
        return fail(ErrorKind::Io, fmt::format("the child for '{}' died before it could be started", command.front()));
    if (ready->stage == Stage::Attach)
        return std::unexpected(errno_error(ErrorKind::Unavailable,
                                           fmt::format("moving the child for '{}' into its cgroup", command.front()),
                                           ready->errnum));
    return child;
}

Result<> Child::release()
{
    if (!gate_.valid())
        return {};
    const ssize_t put = ::send(gate_.get(), "g", 1, MSG_NOSIGNAL);
    const int errnum = errno;
    gate_.reset();
    if (put != 1)
        return std::unexpected(errno_error(ErrorKind::Io, fmt::format("starting '{}'", name_), errnum));
    const auto failed = read_report(status_.get());
    status_.reset();
    if (!failed)
        return {};  // closed by exec
    return std::unexpected(errno_error(
        ErrorKind::Usage, fmt::format("running '{}'", name_), failed->errnum,
        failed->errnum == ENOENT ? "the command is searched for in $PATH; give a path if it is elsewhere" : ""));
}

Result<bool> Child::reap(int options)
{
    for (;;) {
        int status = 0;
        rusage usage{};
        const pid_t got = ::wait4(pid_, &status, options, &usage);
        if (got == pid_) {
            exit_ = exit_status(status, usage);
            return true;
        }
        if (got == 0)
            return false;
        if (errno != EINTR)
            return std::unexpected(errno_error(ErrorKind::Io, fmt::format("waiting for '{}'", name_), errno));
    }
}

Result<std::optional<ExitStatus>> Child::wait_ms(int timeout_ms)
{
    using std::chrono::steady_clock;
    constexpr auto kPollWithoutPidfd = std::chrono::milliseconds(5);
    const auto deadline = steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    while (!exit_) {
        if (auto reaped = reap(timeout_ms < 0 ? 0 : WNOHANG); !reaped)
            return std::unexpected(std::move(reaped.error()));
        if (exit_)
            break;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
        if (left.count() <= 0)
            return std::nullopt;
        if (pidfd_.valid()) {
            pollfd exited{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
            (void)::poll(&exited, 1, static_cast<int>(left.count()));
        } else {
            std::this_thread::sleep_for(std::min(left, kPollWithoutPidfd));
        }
    }
    return exit_;
}

Result<> Child::send_signal(int number) const
{
    if (exit_)
        return {};
    if (::kill(pid_, number) != 0 && errno != ESRCH)
        return std::unexpected(
            errno_error(ErrorKind::Io, fmt::format("sending signal {} to '{}'", number, name_), errno));
    return {};
}

}  // namespace flyball::process
