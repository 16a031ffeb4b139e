// SPDX-License-Identifier: Apache-2.0
// The events of one cgroup and those below it, as windows of demand: only the programs that this takes.
// Whoever owns one calls drain() at least every 50 ms while a window is open. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/live/host.hpp"
#include "flyball/tune/demand_trace.hpp"
#include "flyball/tune/disturbance.hpp"
#include "flyball/tune/io_trace.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace flyball::live {

struct EventSourceOptions {
    std::vector<std::string> without;  // BPF programs to leave out
    bool io = false;                   // block I/O as well
    bool verbose = false;
};

// The programs, loaded and attached: that takes most of a tap's time, so that many taps, one after the other, may share
// it. It records while a tap is open.
class EventSource {
public:
    [[nodiscard]] static Result<std::shared_ptr<EventSource>> open(const cgroup::Layout& layout,
                                                                   const EventSourceOptions& options, StopToken& stop,
                                                                   const Host& host = this_host());
    ~EventSource();
    EventSource(const EventSource&) = delete;
    EventSource& operator=(const EventSource&) = delete;

private:
    friend class EventTap;
    struct State;
    explicit EventSource(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

class EventTap {
public:
    // path: of the cgroup, which exists. load: of what drives it; nullptr: nothing that is known. The layout must
    // outlive it. A source has one tap at a time, and block I/O only if it was opened with it.
    [[nodiscard]] static Result<EventTap> open(const cgroup::Layout& layout, const std::string& path,
                                               const std::string* load, std::shared_ptr<EventSource> source);
    ~EventTap();
    EventTap(EventTap&&) noexcept;
    EventTap& operator=(EventTap&&) noexcept;

    [[nodiscard]] int poll_fd() const;
    [[nodiscard]] Result<> drain();

    // Forgets what came so far; the window opens now. Gives its beginning.
    [[nodiscard]] Result<std::uint64_t> begin();
    struct Taken {
        std::uint64_t end_ns = 0;
        tune::DemandTrace trace;
        std::vector<tune::Displacer> displaced_by;  // the trace's, by name
        tune::IoTrace io;                           // when asked for
        std::uint64_t lost = 0;                     // events that were folded or dropped since begin()
    };
    [[nodiscard]] Result<Taken> take();

private:
    struct State;
    explicit EventTap(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::live
