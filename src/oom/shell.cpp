// SPDX-License-Identifier: Apache-2.0
#include "shell.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/process/launch.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <utility>

namespace flyball::oom {

Result<Shell> Shell::start(const std::string& command, const std::vector<std::string>& words, int out)
{
    std::vector<std::string> all{"sh", "-c", command};
    all.insert(all.end(), words.begin(), words.end());
    const std::uint64_t now_ns = monotonic_ns();
    auto born = process::launch({.words = all, .out = out, .own_group = true});
    if (!born)
        return std::unexpected(std::move(born.error()));
    return Shell(born->pid, now_ns);
}

Shell::Shell(Shell&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), began_ns_(other.began_ns_), ended_(other.ended_)
{
}

Shell::~Shell()
{
    if (pid_ < 0 || ended_)
        return;
    ::kill(-pid_, SIGKILL);
    (void)::waitpid(pid_, nullptr, 0);
}

std::optional<int> Shell::ended()
{
    int status = 0;
    if (!ended_ && ::waitpid(pid_, &status, WNOHANG) == pid_)
        ended_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return ended_;
}

}  // namespace flyball::oom
