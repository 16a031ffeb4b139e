// SPDX-License-Identifier: Apache-2.0
// Who grew, by samples of each second.
#include "../../../src/oom/memory_history.hpp"
#include "support/catch.hpp"

#include <cstring>
#include <string_view>

using namespace flyball;
using namespace flyball::oom;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000, kMiB = 1 << 20;

fb_process_memory process(std::uint32_t tgid, std::uint64_t bytes, std::uint64_t start_ns = 1, std::uint64_t memcg = 10)
{
    fb_process_memory one{};
    one.tgid = tgid;
    one.bytes = bytes;
    one.start_ns = start_ns;
    one.memcg_id = memcg;
    std::memcpy(one.comm, "java", 5);
    return one;
}

GrowthAsked asked(std::uint64_t at_ns, std::vector<fb_process_memory> held = {})
{
    return {.at_ns = at_ns, .in_scope = [](std::uint64_t memcg) { return memcg == 10; }, .held = std::move(held)};
}

}  // namespace

TEST_CASE("a leak has its growth of 1, 10 and 60 seconds", "[oom]")
{
    MemoryHistory history;
    // A MiB a second for five minutes; another that rests; a third, of another cgroup.
    for (std::uint64_t s = 1; s <= 300; ++s)
        history.add(s * kSecond, {process(7, s * kMiB), process(5, 50 * kMiB), process(6, s * kMiB, 1, 11)});
    const auto grew = history.grown(asked(300 * kSecond + kSecond / 10, {process(7, 301 * kMiB)}));
    REQUIRE(grew.size() == 1);
    CHECK(grew[0].tgid == 7);
    CHECK(std::string_view(grew[0].comm) == "java");
    CHECK(grew[0].hdr.cgroup_id == 10);
    CHECK(grew[0].bytes == 301 * kMiB);
    CHECK(grew[0].before_ns[0] == kSecond + kSecond / 10);
    CHECK(grew[0].before_bytes[0] == 299 * kMiB);
    CHECK(grew[0].before_ns[1] == 10 * kSecond + kSecond / 10);
    CHECK(grew[0].before_bytes[1] == 290 * kMiB);
    // Old samples are ten seconds apart.
    CHECK(grew[0].before_ns[2] >= 54 * kSecond);
    CHECK(grew[0].before_ns[2] <= 66 * kSecond);
    CHECK(grew[0].before_bytes[2] == 301 * kMiB - (grew[0].before_ns[2] + 9 * kSecond / 10) / kSecond * kMiB);
}

TEST_CASE("a process that is new grew from nothing, also under a number that was used before", "[oom]")
{
    MemoryHistory history;
    for (std::uint64_t s = 1; s <= 5; ++s)
        history.add(s * kSecond, {process(7, 40 * kMiB)});
    history.add(6 * kSecond, {process(7, 30 * kMiB, 5 * kSecond)});
    const auto grew = history.grown(asked(6 * kSecond));
    REQUIRE(grew.size() == 1);
    CHECK(grew[0].before_bytes[0] == 0);
    // One that was never sampled, but the kernel met it.
    const auto met = history.grown(asked(6 * kSecond, {process(9, 60 * kMiB, 0)}));
    REQUIRE(met.size() == 2);
    CHECK(met[0].tgid == 9);
    CHECK(met[0].before_bytes[0] == 0);
}

TEST_CASE("what was not looked at is not known, and is no growth", "[oom]")
{
    MemoryHistory history;
    CHECK(history.grown(asked(kSecond, {process(7, 40 * kMiB)})).empty());
    // The watch began two seconds ago: nothing is known of 10 and 60.
    history.add(100 * kSecond, {process(7, 10 * kMiB)});
    history.add(101 * kSecond, {process(7, 20 * kMiB)});
    const auto grew = history.grown(asked(102 * kSecond, {process(7, 40 * kMiB)}));
    REQUIRE(grew.size() == 1);
    CHECK(grew[0].before_ns[0] == kSecond);
    CHECK(grew[0].before_bytes[0] == 20 * kMiB);
    CHECK(grew[0].before_ns[1] == 0);
    CHECK(grew[0].before_ns[2] == 0);
    // Soon after the machine's start a moment ago is not ten seconds ago.
    MemoryHistory young;
    young.add(3 * kSecond + kSecond / 2, {process(7, 10 * kMiB)});
    CHECK(young.grown(asked(4 * kSecond - kSecond / 10, {process(7, 40 * kMiB)})).empty());
    // Its end shows in the next sample, which is later than the episode.
    history.add(103 * kSecond, {});
    CHECK(history.grown(asked(102 * kSecond, {process(7, 40 * kMiB)})).size() == 1);
}

TEST_CASE("the five that grew most are told, by more than a MiB", "[oom]")
{
    MemoryHistory history;
    std::vector<fb_process_memory> before, after;
    for (std::uint32_t i = 1; i <= 8; ++i) {
        before.push_back(process(i, kMiB));
        after.push_back(process(i, kMiB + i * kMiB / 2));
    }
    history.add(kSecond, before);
    history.add(2 * kSecond, after);
    const auto grew = history.grown(asked(2 * kSecond));
    REQUIRE(grew.size() == 5);
    CHECK(grew[0].tgid == 8);
    CHECK(grew[4].tgid == 4);
}
