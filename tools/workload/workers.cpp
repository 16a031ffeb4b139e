// SPDX-License-Identifier: Apache-2.0
#include "workers.hpp"

#include "stop.hpp"
#include "truth.hpp"

#include <thread>
#include <vector>

namespace workload {

namespace {

// due() gives the time of the next job; nullopt ends the worker.
template <class Due>
Served work(std::uint64_t index, std::uint64_t end_ns, Tell& tell, const Due& due, const Job& job)
{
    Served own;
    const std::uint64_t before = thread_cpu_ns();
    while (const auto at = due()) {
        if (!wait_until(*at) || now_ns() >= end_ns || !job(index)) {
            ++own.unserved;
            break;
        }
        const std::uint64_t latency = now_ns() - *at;
        own.latencies.add(latency);
        tell.op(latency);
    }
    own.cpu_ns = thread_cpu_ns() - before;
    return own;
}

template <class Due>
Served work_together(std::uint64_t workers, std::uint64_t end_ns, Tell& tell, const Due& due, const Job& job)
{
    std::vector<Served> each(workers);
    {
        std::vector<std::jthread> others;
        for (std::uint64_t i = 1; i < workers; ++i) {
            others.emplace_back([&, i] { each[i] = work(i, end_ns, tell, due, job); });
        }
        each[0] = work(0, end_ns, tell, due, job);
    }
    Served all;
    for (const Served& one : each)
        all.join(one);
    return all;
}

}  // namespace

void Served::join(const Served& other)
{
    latencies.join(other.latencies);
    cpu_ns += other.cpu_ns;
    unserved += other.unserved;
}

Served serve_arrivals(Arrivals& arrivals, std::uint64_t end_ns, std::uint64_t workers, Tell& tell, const Job& job)
{
    Served all = work_together(workers, end_ns, tell, [&] { return arrivals.next(); }, job);
    if (stopped()) {
        all.unserved = 0;  // what was waited for is not missing
    } else {
        all.unserved += arrivals.take_rest();
    }
    return all;
}

Served serve_always(std::uint64_t end_ns, std::uint64_t workers, Tell& tell, const Job& job)
{
    const auto due = [&]() -> std::optional<std::uint64_t> {
        const std::uint64_t now = now_ns();
        return stopped() || now >= end_ns ? std::nullopt : std::optional(now);
    };
    Served all = work_together(workers, end_ns, tell, due, job);
    all.unserved = 0;
    return all;
}

int print_truth(const char* verb, const char* jobs, std::uint64_t wall_ns, std::uint64_t busy_ns, Served& served,
                Tell& tell)
{
    Truth truth(verb);
    truth.add("wall_ns", wall_ns)
        .add(jobs, served.latencies.count())
        .add("unserved", served.unserved)
        .add("needed_ns", served.latencies.count() * busy_ns)
        .add("cpu_ns", served.cpu_ns);
    served.latencies.add_to(truth);
    tell.flush();
    return truth.add("untold", tell.dropped()).print();
}

}  // namespace workload
