// SPDX-License-Identifier: Apache-2.0
// Killing what is in a cgroup, and nothing else.
#include "cgroupfs.hpp"
#include "flyball/base/file.hpp"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <thread>

namespace flyball::cgroup::detail {

namespace {

constexpr auto kBetweenRounds = std::chrono::milliseconds(5);
// Rounds that go by signals even where cgroup.kill was written: it does not reach a process that
// left the v2 cgroup and stayed in a v1 one.
constexpr int kRoundsBeforeSignals = 4;

std::vector<pid_t> all_processes(const std::vector<KillPlace>& places)
{
    std::vector<pid_t> pids;
    for (const KillPlace& place : places)
        std::ranges::copy(processes_in(place.directory), std::back_inserter(pids));
    std::ranges::sort(pids);
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
}

// cgroup.kill kills all of them, those just forked too (v5.14, kernel/cgroup/cgroup.c, cgroup_kill_write).
bool kill_by_file(const std::vector<KillPlace>& places)
{
    return std::ranges::any_of(places, [](const KillPlace& place) {
        return place.unified && write_file_once(place.directory + "/cgroup.kill", "1").has_value();
    });
}

void set_frozen(const std::vector<KillPlace>& places, bool frozen)
{
    for (const KillPlace& place : places) {
        if (place.unified)
            (void)write_file_once(place.directory + "/cgroup.freeze", frozen ? "1" : "0");
        if (place.freezer)
            (void)write_file_once(place.directory + "/freezer.state", frozen ? "FROZEN" : "THAWED");
    }
}

// A pid may be another process's by the time it is signalled. A pidfd is for one process for ever, and if the
// pid is listed after the pidfd was opened, then the pidfd is for a member, or for a dead process.
void kill_by_signal(const std::vector<KillPlace>& places)
{
    std::vector<std::pair<pid_t, UniqueFd>> members;
    for (const pid_t pid : all_processes(places)) {
        if (pid == ::getpid())
            continue;
        UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        if (fd.valid())
            members.emplace_back(pid, std::move(fd));
    }
    const auto still = all_processes(places);
    for (const auto& [pid, fd] : members)
        if (std::ranges::binary_search(still, pid))
            (void)::syscall(SYS_pidfd_send_signal, fd.get(), SIGKILL, nullptr, 0);
}

}  // namespace

Result<> kill_processes(const std::vector<KillPlace>& places, std::chrono::milliseconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (int round = 0;; ++round) {
        auto left = all_processes(places);
        std::erase(left, ::getpid());
        if (left.empty())
            return {};
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(ErrorKind::Io,
                        fmt::format("{} processes in {} are still there after SIGKILL (pid {}{})", left.size(),
                                    places.front().directory, left.front(), left.size() > 1 ? ", ..." : ""),
                        "processes in an uninterruptible sleep end when that does");
        if (!kill_by_file(places) || round >= kRoundsBeforeSignals) {
            set_frozen(places, true);
            kill_by_signal(places);
            // v1's freezer holds back SIGKILL too until it is thawed.
            set_frozen(places, false);
        }
        std::this_thread::sleep_for(kBetweenRounds);
    }
}

}  // namespace flyball::cgroup::detail
