// SPDX-License-Identifier: Apache-2.0
// Loads of known size (tools/workload), and what they say they truly did.
#pragma once

#include "process.hpp"
#include "test_cgroup.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

namespace flyball::test {

using Words = std::vector<std::string>;

class Load {
public:
    // Starts a verb of flyball-workload. It enters the cgroup when the program is loaded and running, so that only the
    // load itself happens there.
    Load(const TestCgroup& cgroup, Words words) : Load(inside(cgroup, std::move(words))) {}
    // ... outside of any test cgroup.
    explicit Load(Words words) : process_(whole(std::move(words))) {}

    // Waits for its end; the JSON line that it printed. Any failure of the load fails the test.
    nlohmann::json truth(std::chrono::seconds limit = patience(30))
    {
        const Outcome outcome = process_.wait(limit);
        INFO("load's stderr: " << outcome.err);
        REQUIRE(outcome.status == 0);
        return nlohmann::json::parse(outcome.out);
    }
    [[nodiscard]] Process& process() { return process_; }

    void wait_until_inside(const TestCgroup& cgroup) const
    {
        const std::string pid = std::to_string(process_.pid());
        for (int i = 0; i < 1000; ++i, sleep_ms(10)) {
            std::istringstream pids(cgroup.read("pids", "cgroup.procs"));
            for (std::string line; std::getline(pids, line);) {
                if (line == pid)
                    return;
            }
        }
        FAIL("a load did not enter " << cgroup.path());
    }

private:
    static Words inside(const TestCgroup& cgroup, Words words)
    {
        for (const std::string& directory : cgroup.dirs())
            words.insert(words.begin(), {"--cgroup", directory});
        return words;
    }
    static Words whole(Words words)
    {
        words.insert(words.begin(), workload_binary());
        return words;
    }

    Process process_;
};

// Runs a load to its end and gives its truth.
inline nlohmann::json run_load(const TestCgroup& cgroup, Words words)
{
    return Load(cgroup, std::move(words)).truth();
}

}  // namespace flyball::test
