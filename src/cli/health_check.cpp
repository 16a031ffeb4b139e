// SPDX-License-Identifier: Apache-2.0
#include "health_check.hpp"

#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace flyball::cli {
namespace {

constexpr std::uint64_t kEveryNs = 2'000'000'000;
constexpr std::uint64_t kPatienceNs = 10'000'000'000;

std::optional<std::string> bad(const std::string& command, int status)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return std::nullopt;
    if (WIFSIGNALED(status))
        return fmt::format("the health command '{}' was killed by signal {}", command, WTERMSIG(status));
    return fmt::format("the health command '{}' ended with {}", command, WEXITSTATUS(status));
}

}  // namespace

HealthCheck::~HealthCheck()
{
    if (running_ <= 0)
        return;
    ::kill(-running_, SIGKILL);
    (void)::waitpid(running_, nullptr, 0);
}

void HealthCheck::start(std::uint64_t now_ns)
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
    std::string shell = "sh", option = "-c";
    char* const arguments[] = {shell.data(), option.data(), command_.data(), nullptr};
    if (::posix_spawn(&running_, "/bin/sh", &files, &attributes, arguments, environ) != 0)
        running_ = -1;
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
    started_ns_ = now_ns;
    next_ns_ = now_ns + kEveryNs;
}

std::optional<std::string> HealthCheck::tick(std::uint64_t now_ns)
{
    if (running_ <= 0) {
        if (now_ns >= next_ns_)
            start(now_ns);
        return std::nullopt;
    }
    int status = 0;
    if (::waitpid(running_, &status, WNOHANG) == running_) {
        running_ = -1;
        return bad(command_, status);
    }
    if (now_ns - started_ns_ <= kPatienceNs)
        return std::nullopt;
    return fmt::format("the health command '{}' did not end within 10 s", command_);
}

}  // namespace flyball::cli
