// SPDX-License-Identifier: Apache-2.0
#include "flyball/load/result.hpp"

#include <algorithm>

namespace flyball::load {

void Counts::add(const Counts& other)
{
    intended += other.intended;
    ok += other.ok;
    failed += other.failed;
    shed += other.shed;
    timed_out += other.timed_out;
    abandoned += other.abandoned;
}

void Phase::merge(const Phase& other)
{
    end_ns += other.end_ns - other.begin_ns;  // their lengths add up
    counts.add(other.counts);
    completed += other.completed;
    latency_ns.merge(other.latency_ns);
    service_ns.merge(other.service_ns);
    wait_ns.merge(other.wait_ns);
}

Moment& Timeline::at(std::uint64_t at_ns)
{
    constexpr std::size_t kMost = 1024;
    while (at_ns / step_ns >= kMost) {
        for (std::size_t i = 0; i < moments.size(); i += 2) {
            Moment& into = moments[i / 2];
            Moment both = moments[i];
            if (i + 1 < moments.size()) {
                const Moment& second = moments[i + 1];
                both.intended += second.intended;
                both.ok += second.ok;
                both.errors += second.errors;
                both.slowest_ns = std::max(both.slowest_ns, second.slowest_ns);
            }
            into = both;
        }
        moments.resize((moments.size() + 1) / 2);
        step_ns *= 2;
    }
    const std::size_t index = at_ns / step_ns;
    if (index >= moments.size())
        moments.resize(index + 1);
    return moments[index];
}

std::optional<double> Level::achieved() const
{
    if (told)
        return told->rate;
    return total.completed_rate();
}

Verdict Level::verdict() const
{
    return worst(judgements);
}

}  // namespace flyball::load
