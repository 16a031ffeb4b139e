// SPDX-License-Identifier: Apache-2.0
// OOM kills of this machine while they happen: only the programs that this takes, and a Watcher.
// Whoever owns one calls tick() at least every 50 ms. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/live/host.hpp"
#include "flyball/oom/watcher.hpp"
#include "flyball/profile/snapshot.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace flyball::live {

struct OomLiveOptions {
    std::uint64_t ring_bytes = std::uint64_t{256} << 10U;  // of each CPU: kills go through a ring of their own
    std::vector<std::string> without;
    std::string record;  // a recording of all that it sees goes to this file; empty: to none
    bool verbose = false;
};

class OomLive {
public:
    // The layout must outlive it.
    [[nodiscard]] static Result<OomLive> open(const cgroup::Layout& layout, const OomLiveOptions& options,
                                              StopToken& stop, const Host& host = this_host());
    ~OomLive();
    OomLive(OomLive&&) noexcept;
    OomLive& operator=(OomLive&&) noexcept;

    // Readable when there is something to do before the next tick.
    [[nodiscard]] int poll_fd() const;
    // What is due by now.
    [[nodiscard]] Result<std::vector<oom::Judged>> tick();
    // Stops watching, and gives the rest, complete or not.
    [[nodiscard]] Result<std::vector<oom::Judged>> finish();
    // After that, when the verdicts are out: the end of the recording. An error where it could not be written whole.
    [[nodiscard]] Result<> close_recording();

    [[nodiscard]] oom::Watcher& watcher();
    [[nodiscard]] const profile::Meta& meta() const;
    // A loss that never was (tests).
    void pretend_loss();

private:
    struct State;
    explicit OomLive(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::live
