// SPDX-License-Identifier: Apache-2.0
// A disk that works on K requests at a time, shared by weights (start-time fair queueing: Goyal, Vin and Cheng 1996) or
// first come first served, with a subject and an antagonist on it. What happens on it is told as block events.
#pragma once

#include "flyball/tune/io.hpp"
#include "io_events.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

namespace flyball::test {

struct DiskOptions {
    unsigned servers = 16;
    double service_ns = 10e6;  // mean, exponential
    bool weighted = true;
    // The subject: Poisson arrivals of this share of what the disk can do, at most so many at a time; 0: a closed loop
    // of `tasks`.
    double load = 0.3;
    unsigned tasks = 0;
    unsigned antagonist_depth = 32;
    double others_load = 0;  // of cgroups that are neither
    std::uint64_t seed = 1;
};

class SimulatedDisk final : public tune::Subject, public tune::Antagonist {
public:
    static constexpr std::uint32_t kDevice = 253U << 20;

    explicit SimulatedDisk(const DiskOptions& options) : options_(options), random_(options.seed)
    {
        for (unsigned i = 0; i < options_.tasks; ++i)
            arrive(kSubject);
        schedule(kSubject);
        schedule(kOthers);
    }

    // ---- subject
    const std::string& cgroup() const override { return name_; }
    unsigned cpus() const override { return 2; }
    std::uint64_t memory_bytes() const override { return 1 << 30; }
    Result<tune::Reading> read() override { return tune::Reading{}; }
    Result<tune::Window> run(std::uint64_t length_ns) override
    {
        if (stop_after_ns && now_ > *stop_after_ns)
            return fail(ErrorKind::Stopped, "a guard");
        tune::Window window;
        window.begin_ns = play_.at(now_);
        play_until(now_ + length_ns);
        window.end_ns = play_.at(now_);
        window.io = play_.collector.take(play_.at(now_));
        return window;
    }
    bool may_experiment() const override { return true; }
    std::optional<std::string> limit(std::string_view file) override
    {
        return file == "io.weight" ? std::optional("default " + std::to_string(weight_[kSubject]) + "\n" + own_line)
                                   : std::nullopt;
    }
    Result<> set(std::string_view file, std::string_view value) override
    {
        if (file != "io.weight")
            return fail(ErrorKind::Usage, "no such file");
        weight_[kSubject] = std::stoull(std::string(value));
        ++writes;
        return {};
    }
    Result<std::uint64_t> reclaim(std::uint64_t) override { return fail(ErrorKind::Unavailable, "no"); }
    Result<> keep_up() override { return {}; }
    void say(std::string_view) override {}
    Result<> spend(double lost_s) override
    {
        spent_s += lost_s;
        if (spent_s > budget_s)
            return fail(ErrorKind::Stopped, "the budget is used up");
        return {};
    }

    [[nodiscard]] double now_s() const { return static_cast<double>(now_) * 1e-9; }

    // ---- antagonist
    std::string describe() const override { return "a simulated one"; }
    Result<> start(cgroup::DeviceNumber device, std::string_view, std::uint64_t weight) override
    {
        if (device != kDevice)
            return fail(ErrorKind::Internal, "another device");
        weight_[kAntagonist] = weight;
        if (!std::exchange(antagonist_on, true)) {
            for (unsigned i = 0; i < options_.antagonist_depth; ++i)
                arrive(kAntagonist);
        }
        return {};
    }
    void stop() override
    {
        antagonist_on = false;
        waiting_[kAntagonist].clear();
    }

    [[nodiscard]] std::uint64_t weight() const { return weight_[kSubject]; }
    void set_weight(std::uint64_t weight) { weight_[kSubject] = weight; }
    // What the subject has had in so many seconds, counted here: requests a second, and their p99.
    struct Had {
        double rate = 0, p99_ns = 0;
    };
    Had observe(double seconds)
    {
        latencies_.clear();
        play_until(now_ + static_cast<std::uint64_t>(seconds * 1e9));
        (void)play_.collector.take(play_.at(now_));
        std::ranges::sort(latencies_);
        return {static_cast<double>(latencies_.size()) / seconds,
                latencies_.empty() ? 0 : latencies_[latencies_.size() * 99 / 100]};
    }

    bool antagonist_on = false;
    double spent_s = 0, budget_s = 1e9;
    int writes = 0;
    std::string own_line;
    std::optional<std::uint64_t> stop_after_ns;

private:
    enum Group : std::size_t { kSubject, kAntagonist, kOthers, kGroups };
    static constexpr std::size_t kMostWaiting = 200;  // of an open loop: then its callers give up
    struct Request {
        std::uint64_t arrived = 0;
        std::uint64_t sector = 0;
        double start_tag = 0;
    };
    struct Event {
        std::uint64_t at = 0;
        bool arrival = false;
        Group group = kSubject;
        std::uint64_t begun = 0;
        Request request;
        bool operator>(const Event& other) const { return at > other.at; }
    };

    [[nodiscard]] double exponential(double mean) { return std::exponential_distribution<double>(1 / mean)(random_); }
    [[nodiscard]] double load_of(Group group) const
    {
        return group == kSubject ? (options_.tasks > 0 ? 0 : options_.load) : options_.others_load;
    }

    void schedule(Group group)
    {
        const double load = load_of(group);
        if (load <= 0)
            return;
        const double gap = options_.service_ns / options_.servers / load;
        events_.push({now_ + 1 + static_cast<std::uint64_t>(exponential(gap)), true, group, 0, {}});
    }

    void arrive(Group group)
    {
        if (waiting_[group].size() >= kMostWaiting)
            return;
        Request request{now_, (random_() % 1'000'000) * 65'536 + 8, 0};
        request.start_tag = std::max(virtual_, last_finish_[group]);
        last_finish_[group] = request.start_tag + 1 / static_cast<double>(weight_[group]);
        if (group == kSubject)
            play_.bio(now_, request.sector, 8);
        waiting_[group].push_back(request);
        dispatch();
    }

    void dispatch()
    {
        while (in_service_ < options_.servers) {
            std::optional<Group> next;
            for (const Group group : {kSubject, kAntagonist, kOthers}) {
                if (!waiting_[group].empty() && (!next || before(waiting_[group].front(), waiting_[*next].front())))
                    next = group;
            }
            if (!next)
                return;
            const Request request = waiting_[*next].front();
            waiting_[*next].pop_front();
            virtual_ = std::max(virtual_, request.start_tag);
            ++in_service_;
            events_.push(
                {now_ + 1 + static_cast<std::uint64_t>(exponential(options_.service_ns)), false, *next, now_, request});
        }
    }

    [[nodiscard]] bool before(const Request& a, const Request& b) const
    {
        return options_.weighted ? a.start_tag < b.start_tag : a.arrived < b.arrived;
    }

    void complete(const Event& event)
    {
        --in_service_;
        play_.request(event.begun, event.at, event.group == kSubject, event.request.sector, 8,
                      event.begun - event.request.arrived);
        if (event.group == kSubject)
            latencies_.push_back(static_cast<double>(event.at - event.request.arrived));
        if (event.group == kSubject && options_.tasks > 0)
            arrive(kSubject);
        if (event.group == kAntagonist && antagonist_on)
            arrive(kAntagonist);
        dispatch();
    }

    void play_until(std::uint64_t end)
    {
        while (!events_.empty() && events_.top().at <= end) {
            const Event event = events_.top();
            events_.pop();
            now_ = event.at;
            if (event.arrival) {
                arrive(event.group);
                schedule(event.group);
            } else {
                complete(event);
            }
        }
        now_ = end;
    }

    DiskOptions options_;
    std::mt19937_64 random_;
    IoPlay play_;
    std::string name_ = "/ours";
    std::uint64_t now_ = 0;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::array<std::deque<Request>, kGroups> waiting_;
    std::array<std::uint64_t, kGroups> weight_{100, 100, 100};
    std::array<double, kGroups> last_finish_{};
    double virtual_ = 0;
    unsigned in_service_ = 0;
    std::vector<double> latencies_;
};

}  // namespace flyball::test
