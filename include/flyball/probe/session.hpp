// SPDX-License-Identifier: Apache-2.0
// A loaded and attached BPF object: made from a plan, degraded where the kernel says no, gone with
// its owner. Not thread-safe.
#pragma once

#include "flyball/abi/config.h"
#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/kernel/plan.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flyball::probe {

struct SessionOptions {
    // Size of each CPU's ring; rounded up to a power of two of at least one page.
    std::uint64_t ring_bytes = 1U << 20;
    bool verbose = false;       // libbpf's own messages on stderr
    std::string memory_root;    // directory of the memory controller's root; empty: that of cgroup v2
    StopToken* stop = nullptr;  // asked before each program: the verifier takes its time
};

// A program that the plan asked for and the kernel did not take.
struct Refusal {
    std::string program;
    std::string reason;  // the verifier's last word, or the error
};

struct ProgramStats {
    std::uint32_t prog = 0;  // enum fb_prog
    std::uint32_t cpu = 0;
    fb_stats stats{};
};

struct FoldedBucket {
    fb_fold_key key{};
    fb_fold_value value{};  // of a bucket only count
};

class Session {
public:
    // Loads and attaches what the plan asks for. All programs that the kernel refuses are found at once and taken
    // out of the plan with their reasons; only where others have to take their places is the object loaded once more.
    // Without a single observable metric this is Unavailable. Interrupted: a stop was asked for meanwhile.
    static Result<Session> open(kernel::Plan plan, const SessionOptions& options);
    ~Session();
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;

    // The plan as it really is, after what the kernel refused.
    [[nodiscard]] const kernel::Plan& plan() const;

    // How often the object was loaded: once, and once more for others to take the places of refused programs.
    [[nodiscard]] std::uint32_t loads() const;

    // What the kernel refused, in the order in which it did.
    [[nodiscard]] const std::vector<Refusal>& refused() const;

    // Opens and closes the window in which events are emitted.
    void set_recording(bool on);

    // Stops all programs. Counters and maps can still be read.
    void detach();

    // One record a task that lives now; makes the state of tasks that have none yet.
    [[nodiscard]] Result<std::vector<fb_task_record>> read_tasks() const;

    // One record a memcg that exists now and has counted anything, parents first. Unavailable: this kernel has no such
    // iterator.
    [[nodiscard]] Result<std::vector<fb_memcg>> read_memcgs() const;

    // One record a process that has memory of its own. Unavailable: this kernel has no such iterator.
    [[nodiscard]] Result<std::vector<fb_process_memory>> read_memory() const;

    [[nodiscard]] Result<std::vector<ProgramStats>> read_stats() const;
    [[nodiscard]] Result<std::vector<FoldedBucket>> read_folded() const;
    // BPF program -> times that the kernel skipped it because it was running already.
    [[nodiscard]] std::map<std::string, std::uint64_t> read_recursion_misses() const;

    // Emits count events first, first + step, ... for a cgroup id, on one CPU. Only with a plan with_selftest().
    Result<> emit_selftest(std::uint32_t cpu, std::uint64_t first, std::uint64_t step, std::uint64_t cgroup_id,
                           std::uint64_t count);

    // Descriptors for the stream; they stay the session's.
    [[nodiscard]] std::vector<int> ring_fds() const;
    [[nodiscard]] int control_fd() const;
    [[nodiscard]] int batches_fd() const;
    [[nodiscard]] int flush_prog_fd() const;

private:
    struct State;
    explicit Session(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::probe
