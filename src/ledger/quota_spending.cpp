// SPDX-License-Identifier: Apache-2.0
#include "quota_spending.hpp"

#include "flyball/profile/histogram.hpp"

#include <tuple>
#include <utility>

namespace flyball::ledger {

std::uint64_t Slice::ran_within(std::uint64_t from_ns, std::uint64_t until_ns) const
{
    const std::uint64_t from = std::max(from_ns, begin_ns), until = std::min(until_ns, end_ns);
    if (from >= until)
        return 0;
    if (until - from == end_ns - begin_ns)
        return ran_ns;
    return static_cast<std::uint64_t>(profile::Uint128{ran_ns} * (until - from) / (end_ns - begin_ns));
}

void SliceLog::push(const Slice& slice)
{
    if (slices_.size() < kSlices) {
        slices_.push_back(slice);
        return;
    }
    dropped_until_ns_ = std::max(dropped_until_ns_, slices_[next_].end_ns);
    slices_[next_] = slice;
    next_ = (next_ + 1) % kSlices;
}

void Spending::add(const Slice& slice, std::uint64_t ns)
{
    if (ns == 0)
        return;
    Spender& spender = spenders_[slice.cgroup_id];
    spender.ns += ns;
    spender.by_cpu[slice.cpu] += ns;
    spender.tasks[slice.tid] += ns;
    if (spender.tasks.size() > kTasks)
        forget_smaller_half(spender);
}

void Spending::forget_smaller_half(Spender& spender)
{
    std::vector<std::pair<std::uint64_t, std::uint32_t>> by_ns;
    by_ns.reserve(spender.tasks.size());
    for (const auto& [tid, ns] : spender.tasks)
        by_ns.emplace_back(ns, tid);
    const auto middle = by_ns.begin() + kTasks / 2;
    std::ranges::nth_element(by_ns, middle);
    for (auto it = by_ns.begin(); it != middle; ++it)
        spender.tasks.erase(it->second);
}

std::vector<Blame> Spending::blames(const NameOfCgroup& path_of, const NameOfTask& comm_of) const
{
    std::map<std::string, Blame> by_path;  // a cgroup may have been made again under its old name
    for (const auto& [id, spender] : spenders_) {
        std::string path = path_of(id);
        Blame& blame = by_path[path];
        blame.path = std::move(path);
        blame.ns += spender.ns;
        for (const auto& [cpu, ns] : spender.by_cpu)
            blame.by_cpu[cpu] += ns;
        for (const auto& [tid, ns] : spender.tasks)
            blame.tasks.push_back({.tid = tid, .comm = {}, .ns = ns});
    }
    std::vector<Blame> blames;
    for (auto& [path, blame] : by_path) {
        std::ranges::sort(blame.tasks, [](const TaskShare& a, const TaskShare& b) {
            return std::tie(b.ns, a.tid) < std::tie(a.ns, b.tid);
        });
        blame.tasks.resize(std::min(blame.tasks.size(), kTasksShown));
        for (TaskShare& task : blame.tasks)
            task.comm = comm_of(task.tid);
        blames.push_back(std::move(blame));
    }
    std::ranges::sort(blames, [](const Blame& a, const Blame& b) {
        return std::tie(b.ns, a.path) < std::tie(a.ns, b.path);
    });
    return blames;
}

}  // namespace flyball::ledger
