// SPDX-License-Identifier: Apache-2.0
// The accounts under way: sums by cgroup id, and who is behind them. Names come at the end.
#pragma once

#include "flyball/ledger/books.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace flyball::ledger {

// Time by task, for those that matter: when it has grown too long the smallest go.
class TopTasks {
public:
    void add(std::uint32_t tid, std::uint64_t ns);
    [[nodiscard]] std::vector<std::pair<std::uint32_t, std::uint64_t>> worst(std::size_t n) const;

private:
    static constexpr std::size_t kKept = 256;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> tasks_;  // few: a linear look-up is the fastest
};

struct Cell {
    std::uint64_t ns = 0;
    std::vector<std::pair<std::uint32_t, std::uint64_t>> by_cpu;
    TopTasks tasks;

    void add(std::uint32_t cpu, std::uint32_t tid, std::uint64_t amount);
};

struct OpenAccount {
    Parts parts{};
    std::uint64_t tasks = 0;
    std::uint64_t life_ns = 0;
    std::uint64_t waits = 0;
    std::uint64_t longest_wait_ns = 0;
    std::unordered_map<std::uint64_t, Cell> held_by;       // throttler -> what it cost
    std::unordered_map<std::uint64_t, Cell> displaced_by;  // aggressor
    TopTasks own_tasks, kernel_threads, burn;

    std::uint64_t& operator[](Part part) { return parts[static_cast<std::size_t>(part)]; }
};

class Accounts {
public:
    OpenAccount& of(std::uint64_t cgroup)
    {
        if (last_ == nullptr || last_id_ != cgroup) {
            last_ = &open_[cgroup];
            last_id_ = cgroup;
        }
        return *last_;
    }

    struct Names {
        std::function<std::string(std::uint64_t cgroup)> path;
        std::function<std::string(std::uint32_t tid)> comm;
    };
    // Accounts of one path (a cgroup made again under its name) become one. Sorted by path.
    [[nodiscard]] std::vector<Account> close(const Names& names) const;

private:
    std::unordered_map<std::uint64_t, OpenAccount> open_;  // addresses of values are stable
    OpenAccount* last_ = nullptr;
    std::uint64_t last_id_ = 0;
};

[[nodiscard]] std::vector<TaskShare> shares(const TopTasks& tasks, const Accounts::Names& names);
// Cells of one path become one. Worst first.
[[nodiscard]] std::vector<Blame> blames(const std::unordered_map<std::uint64_t, Cell>& cells,
                                        const Accounts::Names& names);

}  // namespace flyball::ledger
