// SPDX-License-Identifier: Apache-2.0
// From events to a Snapshot. The same code runs live and on replay.
//
// Memory is bounded by cgroups seen, not by the length of the run. Not thread-safe.
#pragma once

#include "flyball/profile/snapshot.hpp"
#include "flyball/stream/sink.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::profile {

// A cgroup that existed when the recording began.
struct KnownCgroup {
    int hierarchy = 0;
    std::uint64_t id = 0;
    std::string path;
};

// What the kernel folded while rings were full.
struct FoldedEntry {
    fb_fold_key key;
    fb_fold_value value;
};

// Everything the reader of the BPF maps hands over besides the events.
struct Closing {
    std::uint64_t end_ns = 0;
    std::vector<FoldedEntry> folded;
    std::vector<ProgramLoss> programs;  // delivered is filled in by the accumulator
    std::map<std::string, std::uint64_t> recursion_misses;
    std::vector<CounterWindow> counters;
    std::vector<fb_task_record> tasks_first, tasks_last;
    std::vector<std::string> warnings;
    std::optional<Stacks> stacks;  // a chunk of its own in a recording
};

class Accumulator final : public stream::Sink {
public:
    Accumulator(Meta meta, std::vector<KnownCgroup> known);
    ~Accumulator() override;
    Accumulator(Accumulator&&) noexcept;
    Accumulator& operator=(Accumulator&&) noexcept;

    void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
    void on_control(std::span<const std::byte> bytes) override;

    // Events received so far (stream and control), for progress lines.
    [[nodiscard]] std::uint64_t received() const;

    // Paths of the cgroups created since the last call and still alive: for counter sampling.
    [[nodiscard]] std::vector<std::string> take_created();

    // Ends the run. The accumulator is spent after it.
    [[nodiscard]] Snapshot finish(Closing closing) &&;

private:
    struct State;
    std::unique_ptr<State> state_;
};

// "/a/*", "a", "/sys/fs/cgroup/a", "x.service": does -c PATTERN select PATH or an ancestor of it?
// A pattern without a slash names any component of the path; one with a slash starts at the root
// ("a/b" is "/a/b"). Wildcards do not cross slashes. No patterns at all select everything.
[[nodiscard]] bool filter_selects(std::span<const std::string> patterns, std::string_view path);

}  // namespace flyball::profile
