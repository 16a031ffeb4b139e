// SPDX-License-Identifier: Apache-2.0
// The sweep: from ordered events to open accounts. Every nanosecond of a task's life passes through
// spend() once.
#pragma once

#include "accounts.hpp"
#include "cpu_log.hpp"
#include "devices.hpp"
#include "flyball/ledger/books.hpp"
#include "task.hpp"
#include "wait.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <unordered_map>
#include <vector>

namespace flyball::ledger {

class Engine {
public:
    // inside(cgroup, ancestor): is it the same or below?
    using Inside = std::function<bool(std::uint64_t cgroup, std::uint64_t ancestor)>;
    Engine(std::uint64_t window_start_ns, Inside inside);

    void on_switch(const fb_switch& event);
    void on_held(const fb_held& event);
    void on_migrate(const fb_migrate& event);
    void on_throttle(const fb_throttle& event);
    void on_stall(const fb_stall& event);
    void on_bio(const fb_bio& event) { devices_.on_bio(event); }
    void on_bio_held(const fb_bio& event) { devices_.on_bio_held(event); }
    void on_request(const fb_rq& event);
    void on_task(const fb_task& event);

    // What lives is accounted for up to the end of the window. The records are the tasks alive then.
    void finish(std::uint64_t end_ns, std::span<const fb_task_record> first, std::span<const fb_task_record> last);

    [[nodiscard]] const Accounts& accounts() const { return accounts_; }
    [[nodiscard]] Devices& devices() { return devices_; }
    [[nodiscard]] Proof& proof() { return proof_; }

private:
    Task& task(std::uint32_t tid);
    CpuLog& log(std::uint32_t cpu);
    void enter(Task& task, std::uint64_t cgroup, std::uint64_t at_ns);
    void end_life(Task& task);
    void leave(const fb_switch& event);
    void arrive(const fb_switch& event);
    void spend_wait(std::uint32_t tid, Task& task, const Wait& wait);
    void spend_wait_part(std::uint32_t tid, const Task& task, OpenAccount& account, const Leg& leg);
    void spend_blocked(Task& task, Span span);
    void spend_rest(std::uint32_t tid, Task& task, std::uint64_t end_ns);
    [[nodiscard]] std::uint64_t last_throttler(const Task& task, std::uint32_t cpu);
    void forget_dead(std::uint64_t now_ns);

    std::uint64_t start_ns_;
    Inside inside_;
    Accounts accounts_;
    Devices devices_;
    std::unordered_map<std::uint32_t, Task> tasks_;
    std::deque<std::pair<std::uint64_t, std::uint32_t>> dead_;  // since when, tid
    std::vector<CpuLog> logs_;                                  // by CPU
    std::vector<std::deque<Throttled>> episodes_;               // by CPU
    std::unordered_map<std::uint32_t, fb_held> held_;           // by tid: its switch-in comes next
    Proof proof_;
    // of one wait: kept for their memory
    std::vector<Leg> legs_;
    std::vector<Span> holds_;
};

}  // namespace flyball::ledger
