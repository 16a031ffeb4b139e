// SPDX-License-Identifier: Apache-2.0
// bursts SECONDS --busy-us C --period-us T [--threads K] [--poisson] [--seed S]: each of K threads needs C of CPU time
// every T, or at Poisson arrivals with mean gap T, whether the job before is done or not.
//
// The quota that just suffices is K C / T of a CPU on average; without --poisson the threads begin together, and within
// a quota's period P they need K C ceil(P / T) at most.
#include "stop.hpp"
#include "verbs.hpp"
#include "workers.hpp"

#include <thread>
#include <vector>

namespace workload {

int bursts(const Args& args)
{
    stop_on_signals();
    const auto length = static_cast<std::uint64_t>(args.seconds(0, "SECONDS") * 1e9);
    const std::uint64_t busy = args.option("--busy-us", std::uint64_t{1000}) * 1000;
    const std::uint64_t period = args.option("--period-us", std::uint64_t{10000}) * 1000;
    const std::uint64_t threads = args.option("--threads", std::uint64_t{1});
    const std::uint64_t seed = args.option("--seed", std::uint64_t{1});
    if (busy == 0 || period == 0 || threads == 0)
        throw UsageError("bursts wants times and threads above zero");

    Tell tell;
    const std::uint64_t start = now_ns(), end = start + length;
    std::vector<Served> served(threads);
    const auto body = [&](std::uint64_t index) {
        Arrivals arrivals(start, end, static_cast<double>(period), args.has("--poisson"), seed + index);
        served[index] = serve_arrivals(arrivals, end, 1, tell, [&](std::uint64_t) { return burn_cpu(busy); });
    };
    {
        std::vector<std::jthread> others;
        for (std::uint64_t i = 1; i < threads; ++i)
            others.emplace_back(body, i);
        body(0);
    }
    Served all;
    for (const Served& one : served)
        all.join(one);
    return print_truth("bursts", "jobs", now_ns() - start, busy, all, tell);
}

}  // namespace workload
