// SPDX-License-Identifier: Apache-2.0
// The live Launcher: a request is a process in a cgroup, and its exit status 0 is success. Not thread-safe.
//
// Waiting is until an absolute time of CLOCK_MONOTONIC by timerfd, which has no timer slack. Standard input and output
// of requests are /dev/null; the first that is written to their standard error is kept. Requests that still run when it
// is destroyed are killed, and reaped.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/cgroup/transient.hpp"
#include "flyball/load/command.hpp"
#include "flyball/load/launcher.hpp"

#include <memory>

namespace flyball::load {

class ProcessLauncher final : public Launcher {
public:
    // What is given has to outlive it. values: of the placeholders; {n} and {rate} it fills in itself, {rate} only
    // where there is no value for it.
    [[nodiscard]] static Result<ProcessLauncher> create(const Command& command, Values values,
                                                        const cgroup::TransientCgroup& cgroup, StopToken& stop);
    ~ProcessLauncher() override;
    ProcessLauncher(ProcessLauncher&&) noexcept;
    ProcessLauncher& operator=(ProcessLauncher&&) = delete;

    [[nodiscard]] std::uint64_t now_ns() const override;
    [[nodiscard]] Result<> start(const Start& request) override;
    [[nodiscard]] Result<> wait(std::uint64_t until_ns, std::vector<Ended>& ended) override;
    void kill(std::uint64_t number) override;
    [[nodiscard]] bool stopped() override;
    [[nodiscard]] std::string first_words() const override;

private:
    struct State;
    explicit ProcessLauncher(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace flyball::load
