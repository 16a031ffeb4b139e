// SPDX-License-Identifier: Apache-2.0
// Events of known value through the real event path. A ring of one page that nobody drains folds what a large ring
// delivers: the histograms that come out are equal, bucket by bucket.
#include "flyball/kernel/facts.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/probe/session.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/stream/reader.hpp"
#include "support/environment.hpp"

using namespace flyball;

namespace {

constexpr std::uint64_t kId = 0x1234'5678'9abc'def0;  // of no cgroup: a full 64 bits, so that truncation shows
constexpr std::uint64_t kRounds = 8, kPerRound = 1000;

struct Totals {
    profile::Histogram histogram;
    std::uint64_t attempted = 0, folded = 0, dropped = 0, delivered = 0;
};

template <class T>
T need(Result<T> result)
{
    if (!result) {
        INFO(result.error().what << " (" << result.error().hint << ")");
        REQUIRE(result.has_value());
    }
    return std::move(*result);
}

profile::Closing closing_of(probe::Session& session)
{
    profile::Closing closing;
    closing.end_ns = test::now_ns();
    for (const probe::FoldedBucket& bucket : need(session.read_folded()))
        closing.folded.push_back({bucket.key, bucket.value});
    for (const probe::ProgramStats& stats : need(session.read_stats())) {
        closing.programs.push_back({.prog = stats.prog,
                                    .cpu = stats.cpu,
                                    .attempted = stats.stats.attempted,
                                    .folded = stats.stats.folded,
                                    .dropped = stats.stats.dropped,
                                    .untracked = stats.stats.untracked});
    }
    return closing;
}

Totals totals_of(const profile::Snapshot& snapshot)
{
    Totals totals;
    for (const profile::ProgramLoss& loss : snapshot.loss.programs) {
        if (loss.prog != FB_P_SELFTEST)
            continue;
        CHECK(loss.balances());
        totals.attempted += loss.attempted;
        totals.folded += loss.folded;
        totals.dropped += loss.dropped;
        totals.delivered += loss.delivered;
    }
    for (const profile::CgroupProfile& cgroup : snapshot.cgroups)
        totals.histogram.merge(cgroup.of(FB_M_SELFTEST));
    CHECK(snapshot.loss.sequence_gaps == 0);
    CHECK(snapshot.loss.unknown_records == 0);
    return totals;
}

// The same values each time: many orders of magnitude, their sum within the 64 bits that the kernel folds into.
Totals run(std::uint64_t ring_bytes, bool read_meanwhile)
{
    probe::Session session = need(probe::Session::open(kernel::with_selftest(kernel::decide(need(kernel::gather()))),
                                                       {.ring_bytes = ring_bytes}));
    stream::Reader reader = need(stream::Reader::open({.ring_fds = session.ring_fds(),
                                                       .control_fd = session.control_fd(),
                                                       .batches_fd = session.batches_fd(),
                                                       .flush_prog_fd = session.flush_prog_fd()}));
    profile::Meta meta;
    meta.start_ns = test::now_ns();
    for (const char* controller : {"cpu", "memory", "io", "pids"})
        meta.hierarchy[controller] = 0;
    profile::Accumulator accumulator(meta, {});
    session.set_recording(true);
    for (std::uint64_t round = 0; round < kRounds; ++round) {
        const auto cpu = static_cast<std::uint32_t>(round % 2);
        const std::uint64_t first = round == 0 ? std::uint64_t{1} << 52U : 1 + round * 17;
        const std::uint64_t step = round == 0 ? 0 : std::uint64_t{1} << (3 * round);
        const auto emitted = session.emit_selftest(cpu, first, step, kId, kPerRound);
        if (!emitted)
            FAIL(emitted.error().what);
        if (read_meanwhile)
            REQUIRE(reader.consume(accumulator).has_value());
    }
    session.set_recording(false);
    session.detach();
    CHECK(need(reader.drain(accumulator)));
    CHECK(reader.malformed() == 0);
    return totals_of(std::move(accumulator).finish(closing_of(session)));
}

}  // namespace

TEST_CASE("folding gives the histogram that delivering gives", "[kernel][events]")
{
    test::require_root();
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        FB_SKIP("needs two CPUs");
    const Totals delivered = run(4U << 20U, true);
    const Totals folded = run(4096, false);

    for (const Totals* totals : {&delivered, &folded}) {
        CHECK(totals->attempted == kRounds * kPerRound);
        CHECK(totals->dropped == 0);
        CHECK(totals->delivered + totals->folded == kRounds * kPerRound);
        CHECK(totals->histogram.count() == kRounds * kPerRound);
        CHECK(totals->histogram.bucket_total() == kRounds * kPerRound);
    }
    CHECK(delivered.folded == 0);
    CHECK(folded.folded > kRounds * kPerRound / 2);
    INFO("sums " << delivered.histogram.sum64() << " and " << folded.histogram.sum64() << ", min "
                 << delivered.histogram.min() << " and " << folded.histogram.min() << ", max "
                 << delivered.histogram.max() << " and " << folded.histogram.max());
    const bool equal = delivered.histogram == folded.histogram;
    CHECK(equal);
}
