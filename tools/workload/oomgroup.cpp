// SPDX-License-Identifier: Apache-2.0
// oomgroup N [--each MIB] --into DIR...: N processes in the cgroup (one DIR a hierarchy) with MIB MiB each; the last
// then allocates until it is killed. This process stays outside, to tell who died: the group policy kills all inside.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <vector>

namespace workload {

namespace {

constexpr std::uint64_t kMebibyte = 1U << 20U;
// A limit that does not hold (or is not there) must not cost the machine its memory.
constexpr std::uint64_t kMostMiB = 512;

bool take_memory(std::uint64_t mib)
{
    void* area = mmap(nullptr, mib * kMebibyte, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return false;
    std::memset(area, 1, mib * kMebibyte);
    return true;
}

struct Member {
    Pipe ready, start, end;
    const Args& args;
    bool hog;

    int run()
    {
        for (const std::string& directory : args.all("--into"))
            enter_cgroup(directory);
        if (!take_memory(args.option("--each", std::uint64_t{4})))
            return 2;
        ready.read.reset();
        ready.write.reset();  // says: ready
        if (!hog) {
            start.read.reset();
            start.write.reset();
            end.wait_for_end();  // which does not come while the hog lives
            return 0;
        }
        start.wait_for_end();
        end.write.reset();
        for (std::uint64_t i = 0; i < kMostMiB && take_memory(1); ++i) {
        }
        return 3;  // was not killed
    }
};

struct Verdicts {
    std::vector<std::uint64_t> killed, survived;
    bool hog_killed = false;
};

// Lets the hog (the last one) start, and the others go when it is dead.
Verdicts wait_for_all(const std::vector<pid_t>& children, Pipe& start, Pipe& end)
{
    Verdicts verdicts;
    const auto judge = [&](pid_t child) {
        const int status = wait_for(child);
        const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        (killed ? verdicts.killed : verdicts.survived).push_back(static_cast<std::uint64_t>(child));
        return killed;
    };
    start.write.reset();
    verdicts.hog_killed = judge(children.back());
    sleep_ns(50'000'000);  // a SIGKILL on its way to the others is to win over their leave to go
    end.write.reset();
    for (std::size_t i = 0; i + 1 < children.size(); ++i)
        judge(children[i]);
    return verdicts;
}

}  // namespace

int oomgroup(const Args& args)
{
    const std::uint64_t wanted = args.number(0, "N");
    if (wanted == 0)
        throw UsageError("oomgroup wants at least one process");
    if (args.all("--into").empty())
        throw UsageError("oomgroup wants --into DIR");

    Pipe start = Pipe::make(), end = Pipe::make();
    std::vector<pid_t> children;
    for (std::uint64_t i = 0; i < wanted; ++i) {
        Pipe ready = Pipe::make();
        const pid_t child = fork_child(
            [&] { return Member{std::move(ready), std::move(start), std::move(end), args, i + 1 == wanted}.run(); });
        if (child < 0)
            fail_errno("fork");
        children.push_back(child);
        ready.wait_for_end();
    }
    const Verdicts verdicts = wait_for_all(children, start, end);
    const int printed = Truth("oomgroup")
                            .add("killed", verdicts.killed)
                            .add("survived", verdicts.survived)
                            .add("hog", static_cast<std::uint64_t>(children.back()))
                            .print();
    return printed != 0 || !verdicts.hog_killed ? 1 : 0;
}

}  // namespace workload
