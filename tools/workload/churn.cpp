// SPDX-License-Identifier: Apache-2.0
// cgroup-churn N --parent DIR... [--parallel P] [--life-ms MS]: makes N cgroups below each DIR (one a hierarchy), one
// short task in each, and removes them again.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace workload {

namespace {

constexpr std::uint64_t kMs = 1'000'000;

// EBUSY passes: newer kernels unlink a dead task from its cgroup only after it was waited for.
void remove_cgroup(const std::string& directory)
{
    const std::uint64_t deadline = now_ns() + 5000 * kMs;
    while (rmdir(directory.c_str()) != 0) {
        if (errno != EBUSY || now_ns() > deadline)
            fail_errno("removing " + directory);
        sleep_ns(kMs);
    }
}

void one_life(const std::vector<std::string>& directories, std::uint64_t life_ns)
{
    for (const std::string& directory : directories) {
        if (mkdir(directory.c_str(), 0755) != 0)
            fail_errno("making " + directory);
    }
    const pid_t child = fork_child([&] {
        for (const std::string& directory : directories)
            enter_cgroup(directory);
        const std::uint64_t start = now_ns();
        spin_until(start + life_ns / 10);  // some CPU time, so that there is something to account
        sleep_ns(life_ns - life_ns / 10);
        return 0;
    });
    if (child < 0)
        fail_errno("fork");
    const int status = wait_for(child);
    for (const std::string& directory : directories)
        remove_cgroup(directory);
    if (status != 0)
        throw UsageError("a task could not enter its cgroup");
}

}  // namespace

int churn(const Args& args)
{
    const std::uint64_t wanted = args.number(0, "N");
    const std::uint64_t parallel = args.option("--parallel", std::uint64_t{1});
    const std::uint64_t life = args.option("--life-ms", std::uint64_t{20}) * kMs;
    const std::vector<std::string> parents = args.all("--parent");
    if (parents.empty())
        throw UsageError("cgroup-churn wants --parent DIR");

    const std::uint64_t start = now_ns();
    // Processes, not threads: fork from many threads is not what is measured here.
    std::vector<pid_t> workers;
    for (std::uint64_t worker = 0; worker < parallel; ++worker) {
        const pid_t child = fork_child([&] {
            for (std::uint64_t i = worker; i < wanted; i += parallel) {
                std::vector<std::string> directories;
                for (const std::string& parent : parents)
                    directories.push_back(parent + "/churn-" + std::to_string(i));
                one_life(directories, life);
            }
            return 0;
        });
        if (child < 0)
            fail_errno("fork");
        workers.push_back(child);
    }
    bool all_done = true;
    for (const pid_t worker : workers)
        all_done &= wait_for(worker) == 0;
    if (!all_done)
        throw UsageError("a worker failed: cgroups may be left");
    return Truth("cgroup-churn").add("cgroups", wanted).add("wall_ns", now_ns() - start).print();
}

}  // namespace workload
