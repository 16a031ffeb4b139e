// SPDX-License-Identifier: Apache-2.0
// Which cgroup is below which, by id, in the hierarchy of one controller.
#pragma once

#include "flyball/profile/accumulator.hpp"

#include <cstdint>
#include <span>
#include <unordered_map>

namespace flyball::ledger {

class Hierarchy {
public:
    // The cgroups at the start: their paths tell who is whose parent.
    Hierarchy(int number, std::span<const profile::KnownCgroup> known);

    // Made, or moved by a rename, while we watch.
    void on_cgroup(const fb_cgroup& record);

    void add(std::uint64_t id, std::uint64_t parent)
    {
        parents_[id] = parent;
        ++version_;
    }

    // Grows with each change: for those who keep an answer.
    [[nodiscard]] std::uint64_t version() const { return version_; }

    // The same, or below.
    [[nodiscard]] bool inside(std::uint64_t id, std::uint64_t ancestor) const;

    // f(id) for the cgroup itself and each one above it, as far as they are known; stops when f gives false.
    template <class F>
    void upwards(std::uint64_t id, F&& f) const
    {
        for (int level = 0; level < kDeepest; ++level) {
            if (!f(id))
                return;
            const auto parent = parents_.find(id);
            if (parent == parents_.end() || parent->second == id)
                return;
            id = parent->second;
        }
    }

private:
    static constexpr int kDeepest = 256;  // damaged input must not make a circle

    int number_;
    std::unordered_map<std::uint64_t, std::uint64_t> parents_;
    std::uint64_t version_ = 0;
};

}  // namespace flyball::ledger
