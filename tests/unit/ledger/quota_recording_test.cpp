// SPDX-License-Identifier: Apache-2.0
// Against a recording of a real kernel (tests/scenarios/shop.sh): prod.slice has 60 ms in 100 ms, a spinner
// in batch.scope and checkout.service, which wants 5 ms of every 25 ms, share it on two CPUs.
#include "../../../src/ledger/quota.hpp"
#include "flyball/profile/recording.hpp"
#include "flyball/stream/in_order.hpp"
#include "support/catch.hpp"

#include <bit>
#include <optional>

using namespace flyball;
using namespace flyball::ledger;

namespace {

class Listener final : public profile::Observer, public stream::OrderedSink {
public:
    void on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known) override
    {
        hierarchy_.emplace(meta.hierarchy.at("cpu"), known);
        quotas.emplace(*hierarchy_, meta.cpus);
    }
    void on_closing(const profile::Closing&) override { order_.finish(); }
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override
    {
        order_.on_batch(header, events);
    }
    void on_control(std::span<const std::byte>) override {}  // all its cgroups are there at the start
    void on_round(std::uint64_t until_ns) override { order_.on_round(until_ns); }
    void on_event(const fb_event& event) override
    {
        switch (event.hdr.type) {
        case FB_EV_SWITCH:
            quotas->on_switch(std::bit_cast<fb_switch>(event));
            break;
        case FB_EV_HELD:
            quotas->on_held(std::bit_cast<fb_held>(event));
            break;
        case FB_EV_THROTTLE:
            quotas->on_throttle(std::bit_cast<fb_throttle>(event));
            break;
        default:
            break;
        }
    }

    std::optional<Quotas> quotas;

private:
    std::optional<Hierarchy> hierarchy_;
    stream::InOrder order_{*this};
};

std::vector<QuotaFinding> findings_of(const std::string& name, profile::Snapshot& snapshot)
{
    Listener listener;
    profile::ReplayOptions options;
    options.observer = &listener;
    auto replayed = profile::replay(FLYBALL_SOURCE_DIR "/tests/replay/" + name, options);
    REQUIRE(replayed);
    snapshot = std::move(*replayed);
    QuotaContext context;
    context.start_ns = snapshot.meta.start_ns;
    context.end_ns = snapshot.meta.end_ns;
    context.names.path = [&](std::uint64_t id) {
        const auto& paths = snapshot.paths.at(snapshot.meta.hierarchy.at("cpu"));
        const auto found = paths.find(id);
        return found == paths.end() ? std::string("?") : found->second;
    };
    context.names.comm = [](std::uint32_t) { return std::string("?"); };
    context.limit_of = [&](std::string_view path) {
        for (const profile::CounterWindow& window : snapshot.counters) {
            if (window.path == path)
                return cpu_limit_of(window);
        }
        return CpuLimit{};
    };
    return std::move(*listener.quotas).finish(context);
}

}  // namespace

TEST_CASE("quota: the shop's recording blames the batch job", "[ledger][quota]")
{
    profile::Snapshot snapshot;
    const auto findings = findings_of("shop-before.fbr", snapshot);
    REQUIRE(findings.size() == 1);
    const QuotaFinding& found = findings[0];
    CHECK(found.path == "/prod.slice");
    CHECK(found.episodes > 50);
    CHECK(found.quota_ns == 60'000'000);
    CHECK(found.period_ns == 100'000'000);

    std::uint64_t kernel_ns = 0;  // its own throttled_usec
    for (const profile::CounterWindow& window : snapshot.counters) {
        if (window.path == found.path)
            kernel_ns = window.last.value().throttled_ns.value() - window.first.value().throttled_ns.value();
    }
    CHECK(static_cast<double>(found.throttled_ns) ==
          flyball::test::Approx(static_cast<double>(kernel_ns)).epsilon(0.01));

    REQUIRE(found.spenders.size() == 2);
    CHECK(found.spenders[0].path == "/prod.slice/batch.scope");
    CHECK(found.spenders[1].path == "/prod.slice/checkout.service");
    const auto batch = static_cast<double>(found.spenders[0].ns), shop = static_cast<double>(found.spenders[1].ns);
    CHECK(batch > 1.3 * shop);
    // 60 ms for each period that it was spent in, whatever the window has of them.
    const double periods = static_cast<double>(snapshot.meta.end_ns - snapshot.meta.start_ns) / 100e6;
    CHECK(batch + shop < periods * 60e6);
    CHECK(batch + shop > 0.7 * periods * 60e6);
    // Two tasks on two CPUs: an episode holds one of them.
    CHECK(found.worst.at(0).held_tasks == 1);

    // A CPU for the spinner and at least a fifth of one for the checkout; how much of a second one it would
    // take under a quota that never lets it sleep is not to be told from this.
    CHECK(found.demand.back().cpus > 1.19);
    REQUIRE(found.enough_quota_ns);
    CHECK(*found.enough_quota_ns >= 110'000'000);
    CHECK(*found.enough_quota_ns <= 200'000'000);
    CHECK_THAT(found.note, flyball::test::ContainsSubstring("an upper bound"));
    CHECK_FALSE(found.enough_burst_ns);
}

TEST_CASE("quota: the shop without its batch job fits its quota", "[ledger][quota]")
{
    profile::Snapshot snapshot;
    const auto before = findings_of("shop-before.fbr", snapshot);
    for (const QuotaFinding& found : findings_of("shop-after.fbr", snapshot)) {
        CAPTURE(found.path, found.note);
        CHECK(found.held_ns < before.at(0).held_ns / 20);
    }
    CHECK(snapshot.meta.cpus == 2);
}
