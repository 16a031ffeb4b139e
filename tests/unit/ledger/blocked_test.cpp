// SPDX-License-Identifier: Apache-2.0
// Blocked time: the stall or the request behind it; and queues, behind whose requests.
#include "flyball/ledger/ledger.hpp"
#include "support/catch.hpp"

#include <bit>
#include <string>
#include <vector>

using namespace flyball;
using namespace flyball::ledger;

namespace {

constexpr std::uint64_t kBegin = 1000;
constexpr std::uint64_t kA = 10, kB = 20;

fb_hdr header(std::uint16_t type, std::uint64_t ts, std::uint64_t cgroup)
{
    fb_hdr hdr{};
    hdr.type = type;
    hdr.size = sizeof(fb_event);
    hdr.ts_ns = ts;
    hdr.cgroup_id = cgroup;
    return hdr;
}

class Run {
public:
    Run()
    {
        meta_.hierarchy = {{"cpu", 0}, {"io", 0}};
        meta_.start_ns = kBegin;
        ledger_.emplace(meta_, std::span<const profile::KnownCgroup>());
    }

    // Task 7 of cgroup A comes to its CPU at once, or leaves it to block.
    void comes(std::uint64_t ts, std::uint64_t wait_ns = 0)
    {
        fb_switch e{};
        e.hdr = header(FB_EV_SWITCH, ts, kA);
        e.next_tid = 7;
        e.wait_ns = wait_ns;
        e.flags = FB_SW_PREV_IDLE | FB_SW_NEXT_WAIT;
        send(e);
        came_ = ts;
    }
    void blocks(std::uint64_t ts, std::uint16_t why)
    {
        fb_switch e{};
        e.hdr = header(FB_EV_SWITCH, ts, 1);
        e.prev_cgroup_id = kA;
        e.prev_tid = 7;
        e.slice_ns = ts - came_;
        e.flags = static_cast<std::uint16_t>(FB_SW_PREV_SLICE | FB_SW_NEXT_IDLE | why);
        send(e);
    }
    void stalled(std::uint64_t ts, std::uint32_t kind, std::uint64_t ns)
    {
        fb_stall e{};
        e.hdr = header(FB_EV_STALL, ts, kA);
        e.kind = kind;
        e.duration_ns = ns;
        e.tid = 7;
        send(e);
    }
    void bio(std::uint64_t ts, std::uint64_t sector, std::uint32_t bytes, std::uint32_t tid = 7,
             std::uint16_t type = FB_EV_BIO)
    {
        fb_bio e{};
        e.hdr = header(type, ts, kA);
        e.sector = sector;
        e.bytes = bytes;
        e.dev = 1;
        e.tid = tid;
        send(e);
    }
    void done(std::uint64_t ts, std::uint64_t sector, std::uint32_t bytes, std::uint64_t queue_ns,
              std::uint64_t device_ns, std::uint64_t cgroup = kA)
    {
        fb_rq e{};
        e.hdr = header(FB_EV_RQ, ts, cgroup);
        e.sector = sector;
        e.bytes = bytes;
        e.dev = 1;
        e.queue_ns = queue_ns;
        e.device_ns = device_ns;
        send(e);
    }

    Books finish(std::uint64_t end)
    {
        profile::Snapshot snapshot;
        snapshot.meta = meta_;
        snapshot.meta.end_ns = end;
        snapshot.paths[0] = {{1, "/"}, {kA, "/a"}, {kB, "/b"}};
        return std::move(*ledger_).finish(snapshot, {}, {});
    }

private:
    template <class Wire>
    void send(const Wire& wire)
    {
        ledger_->on_event(std::bit_cast<fb_event>(wire));
    }

    profile::Meta meta_;
    std::optional<Ledger> ledger_;
    std::uint64_t came_ = kBegin;
};

std::uint64_t of_a(const Books& books, Part part)
{
    for (const Account& account : books.accounts) {
        if (account.path == "/a")
            return at(account.parts, part);
    }
    return ~std::uint64_t{0};
}

}  // namespace

TEST_CASE("asleep in a memory stall: the stall's kind, told when it ends", "[ledger]")
{
    Run run;
    run.comes(1000);
    run.blocks(1100, FB_SW_PREV_MEMSTALL);  // reclaim sleeps 50
    run.comes(1150);
    run.stalled(1160, FB_STALL_RECLAIM, 80);
    run.blocks(1200, FB_SW_PREV_MEMSTALL);  // then memory.high lets it sleep 500, and it waits 20
    run.comes(1720, 20);
    run.stalled(1730, FB_STALL_HIGH, 660);  // began before the reclaim inside it
    run.blocks(1800, FB_SW_PREV_MEMSTALL);  // a stall that is never told
    run.comes(1807);
    run.blocks(1900, 0);
    run.comes(2000);
    const Books books = run.finish(2000);
    CHECK(of_a(books, Part::MemoryReclaim) == 50);
    CHECK(of_a(books, Part::MemoryHigh) == 500);
    CHECK(of_a(books, Part::MemoryOther) == 7);
    CHECK(of_a(books, Part::WaitIdle) == 20);
    CHECK(of_a(books, Part::Sleep) == 100);
    CHECK(books.proof.unbalanced_accounts == 0);
}

TEST_CASE("asleep for a request: let in, queued, in the device, and what no request explains", "[ledger]")
{
    Run run;
    run.comes(1000);
    run.bio(1090, 64, 4096);
    run.blocks(1100, FB_SW_PREV_IOWAIT);
    run.done(1400, 64, 4096, 80, 120);    // begun 1200, issued 1280
    run.comes(1450, 10);                  // woken at 1440
    run.blocks(1500, FB_SW_PREV_IOWAIT);  // for somebody else's request
    run.comes(1530);
    const Books books = run.finish(1600);
    CHECK(of_a(books, Part::IoThrottled) == 100);
    CHECK(of_a(books, Part::IoQueued) == 80);
    CHECK(of_a(books, Part::IoDevice) == 120);
    CHECK(of_a(books, Part::IoOther) == 40 + 30);
    CHECK(of_a(books, Part::Run) == 100 + 50 + 70);
    CHECK(books.proof.unbalanced_accounts == 0);
}

TEST_CASE("requests of one sleep that overlap are counted once; a bio in two requests is known by both", "[ledger]")
{
    Run run;
    run.comes(1000);
    run.bio(1000, 0, 8192);  // split: 0-7, 8-15
    run.bio(1000, 100, 4096);
    run.blocks(1100, FB_SW_PREV_IOWAIT);
    run.done(1300, 0, 4096, 0, 200);
    run.done(1350, 100, 4096, 0, 150);
    run.done(1400, 8, 4096, 50, 50);
    run.comes(1400);
    const Books books = run.finish(1400);
    CHECK(of_a(books, Part::IoDevice) == 300);  // 1100 to 1400 without a gap
    CHECK(of_a(books, Part::IoQueued) == 0);
    CHECK(of_a(books, Part::IoOther) == 0);
}

TEST_CASE("queue time goes to those in the device meanwhile, to the nanosecond", "[ledger]")
{
    Run run;
    run.bio(1000, 0, 4096);
    run.done(1300, 500, 4096, 0, 200, kB);  // in the device 1100 to 1300
    run.done(1350, 600, 4096, 0, 50, kA);   // 1300 to 1350
    run.done(1500, 0, 4096, 301, 100);      // queued 1099 to 1400
    const Books books = run.finish(2000);
    const auto a = std::ranges::find(books.io, "/a", &IoBlame::path);
    REQUIRE(a != books.io.end());
    CHECK(a->requests == 2);
    CHECK(a->queued_ns == 301);
    CHECK(a->unknown_ns == 0);
    REQUIRE(a->behind.size() == 2);
    CHECK(a->behind[0].path == "/b");
    CHECK(a->behind[0].ns + a->behind[1].ns == 301);
    CHECK(a->behind[0].ns == 240);  // 200 of 250, of 301
    CHECK(std::ranges::find(books.io, "/b", &IoBlame::path)->queued_ns == 0);
}

TEST_CASE("a bio that io.max kept back: the task that sent it waits, not the worker that sends it on", "[ledger]")
{
    Run run;
    run.comes(1000);
    run.bio(1050, 64, 4096, 7, FB_EV_BIO_HELD);
    run.blocks(1100, FB_SW_PREV_IOWAIT);
    run.bio(1700, 64, 4096, 999);
    run.done(1800, 64, 4096, 10, 80);
    run.comes(1800);
    const Books books = run.finish(1800);
    CHECK(of_a(books, Part::IoThrottled) == 610);
    CHECK(of_a(books, Part::IoQueued) == 10);
    CHECK(of_a(books, Part::IoDevice) == 80);
    CHECK(of_a(books, Part::IoOther) == 0);
}
