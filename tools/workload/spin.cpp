// SPDX-License-Identifier: Apache-2.0
// spin SECONDS [--threads N]: keeps CPUs busy.
#include "system.hpp"
#include "truth.hpp"
#include "verbs.hpp"

#include <thread>
#include <vector>

namespace workload {

int spin(const Args& args)
{
    const auto length = static_cast<std::uint64_t>(args.seconds(0, "SECONDS") * 1e9);
    const std::uint64_t threads = args.option("--threads", std::uint64_t{1});

    const std::uint64_t start = now_ns();
    std::vector<std::uint64_t> cpu(threads);
    auto body = [&](std::uint64_t index) {
        const std::uint64_t before = thread_cpu_ns();
        spin_until(start + length);
        cpu[index] = thread_cpu_ns() - before;
    };
    {
        std::vector<std::jthread> others;
        for (std::uint64_t i = 1; i < threads; ++i)
            others.emplace_back(body, i);
        body(0);
    }
    std::uint64_t total = 0;
    for (const std::uint64_t ns : cpu)
        total += ns;
    return Truth("spin").add("wall_ns", now_ns() - start).add("cpu_ns", total).add("threads", threads).print();
}

}  // namespace workload
