// SPDX-License-Identifier: Apache-2.0
// serve SECONDS --busy-us C --workers K --rate R [--poisson] [--seed S]: requests arrive at R a second, whether those
// before are answered or not, and K threads answer them in their order, each for C of CPU time.
//
// Capacity is K / C requests a second where there are K CPUs, or Q / C with a quota of Q < K CPUs: beyond it the queue
// grows without end.
#include "stop.hpp"
#include "verbs.hpp"
#include "workers.hpp"

namespace workload {

int serve(const Args& args)
{
    stop_on_signals();
    const auto length = static_cast<std::uint64_t>(args.seconds(0, "SECONDS") * 1e9);
    const std::uint64_t busy = args.option("--busy-us", std::uint64_t{1000}) * 1000;
    const std::uint64_t workers = args.option("--workers", std::uint64_t{1});
    const double rate = args.option("--rate", 100.0);
    if (busy == 0 || workers == 0 || !(rate > 0))
        throw UsageError("serve wants --busy-us, --workers and --rate above zero");

    Tell tell;
    const std::uint64_t start = now_ns();
    Arrivals arrivals(start, start + length, 1e9 / rate, args.has("--poisson"),
                      args.option("--seed", std::uint64_t{1}));
    Served served =
        serve_arrivals(arrivals, start + length, workers, tell, [&](std::uint64_t) { return burn_cpu(busy); });
    return print_truth("serve", "served", now_ns() - start, busy, served, tell);
}

}  // namespace workload
