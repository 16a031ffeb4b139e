// SPDX-License-Identifier: Apache-2.0
// What the trace says, read back as an importer would: every event by its phase, process, track and time.
#include "../profile/make.hpp"
#include "flyball/profile/recording.hpp"
#include "flyball/report/trace.hpp"
#include "support/catch.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

using namespace flyball;
using Json = nlohmann::json;
using profile::test::event;
using profile::test::header;

namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kStart = 5'000 * kMs;

struct Writer {
    std::string text;
    report::TraceWriter writer;

    Writer() : writer(meta(), known(), [this](std::string_view piece) { text += piece; }) {}

    static profile::Meta meta()
    {
        profile::Meta meta = profile::test::v2_meta();
        meta.start_ns = kStart;
        return meta;
    }
    static std::vector<profile::KnownCgroup> known()
    {
        return {{0, 1, "/"}, {0, 10, "/prod.slice"}, {0, 11, "/prod.slice/web \"1\""}};
    }
    std::vector<Json> finish(std::uint64_t end_ns = 0)
    {
        writer.finish(end_ns);
        return Json::parse(text)["traceEvents"].get<std::vector<Json>>();
    }
};

fb_event switched(std::uint64_t ts, std::uint16_t cpu, std::uint32_t prev, std::uint32_t next, std::uint16_t flags,
                  std::uint64_t slice_ns = 0)
{
    fb_switch e{};
    e.hdr = header(FB_EV_SWITCH, FB_P_SWITCH, 11, ts);
    e.hdr.cpu = cpu;
    e.prev_cgroup_id = 11;
    e.prev_tid = prev;
    e.next_tid = next;
    e.slice_ns = slice_ns;
    e.wait_ns = 250'000;
    e.flags = flags;
    return event(e);
}

std::vector<Json> with_phase(const std::vector<Json>& events, const std::string& phase)
{
    std::vector<Json> some;
    for (const Json& e : events) {
        if (e["ph"] == phase)
            some.push_back(e);
    }
    return some;
}

// Names of processes and tracks, as the metadata tells them.
std::string name_of(const std::vector<Json>& events, const std::string& what, const Json& like)
{
    std::string name;
    for (const Json& e : events) {
        const bool same = e["ph"] == "M" && e["name"] == what && e["pid"] == like["pid"] &&
                          (what == "process_name" || e["tid"] == like["tid"]);
        if (same)
            name = e["args"]["name"];
    }
    return name;
}

// What the format asks for, and what importers trip over.
void check_well_formed(const std::vector<Json>& events)
{
    std::map<std::pair<int, int>, double> until;           // of complete spans: they must not overlap
    std::map<std::string, std::vector<std::string>> open;  // of async spans: begun, in order
    for (const Json& e : events) {
        INFO(e.dump());
        const std::string phase = e["ph"];
        REQUIRE(e["name"].is_string());
        if (phase == "M") {
            REQUIRE(e["args"]["name"].is_string());
            continue;
        }
        REQUIRE(e["ts"].is_number());
        REQUIRE(e["ts"].get<double>() >= 0);
        if (phase != "i") {
            REQUIRE(e["pid"].get<int>() > 0);
            REQUIRE(e["tid"].get<int>() > 0);
        }
        if (phase == "X") {
            const double ts = e["ts"], dur = e["dur"];
            double& end = until[{e["pid"], e["tid"]}];
            CHECK(ts >= end - 0.0005);
            CHECK(dur >= 0);
            end = ts + dur;
        } else if (phase == "b") {
            open[e["cat"].get<std::string>() + e["id"].get<std::string>()].push_back(e["name"]);
        } else if (phase == "e") {
            auto& stack = open[e["cat"].get<std::string>() + e["id"].get<std::string>()];
            REQUIRE(!stack.empty());
            CHECK(stack.back() == e["name"].get<std::string>());
            stack.pop_back();
        } else {
            CHECK(phase == "i");
            CHECK((e["s"] == "g" || e["s"] == "p"));
        }
    }
    for (const auto& [id, stack] : open)
        CHECK(stack.empty());
}

}  // namespace

TEST_CASE("a trace of nothing is a trace", "[trace]")
{
    Writer w;
    CHECK(w.finish().empty());
}

TEST_CASE("who ran on each CPU, and why it left", "[trace]")
{
    Writer w;
    fb_task_record web{};
    web.tid = 77;
    std::memcpy(web.comm, "web", 4);
    w.writer.name_tasks({&web, 1});
    // 77 ran since before the window; idle; 78, who was not seen to come; 77 again until the end.
    w.writer.on_event(switched(kStart + 2 * kMs, 1, 77, 0, FB_SW_PREV_SLICE | FB_SW_NEXT_IDLE, 5 * kMs));
    w.writer.on_event(switched(kStart + 3 * kMs, 1, 0, 77, FB_SW_PREV_IDLE | FB_SW_NEXT_WAIT));
    w.writer.on_event(
        switched(kStart + 4 * kMs, 1, 77, 0, FB_SW_PREV_RUNNABLE | FB_SW_PREV_THROTTLED | FB_SW_NEXT_IDLE));
    w.writer.on_event(switched(kStart + 9 * kMs, 1, 78, 77, FB_SW_PREV_SLICE | FB_SW_PREV_RUNNABLE, 2'000'123));
    const auto events = w.finish(kStart + 10 * kMs);
    check_well_formed(events);
    const auto spans = with_phase(events, "X");
    REQUIRE(spans.size() == 4);
    CHECK(name_of(events, "process_name", spans[0]) == "CPUs");
    CHECK(name_of(events, "thread_name", spans[0]) == "CPU 1");
    CHECK(spans[0]["name"] == "web 77");
    CHECK(spans[0]["ts"] == 0.0);
    CHECK(spans[0]["dur"] == 2000.0);
    CHECK(spans[0]["args"]["cgroup"] == "/prod.slice/web \"1\"");
    CHECK(spans[0]["args"]["left"] == "sleep");
    CHECK(spans[1]["args"]["left"] == "cpu.max");
    CHECK(spans[1]["args"]["waited_ns"] == 250'000);
    CHECK(spans[2]["name"] == "? 78");
    CHECK(spans[2]["ts"] == 6999.877);
    CHECK(spans[2]["dur"] == 2000.123);
    CHECK(spans[2]["args"]["left"] == "preempted");
    CHECK(spans[3]["ts"] == 9000.0);
    CHECK(spans[3]["dur"] == 1000.0);
    CHECK_FALSE(spans[3]["args"].contains("left"));
}

TEST_CASE("a tid that is used again has the name of its time", "[trace]")
{
    Writer w;
    fb_task_record old{};
    old.tid = 77;
    std::memcpy(old.comm, "old", 4);
    fb_task_record young = old;
    young.start_ns = kStart + 500;
    std::memcpy(young.comm, "young-and-whole", 16);
    const fb_task_record tasks[] = {old, young};
    w.writer.name_tasks(tasks);
    fb_task forked{};
    forked.hdr = header(FB_EV_TASK, FB_P_FORK, 11, kStart + 900);
    forked.kind = FB_TASK_FORK;
    forked.tid = 77;
    std::memcpy(forked.comm, "parent", 7);
    w.writer.on_event(switched(kStart + 400, 0, 77, 0, FB_SW_PREV_SLICE | FB_SW_NEXT_IDLE, 100));
    w.writer.on_event(event(forked));
    w.writer.on_event(switched(kStart + kMs, 0, 77, 0, FB_SW_PREV_SLICE | FB_SW_NEXT_IDLE, 100));
    const auto spans = with_phase(w.finish(), "X");
    REQUIRE(spans.size() == 2);
    CHECK(spans[0]["name"] == "old 77");
    CHECK(spans[1]["name"] == "young-and-whole 77");
}

TEST_CASE("throttled spans have a track for each CPU", "[trace]")
{
    Writer w;
    fb_throttle t{};
    t.hdr = header(FB_EV_THROTTLE, FB_P_THROTTLE, 10, kStart + 60 * kMs);
    t.kind = FB_THROTTLE_OWN;
    t.duration_ns = 50 * kMs;
    t.cpu = 2;
    w.writer.on_event(event(t));
    t.cpu = 3;
    t.hdr.ts_ns += 5 * kMs;
    w.writer.on_event(event(t));
    t.kind = FB_THROTTLE_INHERITED;  // the ancestor's own says it
    w.writer.on_event(event(t));
    const auto events = w.finish();
    check_well_formed(events);
    const auto spans = with_phase(events, "X");
    REQUIRE(spans.size() == 2);
    CHECK(name_of(events, "process_name", spans[0]) == "/prod.slice");
    CHECK(name_of(events, "thread_name", spans[0]) == "cpu.max on CPU 2");
    CHECK(name_of(events, "thread_name", spans[1]) == "cpu.max on CPU 3");
    CHECK(spans[0]["ts"] == 10'000.0);
    CHECK(spans[0]["dur"] == 50'000.0);
    CHECK(spans[0]["pid"] == spans[1]["pid"]);
    CHECK(spans[0]["tid"] != spans[1]["tid"]);
}

TEST_CASE("holds, stalls and requests are spans of their own tracks", "[trace]")
{
    Writer w;
    fb_held held{};
    held.hdr = header(FB_EV_HELD, FB_P_SWITCH, 11, kStart + 9 * kMs);
    held.throttler_id = 10;
    held.held_ns = 4 * kMs;
    held.held_until_ns = kStart + 8 * kMs;
    held.tid = 77;
    w.writer.on_event(event(held));
    fb_stall stall{};
    stall.hdr = header(FB_EV_STALL, FB_P_HIGH, 4711, kStart + 9 * kMs);
    stall.kind = FB_STALL_HIGH;
    stall.duration_ns = kMs;
    stall.tid = 77;
    w.writer.on_event(event(stall));
    fb_rq rq{};
    rq.hdr = header(FB_EV_RQ, FB_P_RQ, 11, kStart + 20 * kMs);
    rq.dev = 254U << 20U;
    rq.queue_ns = 3 * kMs;
    rq.device_ns = 2 * kMs;
    rq.op = FB_OP_WRITE;
    rq.error = -5;
    w.writer.on_event(event(rq));
    rq.hdr.ts_ns += kMs;  // overlaps the one before: another lane
    rq.queue_ns = FB_UNKNOWN_NS;
    w.writer.on_event(event(rq));
    rq.hdr.ts_ns += 10 * kMs;  // free again
    w.writer.on_event(event(rq));
    const auto events = w.finish();
    check_well_formed(events);
    const auto begins = with_phase(events, "b"), ends = with_phase(events, "e");
    REQUIRE(begins.size() == 2 + 3 + 2 + 2);
    REQUIRE(ends.size() == begins.size());
    CHECK(begins[0]["name"] == "held: ? 77");
    CHECK(begins[0]["ts"] == 4000.0);
    CHECK(ends[0]["ts"] == 8000.0);
    CHECK(begins[0]["args"]["by"] == "/prod.slice");
    CHECK(name_of(events, "process_name", begins[1]) == "?0:4711");
    CHECK(begins[1]["name"] == "memory.high: ? 77");
    CHECK(name_of(events, "process_name", begins[2]) == "device 254:0");
    CHECK(begins[2]["name"] == "write");
    CHECK(begins[2]["args"]["error"] == "-5");
    CHECK(begins[3]["name"] == "queue");
    CHECK(begins[4]["name"] == "device");
    CHECK(begins[4]["ts"] == 18'000.0);
    CHECK(begins[5]["id"] != begins[2]["id"]);
    CHECK(begins[7]["id"] == begins[2]["id"]);
}

TEST_CASE("OOM kills are instants; control records give names", "[trace]")
{
    Writer w;
    const auto send = [&](const auto& record) { w.writer.on_control(std::as_bytes(std::span(&record, 1))); };
    send(profile::test::cgroup(FB_CG_MKDIR, 99, "/new"));
    send(profile::test::decision(99, kStart + kMs, 4242));
    send(profile::test::oom_task(FB_EV_OOM_VICTIM, 99, kStart + 2 * kMs, 4242));
    w.writer.on_control({});
    const auto events = w.finish();
    check_well_formed(events);
    const auto instants = with_phase(events, "i");
    REQUIRE(instants.size() == 2);
    CHECK(instants[0]["s"] == "g");
    CHECK(instants[0]["name"] == "OOM kill: victim 4242");
    CHECK(instants[0]["args"]["domain"] == "/new");
    CHECK(instants[1]["s"] == "p");
    CHECK(instants[1]["ts"] == 2000.0);
    CHECK(name_of(events, "process_name", instants[1]) == "/new");
}

TEST_CASE("a real recording becomes a trace", "[trace]")
{
    struct Observer final : profile::Observer {
        std::string text;
        std::optional<report::TraceWriter> writer;
        std::optional<stream::InOrder> in_order;
        std::uint64_t end_ns = 0;
        void on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known) override
        {
            writer.emplace(meta, known, [this](std::string_view piece) { text += piece; });
            in_order.emplace(*writer);
        }
        void on_batch(const fb_batch& batch, std::span<const fb_event> events) override
        {
            in_order->on_batch(batch, events);
        }
        void on_control(std::span<const std::byte> bytes) override { in_order->on_control(bytes); }
        void on_round(std::uint64_t until_ns) override { in_order->on_round(until_ns); }
        void on_closing(const profile::Closing& closing) override { end_ns = closing.end_ns; }
    } observer;
    const std::string path = std::string(FLYBALL_SOURCE_DIR) + "/tests/replay/shop-before.fbr";
    const auto snapshot = profile::replay(path, {.observer = &observer});
    REQUIRE(snapshot);
    observer.in_order->finish();
    observer.writer->finish(observer.end_ns);
    const auto events = Json::parse(observer.text)["traceEvents"].get<std::vector<Json>>();
    check_well_formed(events);

    double throttled_us = 0, held_us = 0, last_us = 0;
    std::size_t ran = 0, requests = 0;
    for (const Json& e : events) {
        if (e["ph"] == "X" && e["cat"] == "throttle")
            throttled_us += e["dur"].get<double>();
        if (e["ph"] == "X" && e["cat"] != "throttle")
            ++ran;
        if (e.value("cat", "") == "held")
            held_us += (e["ph"] == "e" ? 1 : -1) * e["ts"].get<double>();
        if (e["ph"] == "b" && e["name"] == "read")
            ++requests;
        if (e["ph"] == "X")
            last_us = std::max(last_us, e["ts"].get<double>() + e["dur"].get<double>());
    }
    double own_us = 0, all_held_us = 0;
    std::size_t slices = 0;
    for (const profile::CgroupProfile& c : snapshot->cgroups) {
        own_us += static_cast<double>(c.of(FB_M_THROTTLE_OWN).sum64()) / 1000;
        all_held_us += static_cast<double>(c.of(FB_M_CPU_THROTTLED_WAIT).sum64()) / 1000;
        slices += c.of(FB_M_CPU_SLICE).count();
    }
    CHECK(ran >= slices);
    CHECK(requests > 0);
    CHECK(std::abs(throttled_us - own_us) <= own_us / 1000);
    CHECK(std::abs(held_us - all_held_us) <= all_held_us / 1000);
    const double window_us = static_cast<double>(snapshot->meta.end_ns - snapshot->meta.start_ns) / 1000;
    CHECK(last_us <= window_us + 0.001);
    CHECK(last_us >= window_us * 0.99);
}
