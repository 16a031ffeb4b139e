// SPDX-License-Identifier: Apache-2.0
// A cgroup whose memory is a formula: what is anonymous stays (there is no swap), what is cache leaves in the order
// dead, tail, scan. A cyclic scan below its size misses each time (LRU); a tail that is read at random misses by what
// is not there.
#pragma once

#include "simulated_subject.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>

namespace flyball::test {

inline constexpr double kMiB = 1024.0 * 1024;

struct MemoryLoad {
    std::function<double(double at_s)> anon = [](double) { return 16 * kMiB; };  // bytes
    double kernel = 2 * kMiB;
    double dead = 0;                  // cache that nobody reads
    double stream_per_s = 0;          // and more of it
    double scan = 0, cycle_s = 4;     // read round and round, a round takes so long
    double tail = 0, tail_share = 0;  // this share of accesses goes there at random
    double miss_cost = 20;            // an access that misses takes so many times longer
    bool active_list = false;  // what of the scan was all there once hits as long as it is: until it is cold again
    bool pressure = true;      // memory.pressure tells
};

class SimulatedMemory final : public SimulatedSubject {
public:
    SimulatedMemory(std::uint64_t seed, MemoryLoad load)
        : SimulatedSubject(seed, {{"memory.high", "max"}, {"memory.max", "max"}}),
          load_(std::move(load)),
          dead_(load_.dead),
          scan_(load_.scan),
          tail_(load_.tail)
    {
    }

    double ends_at_s = 1e18;         // the command
    std::uint64_t stolen_pages = 0;  // that were reclaimed from it, at any time
    double lowest_high = 1e18;       // that was in force
    std::uint64_t kills = 0;

    [[nodiscard]] double pinned() const { return load_.anon(now_s()) + load_.kernel; }
    [[nodiscard]] double use() const { return pinned() + dead_ + scan_ + tail_; }

    [[nodiscard]] Result<tune::Reading> read() override
    {
        tune::Reading r;
        r.at_ns = now_ns_;
        const auto bytes = [](double value) { return static_cast<std::uint64_t>(value); };
        r.memory = {.current = bytes(use()),
                    .peak = bytes(peak_),
                    .swap_current = 0,
                    .swap_max = 0,
                    .anon = bytes(load_.anon(now_s())),
                    .file = bytes(dead_ + scan_ + tail_),
                    .shmem = 0,
                    .unevictable = 0,
                    .kernel = bytes(load_.kernel),
                    .slab_reclaimable = 0,
                    .slab_unreclaimable = 0,
                    .sock = 0,
                    .refault_anon = 0,
                    .refault_file = bytes(refaulted_ / 4096),
                    .pgsteal = stolen_pages};
        r.counters.memory_events = {{"high", highs_}, {"max", kills}, {"oom", kills}, {"oom_kill", kills}};
        if (load_.pressure)
            r.counters.pressure_us = {{"memory.some", bytes(stalled_s_ * 1e6)},
                                      {"memory.full", bytes(stalled_s_ * 1e6)}};
        return r;
    }

    [[nodiscard]] Result<tune::Window> run(std::uint64_t length_ns) override
    {
        return now_s() < ends_at_s ? SimulatedSubject::run(length_ns)
                                   : fail(ErrorKind::Finished, "the command has ended");
    }

    [[nodiscard]] Result<> set(std::string_view file, std::string_view value) override
    {
        auto done = SimulatedSubject::set(file, value);
        high_ = limit_of("memory.high");
        max_ = limit_of("memory.max");
        return done;
    }

    [[nodiscard]] Result<std::uint64_t> reclaim(std::uint64_t bytes) override
    {
        return static_cast<std::uint64_t>(evict(static_cast<double>(bytes)));
    }

    // What part of its full rate it has over so long, as it is limited now.
    [[nodiscard]] double part_of_full_rate(double seconds)
    {
        double sum = 0;
        int steps = 0;
        for (double t = 0; t < seconds; t += kStepS, ++steps)
            sum += step();
        return sum / steps;
    }

protected:
    void advance(std::uint64_t length_ns, tune::Window& window) override
    {
        const std::uint64_t end_ns = now_ns_ + length_ns;
        double sum = 0;
        int steps = 0;
        for (; now_ns_ < end_ns; ++steps) {
            sum += step();
            // The kernel's count is off by what CPUs keep in stock.
            window.memory_use.push_back(
                {now_ns_, static_cast<std::uint64_t>(use() + 0.25 * kMiB * (lognormal(0.5) - 1))});
        }
        window.disturbance = disturbance(now_s());
        if (tells_rate)
            window.performance.rate = 100 * sum / steps * lognormal(noise);
    }

private:
    static constexpr double kStepS = 0.05;

    double evict(double bytes)
    {
        double left = bytes;
        for (double* const part : {&dead_, &tail_, &scan_}) {
            const double taken = std::min(left, *part);
            *part -= taken;
            left -= taken;
        }
        return bytes - left;
    }

    [[nodiscard]] double limit_of(const char* file) const
    {
        const std::string& text = limits_.find(file)->second;
        return text == "max" ? 1e18 : std::strtod(text.c_str(), nullptr);
    }

    // The part of its full rate.
    double step()
    {
        now_ns_ += static_cast<std::uint64_t>(kStepS * 1e9);
        const double room = std::max(std::min(high_, max_) - pinned(), 0.0);
        lowest_high = std::min(lowest_high, high_);
        warm_ = scan_ >= 0.999 * load_.scan || (warm_ && scan_ > 0.1 * load_.scan);
        const bool cliff = room < load_.scan && !(load_.active_list && warm_);
        const double scan_miss = load_.scan <= 0 ? 0 : cliff ? 1 : (load_.scan - scan_) / load_.scan;
        const double tail_miss = load_.tail <= 0 ? 0 : load_.tail_share * (load_.tail - tail_) / load_.tail;
        double speed = 1 / (1 + load_.miss_cost * (scan_miss + tail_miss));
        if (pinned() > high_)
            speed *= 0.02;  // held up at each new page
        const double scan_read = load_.scan / load_.cycle_s * speed * kStepS * scan_miss;
        const double tail_read = load_.tail / load_.cycle_s * speed * kStepS * tail_miss;
        refaulted_ += scan_read + tail_read;
        scan_ = std::min(scan_ + scan_read, load_.scan);
        tail_ = std::min(tail_ + tail_read, load_.tail);
        dead_ += load_.stream_per_s * kStepS;
        stalled_s_ += (1 - speed) * kStepS;
        if (use() > high_) {
            ++highs_;
            evict(use() - high_);
        }
        if (use() > max_) {
            evict(use() - max_);
            kills += use() > max_ * (1 + 1e-9) ? 1 : 0;
        }
        peak_ = std::max(peak_, use());
        return speed;
    }

    MemoryLoad load_;
    double dead_, scan_, tail_;
    double high_ = 1e18, max_ = 1e18;  // limits, read once: steps are many
    bool warm_ = true;
    double refaulted_ = 0, stalled_s_ = 0, peak_ = 0;
    std::uint64_t highs_ = 0;
};

}  // namespace flyball::test
