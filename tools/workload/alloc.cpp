// SPDX-License-Identifier: Apache-2.0
// alloc MIB [--touch] [--hold S] [--procs N]: exactly MIB MiB of anonymous memory in each of N processes, by
// MAP_POPULATE or touched page by page.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

namespace workload {

namespace {

void fill(std::uint64_t bytes, bool touch)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (touch ? 0 : MAP_POPULATE);
    void* area = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (area == MAP_FAILED)
        fail_errno("mmap");
    if (!touch)
        return;
    madvise(area, bytes, MADV_NOHUGEPAGE);  // else one touch may charge 2 MiB
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    auto* bytes_of = static_cast<volatile unsigned char*>(area);
    for (std::uint64_t at = 0; at < bytes; at += page)
        bytes_of[at] = 1;
}

}  // namespace

int alloc(const Args& args)
{
    const std::uint64_t bytes = args.number(0, "MIB") << 20U;
    const std::uint64_t procs = args.option("--procs", std::uint64_t{1});
    const bool touch = args.has("--touch");
    const auto hold = static_cast<std::uint64_t>(args.option("--hold", 0.0) * 1e9);
    const std::uint64_t start = now_ns();

    std::vector<pid_t> children;
    for (std::uint64_t i = 1; i < procs; ++i) {
        const pid_t child = fork_child([&] {
            fill(bytes, touch);
            sleep_ns(hold);
            return 0;
        });
        if (child < 0)
            fail_errno("fork");
        children.push_back(child);
    }
    fill(bytes, touch);
    const std::uint64_t filled = now_ns();
    sleep_ns(hold);
    std::uint64_t failed = 0;
    for (const pid_t child : children)
        failed += wait_for(child) != 0;
    return Truth("alloc")
        .add("bytes", bytes * (procs - failed))
        .add("procs", procs)
        .add("failed", failed)
        .add("fill_ns", filled - start)
        .print();
}

}  // namespace workload
