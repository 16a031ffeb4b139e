// SPDX-License-Identifier: Apache-2.0
// One run of one scenario: its cgroups and processes, the verdicts that concern them, and what is expected.
//
// A scenario reads as a story: what goes wrong with the machine, or is not there, ends it by an exception, which
// the loop over the scenarios catches. None leaves this room.
#pragma once

#include "flyball/oom/testing.hpp"
#include "ground.hpp"
#include "process.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace flyball::oom {

// The machine failed, not the scenario.
struct Broken {
    Error error;
};
// What the scenario needs is not here.
struct Lacking {
    std::string what;
};

// The value, or Broken.
template <class T>
T must(Result<T> result)
{
    if (!result)
        throw Broken{std::move(result.error())};
    if constexpr (!std::is_void_v<T>)
        return std::move(*result);
}

class Trial {
public:
    Trial(const TestOptions& options, const cgroup::Layout& layout, EpisodeSource& source, ScenarioResult& result);

    [[nodiscard]] const TestOptions& options() const { return options_; }
    [[nodiscard]] Ground& ground() { return *ground_; }
    [[nodiscard]] EpisodeSource& source() { return source_; }
    [[nodiscard]] std::uint64_t limit() const { return options_.limit_bytes; }

    // Makes the ground. Lacking: v2 (memory.oom.group, memory.high, trees).
    void begin(bool needs_unified);
    void skip(std::string reason);

    // A cgroup below `parent` ("": the top); with memory.max, no swap, and memory.oom.group where there is such.
    [[nodiscard]] std::string cgroup(const std::string& parent, std::string_view name,
                                     std::optional<std::uint64_t> limit, bool group);
    // A process in it; references stay good.
    [[nodiscard]] Process& start(const std::string& path, const Job& job);
    // Writes a value and tells of it.
    void set(const std::string& path, std::string_view file, std::uint64_t value);
    // Until all that were started have touched their memory.
    void all_ready();

    // Takes in verdicts until it is true, or for that long. False: it did not come true.
    bool until(const std::function<bool()>& done, std::uint64_t patience_ns);
    // Until so many kills were judged, and nothing more is under way.
    void kills(std::size_t count);
    // For what must not happen: as long as a verdict takes.
    void settle();

    // Those of them in which somebody was killed: a decision may find that its chosen one is dying already.
    [[nodiscard]] std::size_t kill_count() const;
    // Verdicts about cgroups of this ground, in order.
    [[nodiscard]] const std::vector<Judged>& episodes() const { return result_.episodes; }
    [[nodiscard]] const std::vector<profile::OtherKill>& other_kills() const { return other_kills_; }

    void step(std::string what);
    void step_at(std::uint64_t at_ns, std::string what);  // CLOCK_MONOTONIC
    // From now on no steps for each cgroup and process, and none for each kill.
    void in_short() { in_short_ = true; }
    void expect(std::string name, bool held, std::string detail);
    void unclear(std::string name, std::string detail);
    void bound(std::string name, std::optional<std::uint64_t> value_ns, std::uint64_t limit_ns);

    void expect_verdict(const Judged& judged);
    // What holds for every kill: passed by its verdict, these victims and no others, in time.
    void expect_kill(const Judged& judged, const std::vector<Process*>& victims, const std::string& group_cgroup);
    // All processes of this list ended by SIGKILL, as their parent sees it.
    void expect_ended(const std::vector<Process*>& processes);
    void expect_alive(const std::vector<Process*>& processes);

    [[nodiscard]] ScenarioResult& result() { return result_; }
    // Takes everything down and concludes.
    void end();

private:
    void take(std::vector<Judged> due);
    void tell(const Judged& judged);

    const TestOptions& options_;
    const cgroup::Layout& layout_;
    EpisodeSource& source_;
    ScenarioResult& result_;
    std::optional<Ground> ground_;
    std::deque<Process> processes_;
    std::vector<profile::OtherKill> other_kills_;
    std::uint64_t began_ns_;
    bool in_short_ = false;
};

// "7, 8, 9"
[[nodiscard]] std::string pids(const std::vector<Process*>& processes);

using Scenario = void (*)(Trial&);
struct ScenarioEntry {
    ScenarioName name;
    Scenario run;
    bool needs_unified = true;
};

}  // namespace flyball::oom
