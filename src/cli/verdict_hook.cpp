// SPDX-License-Identifier: Apache-2.0
#include "verdict_hook.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/fd.hpp"
#include "flyball/process/launch.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace flyball::cli {
namespace {

constexpr std::size_t kAtOnce = 8;

// A file in memory: unlike a pipe it takes any size at once, and nobody must feed it.
Result<UniqueFd> memory_file(std::string_view text)
{
    UniqueFd fd(::memfd_create("verdict", MFD_CLOEXEC));
    if (!fd.valid())
        return std::unexpected(errno_error(ErrorKind::Io, "memfd_create", errno));
    while (!text.empty()) {
        const ssize_t n = ::write(fd.get(), text.data(), text.size());
        if (n < 0 && errno != EINTR)
            return std::unexpected(errno_error(ErrorKind::Io, "writing a verdict", errno));
        text.remove_prefix(n < 0 ? 0 : static_cast<std::size_t>(n));
    }
    (void)::lseek(fd.get(), 0, SEEK_SET);
    return fd;
}

}  // namespace

Result<pid_t> VerdictHook::start(std::string_view json) const
{
    auto input = memory_file(json);
    if (!input)
        return std::unexpected(std::move(input.error()));
    // Standard output is for verdicts: what the command says goes to stderr. It may outlive us.
    auto born = process::launch(
        {.words = {"/bin/sh", "-c", command_}, .in = input->get(), .out = STDERR_FILENO, .dies_with_us = false});
    if (!born)
        return std::unexpected(std::move(born.error()).context("--exec"));
    return born->pid;
}

void VerdictHook::run(std::string_view json)
{
    waiting_.emplace_back(json);
    tick();
}

void VerdictHook::tick()
{
    std::erase_if(running_, [&](pid_t pid) {
        int status = 0;
        const pid_t ended = ::waitpid(pid, &status, WNOHANG);
        if (ended == 0)
            return false;
        failed_ += ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
        return true;
    });
    while (running_.size() < kAtOnce && !waiting_.empty()) {
        auto started = start(waiting_.front());
        waiting_.pop_front();
        if (started)
            running_.push_back(*started);
        else
            ++failed_;
    }
}

void VerdictHook::finish(int patience_ms, StopToken& stop)
{
    const std::uint64_t end_ns = monotonic_ns() + static_cast<std::uint64_t>(patience_ms) * 1'000'000;
    for (tick(); !idle() && monotonic_ns() < end_ns && !stop.requested(); tick())
        (void)stop.wait_ms(10);
    failed_ += waiting_.size() + running_.size();
    waiting_.clear();
    running_.clear();  // they end by themselves
}

VerdictHook::~VerdictHook() = default;

}  // namespace flyball::cli
