// SPDX-License-Identifier: Apache-2.0
// The sinks over a collector, on a machine that is played: what they make of it, and what becomes of each error.
#include "../../../src/live/event_tap.hpp"
#include "flyball/live/loop.hpp"
#include "flyball/live/oom_live.hpp"
#include "flyball/live/recorder.hpp"
#include "played_host.hpp"
#include "support/catch.hpp"
#include "unit/profile/make.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>

using namespace flyball;
using namespace flyball::live;
using namespace flyball::profile::test;
using flyball::test::ContainsSubstring;
using flyball::test::PlayedHost;
using flyball::test::Script;
using flyball::test::ScriptReader;

namespace {

constexpr std::uint64_t kMsNs = 1'000'000;

// A wait of a millisecond in /a/b every tenth of a second, for ten seconds.
Script waits()
{
    Script script;
    script.known = kWithSiblings;
    for (std::uint64_t at_ns = 1100 * kMsNs; at_ns < 11 * kSecond; at_ns += 100 * kMsNs)
        script.records.push_back({at_ns, [at_ns](stream::Sink& sink) {
                                      fb_event one = profile::test::wait(11, kMsNs);
                                      one.hdr.ts_ns = at_ns;
                                      send(sink, {one});
                                  }});
    script.losses.programs = {{.prog = FB_P_SWITCH, .cpu = 0, .attempted = 103, .folded = 2, .dropped = 1},
                              {.prog = FB_P_OOM, .cpu = 0, .attempted = 3, .dropped = 3}};
    script.losses.recursion_misses = {{"oom_mark", 4}, {"sched_switch", 9}};
    return script;
}

std::string scratch(const char* name)
{
    return std::filesystem::temp_directory_path() / ("flyball-live-" + std::to_string(::getpid()) + "-" + name);
}

struct Ran {
    Result<Recorded> recorded;
    std::uint64_t took_ns;
};

Ran run(const PlayedHost& played, const RecordRequest& request, StopToken& stop)
{
    Progress progress(true, STDERR_FILENO);
    const std::uint64_t begin_ns = played.clock.monotonic_ns();
    auto recorded = record(request, progress, stop, nullptr, played.host);
    return {std::move(recorded), played.clock.monotonic_ns() - begin_ns};
}

StopToken token()
{
    auto made = StopToken::install();
    REQUIRE(made);
    return std::move(*made);
}

}  // namespace

TEST_CASE("live: a recording ends with its duration, and has what came in it", "[live]")
{
    PlayedHost played(waits());
    StopToken stop = token();
    const auto [recorded, took_ns] = run(played, {.duration_ns = 2 * kSecond}, stop);
    REQUIRE(recorded);
    CHECK(took_ns == 2 * kSecond);
    const profile::Snapshot& snapshot = recorded->snapshot;
    CHECK(sum_of(snapshot, "/a/b", FB_M_CPU_WAIT) == 20 * kMsNs);
    CHECK(snapshot.meta.end_ns - snapshot.meta.start_ns == 2 * kSecond);
    CHECK(snapshot.meta.start_wall_ns == 17);
    CHECK(played.script.said_since.ends_with("memcgs tasks collect finish losses losses folded "));
}

TEST_CASE("live: a recording that was played is the recording", "[live]")
{
    const std::string first = scratch("first"), second = scratch("second");
    StopToken stop = token();
    {
        PlayedHost played(waits());
        REQUIRE(run(played, {.duration_ns = kSecond, .output = first}, stop).recorded);
    }
    PlayedHost again(ScriptReader::read(first));
    REQUIRE(run(again, {.duration_ns = kSecond, .output = second}, stop).recorded);
    const auto a = profile::replay(first), b = profile::replay(second);
    REQUIRE(a);
    REQUIRE(b);
    CHECK(a->cgroups == b->cgroups);
    CHECK(a->loss.programs == b->loss.programs);
    std::filesystem::remove(first);
    std::filesystem::remove(second);
}

TEST_CASE("live: a stop ends a recording with what there is, or before it begins", "[live]")
{
    Script script = waits();
    script.records[4].play = [](stream::Sink&) { (void)::raise(SIGTERM); };
    StopToken stop = token();
    {
        PlayedHost played(script);
        const auto [recorded, took_ns] = run(played, {.duration_ns = 0}, stop);
        REQUIRE(recorded);
        CHECK(took_ns == 500 * kMsNs);
        CHECK(sum_of(recorded->snapshot, "/a/b", FB_M_CPU_WAIT) == 4 * kMsNs);
    }
    // It stays asked for.
    PlayedHost played(script);
    const auto [recorded, took_ns] = run(played, {.duration_ns = 0}, stop);
    REQUIRE_FALSE(recorded);
    CHECK(recorded.error().kind == ErrorKind::Interrupted);
    CHECK(exit_code(recorded.error()) == 128 + SIGTERM);
    CHECK(took_ns == 0);
}

TEST_CASE("live: an error of each step is told, and no file is left that was made", "[live]")
{
    struct Case {
        const char* step;
        int at;
        bool begun;  // there is a recording by then
    };
    StopToken stop = token();
    for (const auto& [step, at, begun] :
         {Case{"open", 1, false}, Case{"known", 1, false}, Case{"tasks", 1, false}, Case{"tasks", 2, true},
          Case{"collect", 1, true}, Case{"finish", 1, true}, Case{"losses", 1, true}, Case{"folded", 1, true}}) {
        INFO(step << " " << at);
        Script script = waits();
        script.fails = step;
        script.fails_at = at;
        const PlayedHost played(script);
        const std::string file = scratch("errors");
        const auto [recorded, took_ns] = run(played, {.duration_ns = kSecond, .output = file}, stop);
        REQUIRE_FALSE(recorded);
        CHECK_THAT(recorded.error().what, ContainsSubstring(std::string("cannot ") + step));
        CHECK(std::filesystem::exists(file) == begun);
        std::filesystem::remove(file);
    }
}

TEST_CASE("live: a full disk costs the file and not the report", "[live]")
{
    if (::access("/dev/full", W_OK) != 0)
        FB_SKIP("needs /dev/full");
    const PlayedHost played(waits());
    StopToken stop = token();
    Progress progress(true, STDERR_FILENO);
    const RecordRequest request{.duration_ns = kSecond, .output = "/dev/full"};
    const auto recorded = record(request, progress, stop, nullptr, played.host);
    REQUIRE_FALSE(recorded);  // its first bytes
    CHECK_THAT(recorded.error().what, ContainsSubstring("No space left"));
}

TEST_CASE("live: losses are counted of the programs that are asked about", "[live]")
{
    const Losses losses = waits().losses;
    CHECK(losses.folded(std::array<std::uint32_t, 2>{FB_P_SWITCH, FB_P_FORK}) == 2);
    CHECK(losses.dropped(std::array<std::uint32_t, 1>{FB_P_SWITCH}) == 1);
    CHECK(losses.dropped(std::array<std::uint32_t, 2>{FB_P_OOM, FB_P_SWITCH}) == 4);
    CHECK(losses.dropped(std::array<std::uint32_t, 1>{FB_P_FORK}) == 0);
    CHECK(losses.missed(std::array<std::string_view, 1>{"oom_mark"}) == 4);
    CHECK(losses.missed(std::array<std::string_view, 1>{"none"}) == 0);
}

TEST_CASE("live: a tap has its window's events, and what was lost in it", "[live]")
{
    PlayedHost played(waits());
    StopToken stop = token();
    const auto layout = played.host.layout();
    auto source = EventSource::open(*layout, {}, stop, played.host);
    REQUIRE(source);
    auto tap = EventTap::open(*layout, "/a", nullptr, *source);
    REQUIRE(tap);
    auto began = tap->begin();
    REQUIRE(began);
    CHECK(*began == kSecond);
    played.clock.advance_ns(kSecond);
    played.script.losses.programs[0].folded += 5;
    played.script.losses.programs[1].dropped += 7;  // of no interest
    CHECK(tap->drain());
    auto taken = tap->take();
    REQUIRE(taken);
    CHECK(taken->end_ns == 2 * kSecond);
    CHECK(taken->trace.wait_ns == 9 * kMsNs);  // at the very end nothing may be known to have come yet
    CHECK(taken->lost == 5);
    for (const char* step : {"collect", "losses"}) {
        played.script.fails = step;
        CHECK_FALSE(tap->take());
        played.script.fails.clear();
        CHECK(tap->begin());
        played.script.fails_at += 1;
    }
}

TEST_CASE("live: what cannot be observed is no demand", "[live]")
{
    Script script = waits();
    script.demand = false;
    const PlayedHost played(script);
    StopToken stop = token();
    const auto layout = played.host.layout();
    const auto source = EventSource::open(*layout, {}, stop, played.host);
    REQUIRE_FALSE(source);
    CHECK(source.error().kind == ErrorKind::Unavailable);
    CHECK_THAT(source.error().what, ContainsSubstring("refused"));
}

TEST_CASE("live: an OOM kill has its verdict, and losses make it an open one", "[live]")
{
    for (const bool lossy : {false, true}) {
        Script script;
        script.known = {{0, 10, "/job"}};
        script.records.push_back({1100 * kMsNs, [](stream::Sink& sink) {
                                      control(sink, decision(10, 1100 * kMsNs, 77));
                                      control(sink, oom_task(FB_EV_OOM_VICTIM, 10, 1101 * kMsNs, 77));
                                      control(sink, oom_task(FB_EV_OOM_SIGKILL, 10, 1102 * kMsNs, 77));
                                      control(sink, oom_task(FB_EV_OOM_EXIT, 10, 1110 * kMsNs, 77));
                                  }});
        PlayedHost played(script);
        StopToken stop = token();
        const auto layout = played.host.layout();
        auto watch = OomLive::open(*layout, {}, stop, played.host);
        REQUIRE(watch);
        CHECK(watch->poll_fd() == -1);
        std::vector<oom::Judged> all;
        for (int i = 0; i < 40; ++i) {
            played.clock.advance_ns(50 * kMsNs);
            if (lossy && i == 2)
                played.script.losses.programs = {{.prog = FB_P_OOM, .cpu = 0, .attempted = 3, .dropped = 3}};
            auto due = watch->tick();
            REQUIRE(due);
            for (oom::Judged& judged : *due)
                all.push_back(std::move(judged));
        }
        auto rest = watch->finish();
        REQUIRE(rest);
        for (oom::Judged& judged : *rest)
            all.push_back(std::move(judged));
        REQUIRE(all.size() == 1);
        CHECK(all.front().episode.victims.size() == 1);
        const auto lost = [](const oom::Check& check) {
            return check.detail.find("found no room") != std::string::npos;
        };
        CHECK(std::ranges::any_of(all.front().verdict.checks, lost) == lossy);
    }
}

TEST_CASE("live: a loop ends by its round, its time, or a stop, and hears a descriptor at once", "[live]")
{
    ManualClock clock(kSecond);
    StopToken stop = token();
    Loop loop(stop, clock);
    int rounds = 0;
    auto ended =
        loop.run(10 * kMsNs, kSecond + 100 * kMsNs, [&](std::uint64_t) -> Result<bool> { return ++rounds < 3; });
    REQUIRE(ended);
    CHECK(*ended == Loop::End::Done);
    CHECK(clock.monotonic_ns() == kSecond + 30 * kMsNs);
    ended = loop.run(40 * kMsNs, kSecond + 100 * kMsNs, [&](std::uint64_t) -> Result<bool> { return ++rounds > 0; });
    REQUIRE(ended);
    CHECK(*ended == Loop::End::Time);
    CHECK(rounds == 5);
    CHECK(clock.monotonic_ns() == kSecond + 100 * kMsNs);
    CHECK_FALSE(
        loop.run(kMsNs, Loop::kForever, [](std::uint64_t) -> Result<bool> { return fail(ErrorKind::Io, "-"); }));
    std::array<int, 2> pipe{};
    REQUIRE(::pipe(pipe.data()) == 0);
    REQUIRE(::write(pipe[1], "x", 1) == 1);
    loop.watch(pipe[0]);
    loop.watch(-1);
    const std::uint64_t before_ns = clock.monotonic_ns();
    ended = loop.run(kSecond, Loop::kForever, [](std::uint64_t) -> Result<bool> { return false; });
    REQUIRE(ended);
    CHECK(clock.monotonic_ns() == before_ns);
    ::close(pipe[0]);
    ::close(pipe[1]);
    REQUIRE(::raise(SIGINT) == 0);
    ended = loop.run(kSecond, Loop::kForever, [](std::uint64_t) -> Result<bool> { return true; });
    REQUIRE(ended);
    CHECK(*ended == Loop::End::Stop);
}
