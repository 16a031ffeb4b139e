// SPDX-License-Identifier: Apache-2.0
// A cgroup that is a formula: time goes by when it is told to, noise comes from a seed. What a window holds beyond rate
// and latency is for those who derive from it.
#pragma once

#include "flyball/tune/subject.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::test {

class SimulatedSubject : public tune::Subject {
public:
    using Limits = std::map<std::string, std::string, std::less<>>;

    explicit SimulatedSubject(std::uint64_t seed, Limits limits = {})
        : limits_(std::move(limits)), original_(limits_), random_(seed)
    {
    }

    // What to simulate. at_s: the middle of the window.
    std::function<double(const Limits&, double at_s)> rate = [](const Limits&, double) { return 100.0; };
    double noise = 0.05;  // of the rate: a window's standard deviation, lognormal
    bool tells_rate = true;
    std::function<double(const Limits&)> latency_ns;  // median of a lognormal; empty: it tells none
    double latency_spread = 0.5;
    std::size_t latencies = 500;  // a window
    std::function<tune::Disturbance(double at_s)> disturbance = [](double) { return tune::Disturbance{}; };
    double budget_s = std::numeric_limits<double>::infinity();
    double stops_at_s = std::numeric_limits<double>::infinity();  // run() fails from then on
    bool stops_thinking = false;                                  // keep_up() fails at the eleventh time
    bool experiments = true;

    // What was done to it.
    struct Write {
        double at_s;
        std::string file, value;
    };
    std::vector<Write> writes;
    std::vector<std::string> said;
    std::size_t kept_up = 0;
    double spent_s = 0;
    [[nodiscard]] double now_s() const { return static_cast<double>(now_ns_) * 1e-9; }
    [[nodiscard]] const Limits& limits() const { return limits_; }
    [[nodiscard]] const Limits& original() const { return original_; }

    [[nodiscard]] const std::string& cgroup() const override { return cgroup_; }
    [[nodiscard]] unsigned cpus() const override { return 4; }
    [[nodiscard]] std::uint64_t memory_bytes() const override { return std::uint64_t{16} << 30; }

    [[nodiscard]] Result<tune::Reading> read() override
    {
        tune::Reading reading;
        reading.at_ns = now_ns_;
        return reading;
    }

    [[nodiscard]] Result<tune::Window> run(std::uint64_t length_ns) override
    {
        if (now_s() >= stops_at_s)
            return fail(ErrorKind::Stopped, "the health command failed");
        tune::Window window;
        window.before = *read();
        window.begin_ns = now_ns_;
        advance(length_ns, window);
        window.end_ns = now_ns_;
        window.after = *read();
        return window;
    }

    [[nodiscard]] bool may_experiment() const override { return experiments; }
    [[nodiscard]] std::optional<std::string> limit(std::string_view file) override
    {
        const auto found = limits_.find(file);
        return found == limits_.end() ? std::nullopt : std::optional(found->second);
    }
    [[nodiscard]] Result<> set(std::string_view file, std::string_view value) override
    {
        const auto found = limits_.find(file);
        if (found == limits_.end())
            return fail(ErrorKind::Unavailable, "no " + std::string(file));
        found->second = value;
        writes.push_back({now_s(), std::string(file), std::string(value)});
        return {};
    }
    [[nodiscard]] Result<std::uint64_t> reclaim(std::uint64_t) override
    {
        return fail(ErrorKind::Unavailable, "no memory.reclaim");
    }
    [[nodiscard]] Result<> keep_up() override
    {
        ++kept_up;
        return stops_thinking && kept_up > 10 ? fail(ErrorKind::Stopped, "stopped by a signal") : Result<>{};
    }
    void say(std::string_view what) override { said.emplace_back(what); }
    [[nodiscard]] Result<> spend(double lost_s) override
    {
        spent_s += lost_s;
        return spent_s <= budget_s ? Result<>{} : fail(ErrorKind::Stopped, "the budget is used up");
    }

protected:
    // Lets time go by and fills in what happened.
    virtual void advance(std::uint64_t length_ns, tune::Window& window)
    {
        const double middle_s = now_s() + static_cast<double>(length_ns) * 0.5e-9;
        now_ns_ += length_ns;
        window.disturbance = disturbance(middle_s);
        if (tells_rate)
            window.performance.rate = rate(limits_, middle_s) * lognormal(noise);
        if (latency_ns) {
            for (std::size_t i = 0; i < latencies; ++i)
                window.performance.latency_ns.add(
                    static_cast<std::uint64_t>(latency_ns(limits_) * lognormal(latency_spread)));
        }
    }
    [[nodiscard]] double lognormal(double sigma) { return std::lognormal_distribution<double>(0, sigma)(random_); }

    Limits limits_, original_;
    std::mt19937_64 random_;
    std::uint64_t now_ns_ = 0;

private:
    std::string cgroup_ = "/simulated";
};

}  // namespace flyball::test
