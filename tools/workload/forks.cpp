// SPDX-License-Identifier: Apache-2.0
// forks N [--threads] [--together]: makes N processes or threads, one after the other or all alive at once.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <pthread.h>
#include <unistd.h>

#include <vector>

namespace workload {

namespace {

struct Made {
    std::uint64_t made = 0, failed = 0;
};

void* wait_in_thread(void* gate)
{
    if (gate) {
        char byte = 0;
        [[maybe_unused]] const ssize_t end = read(*static_cast<int*>(gate), &byte, 1);
    }
    return nullptr;
}

// Bare pthreads: a refused thread is a count here, not an exception.
Made make_threads(std::uint64_t wanted, bool together)
{
    Made counts;
    Pipe gate = Pipe::make();
    int fd = gate.read.get();
    std::vector<pthread_t> threads;
    for (std::uint64_t i = 0; i < wanted; ++i) {
        pthread_t thread{};
        if (pthread_create(&thread, nullptr, wait_in_thread, together ? &fd : nullptr) != 0) {
            ++counts.failed;
            continue;
        }
        ++counts.made;
        if (together) {
            threads.push_back(thread);
        } else {
            pthread_join(thread, nullptr);
        }
    }
    gate.write.reset();
    for (const pthread_t thread : threads)
        pthread_join(thread, nullptr);
    return counts;
}

Made make_processes(std::uint64_t wanted, bool together)
{
    Made counts;
    Pipe gate = Pipe::make();
    std::vector<pid_t> children;
    for (std::uint64_t i = 0; i < wanted; ++i) {
        const pid_t child = fork_child([&] {
            if (together)
                gate.wait_for_end();
            return 0;
        });
        if (child < 0) {
            ++counts.failed;
            continue;
        }
        ++counts.made;
        if (together) {
            children.push_back(child);
        } else {
            wait_for(child);
        }
    }
    gate.write.reset();
    for (const pid_t child : children)
        wait_for(child);
    return counts;
}

}  // namespace

int forks(const Args& args)
{
    const std::uint64_t wanted = args.number(0, "N");
    const bool together = args.has("--together");
    const Made counts = args.has("--threads") ? make_threads(wanted, together) : make_processes(wanted, together);
    return Truth("forks")
        .add("forks", counts.made)
        .add("refused", counts.failed)
        .add("peak", 1 + (together ? counts.made : std::uint64_t{counts.made > 0}))
        .print();
}

}  // namespace workload
