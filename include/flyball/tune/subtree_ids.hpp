// SPDX-License-Identifier: Apache-2.0
// Which cgroup ids belong to the subject, by controller: on a hybrid host each hierarchy numbers its own, and the same
// number may mean two cgroups. Plain value; not thread-safe.
#pragma once

#include "flyball/cgroup/mounts.hpp"
#include "flyball/profile/accumulator.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

namespace flyball::tune {

class SubtreeIds {
public:
    // known: the cgroups that exist; those at and below this path belong to it.
    SubtreeIds(const cgroup::Layout& layout, std::span<const profile::KnownCgroup> known, std::string_view path);

    // Cgroups that are made below it later belong to it as well: for fb_cgroup records.
    void on_control(std::span<const std::byte> bytes);

    // "cpu", "memory", "io", "pids". A controller that is not mounted has no cgroups.
    [[nodiscard]] const std::unordered_set<std::uint64_t>& of(std::string_view controller) const;
    // The subject itself in that hierarchy; 0: it is not there.
    [[nodiscard]] std::uint64_t root(std::string_view controller) const;

private:
    [[nodiscard]] int hierarchy(std::string_view controller) const;

    std::map<std::string, int, std::less<>> hierarchy_of_;
    std::map<int, std::unordered_set<std::uint64_t>> ids_;
    std::map<int, std::uint64_t> roots_;
};

}  // namespace flyball::tune
