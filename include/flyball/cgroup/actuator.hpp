// SPDX-License-Identifier: Apache-2.0
// The one way in which flyball changes the limits of a cgroup that it did not make.
//
// Every change is checked (a known file, a value within the kernel's bounds, nothing that kills), written to a
// journal that is on disk before the cgroup's file is touched, read back, and undone: by the actuator when it
// goes, by a watchdog process when flyball is killed or hangs (the lease), and by recover() at the next start
// when both were killed. What somebody else has changed meanwhile is left to him, and said.
//
// Not thread-safe. It forks: make it while the process has one thread.
#pragma once

#include "flyball/base/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::cgroup {

// Gone at a reboot, as the limits are.
inline constexpr const char* kJournalDirectory = "/run/flyball/journal";
// So long the watchdog waits for a sign of life.
inline constexpr std::chrono::milliseconds kLease{2000};

struct RestoreReport {
    std::size_t restored = 0;          // files that have their old value again
    std::size_t unchanged = 0;         // that had it already
    std::size_t gone = 0;              // whose cgroup was removed
    std::vector<std::string> foreign;  // somebody else's value: "DIR/FILE: 5 (ours was 4)"
    std::vector<std::string> failed;   // "DIR/FILE: why"
    [[nodiscard]] bool complete() const { return failed.empty(); }
};

struct ActuatorOptions {
    std::string journal_directory = kJournalDirectory;
    std::chrono::milliseconds lease = kLease;
    // Without it a SIGKILL is undone at the next start only: for tests of exactly that.
    bool watchdog = true;
};

class Actuator {
public:
    // Starts the watchdog. Unavailable or Io: the journal cannot be made.
    [[nodiscard]] static Result<Actuator> open(const ActuatorOptions& options = {});
    // As revert(), without a word about what fails.
    ~Actuator();
    Actuator(Actuator&&) noexcept;
    Actuator& operator=(Actuator&&) noexcept;

    // Memory.max below what is in use kills, pids.max refuses every fork.
    enum class Harm { Refused, Meant };

    // Writes a value to a limit file ("memory.high") of the cgroup at this directory. Usage: not a file or a value
    // that is allowed, or one that does harm which is not meant. Io: the kernel took another value,
    // somebody else has changed it since our last write, or the lease was lost; nothing is changed then.
    [[nodiscard]] Result<> set(const std::string& directory, std::string_view file, std::string_view value,
                               Harm harm = Harm::Refused);

    // A sign of life, at least every second.
    [[nodiscard]] Result<> beat();

    // Io: somebody else has changed one of our values, or its cgroup is gone.
    [[nodiscard]] Result<> verify() const;

    // The values stay: nothing is put back any more, whatever happens. Ends.
    void keep();

    // Puts everything back and ends. Calling it again does nothing.
    RestoreReport revert();

private:
    struct State;
    explicit Actuator(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Undoes what flyballs that were killed have left, all journals but those of living ones.
RestoreReport recover(const std::string& journal_directory = kJournalDirectory);

}  // namespace flyball::cgroup
