// SPDX-License-Identifier: Apache-2.0
// The events of one cgroup and those below it, as windows of demand: only the programs that this takes.
// Whoever owns one calls drain() at least every 50 ms while a window is open. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/tune/demand_trace.hpp"
#include "flyball/tune/io_trace.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace flyball::cli {

struct EventTapOptions {
    std::vector<std::string> without;  // BPF programs to leave out
    bool io = false;                   // block I/O as well
    bool verbose = false;
};

class EventTap {
public:
    // path: of the cgroup, which exists. The layout must outlive it.
    [[nodiscard]] static Result<EventTap> open(const cgroup::Layout& layout, const std::string& path,
                                               const EventTapOptions& options);
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
        tune::IoTrace io;        // when asked for
        std::uint64_t lost = 0;  // events that were folded or dropped since begin()
    };
    [[nodiscard]] Result<Taken> take();

private:
    struct State;
    explicit EventTap(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::cli
