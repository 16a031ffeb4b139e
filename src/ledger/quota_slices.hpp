// SPDX-License-Identifier: Apache-2.0
// Who ran lately: who spent a quota is known only when it is gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace flyball::ledger {

// A task's time on a CPU.
struct RunSlice {
    std::uint64_t begin_ns = 0, end_ns = 0;
    std::uint64_t ran_ns = 0;  // without interrupts and steal: what the quota is charged with
    std::uint64_t cgroup_id = 0;
    std::uint32_t tid = 0;
    std::uint16_t cpu = 0;
    bool deferred = false;  // its demand is placed when the task's burst is over (HeldTasks)

    // What it ran between the two, as if it ran evenly.
    [[nodiscard]] std::uint64_t ran_within(std::uint64_t from_ns, std::uint64_t until_ns) const;
};

// The last slices of all CPUs, in the order of their ends. Its size is fixed.
class RunLog {
public:
    static constexpr std::size_t kSlices = 65'536;

    void push(const RunSlice& slice);

    // f(slice), newest first, as long as it ends after since_ns.
    template <class F>
    void for_each_since(std::uint64_t since_ns, F&& f) const
    {
        for (std::size_t i = 0; i < slices_.size(); ++i) {
            const RunSlice& slice = slices_[(next_ + slices_.size() - 1 - i) % slices_.size()];
            if (slice.end_ns <= since_ns)
                return;
            f(slice);
        }
    }
    // All that ended after it are there; 0: none was ever dropped.
    [[nodiscard]] std::uint64_t complete_since_ns() const { return dropped_until_ns_; }

private:
    std::vector<RunSlice> slices_;
    std::size_t next_ = 0;  // the oldest, once it is full
    std::uint64_t dropped_until_ns_ = 0;
};

}  // namespace flyball::ledger
