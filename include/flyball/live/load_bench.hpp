// SPDX-License-Identifier: Apache-2.0
// Runs the levels of a load on this machine, each in a cgroup of its own. Not thread-safe.
#pragma once

#include "flyball/base/stop_token.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/cgroup/transient.hpp"
#include "flyball/load/experiment.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace flyball::live {

struct BenchOptions {
    cgroup::Limits limits;
    std::vector<std::string> metrics_regex;
    // How far a level is: elapsed, in all (0: no end), requests so far.
    std::function<void(std::uint64_t, std::uint64_t, std::uint64_t)> progress;
};

class LoadBench final : public load::Bench {
public:
    // All of it has to outlive this.
    LoadBench(const cgroup::Layout& layout, const load::Plan& plan, const BenchOptions& options, StopToken& stop)
        : layout_(layout), plan_(plan), options_(options), stop_(stop)
    {
    }

    // Nothing of the level is left when it returns: its cgroup is killed, and removed.
    [[nodiscard]] Result<load::Level> run(const load::LevelSpec& spec, bool may_give_up) override;
    void rest(std::uint64_t duration_ns) override;
    [[nodiscard]] bool stopped() override { return stop_.requested(); }

    // What could not be had of the cgroups, once each.
    [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

private:
    Result<load::Level> requests(const load::LevelSpec& spec, bool may_give_up, const cgroup::TransientCgroup& home);
    Result<load::Level> generator(const load::LevelSpec& spec, const cgroup::TransientCgroup& home);
    void note(const std::string& text);

    const cgroup::Layout& layout_;
    const load::Plan& plan_;
    const BenchOptions& options_;
    StopToken& stop_;
    std::vector<std::string> notes_;
};

}  // namespace flyball::live
