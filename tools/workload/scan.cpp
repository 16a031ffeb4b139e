// SPDX-License-Identifier: Apache-2.0
// scan SECONDS --file FILE --mib S [--dead MIB] [--think-us U]: reads S MiB of a file round and round through the page
// cache, with a pause of U after each MiB. --dead: so much of its beginning is read once before, and not again.
//
// A MiB is one unit of work. The limit that just suffices is S MiB and what a process needs anyway; the cache of the
// dead part is charged until it is reclaimed, and no loss.
#include "pages.hpp"
#include "sized_file.hpp"
#include "stop.hpp"
#include "tell.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <vector>

namespace workload {

namespace {

constexpr std::size_t kBlock = std::size_t{128} << 10U;

void read_mib(const Fd& file, std::uint64_t index, std::vector<char>& buffer)
{
    for (std::uint64_t at = index * kMiB; at < (index + 1) * kMiB; at += kBlock) {
        if (pread(file.get(), buffer.data(), kBlock, static_cast<off_t>(at)) != static_cast<ssize_t>(kBlock)) {
            fail_errno("reading the file");
        }
    }
}

}  // namespace

int scan(const Args& args)
{
    stop_on_signals();
    const auto length = static_cast<std::uint64_t>(args.seconds(0, "SECONDS") * 1e9);
    const std::vector<std::string> files = args.all("--file");
    const std::uint64_t mib = args.option("--mib", std::uint64_t{64});
    const std::uint64_t dead = args.option("--dead", std::uint64_t{0});
    const std::uint64_t think = args.option("--think-us", std::uint64_t{0}) * 1000;
    if (files.empty() || mib == 0)
        throw UsageError("scan wants --file FILE, and --mib S above zero");

    Tell tell;
    const Fd file = open_sized(files.back(), (mib + dead) * kMiB, O_RDONLY);
    std::vector<char> buffer(kBlock);
    for (std::uint64_t i = 0; i < dead && !stopped(); ++i)
        read_mib(file, i, buffer);
    const std::uint64_t start = now_ns();
    std::uint64_t read = 0;
    for (; !stopped() && now_ns() < start + length; ++read) {
        read_mib(file, dead + read % mib, buffer);
        tell.done(1);
        if (think > 0)
            wait_until(now_ns() + think);
    }
    tell.flush();
    return Truth("scan")
        .add("wall_ns", now_ns() - start)
        .add("bytes", mib * kMiB)
        .add("dead_bytes", dead * kMiB)
        .add("read_mib", read)
        .add("passes", read / mib)
        .print();
}

}  // namespace workload
