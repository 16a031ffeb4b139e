// SPDX-License-Identifier: Apache-2.0
#include "health_check.hpp"

#include "flyball/process/launch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace flyball::live {
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
    if (WIFEXITED(status) && WEXITSTATUS(status) == process::kExitNotFound)
        return fmt::format("the health command '{}' is not found", shown());
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
    // A group of its own, so that all of it can be ended. Standard output is for our data.
    auto born = process::launch({.words = command_, .out = STDERR_FILENO, .own_group = true});
    started_ns_ = now_ns;
    next_ns_ = now_ns + kEveryNs;
    if (!born)
        return std::move(born.error()).context("the health command").what;
    running_ = born->pid;
    return std::nullopt;
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

}  // namespace flyball::live
