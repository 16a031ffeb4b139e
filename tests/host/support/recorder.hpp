// SPDX-License-Identifier: Apache-2.0
// A running `flyball record`: ready when made, stopped as Ctrl-C does it.
#pragma once

#include "load.hpp"
#include "process.hpp"
#include "report.hpp"

#include <signal.h>

#include <string>
#include <vector>

namespace flyball::test {

inline Outcome run_flyball(Words words, const std::string& stdout_file = {})
{
    words.insert(words.begin(), flyball_binary());
    return Process(words, stdout_file).wait();
}

class Recorder {
public:
    // Returns when events flow.
    explicit Recorder(Words options = {}) : process_(whole(std::move(options)))
    {
        const bool ready = process_.wait_for_text("recording", patience(20));
        INFO("flyball record said: " << process_.err());
        REQUIRE(ready);
    }

    [[nodiscard]] Process& process() { return process_; }

    // The report's text.
    std::string stop_text()
    {
        process_.signal(SIGINT);
        const Outcome outcome = process_.wait();
        INFO("flyball record ended with " << outcome.status << ": " << outcome.err);
        REQUIRE(outcome.status == 0);
        return outcome.out;
    }
    Report stop() { return Report(stop_text()); }

    // Peak of the recorder's resident memory so far.
    [[nodiscard]] std::uint64_t peak_rss() const
    {
        return 1024 * field(read_text("/proc/" + std::to_string(process_.pid()) + "/status"), "VmHWM:");
    }

private:
    static Words whole(Words options)
    {
        Words words{flyball_binary(), "record", "-j"};
        words.insert(words.end(), options.begin(), options.end());
        return words;
    }
    Process process_;
};

}  // namespace flyball::test
