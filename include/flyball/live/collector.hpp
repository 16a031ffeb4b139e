// SPDX-License-Identifier: Apache-2.0
// What the kernel tells while it lives: the source of everything that is seen of this machine, or of a machine that a
// test plays. Its sinks get batches and control records in the order of each CPU. Not thread-safe.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/kernel/programs.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/snapshot.hpp"
#include "flyball/stream/sink.hpp"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

// A partial batch of events is handed over at this age, at the next tick.
inline constexpr std::uint64_t kMaxBatchAgeNs = 30'000'000;
// Who collects does so at least this often: an event is then seen within 80 ms in all.
inline constexpr std::uint64_t kTickNs = 50'000'000;

// What was not told one by one since the programs were loaded: the one definition of loss. Of an event that was folded
// the kernel keeps sums; one that was dropped, or whose program the kernel skipped, is gone.
struct Losses {
    std::vector<profile::ProgramLoss> programs;  // a row for each program and CPU that attempted or missed anything
    std::map<std::string, std::uint64_t> recursion_misses;  // BPF program -> runs that the kernel skipped
    std::uint64_t malformed = 0;                            // records that could not be read
    bool unflushed = false;                                 // a batch stayed in the kernel

    // Of these (enum fb_prog): events without a record of their own.
    [[nodiscard]] std::uint64_t folded(std::span<const std::uint32_t> programs_of) const;
    [[nodiscard]] std::uint64_t dropped(std::span<const std::uint32_t> programs_of) const;
    // Of these BPF programs.
    [[nodiscard]] std::uint64_t missed(std::span<const std::string_view> names) const;
};

class Collector {
public:
    virtual ~Collector() = default;

    // All sinks get what comes from now on, until they are detached. They outlive that.
    void attach(stream::Sink& sink) { sinks_.push_back(&sink); }
    void detach(stream::Sink& sink) { std::erase(sinks_, &sink); }
    // Puts a record of user space in among the kernel's (enum fb_event_type says which are).
    void tell(std::span<const std::byte> record) { tee().on_control(record); }

    [[nodiscard]] virtual const kernel::Plan& plan() const = 0;
    // All but times, filters and command. stacks: they are asked for, and belong to what can be had or not.
    [[nodiscard]] virtual profile::Meta describe(bool stacks) const = 0;
    [[nodiscard]] virtual std::uint64_t now_ns() const = 0;  // CLOCK_MONOTONIC, of the events too

    // The cgroups that exist now.
    [[nodiscard]] virtual Result<std::vector<profile::KnownCgroup>> known_cgroups() = 0;
    // One record a task that lives now.
    [[nodiscard]] virtual Result<std::vector<fb_task_record>> read_tasks() = 0;

    // One record a memcg that exists now and has counted anything. Unavailable: this kernel cannot tell.
    [[nodiscard]] virtual Result<std::vector<fb_memcg>> read_memcgs() = 0;
    // One record a process that has memory of its own. Unavailable: this kernel cannot tell.
    [[nodiscard]] virtual Result<std::vector<fb_process_memory>> read_memory() = 0;

    // Opens and closes the window in which there are events.
    virtual void set_recording(bool on) = 0;
    // Readable (poll) when there is something to do before the next tick; -1: never.
    [[nodiscard]] virtual int poll_fd() const = 0;
    // Hands over what there is, and partial batches older than that. 0: all up to now.
    [[nodiscard]] virtual Result<> collect(std::uint64_t older_than_ns = kMaxBatchAgeNs) = 0;
    [[nodiscard]] virtual Result<Losses> losses() = 0;
    // What was folded so far.
    [[nodiscard]] virtual Result<std::vector<profile::FoldedEntry>> folded() = 0;
    // Ends it: takes the programs out and hands over the rest. losses() and folded() are final after it.
    [[nodiscard]] virtual Result<> finish() = 0;

protected:
    // Hands everything to all sinks.
    class Tee final : public stream::Sink {
    public:
        explicit Tee(const std::vector<stream::Sink*>& sinks) : sinks_(sinks) {}
        void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
        void on_control(std::span<const std::byte> bytes) override;
        void on_round(std::uint64_t until_ns) override;

    private:
        const std::vector<stream::Sink*>& sinks_;
    };
    [[nodiscard]] Tee tee() const { return Tee(sinks_); }

private:
    std::vector<stream::Sink*> sinks_;
};

struct CollectorOptions {
    std::uint64_t ring_bytes = std::uint64_t{1} << 20U;  // of each CPU
    std::vector<std::string> without;                    // BPF programs to leave out
    std::function<bool(kernel::ProgramGroup)> needed;    // empty: all groups are
    std::string_view why;                                // said where a group is missed that is not needed
    std::string must_load;                               // without this program there is nothing to collect; empty: any
    bool verbose = false;                                // libbpf's own messages on standard error
};

// This machine's: facts, plan, load, attach, rings, the state of all tasks, and where scheduler events are asked for
// the time in which the programs learn that clock's offset (ADR 1). The layout outlives it. Usage: --without names no
// program that is loaded here. Unavailable: nothing can be observed. Interrupted: a stop was asked for meanwhile.
[[nodiscard]] Result<std::unique_ptr<Collector>> open_collector(const cgroup::Layout& layout,
                                                                const CollectorOptions& options, StopToken& stop);

}  // namespace flyball::live
