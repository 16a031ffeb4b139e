// SPDX-License-Identifier: Apache-2.0
// A trace that the Perfetto UI (ui.perfetto.dev) and chrome://tracing open: Trace Event Format, JSON.
//
// Written as the events come, live or replayed. Memory: names of tasks and cgroups, and a few words for each
// CPU, cgroup and device. Not thread-safe.
//
//   process "CPUs"          a track a CPU: who ran
//   process "/a/cgroup"     a track a CPU: throttled by its own cpu.max; a track a task: held, memory stalls
//   process "device 254:0"  requests, in the queue and in the device
//   instants                OOM kills (global) and their victims (in their cgroup)
#pragma once

#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/snapshot.hpp"
#include "flyball/stream/in_order.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string_view>

namespace flyball::report {

class TraceWriter final : public stream::OrderedSink {
public:
    // Gets pieces of the document, in order.
    using Output = std::function<void(std::string_view)>;

    TraceWriter(const profile::Meta& meta, std::span<const profile::KnownCgroup> known, Output output);
    ~TraceWriter() override;
    TraceWriter(TraceWriter&&) noexcept;
    TraceWriter& operator=(TraceWriter&&) noexcept;

    // Whole names of tasks, as far as they are known before the events. A task without one is named by its
    // tid, or by what its fork told.
    void name_tasks(std::span<const fb_task_record> tasks);

    void on_event(const fb_event& event) override;
    void on_control(std::span<const std::byte> bytes) override;

    // Ends the document: before it, it is no JSON. Who runs at end_ns, ran until then; 0: not known.
    void finish(std::uint64_t end_ns);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace flyball::report
