// SPDX-License-Identifier: Apache-2.0
#include "accounts.hpp"

#include "merge.hpp"

#include <algorithm>
#include <map>

namespace flyball::ledger {
namespace {

constexpr std::size_t kShown = 10;  // tasks behind a cell

void add(std::vector<std::pair<std::uint32_t, std::uint64_t>>& list, std::uint32_t key, std::uint64_t ns)
{
    for (auto& [k, sum] : list) {
        if (k == key) {
            sum += ns;
            return;
        }
    }
    list.emplace_back(key, ns);
}

bool more(const std::pair<std::uint32_t, std::uint64_t>& a, const std::pair<std::uint32_t, std::uint64_t>& b)
{
    return a.second != b.second ? a.second > b.second : a.first < b.first;
}

Account close_one(const OpenAccount& open, std::string path, const Accounts::Names& names)
{
    Account account;
    account.path = std::move(path);
    account.tasks = open.tasks;
    account.life_ns = open.life_ns;
    account.parts = open.parts;
    account.waits = open.waits;
    account.longest_wait_ns = open.longest_wait_ns;
    account.held_by = blames(open.held_by, names);
    account.displaced_by = blames(open.displaced_by, names);
    account.own_tasks = shares(open.own_tasks, names);
    account.kernel_threads = shares(open.kernel_threads, names);
    account.burn = shares(open.burn, names);
    return account;
}

void join(Account& into, const Account& from)
{
    into.tasks += from.tasks;
    into.life_ns += from.life_ns;
    into.waits += from.waits;
    into.longest_wait_ns = std::max(into.longest_wait_ns, from.longest_wait_ns);
    for (std::size_t i = 0; i < kParts; ++i)
        into.parts[i] += from.parts[i];
    for (const Blame& blame : from.held_by)
        merge(into.held_by, blame);
    for (const Blame& blame : from.displaced_by)
        merge(into.displaced_by, blame);
    worst_first(into.held_by);
    worst_first(into.displaced_by);
    merge(into.own_tasks, from.own_tasks);
    merge(into.kernel_threads, from.kernel_threads);
    merge(into.burn, from.burn);
}

}  // namespace

void TopTasks::add(std::uint32_t tid, std::uint64_t ns)
{
    ledger::add(tasks_, tid, ns);
    if (tasks_.size() > kKept) {
        std::ranges::nth_element(tasks_, tasks_.begin() + kKept / 2, more);
        tasks_.resize(kKept / 2);
    }
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> TopTasks::worst(std::size_t n) const
{
    auto sorted = tasks_;
    std::ranges::sort(sorted, more);
    sorted.resize(std::min(n, sorted.size()));
    return sorted;
}

void Cell::add(std::uint32_t cpu, std::uint32_t tid, std::uint64_t amount)
{
    ns += amount;
    ledger::add(by_cpu, cpu, amount);
    tasks.add(tid, amount);
}

std::vector<TaskShare> shares(const TopTasks& tasks, const Accounts::Names& names)
{
    std::vector<TaskShare> result;
    for (const auto& [tid, ns] : tasks.worst(kShown))
        result.push_back({tid, names.comm(tid), ns});
    return result;
}

std::vector<Blame> blames(const std::unordered_map<std::uint64_t, Cell>& cells, const Accounts::Names& names)
{
    std::vector<Blame> result;
    for (const auto& [cgroup, cell] : cells) {
        Blame blame{.path = names.path(cgroup), .ns = cell.ns, .by_cpu = {}, .tasks = shares(cell.tasks, names)};
        blame.by_cpu.insert(cell.by_cpu.begin(), cell.by_cpu.end());
        merge(result, blame);
    }
    worst_first(result);
    return result;
}

std::vector<Account> Accounts::close(const Names& names) const
{
    std::map<std::string, Account> by_path;
    for (const auto& [cgroup, open] : open_) {
        if (open.life_ns == 0 && total(open.parts) == 0)
            continue;
        std::string path = names.path(cgroup);
        const auto found = by_path.find(path);
        if (found == by_path.end()) {
            by_path.emplace(path, close_one(open, path, names));
        } else {
            join(found->second, close_one(open, path, names));
        }
    }
    std::vector<Account> result;
    for (auto& [path, account] : by_path)
        result.push_back(std::move(account));
    return result;
}

}  // namespace flyball::ledger
