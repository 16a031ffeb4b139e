// SPDX-License-Identifier: Apache-2.0
// filescan FILE [--passes N] [--keep]: reads a file through the page cache, dropped before each pass unless --keep.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

namespace workload {

int filescan(const Args& args)
{
    const std::string& path = args.positional(0, "FILE");
    const std::uint64_t passes = args.option("--passes", std::uint64_t{1});
    const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0)
        fail_errno("opening " + path);

    std::vector<char> buffer(128U << 10U);
    std::uint64_t bytes = 0, reads = 0;
    for (std::uint64_t pass = 0; pass < passes; ++pass) {
        if (!args.has("--keep"))
            posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
        if (lseek(file.get(), 0, SEEK_SET) < 0)
            fail_errno("seeking in " + path);
        for (ssize_t got = 0; (got = read(file.get(), buffer.data(), buffer.size())) != 0; ++reads) {
            if (got < 0)
                fail_errno("reading " + path);
            bytes += static_cast<std::uint64_t>(got);
        }
    }
    return Truth("filescan").add("bytes", bytes).add("reads", reads).add("passes", passes).print();
}

}  // namespace workload
