// SPDX-License-Identifier: Apache-2.0
#include "flyball/ledger/books.hpp"

#include "flyball/profile/subtree.hpp"
#include "merge.hpp"

#include <algorithm>

namespace flyball::ledger {
namespace {

struct PartInfo {
    std::string_view name;
    Family family;
};

constexpr std::array<PartInfo, kParts> kInfo{{
    {"run", Family::Run},
    {"interrupted", Family::Run},
    {"held", Family::Wait},
    {"displaced", Family::Wait},
    {"own_tasks", Family::Wait},
    {"kernel_threads", Family::Wait},
    {"wait_interrupts", Family::Wait},
    {"wait_idle", Family::Wait},
    {"wait_unknown", Family::Wait},
    {"memory_high", Family::Blocked},
    {"memory_reclaim", Family::Blocked},
    {"memory_refault", Family::Blocked},
    {"memory_other", Family::Blocked},
    {"io_throttled", Family::Blocked},
    {"io_queued", Family::Blocked},
    {"io_device", Family::Blocked},
    {"io_other", Family::Blocked},
    {"sleep", Family::Blocked},
    {"blocked_before", Family::Blocked},
    {"unknown", Family::Unknown},
}};

}  // namespace

std::string_view name(Part part)
{
    return kInfo[static_cast<std::size_t>(part)].name;
}

Family family(Part part)
{
    return kInfo[static_cast<std::size_t>(part)].family;
}

std::uint64_t total(const Parts& parts, Family family)
{
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kParts; ++i) {
        if (kInfo[i].family == family)
            sum += parts[i];
    }
    return sum;
}

Account subtree(const Books& books, std::string_view path)
{
    Account sum;
    sum.path = path;
    const auto part = [&sum](Part p) -> std::uint64_t& { return sum.parts[static_cast<std::size_t>(p)]; };
    for (const Account& account : books.accounts) {
        if (!profile::in_subtree(account.path, path))
            continue;
        sum.tasks += account.tasks;
        sum.life_ns += account.life_ns;
        sum.waits += account.waits;
        sum.longest_wait_ns = std::max(sum.longest_wait_ns, account.longest_wait_ns);
        for (std::size_t i = 0; i < kParts; ++i)
            sum.parts[i] += account.parts[i];
        for (const Blame& blame : account.held_by)
            merge(sum.held_by, blame);
        for (const Blame& blame : account.displaced_by) {
            if (profile::in_subtree(blame.path, path)) {
                part(Part::Displaced) -= blame.ns;
                part(Part::OwnTasks) += blame.ns;
                merge(sum.own_tasks, blame.tasks);
            } else {
                merge(sum.displaced_by, blame);
            }
        }
        merge(sum.own_tasks, account.own_tasks);
        merge(sum.kernel_threads, account.kernel_threads);
        merge(sum.burn, account.burn);
    }
    worst_first(sum.held_by);
    worst_first(sum.displaced_by);
    return sum;
}

}  // namespace flyball::ledger
