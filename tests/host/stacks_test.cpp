// SPDX-License-Identifier: Apache-2.0
// Sampled stacks against a load whose functions have known shares of its time.
#include "flyball/profile/recording.hpp"
#include "support/recorder.hpp"

#include <algorithm>
#include <string_view>

using namespace flyball;
using namespace flyball::test;

namespace {

constexpr std::uint64_t kHz = 199;

void require_stacks()
{
    require_root();
    const auto doctor = nlohmann::json::parse(run_flyball({"doctor", "-j"}).out);
    for (const auto& metric : doctor.at("metrics")) {
        if (metric.at("metric") == "cpu.stacks" && !metric.at("available").get<bool>())
            FB_SKIP("no cpu.stacks: " + metric.at("note").get<std::string>());
    }
}

struct Line {
    std::string stack;  // ";frame;frame;", so that a whole frame can be looked for
    std::uint64_t samples = 0;
    [[nodiscard]] bool has(std::string_view frame) const
    {
        return stack.find(';' + std::string(frame) + ';') != std::string::npos;
    }
};

// The lines of one cgroup, as `explain FILE -f folded` prints them.
std::vector<Line> folded(const std::string& file, const TestCgroup& cgroup)
{
    const Outcome outcome = run_flyball({"explain", file, "-f", "folded"});
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    std::string prefix = cgroup.path().substr(1) + ";";
    std::ranges::replace(prefix, '/', ';');
    std::vector<Line> found;
    std::istringstream lines(outcome.out);
    for (std::string line; std::getline(lines, line);) {
        const auto space = line.rfind(' ');
        REQUIRE(space != std::string::npos);
        if (line.starts_with(prefix))
            found.push_back({";" + line.substr(0, space) + ";", std::stoull(line.substr(space + 1))});
    }
    return found;
}

template <class Which>
std::uint64_t count(const std::vector<Line>& lines, Which which)
{
    std::uint64_t sum = 0;
    for (const Line& line : lines)
        sum += which(line) ? line.samples : 0;
    return sum;
}

std::string words(const std::vector<Line>& lines)
{
    std::string text;
    for (const Line& line : lines)
        text += line.stack + ' ' + std::to_string(line.samples) + '\n';
    return text;
}

profile::Stacks stacks_of(const std::string& file)
{
    auto replayed = profile::replay(file);
    if (!replayed)
        FAIL(replayed.error().what);
    REQUIRE(replayed->stacks);
    return *replayed->stacks;
}

}  // namespace

TEST_CASE("stacks: functions have the shares of the time that they spent", "[kernel][stacks]")
{
    require_stacks();
    const TestCgroup cgroup("stacks");
    const Scratch file("stacks.fbr");
    Recorder recorder({"--stacks=" + std::to_string(kHz), "-o", file.path()});
    const auto truth = run_load(cgroup, {"hotcold", in_lab() ? "6" : "4", "--hot", "75"});
    (void)recorder.stop_text();

    const profile::Stacks stacks = stacks_of(file.path());
    const auto lines = folded(file.path(), cgroup);
    const std::uint64_t all = count(lines, [](const Line&) { return true; });
    const std::uint64_t hot = count(lines, [](const Line& l) { return l.has("flyball_hot_turn"); });
    const std::uint64_t cold = count(lines, [](const Line& l) { return l.has("flyball_cold_turn"); });
    const std::uint64_t hot_ns = truth.at("hot_ns"), cold_ns = truth.at("cold_ns"), wall_ns = truth.at("wall_ns");
    INFO(words(lines) << "hot " << hot << ", cold " << cold << " of " << all << "; truly " << hot_ns << " and "
                      << cold_ns << " ns of " << wall_ns << "; late " << stacks.late() << ", dropped "
                      << stacks.dropped);

    CHECK(stacks.hz == kHz);
    CHECK(stacks.balances());
    CHECK(stacks.dropped == 0);
    // A tick may be late, not lost without a word; and none comes twice.
    const double due = static_cast<double>(hot_ns + cold_ns) * 1e-9 * kHz;
    CHECK(static_cast<double>(all) >= 0.6 * due);
    CHECK(static_cast<double>(all + stacks.late()) >= 0.85 * due);
    CHECK(static_cast<double>(all) <= 1.1 * static_cast<double>(wall_ns) * 1e-9 * kHz + 5);
    // The two are all that this load does, but for its start and its clocks.
    REQUIRE(all >= 100);
    CHECK(share(hot + cold, all) >= 85);
    CHECK(std::abs(share(hot, hot + cold) - share(hot_ns, hot_ns + cold_ns)) <= 8);
    // Below their caller, which is below the task.
    const std::uint64_t whole = count(lines, [](const Line& l) {
        return l.stack.find(";flyball_turns;flyball_hot_turn;") != std::string::npos &&
               l.stack.find(";flyball-workloa;") < l.stack.find(";flyball_turns;");
    });
    CHECK(share(whole, hot) >= 80);
}

TEST_CASE("stacks: the kernel's frames stand above the user's", "[kernel][stacks]")
{
    require_stacks();
    const TestCgroup cgroup("stacks-kernel");
    const Scratch file("stacks-kernel.fbr");
    Recorder recorder({"--stacks=" + std::to_string(kHz), "-o", file.path()});
    {
        std::string command = "for procs in";
        for (const std::string& directory : cgroup.dirs())
            command += " " + directory + "/cgroup.procs";
        Process reads(
            {"sh", "-c", command + "; do echo $$ >$procs; done; exec timeout 2 dd if=/dev/zero of=/dev/null bs=1M"});
        reads.wait();
    }
    (void)recorder.stop_text();

    const auto lines = folded(file.path(), cgroup);
    const auto in_kernel = [](const Line& l) { return l.stack.find("_[k];") != std::string::npos; };
    const std::uint64_t dd = count(lines, [](const Line& l) { return l.has("dd"); });
    const std::uint64_t kernel = count(lines, [&](const Line& l) { return l.has("dd") && in_kernel(l); });
    INFO(words(lines));
    CHECK(stacks_of(file.path()).balances());
    REQUIRE(dd >= 50);
    CHECK(share(kernel, dd) >= 60);
    if (stacks_of(file.path()).notes.empty())
        CHECK(count(lines, [](const Line& l) { return l.stack.find("[kernel+0x") != std::string::npos; }) <= dd / 10);
    for (const Line& line : lines) {
        // After the first frame of the kernel there are only such.
        bool below = false;
        std::istringstream frames(line.stack);
        for (std::string frame; std::getline(frames, frame, ';');) {
            const bool of_kernel = frame.ends_with("_[k]");
            INFO(line.stack);
            CHECK_FALSE((below && !of_kernel && !frame.empty()));
            below |= of_kernel;
        }
    }
}

TEST_CASE("stacks: nothing is loaded for them unless they are asked for", "[kernel][stacks][any_kernel]")
{
    require_stacks();
    const Scratch file("no-stacks.fbr");
    {
        Recorder recorder({"-o", file.path()});
        (void)recorder.stop_text();
    }
    const auto replayed = profile::replay(file.path());
    REQUIRE(replayed);
    CHECK_FALSE(replayed->stacks);
    CHECK(std::ranges::none_of(replayed->meta.coverage, [](const auto& c) { return c.metric == "cpu.stacks"; }));
}
