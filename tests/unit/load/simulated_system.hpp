// SPDX-License-Identifier: Apache-2.0
// A queueing system in virtual time behind the Launcher interface: c servers, first come first served.
#pragma once

#include "flyball/load/launcher.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace flyball::test {

class SimulatedSystem final : public load::Launcher {
public:
    using Service = std::function<std::uint64_t(std::uint64_t number)>;

    SimulatedSystem(std::size_t servers, Service service) : free_at_(servers, 0), service_(std::move(service)) {}

    // No server begins or goes on with anything in between.
    std::uint64_t stall_begin = 0, stall_end = 0;
    std::function<bool(std::uint64_t)> fails = [](std::uint64_t) { return false; };
    std::uint64_t stop_at = ~std::uint64_t{0};
    std::uint64_t wake_up_delay = 0;  // of timers, as a busy machine has it
    std::set<std::uint64_t> refused;  // numbers that cannot be started
    std::uint64_t most_running = 0;

    [[nodiscard]] std::uint64_t now_ns() const override { return now_; }

    [[nodiscard]] Result<> start(const load::Start& request) override
    {
        if (refused.contains(request.number))
            return fail(ErrorKind::Unavailable, "no more processes");
        const auto server = std::ranges::min_element(free_at_);
        std::uint64_t begin = std::max(now_, *server);
        if (begin >= stall_begin && begin < stall_end)
            begin = stall_end;
        std::uint64_t end = begin + service_(request.number);
        if (begin < stall_begin && end > stall_begin)
            end += stall_end - stall_begin;
        *server = end;
        running_.emplace(end, request.number);
        most_running = std::max<std::uint64_t>(most_running, running_.size());
        return {};
    }

    [[nodiscard]] Result<> wait(std::uint64_t until_ns, std::vector<load::Ended>& ended) override
    {
        const std::uint64_t timer = std::max(now_, until_ns) + wake_up_delay;
        const std::uint64_t next = running_.empty() ? timer : std::min(timer, std::max(now_, running_.begin()->first));
        now_ = std::min(next, std::max(now_, stop_at));
        while (!running_.empty() && running_.begin()->first <= now_) {
            ended.push_back({.number = running_.begin()->second,
                             .at_ns = running_.begin()->first,
                             .ok = !fails(running_.begin()->second)});
            running_.erase(running_.begin());
        }
        return {};
    }

    // The server goes on with what is killed: capacity is lost, as with a server behind a client.
    void kill(std::uint64_t number) override
    {
        for (auto it = running_.begin(); it != running_.end(); ++it)
            if (it->second == number) {
                running_.erase(it);
                break;
            }
        running_.emplace(now_, number);
    }
    [[nodiscard]] bool stopped() override { return now_ >= stop_at; }

private:
    std::uint64_t now_ = 1'000'000'000;
    std::vector<std::uint64_t> free_at_;
    Service service_;
    std::multimap<std::uint64_t, std::uint64_t> running_;  // end, number
};

}  // namespace flyball::test
