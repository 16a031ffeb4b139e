// SPDX-License-Identifier: Apache-2.0
#include "jobs.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::oom {

std::vector<Process*> start_crowd(Trial& trial, const std::string& path, std::size_t sitters)
{
    std::vector<Process*> all{&trial.start(path, hog(trial))};
    for (std::size_t i = 0; i < sitters; ++i)
        all.push_back(&trial.start(path, sitter(trial)));
    return all;
}

void run_over(Trial& trial, Process& hog)
{
    trial.all_ready();
    trial.step(fmt::format("{} may grow", hog.pid()));
    hog.go();
    trial.kills(1);
}

const Judged* the_kill(Trial& trial)
{
    trial.expect("one kill", trial.kill_count() == 1, seen(trial.kill_count()));
    const auto& episodes = trial.episodes();
    const auto kill = std::ranges::find_if(episodes, [](const Judged& j) { return !j.episode.victims.empty(); });
    return kill == episodes.end() ? nullptr : &*kill;
}

std::string seen(std::size_t n)
{
    return fmt::format("{} {} seen", n, n == 1 ? "was" : "were");
}

}  // namespace flyball::oom
