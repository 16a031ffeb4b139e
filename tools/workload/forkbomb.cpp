// SPDX-License-Identifier: Apache-2.0
// forkbomb-to-limit N: asks for N processes that all stay, under a pids.max below N. Counts the refusals; no more
// than N forks are ever asked for, so that without a limit it ends as well.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <cerrno>
#include <vector>

namespace workload {

int forkbomb(const Args& args)
{
    const std::uint64_t wanted = args.number(0, "N");
    Pipe gate = Pipe::make();
    std::vector<pid_t> children;
    std::uint64_t refused = 0;
    for (std::uint64_t i = 0; i < wanted; ++i) {
        const pid_t child = fork_child([&] {
            gate.wait_for_end();
            return 0;
        });
        if (child > 0) {
            children.push_back(child);
        } else if (errno == EAGAIN) {
            ++refused;
        } else {
            fail_errno("fork");
        }
    }
    gate.write.reset();
    for (const pid_t child : children)
        wait_for(child);
    return Truth("forkbomb-to-limit")
        .add("forks", children.size())
        .add("refused", refused)
        .add("peak", children.size() + 1)
        .print();
}

}  // namespace workload
