// SPDX-License-Identifier: Apache-2.0
// Who judges OOM kills while a collector runs, and puts among its records what a verdict needs besides: the kernel's
// log, the memcgs' counters, who was left, what was lost. So a recording has all that the live verdict had.
#pragma once

#include "flyball/cgroup/mounts.hpp"
#include "flyball/live/collector.hpp"
#include "flyball/oom/kernel_log.hpp"
#include "flyball/oom/watcher.hpp"
#include "kernel_log.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace flyball::live {

class OomWitness {
public:
    // Both outlive it. Attaches its watcher.
    OomWitness(Collector& collector, const cgroup::Layout& layout, const profile::Meta& meta,
               std::span<const profile::KnownCgroup> known);
    ~OomWitness();
    OomWitness(OomWitness&&) = delete;

    // Tells where the counters begin: when all sinks are attached.
    void begin();
    // What is due by now_ns, the time before the collector's last collect().
    [[nodiscard]] Result<std::vector<oom::Judged>> tick(std::uint64_t now_ns);
    // Before the collector stops: the counters are read for the last time.
    void end();
    // When the collector has collected for the last time: the rest.
    [[nodiscard]] Result<std::vector<oom::Judged>> finish();

    [[nodiscard]] oom::Watcher& watcher() { return *watcher_; }
    // Why the log says nothing; empty: it does.
    [[nodiscard]] const std::string& no_log() const { return no_log_; }
    // A loss that never was (tests).
    void pretend_loss() { pretended_ = true; }

private:
    void read_log();
    [[nodiscard]] bool repeated(const fb_oom_report& report);
    Result<> check_losses(std::uint64_t now_ns);

    Collector& collector_;
    std::unique_ptr<oom::Surroundings> surroundings_;
    std::optional<oom::Watcher> watcher_;
    std::optional<KernelLog> log_;
    oom::LogParser parser_;
    std::string no_log_;
    fb_loss told_{};  // so far
    std::uint64_t next_check_ns_ = 0;
    bool pretended_ = false;
    std::string nobody_in_;
    std::uint64_t nobody_ns_ = 0;
};

}  // namespace flyball::live
