// SPDX-License-Identifier: Apache-2.0
// Each verb, in each phase, by each signal, with each kind of output: it ends at once, with the right status, and
// leaves nothing.
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/recorder.hpp"
#include "support/test_cgroup.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace flyball::test;

namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kAtOnce{500}, kAllGone{2000};
constexpr int kTries = 4;  // of a cell that took longer: another program had the CPUs, or it is the fourth time too

enum class Output { Quiet, Blocked, Full };

// How a verb ends that was told to stop.
enum class End {
    Result,       // the result so far is printed, and that is a success
    Interrupted,  // 128 + the signal
    Nothing,      // there was nothing to print
    Negative,     // the result so far is printed, and says that it is not whole: 1
};

struct Phase {
    const char* said;  // on standard error when it begins
    int later_ms;      // the signal comes so much after that
    End end;
};

struct Verb {
    std::vector<std::string> words;
    bool command;  // gets a command that leaves children
    bool streams;  // prints while it runs, more than a pipe takes
    std::vector<Phase> phases;
};

const std::vector<Verb>& verbs()
{
    static const std::vector<Verb> kAll{
        {{"record"}, true, false, {{"loading", 0, End::Interrupted}, {"recording the command", 300, End::Result}}},
        {{"record"}, false, false, {{"recording", 100, End::Result}}},
        {{"record", "-o", "-", "-f", "none"}, false, true, {{"recording", 1300, End::Result}}},
        {{"explain"}, true, false, {{"recording the command", 300, End::Result}}},
        {{"explain", "-f", "trace"}, true, true, {{"recording the command", 500, End::Result}}},
        {{"oom", "watch"}, true, false, {{"loading", 0, End::Interrupted}, {"watching", 200, End::Nothing}}},
        {{"oom", "test", "--repeat", "1000", "trigger"}, false, false, {{"trigger", 200, End::Negative}}},
        {{"tune", "pids", "--warm-up", "0", "-d", "60s"}, true, false, {{"pids of", 300, End::Interrupted}}},
        {{"load", "-d", "60s", "--rate", "20", "--", "true"}, false, false, {{nullptr, 1000, End::Result}}},
        // Its command is in its specification.
        {{"calibrate"},
         true,
         false,
         {{"baseline, steady", 300, End::Interrupted}, {"counting its tasks", 300, End::Interrupted}}},
    };
    return kAll;
}

// In the command line of what the command starts.
std::string mark()
{
    static int n = 0;
    return std::to_string(80'000 + getpid() % 10'000) + "." + std::to_string(1000 + n++);
}

// Standard output that takes nothing more, and is never read.
class Blocked {
public:
    Blocked()
    {
        REQUIRE(mkfifo(path_.path().c_str(), 0600) == 0);
        fd_ = open(path_.path().c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
        REQUIRE(fd_ >= 0);
        REQUIRE(fcntl(fd_, F_SETPIPE_SZ, 4096) > 0);
        const std::string some(512, 'x');
        while (write(fd_, some.data(), some.size()) > 0) {
        }
    }
    ~Blocked() { close(fd_); }
    Blocked(const Blocked&) = delete;
    Blocked& operator=(const Blocked&) = delete;
    [[nodiscard]] const std::string& path() const { return path_.path(); }

private:
    Scratch path_{"blocked"};
    int fd_ = -1;
};

bool any_process_with(const std::string& text)
{
    std::error_code gone;
    for (const auto& entry : fs::directory_iterator("/proc", gone)) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos)
            continue;
        const std::ifstream file(entry.path() / "cmdline", std::ios::binary);
        std::ostringstream words;
        words << file.rdbuf();
        if (words.str().find(text) != std::string::npos)
            return true;
    }
    return false;
}

bool any_cgroup_of(pid_t owner)
{
    for (const std::string& mount : CgroupTree::instance().mounts()) {
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(mount + "/flyball", none)) {
            if (entry.path().filename().string().starts_with("run-" + std::to_string(owner) + "-"))
                return true;
        }
    }
    return false;
}

int expected(const Phase& phase, int signal, Output output)
{
    if (signal == SIGKILL || phase.end == End::Interrupted)
        return 128 + signal;
    if (phase.end == End::Nothing)
        return 0;
    return output == Output::Full || phase.end == End::Negative ? 1 : 0;
}

// The words behind `calibrate`, for a component with this command.
std::vector<std::string> words_of_calibration(const std::string& directory, const std::string& command)
{
    fs::create_directories(directory);
    std::ofstream(directory + "/spec.json") << R"({"name": "stopped", "duration": "1s", "warmup": "0s", "iterations": 1,
        "components": [{"name": "pool", "resource_limits": {"pids.max": 64}, "targets": ["tasks <= 64"],
        "command": ")" << command << R"(", "scenarios": [{"name": "steady"}]}]})";
    return {directory + "/spec.json", "-o", directory + "/out"};
}

// How long it took to end; to be gone, for one that was killed.
milliseconds one(const Verb& verb, const Phase& phase, int signal, Output output)
{
    const std::string marked = mark();
    std::vector<std::string> words{flyball_binary()};
    words.insert(words.end(), verb.words.begin(), verb.words.end());
    const std::string command = "sleep " + marked + " & sleep " + marked + " & wait";
    const Scratch calibration("stopped");
    if (verb.words.front() == "calibrate") {
        const auto more = words_of_calibration(calibration.path(), command);
        words.insert(words.end(), more.begin(), more.end());
    } else if (verb.command)
        words.insert(words.end(), {"--", "sh", "-c", command});
    const Blocked blocked;
    Process process(words, output == Output::Quiet  ? "/dev/null"
                           : output == Output::Full ? "/dev/full"
                                                    : blocked.path());
    const pid_t pid = process.pid();
    if (phase.said != nullptr && !process.wait_for_text(phase.said, patience(60))) {
        // What streams from its first byte on may know by then that nothing can be written.
        if (!(verb.streams && output == Output::Full && process.wait().status == 1))
            FAIL(process.err());
        return milliseconds(0);
    }
    sleep_ms(phase.later_ms);
    const auto told = steady_clock::now();
    process.signal(signal);
    const int status = process.wait(patience(20)).status;
    auto ended = steady_clock::now();
    // What streams may have got all into the pipe, or not.
    if (!(verb.streams && output == Output::Blocked && status == 128 + signal))
        CHECK(status == expected(phase, signal, output));
    if (signal == SIGKILL) {
        const auto most = ended + patience(20);
        while ((any_cgroup_of(pid) || any_process_with(marked)) && steady_clock::now() < most)
            sleep_ms(10);
        ended = steady_clock::now();
    }
    CHECK_FALSE(any_cgroup_of(pid));
    CHECK_FALSE(any_process_with(marked));
    return std::chrono::duration_cast<milliseconds>(ended - told);
}

std::string named(const Verb& verb, const Phase& phase, int signal, Output output)
{
    std::string text;
    for (const std::string& word : verb.words)
        text += word + " ";
    text += verb.command ? "-- CMD, " : ", ";
    text += phase.said != nullptr ? phase.said : "running";
    return text + ", signal " + std::to_string(signal) + ", output " + std::to_string(static_cast<int>(output));
}

void cell(const Verb& verb, const Phase& phase, int signal, Output output)
{
    INFO(named(verb, phase, signal, output));
    const milliseconds most = signal == SIGKILL ? kAllGone : kAtOnce;
    milliseconds best = milliseconds::max();
    for (int i = 0; i < kTries && best > most; ++i)
        best = std::min(best, one(verb, phase, signal, output));
    CHECK(best <= most);
}

}  // namespace

TEST_CASE("a signal ends each verb at once, in each phase, whatever its output: nothing is left",
          "[kernel][stop][user_space]")
{
    require_root();
    for (const Verb& verb : verbs()) {
        for (const Phase& phase : verb.phases) {
            for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGKILL})
                cell(verb, phase, signal, Output::Quiet);
            // What the output does, one signal shows.
            for (const Output output : {Output::Blocked, Output::Full})
                cell(verb, phase, SIGTERM, output);
        }
    }
}

TEST_CASE("a blocked output does not outlive -d", "[kernel][stop][user_space]")
{
    require_root();
    for (const std::vector<std::string>& words : {std::vector<std::string>{"record", "-d", "1s"},
                                                  {"explain", "-d", "1s", "-f", "trace"},
                                                  {"record", "-d", "1s", "-f", "none", "-o", "-"},
                                                  {"oom", "watch", "-d", "1s"}}) {
        INFO(words.front() << " " << words.back());
        milliseconds best = milliseconds::max();
        for (int i = 0; i < kTries && best > kAtOnce; ++i) {
            const Blocked blocked;
            std::vector<std::string> all{flyball_binary()};
            all.insert(all.end(), words.begin(), words.end());
            Process process(all, blocked.path());
            if (!process.wait_for_text(words.front() == "oom" ? "watching" : "recording", patience(60)))
                FAIL(process.err());
            const auto end = steady_clock::now() + std::chrono::seconds(1);
            (void)process.wait(patience(20));
            best = std::min(best, std::chrono::duration_cast<milliseconds>(steady_clock::now() - end));
        }
        CHECK(best <= kAtOnce);
    }
}

TEST_CASE("a reader that goes away ends each verb as it ends cat", "[kernel][stop][user_space]")
{
    require_root();
    const Scratch recorded("recorded");
    REQUIRE(run_flyball({"record", "-d", "200ms", "-f", "none", "-o", recorded.path()}).status == 0);
    for (const std::string verb : {"doctor", "record -q -d 200ms", "explain -q -d 200ms",
                                   "explain -q -f trace -d 200ms", "record -q -f none -o - -d 200ms",
                                   "load -q -d 300ms --rate 20 -- true", "tune pids -q --warm-up 0 -d 1s -- sleep 2"}) {
        INFO(verb);
        const Outcome outcome =
            Process({"bash", "-c", flyball_binary() + " " + verb + " 2>/dev/null | true; echo ${PIPESTATUS[0]} >&2"})
                .wait();
        CHECK(outcome.err == "141\n");
    }
}

TEST_CASE("the next start clears up after a flyball and its reaper that were both killed", "[kernel][stop][user_space]")
{
    require_root();
    const std::string marked = mark();
    Process process(
        {flyball_binary(), "record", "--", "sh", "-c", "sleep " + marked + " & sleep " + marked + " & wait"});
    REQUIRE(process.wait_for_text("recording the command", patience(60)));
    const pid_t pid = process.pid();
    REQUIRE(any_cgroup_of(pid));
    // It is the one child of flyball that is no command.
    const Outcome reaper = Process({"pkill", "-KILL", "-P", std::to_string(pid), "flyball-reaper"}).wait();
    if (reaper.status == 127)
        FB_SKIP("needs pkill");
    REQUIRE(reaper.status == 0);
    process.signal(SIGKILL);
    (void)process.wait();
    REQUIRE(any_cgroup_of(pid));
    REQUIRE(any_process_with(marked));
    const Outcome next = run_flyball({"record", "-d", "100ms", "-f", "none"});
    CHECK(next.err.find("removed 1 cgroup that a flyball that was killed had left") != std::string::npos);
    CHECK_FALSE(any_cgroup_of(pid));
    CHECK_FALSE(any_process_with(marked));
}
