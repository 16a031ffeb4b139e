// SPDX-License-Identifier: Apache-2.0
// workset SECONDS --anon MIB [--extra MIB] [--think-us U]: touches MIB MiB of anonymous memory in turn, with a pause of
// U after each MiB. --extra: so much more is written once and freed before, so that the peak is larger than what it
// needs.
//
// A pass is one unit of work, told by parts as MiB are touched. The limit that just suffices is MIB MiB and what a
// process needs anyway.
#include "pages.hpp"
#include "stop.hpp"
#include "system.hpp"
#include "tell.hpp"
#include "truth.hpp"
#include "verbs.hpp"

namespace workload {

int workset(const Args& args)
{
    stop_on_signals();
    const auto length = static_cast<std::uint64_t>(args.seconds(0, "SECONDS") * 1e9);
    const std::uint64_t mib = args.option("--anon", std::uint64_t{64});
    const std::uint64_t extra = args.option("--extra", std::uint64_t{0});
    const std::uint64_t think = args.option("--think-us", std::uint64_t{0}) * 1000;
    if (mib == 0)
        throw UsageError("workset wants --anon MIB above zero");

    Tell tell;
    const std::uint64_t start = now_ns();
    Pages pages(mib * kMiB);
    pages.touch(0, pages.bytes());
    {
        Pages once(extra * kMiB);
        once.touch(0, once.bytes());
    }
    const std::uint64_t set_up = now_ns();
    std::uint64_t touched = 0;
    for (; !stopped() && now_ns() < set_up + length; ++touched) {
        const std::uint64_t from = touched % mib * kMiB;
        pages.touch(from, from + kMiB);
        tell.done(1 / static_cast<double>(mib));
        if (think > 0)
            wait_until(now_ns() + think);
    }
    tell.flush();
    return Truth("workset")
        .add("wall_ns", now_ns() - set_up)
        .add("setup_ns", set_up - start)
        .add("bytes", pages.bytes())
        .add("peak_bytes", pages.bytes() + extra * kMiB)
        .add("touched_mib", touched)
        .add("passes", touched / mib)
        .print();
}

}  // namespace workload
