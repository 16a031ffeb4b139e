// SPDX-License-Identifier: Apache-2.0
#include "health_check.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace flyball::cli {
namespace {

constexpr std::uint64_t kEveryNs = 2'000'000'000;
constexpr std::uint64_t kHealthPatienceNs = 10'000'000'000;

}  // namespace

std::string HealthCheck::shown() const
{
    // What a shell is given is shown as it was written.
    const bool script = command_.size() == 3 && command_[0] == "sh" && command_[1] == "-c";
    return script ? command_[2] : fmt::format("{}", fmt::join(command_, " "));
}

std::optional<std::string> HealthCheck::verdict(int status) const
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return std::nullopt;
    if (WIFSIGNALED(status))
        return fmt::format("the health command '{}' was killed by signal {}", shown(), WTERMSIG(status));
    return fmt::format("the health command '{}' ended with {}", shown(), WEXITSTATUS(status));
}

HealthCheck::~HealthCheck()
{
    if (running_ <= 0)
        return;
    ::kill(-running_, SIGKILL);
    (void)::waitpid(running_, nullptr, 0);
}

std::optional<std::string> HealthCheck::start(std::uint64_t now_ns)
{
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    // A group of its own, so that all of it can be ended; and the signals that we have blocked.
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    // Standard output is for our data.
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    std::vector<char*> arguments;
    for (std::string& word : command_)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const int errnum = ::posix_spawnp(&running_, arguments[0], &files, &attributes, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    started_ns_ = now_ns;
    next_ns_ = now_ns + kEveryNs;
    if (errnum == 0)
        return std::nullopt;
    running_ = -1;
    return errno_error(ErrorKind::Io, fmt::format("starting the health command '{}'", shown()), errnum).what;
}

std::optional<std::string> HealthCheck::tick(std::uint64_t now_ns)
{
    if (running_ <= 0) {
        return now_ns >= next_ns_ ? start(now_ns) : std::nullopt;
    }
    int status = 0;
    if (::waitpid(running_, &status, WNOHANG) == running_) {
        running_ = -1;
        return verdict(status);
    }
    if (now_ns - started_ns_ <= kHealthPatienceNs)
        return std::nullopt;
    return fmt::format("the health command '{}' did not end within 10 s", shown());
}

}  // namespace flyball::cli
