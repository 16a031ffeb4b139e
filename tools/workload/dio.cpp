// SPDX-License-Identifier: Apache-2.0
// dio FILE --read|--write --bs BYTES --count N: N direct operations, one after the other, on a file or device that has
// its size already; starts anew at its end.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace workload {

namespace {

constexpr std::size_t kAlignment = 4096;

}  // namespace

int dio(const Args& args)
{
    const std::string& path = args.positional(0, "FILE");
    const std::uint64_t block = args.option("--bs", std::uint64_t{4096});
    const std::uint64_t count = args.option("--count", std::uint64_t{1});
    const bool writing = args.has("--write");
    if (writing == args.has("--read"))
        throw UsageError("give one of --read and --write");

    const Fd file(open(path.c_str(), (writing ? O_WRONLY : O_RDONLY) | O_DIRECT | O_CLOEXEC));
    if (file.get() < 0)
        fail_errno("opening " + path);
    const off_t size = lseek(file.get(), 0, SEEK_END);
    if (size < static_cast<off_t>(block))
        throw UsageError(path + " is smaller than one block");
    const std::uint64_t blocks = static_cast<std::uint64_t>(size) / block;

    const std::unique_ptr<void, void (*)(void*)> buffer(std::aligned_alloc(kAlignment, block), std::free);
    if (!buffer)
        fail_errno("allocating a block");
    std::memset(buffer.get(), 0x5a, block);

    const std::uint64_t start = now_ns();
    std::uint64_t bytes = 0;
    std::vector<std::uint64_t> took_ns;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t begin = now_ns();
        const auto at = static_cast<off_t>(i % blocks * block);
        const ssize_t done =
            writing ? pwrite(file.get(), buffer.get(), block, at) : pread(file.get(), buffer.get(), block, at);
        if (done != static_cast<ssize_t>(block))
            fail_errno((writing ? "writing " : "reading ") + path);
        bytes += block;
        took_ns.push_back(now_ns() - begin);
    }
    const std::uint64_t wall = now_ns() - start;
    const auto middle = took_ns.begin() + static_cast<std::ptrdiff_t>(took_ns.size() / 2);
    if (!took_ns.empty())
        std::nth_element(took_ns.begin(), middle, took_ns.end());
    return Truth("dio")
        .add(writing ? "writes" : "reads", count)
        .add("bytes", bytes)
        .add("wall_ns", wall)
        .add("p50_ns", took_ns.empty() ? 0 : *middle)
        .print();
}

}  // namespace workload
