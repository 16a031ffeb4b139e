// SPDX-License-Identifier: Apache-2.0
// Wrong requests and lacking means: one line that says what and why, the right exit code, nothing left behind.
#include "support/recorder.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace flyball::test;

namespace {

constexpr int kFailed = 1, kUsage = 2, kLacking = 3;

// One line, after those that tell of progress where the work had begun.
void check_complaint(const Outcome& outcome, int status, const std::string& says)
{
    INFO("exit " << outcome.status << ", stderr: " << outcome.err << ", stdout: " << outcome.out.substr(0, 200));
    CHECK(outcome.status == status);
    std::istringstream all(outcome.err);
    std::vector<std::string> complaints;
    for (std::string line; std::getline(all, line);) {
        if (line != "flyball: loading and attaching" && !line.starts_with("flyball: recording"))
            complaints.push_back(line);
    }
    REQUIRE(complaints.size() == 1);
    CHECK(complaints[0].starts_with("flyball: "));
    CHECK(complaints[0].find(says) != std::string::npos);
    CHECK(complaints[0].find("internal") == std::string::npos);
}

std::size_t run_cgroups()
{
    std::size_t found = 0;
    for (const std::string& mount : CgroupTree::instance().mounts()) {
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator(mount + "/flyball", ignored)) {
            found += entry.path().filename().string().starts_with("run-");
        }
    }
    return found;
}

void write_file(const std::string& path, const std::string& bytes)
{
    std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE("record refuses wrong requests", "[kernel][cli][user_space]")
{
    require_root();
    const std::size_t before = run_cgroups();
    struct Case {
        Words words;
        int status;
        const char* says;
    };
    const std::vector<Case> cases{
        {{"record", "-c", "/no/such/cgroup-here", "-d", "1s"}, kUsage, "no/such/cgroup-here"},
        {{"record", "-d", "tomorrow"}, kUsage, "tomorrow"},
        {{"record", "-d", "-3s"}, kUsage, ""},
        {{"record", "-d", "1s", "-o", "/no/such/directory/file"}, kUsage, "/no/such/directory/file"},
        {{"record", "-d", "1s", "--ring-size", "many"}, kUsage, "many"},
        {{"record", "-d", "1s", "--memory-max", "64M"}, kUsage, "--"},
        {{"record", "--cpu-max", "quick", "--", "true"}, kUsage, "quick"},
        {{"record", "--stacks=1000", "-o", "/dev/null", "--", "true"}, kUsage, "from 1 to 999"},
        {{"explain", "--stacks=x", "-f", "folded", "--", "true"}, kUsage, "from 1 to 999"},
        {{"record", "--stacks", "--", "true"}, kUsage, "would show no stacks"},
        {{"explain", "--stacks", "--", "true"}, kUsage, "would show no stacks"},
        {{"explain", "/no/such/file", "--stacks", "-f", "folded"}, kUsage, "either replays"},
        {{"record", "--no-such-option"}, kUsage, "--no-such-option"},
        {{"report", "/no/such/file"}, kUsage, "/no/such/file"},
        {{"report"}, kUsage, "FILE"},
        {{"no-such-verb"}, kUsage, ""},
        {{}, kUsage, ""},
    };
    for (const Case& wrong : cases) {
        std::string said = "flyball";
        for (const std::string& word : wrong.words)
            said += ' ' + word;
        INFO(said);
        check_complaint(run_flyball(wrong.words), wrong.status, wrong.says);
    }
    CHECK(run_cgroups() == before);
}

TEST_CASE("what cannot be written or run is refused before anything is loaded or made", "[kernel][cli][user_space]")
{
    require_root();
    const std::size_t before = run_cgroups();
    const Scratch directory("early"), kept("kept");
    std::filesystem::create_directory(directory.path());
    write_file(kept.path(), "a recording of value");
    const std::string plain = directory.path() + "/plain", orphan = directory.path() + "/orphan";
    write_file(plain, "#!/bin/sh\n");
    write_file(orphan, "#!/no/such/interpreter\n");
    std::filesystem::permissions(orphan, std::filesystem::perms::owner_all);
    struct Case {
        Words words;
        const char* says;
    };
    const std::vector<Case> cases{
        {{"-d", "1s", "-o", directory.path()}, "Is a directory"},
        {{"-d", "1s", "-o", directory.path() + "/no/file"}, "is there a directory"},
        {{"-d", "1s", "-o", plain + "/file"}, "Not a directory"},
        {{"-d", "1s", "-o", "/proc/self/file"}, "/proc/self/file"},
        {{"-o", kept.path(), "--", "no-such-command-here"}, "no such command in $PATH"},
        {{"-o", kept.path(), "--", plain}, "Permission denied"},
        {{"-o", kept.path(), "--", orphan}, "/no/such/interpreter"},
        {{"-o", kept.path(), "--", directory.path()}, "Is a directory"},
        {{"--", ""}, "$PATH"},
    };
    for (const Case& wrong : cases) {
        Words words{"record"};
        words.insert(words.end(), wrong.words.begin(), wrong.words.end());
        const Outcome outcome = run_flyball(words);
        check_complaint(outcome, kUsage, wrong.says);
        // "loading and attaching" is what it says first when it goes to work.
        CHECK(outcome.err.find("loading") == std::string::npos);
        CHECK(outcome.err.find('(') != std::string::npos);
    }
    CHECK(read_text(kept.path()) == "a recording of value");
    CHECK(run_cgroups() == before);
}

TEST_CASE("a recording is replaced when the next one begins, and not before", "[kernel][cli][user_space]")
{
    require_root();
    const Scratch file("replaced"), fresh("fresh");
    write_file(file.path(), "a recording of value");
    check_complaint(run_flyball({"record", "-d", "1s", "-o", file.path(), "-c", "/no/such/cgroup-here"}), kUsage,
                    "no/such");
    CHECK(read_text(file.path()) == "a recording of value");
    check_complaint(run_flyball({"record", "-d", "1s", "-o", fresh.path(), "-c", "/no/such/cgroup-here"}), kUsage,
                    "no/such");
    CHECK_FALSE(std::filesystem::exists(fresh.path()));
    // Longer than the new one will be.
    write_file(file.path(), std::string(64 * kMiB, 'x'));
    const Outcome recorded = run_flyball({"record", "-d", "200ms", "-f", "none", "-o", file.path()});
    INFO(recorded.err);
    CHECK(recorded.status == 0);
    CHECK(std::filesystem::file_size(file.path()) < 64 * kMiB);
    CHECK(run_flyball({"report", "-f", "none", file.path()}).status == 0);
}

TEST_CASE("a command's cgroup goes with it, also when it leaves processes", "[kernel][cli]")
{
    require_root();
    const std::size_t before = run_cgroups();
    const Outcome outcome = run_flyball({"record", "-f", "none", "--", "sh", "-c", "sleep 1000 & true"});
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    CHECK(run_cgroups() == before);
}

TEST_CASE("full disks are said, and do not cost the report", "[kernel][cli][user_space]")
{
    require_root();
    const Outcome full_stdout = run_flyball({"record", "-d", "200ms", "-j"}, "/dev/full");
    INFO(full_stdout.err);
    CHECK(full_stdout.status == kFailed);
    CHECK(full_stdout.err.find("No space left") != std::string::npos);

    const Outcome full_file = run_flyball({"record", "-d", "200ms", "-j", "-o", "/dev/full"});
    check_complaint(full_file, kFailed, "No space left");

    // A disk that fills up on the way, in a mount that nobody else sees.
    if (access("/usr/bin/unshare", X_OK) != 0)
        FB_SKIP("needs unshare");
    Load events({"sleepwake", "100000", "--period-us", "200"});  // more than fits
    const Outcome filled = Process({"/usr/bin/unshare", "-m", "sh", "-c",
                                    std::string("mount -t tmpfs -o size=") + (in_lab() ? "8k" : "12k") +
                                        " none /mnt && exec \"$0\" record -d 2s -j -o /mnt/file",
                                    flyball_binary()})
                               .wait();
    INFO(filled.err);
    CHECK(filled.status == kFailed);
    CHECK(filled.err.find("No space left") != std::string::npos);
    const Report report(filled.out);
    const bool reported = !report.paths().empty();
    CHECK(reported);
}

TEST_CASE("report refuses what is no whole recording, and says where", "[kernel][cli][user_space]")
{
    require_root();
    const Scratch good("good"), bad("bad");
    const Outcome recorded = run_flyball({"record", "-d", "300ms", "-f", "none", "-o", good.path()});
    INFO(recorded.err);
    REQUIRE(recorded.status == 0);
    const std::string bytes = read_text(good.path());
    REQUIRE(bytes.size() > 200);

    write_file(bad.path(), "this is no recording, but it is long enough to be taken for one\n");
    check_complaint(run_flyball({"report", bad.path()}), kUsage, bad.path());
    write_file(bad.path(), "");
    check_complaint(run_flyball({"report", bad.path()}), kUsage, bad.path());
    for (const std::size_t cut : {std::size_t{9}, bytes.size() / 2, bytes.size() - 1}) {
        INFO("cut at " << cut << " of " << bytes.size());
        write_file(bad.path(), bytes.substr(0, cut));
        check_complaint(run_flyball({"report", bad.path()}), kUsage, "at byte");
    }
    std::string newer = bytes;
    newer[8] = static_cast<char>(newer[8] + 1);
    write_file(bad.path(), newer);
    check_complaint(run_flyball({"report", bad.path()}), kUsage, "newer");
    std::string corrupt = bytes;
    corrupt[bytes.size() / 2] = static_cast<char>(corrupt[bytes.size() / 2] ^ 0x55);
    write_file(bad.path(), corrupt);
    check_complaint(run_flyball({"report", bad.path()}), kUsage, "at byte");
}

TEST_CASE("whatever becomes of standard error, each verb ends as ever", "[kernel][cli][user_space]")
{
    require_root();
    const Scratch recorded("recorded"), file("file");
    REQUIRE(run_flyball({"record", "-d", "100ms", "-f", "none", "-o", recorded.path()}).status == 0);
    const std::vector<std::string> verbs = {
        "doctor",
        "record -d 100ms",
        "record -d 100ms -o " + file.path(),
        "record -v -d 100ms",
        "explain -d 100ms -- sleep 0.1",
        "report " + recorded.path(),
        "report /no/such/file",
        "compare " + recorded.path() + " " + recorded.path(),
        "oom test --list",
        "oom watch -d 100ms",
        "tune pids --warm-up 0 -d 1s -- sleep 1.5",
        "load -d 500ms -- true",
        "calibrate /no/such/file",
        "no-such-verb",
        "--version",
    };
    for (const std::string& verb : verbs) {
        const auto status_with = [&](const std::string& redirection) {
            // The status of flyball, not that of what reads.
            const Outcome outcome =
                Process({"bash", "-c", "set -o pipefail; " + flyball_binary() + " " + verb + " " + redirection}).wait();
            std::filesystem::remove(file.path());
            return outcome.status;
        };
        const int as_ever = status_with("2>/dev/null >/dev/null");
        for (const char* redirection : {"2>/dev/full >/dev/null", "2>&- >/dev/null", "2>&1 >/dev/null | true"}) {
            INFO(verb << " " << redirection);
            CHECK(status_with(redirection) == as_ever);
        }
    }
}

TEST_CASE("record: SIGINT ends it also where a script started it in the background", "[kernel][cli][any_kernel]")
{
    require_root();
    const Outcome outcome =
        Process({"sh", "-c",
                 flyball_binary() +
                     " record -f none & sleep 1; while kill -INT $! 2>/dev/null; do sleep 0.2; done; wait $!; echo $?"})
            .wait(patience(30));
    INFO(outcome.err);
    // 130: where it had not yet begun to record by then.
    CHECK((outcome.out == "0\n" || outcome.out == "130\n"));
}

TEST_CASE("without root: what is lacking, and exit code 3", "[kernel][cli][any_kernel]")
{
    require_root();
    if (access("/usr/bin/setpriv", X_OK) != 0)
        FB_SKIP("needs setpriv");
    const Outcome outcome = Process({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                     flyball_binary(), "record", "-d", "1s"})
                                .wait();
    if (outcome.status == 127 || outcome.status == 126)
        FB_SKIP("setpriv cannot run flyball here");
    check_complaint(outcome, kLacking, "root");
    // What no privilege would help comes first.
    const Outcome wrong = Process({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                   flyball_binary(), "record", "-d", "1s", "-o", "/no/such/directory/file"})
                              .wait();
    check_complaint(wrong, kUsage, "/no/such/directory");
}
