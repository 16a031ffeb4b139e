// SPDX-License-Identifier: Apache-2.0
// Keeps the books: a consumer of ordered events, live or replayed, with the same result.
//
// Linear in events; memory is bounded by live tasks, cgroups and a fixed log a CPU, not by the length of
// the run. Not thread-safe.
//
// How a wait is decomposed. A switch-in tells how long the task was runnable and how much of that cpu.max
// held it. The rest is laid over what the log of its run queue's CPU says: who ran there, and for how long.
// Where the task was moved meanwhile, each stretch is laid over its own CPU. What the log does not cover is
// WaitUnknown. So the parts of each wait sum to it, whatever was seen.
#pragma once

#include "flyball/ledger/books.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/snapshot.hpp"
#include "flyball/stream/in_order.hpp"

#include <memory>
#include <span>

namespace flyball::ledger {

class Ledger final : public stream::OrderedSink {
public:
    // known: the cgroups at the start, for who is whose ancestor.
    Ledger(const profile::Meta& meta, std::span<const profile::KnownCgroup> known);
    ~Ledger() override;
    Ledger(Ledger&&) noexcept;
    Ledger& operator=(Ledger&&) noexcept;

    void on_event(const fb_event& event) override;
    void on_control(std::span<const std::byte> bytes) override;

    // Closes the books. tasks: those that lived at both ends (Closing); snapshot: of the same run without
    // a filter, for the names and the losses. The ledger is spent after it.
    [[nodiscard]] Books finish(const profile::Snapshot& snapshot, std::span<const fb_task_record> tasks_first,
                               std::span<const fb_task_record> tasks_last) &&;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flyball::ledger
