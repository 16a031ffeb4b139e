// SPDX-License-Identifier: Apache-2.0
// A cgroup of this machine as the tuners see it: it runs already, or a command is started in one of its own.
// Not thread-safe: one thread, which has to be the only one when it is opened (the watchdog is forked).
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/process/child.hpp"
#include "flyball/tune/guard.hpp"
#include "flyball/tune/proposal.hpp"
#include "flyball/tune/subject.hpp"
#include "flyball/tune/writes.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

class EventSource;

struct LiveSubjectOptions {
    std::string cgroup;  // as a user names it; empty: the command's own
    std::vector<std::string> command;
    cgroup::Limits limits;  // of the command's cgroup
    std::vector<tune::Write>
        writes;  // limits besides: to stay in a command's cgroup, for a time in one that runs already
    std::vector<std::string> load;         // runs outside of the cgroup, and is what tells; empty: the command does
    std::vector<std::string> environment;  // NAME=VALUE of both
    int output_fd = 2;                     // takes what both print; 2: standard output there, standard error as it is
    bool guarded = true;                   // what a guard sees ends it
    bool may_experiment = false;
    std::string metrics_file;                   // of a cgroup that runs already
    std::vector<std::string> metrics_patterns;  // KIND:REGEX over the command's output
    std::vector<std::string> health;            // a command, empty: none
    tune::GuardOptions guard;
    bool io = false;  // windows have what it did on block devices
    std::vector<std::string> without;
    std::shared_ptr<EventSource> events;  // loaded already, with block I/O if that is wanted; nullptr: loads its own
    bool verbose = false;
    StopToken* stop = nullptr;  // outlives it; never nullptr
    std::function<void(std::string_view)> say;
};

class LiveSubject final : public tune::Subject {
public:
    // Usage: no such cgroup, or more than one is meant. Unavailable: it cannot be observed, or not experimented with.
    // The command waits until start().
    [[nodiscard]] static Result<LiveSubject> open(const LiveSubjectOptions& options);
    ~LiveSubject() override;
    LiveSubject(LiveSubject&&) noexcept;
    LiveSubject& operator=(LiveSubject&&) noexcept;

    [[nodiscard]] Result<> start();
    [[nodiscard]] bool has_load() const;
    // Io: somebody else has set one of its limits meanwhile.
    [[nodiscard]] Result<> verify() const;
    // In two steps, where the load waits for its service to be up.
    [[nodiscard]] Result<> start_service();
    [[nodiscard]] Result<> start_load();

    [[nodiscard]] const std::string& cgroup() const override;
    [[nodiscard]] unsigned cpus() const override;
    [[nodiscard]] std::uint64_t memory_bytes() const override;
    [[nodiscard]] Result<tune::Reading> read() override;
    [[nodiscard]] Result<tune::Window> run(std::uint64_t length_ns) override;
    [[nodiscard]] bool may_experiment() const override;
    [[nodiscard]] std::optional<std::string> limit(std::string_view file) override;
    [[nodiscard]] Result<> set(std::string_view file, std::string_view value) override;
    [[nodiscard]] Result<std::uint64_t> reclaim(std::uint64_t bytes) override;
    [[nodiscard]] Result<> keep_up() override;
    void say(std::string_view what) override;
    [[nodiscard]] Result<> spend(double lost_s) override;

    // Puts back what experiments have changed, and says what could not be. After it set() fails.
    [[nodiscard]] std::vector<std::string> revert();
    // Writes values to stay; only after revert(). All of them or, when one fails, none. Not where it was stopped, or a
    // file is not what it was when the value was found.
    [[nodiscard]] Result<> apply(const tune::Proposal& proposal);

    [[nodiscard]] const cgroup::Layout& layout() const;
    // Of the command whose end ends it: the load where there is one. nullopt: it runs.
    [[nodiscard]] std::optional<process::ExitStatus> status() const;
    // Looks whether anything of it has ended, as run() does.
    [[nodiscard]] Result<> look();
    // Of the command, where it has failed under its load: that ends it, too.
    [[nodiscard]] std::optional<process::ExitStatus> failed_service() const;
    // Limits of LiveSubjectOptions::writes that this machine has not.
    [[nodiscard]] const std::vector<std::string>& not_written() const;

    // All windows so far as one, of tasks and kernel counters only.
    [[nodiscard]] tune::Window seen_so_far() const;
    [[nodiscard]] double spent_s() const;
    // What was wrong with what the workload told.
    [[nodiscard]] std::vector<std::string> complaints() const;

private:
    struct State;
    explicit LiveSubject(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::live
