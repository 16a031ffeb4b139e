// SPDX-License-Identifier: Apache-2.0
// leak SECONDS --mib-per-s R [--start MIB]: anonymous memory grows by R MiB a second, in steps of 10 ms, and each page
// of it is touched once. No limit suffices for ever. A MiB is one unit of work.
#include "pages.hpp"
#include "stop.hpp"
#include "system.hpp"
#include "tell.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <algorithm>

namespace workload {

int leak(const Args& args)
{
    stop_on_signals();
    constexpr std::uint64_t kStepNs = 10'000'000;
    const double seconds = args.seconds(0, "SECONDS");
    const double rate = args.option("--mib-per-s", 1.0) * static_cast<double>(kMiB);
    const std::uint64_t first = args.option("--start", std::uint64_t{0}) * kMiB;
    if (!(rate > 0))
        throw UsageError("leak wants --mib-per-s above zero");

    Tell tell;
    Pages pages(first + static_cast<std::uint64_t>(rate * seconds));
    pages.touch(0, first);
    const std::uint64_t start = now_ns();
    std::uint64_t held = first;
    for (std::uint64_t next = start + kStepNs; held < pages.bytes() && wait_until(next); next += kStepNs) {
        const double grown = rate * static_cast<double>(now_ns() - start) / 1e9;
        const std::uint64_t wanted = std::min(first + static_cast<std::uint64_t>(grown), pages.bytes());
        pages.touch(held, wanted);
        tell.done(static_cast<double>(wanted - held) / static_cast<double>(kMiB));
        held = wanted;
    }
    tell.flush();
    return Truth("leak").add("wall_ns", now_ns() - start).add("start_bytes", first).add("bytes", held).print();
}

}  // namespace workload
