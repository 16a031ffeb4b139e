// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/file.hpp"
#include "flyball/process/birth.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace flyball::oom {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kStep = 256 << 10;        // of growth
constexpr std::uint64_t kChildBytes = 128 << 10;  // of each child of Fork
constexpr int kGate = 3, kSign = 4;               // where the child has them
constexpr std::size_t kShareStack = 16 << 10;
constexpr int kAdjRefused = 7;  // exit status

// Everything below runs in the child, between fork and its end: system calls only.

char* map(std::uint64_t bytes)
{
    void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        ::_exit(3);
    // Page by page, so that the limit is met to the page.
    (void)::madvise(memory, bytes, MADV_NOHUGEPAGE);
    return static_cast<char*>(memory);
}

void touch(char* memory, std::uint64_t from, std::uint64_t to)
{
    for (std::uint64_t at = from; at < to; at += kPage)
        static_cast<volatile char*>(memory)[at] = 1;
}

[[noreturn]] void wait_for_the_end()
{
    for (;;)
        ::pause();
}

void say(std::uint32_t number)
{
    (void)!::write(kSign, &number, sizeof number);
}

void await_word()
{
    char byte = 0;
    while (::read(kGate, &byte, 1) < 0 && errno == EINTR) {
    }
}

[[noreturn]] void fork_without_end()
{
    for (;;) {
        const pid_t child = ::fork();
        if (child == 0) {
            char* const memory = map(kChildBytes);
            touch(memory, 0, kChildBytes);
            ::usleep(20'000);
            ::_exit(0);
        }
        while (::waitpid(-1, nullptr, child < 0 ? 0 : WNOHANG) > 0) {
        }
    }
}

int share_memory(void*)
{
    wait_for_the_end();
}

constexpr int kRefusals = 5;  // that a Shared takes

void grow_shared(int file, std::uint64_t from, std::uint64_t to)
{
    static std::array<char, kStep> some;
    int refused = 0;
    for (std::uint64_t at = from; at < to && refused < kRefusals;) {
        const ssize_t n = ::pwrite(file, some.data(), std::min<std::uint64_t>(kStep, to - at), static_cast<off_t>(at));
        if (n > 0) {
            at += static_cast<std::uint64_t>(n);
            continue;
        }
        ++refused;
        ::usleep(20'000);
    }
}

[[noreturn]] void share(const Job& job)
{
    const int file = static_cast<int>(::syscall(SYS_memfd_create, "flyball-oom", 0));
    if (file < 0)
        ::_exit(5);
    grow_shared(file, 0, job.bytes);
    if (job.mapped) {
        void* const memory = ::mmap(nullptr, job.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (memory == MAP_FAILED)
            ::_exit(3);
        touch(static_cast<char*>(memory), 0, job.bytes);
    }
    say(0);
    await_word();
    grow_shared(file, job.bytes, job.grow_to);
    wait_for_the_end();
}

[[noreturn]] void work(const Job& job)
{
    if (job.kind == Job::Kind::Shared)
        share(job);
    const std::uint64_t all = std::max(job.bytes, job.grow_to);
    char* const memory = all > 0 ? map(all) : nullptr;
    touch(memory, 0, job.bytes);
    std::uint32_t other = 0;
    if (job.kind == Job::Kind::Share) {
        // Without CLONE_SIGHAND it is a process of its own, with the same memory.
        char* const stack = map(kShareStack);
        const int made = ::clone(share_memory, stack + kShareStack, CLONE_VM, nullptr);
        if (made < 0)
            ::_exit(4);
        other = static_cast<std::uint32_t>(made);
    }
    say(other);
    if (job.kind == Job::Kind::Sit)
        wait_for_the_end();
    await_word();
    if (job.kind == Job::Kind::Fork)
        fork_without_end();
    for (std::uint64_t at = job.bytes; at < job.grow_to; at += kStep)
        touch(memory, at, std::min(at + kStep, job.grow_to));
    wait_for_the_end();
}

// What the child may need, made before the fork.
struct Plan {
    const Job& job;
    int gate = -1, sign = -1, adj = -1;
    std::array<char, 16> adj_text{};
    std::vector<char*> argv;
};

[[noreturn]] void run(const Plan& plan)
{
    (void)::prctl(PR_SET_NAME, plan.job.name.c_str());
    if (plan.job.oom_score_adj != 0 && ::write(plan.adj, plan.adj_text.data(), std::strlen(plan.adj_text.data())) < 0)
        ::_exit(kAdjRefused);
    sigset_t none;
    ::sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
    // Away with the rings and all else that is ours. The numbers may be each other's: moved up first.
    const int gate = ::fcntl(plan.gate, F_DUPFD, 100), sign = ::fcntl(plan.sign, F_DUPFD, 100);
    (void)::dup2(gate, kGate);
    (void)::dup2(sign, kSign);
    (void)::syscall(SYS_close_range, kSign + 1, ~0U, 0);
    if (plan.job.kind == Job::Kind::Command) {
        say(0);
        (void)::fcntl(kGate, F_SETFD, FD_CLOEXEC);
        (void)::fcntl(kSign, F_SETFD, FD_CLOEXEC);
        if (plan.job.out >= 0)
            (void)::dup2(plan.job.out, STDOUT_FILENO);
        ::execvp(plan.argv[0], plan.argv.data());
        ::_exit(127);
    }
    work(plan.job);
}

}  // namespace

Result<Process> Process::start(const Job& job, const std::string& procs_file)
{
    std::array<int, 2> gate{}, sign{};
    if (::pipe2(gate.data(), O_CLOEXEC) != 0 || ::pipe2(sign.data(), O_CLOEXEC) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "pipe", errno));
    UniqueFd gate_out(gate[0]), gate_in(gate[1]), sign_out(sign[0]), sign_in(sign[1]);
    auto procs = open_fd(procs_file, O_WRONLY);
    if (!procs)
        return std::unexpected(std::move(procs.error()));
    Plan plan{.job = job, .gate = gate_out.get(), .sign = sign_in.get()};
    std::string adj = std::to_string(job.oom_score_adj);
    std::copy(adj.begin(), adj.end(), plan.adj_text.begin());
    for (const std::string& word : job.command)
        plan.argv.push_back(const_cast<char*>(word.c_str()));
    plan.argv.push_back(nullptr);
    const std::array places{process::Place::Procs{.fd = procs->get()}};
    auto born = process::start({.place = {.procs = places}}, "a process of the scenario", [&](int errnum) {
        if (errnum != 0)
            return 6;
        plan.adj = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        run(plan);
    });
    if (!born)
        return std::unexpected(std::move(born.error()));
    return Process(born->pid, std::move(gate_in), std::move(sign_out));
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      gate_(std::move(other.gate_)),
      sign_(std::move(other.sign_)),
      ready_(other.ready_),
      sharer_(other.sharer_),
      ended_(other.ended_)
{
}

Process::~Process()
{
    if (pid_ < 0 || ended_)
        return;
    kill();
    (void)::waitpid(pid_, nullptr, 0);
}

bool Process::ready()
{
    pollfd fd{sign_.get(), POLLIN, 0};
    if (!ready_ && ::poll(&fd, 1, 0) == 1 && (fd.revents & POLLIN)) {
        std::uint32_t number = 0;
        ready_ = ::read(sign_.get(), &number, sizeof number) == sizeof number;
        sharer_ = number;
    }
    return ready_;
}

void Process::go()
{
    (void)!::write(gate_.get(), "", 1);
}

std::optional<Ended> Process::ended()
{
    int status = 0;
    if (!ended_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        ended_ = Ended{.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                       .code = WIFEXITED(status) ? WEXITSTATUS(status) : 0,
                       .at_ns = monotonic_ns()};
    }
    return ended_;
}

bool Process::adj_refused()
{
    const auto end = ended();
    return end && end->signal == 0 && end->code == kAdjRefused;
}

void Process::kill() const
{
    (void)::kill(pid_, SIGKILL);
}

}  // namespace flyball::oom
