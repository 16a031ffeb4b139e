// SPDX-License-Identifier: Apache-2.0
// The books of real recordings (tests/replay): the same however the events arrive, and what is known of the
// scenario.
#include "flyball/ledger/observer.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <string>

using namespace flyball;
using namespace flyball::ledger;

namespace {

// As an online run with one round at the very end.
class WithoutRounds final : public profile::Observer {
public:
    void on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known) override
    {
        inner.on_begin(meta, known);
    }
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override { inner.on_batch(header, events); }
    void on_control(std::span<const std::byte> bytes) override { inner.on_control(bytes); }
    void on_closing(const profile::Closing& closing) override { inner.on_closing(closing); }
    LedgerObserver inner;
};

template <class Observer>
profile::Snapshot replay(const std::string& name, Observer& observer)
{
    profile::ReplayOptions options;
    options.observer = &observer;
    auto snapshot = profile::replay(std::string(FLYBALL_SOURCE_DIR "/tests/replay/") + name, options);
    if (!snapshot)
        FAIL(snapshot.error().what);
    return std::move(*snapshot);
}

Books books_of(const std::string& name)
{
    LedgerObserver observer;
    const profile::Snapshot snapshot = replay(name, observer);
    return observer.books(snapshot);
}

const Account& account(const Books& books, const std::string& path)
{
    const auto found = std::ranges::find(books.accounts, path, &Account::path);
    if (found == books.accounts.end())
        FAIL("no account of " << path);
    return *found;
}

}  // namespace

TEST_CASE("rounds bound the memory, and change nothing in the books", "[ledger]")
{
    for (const char* name : {"shop-before.fbr", "shop-after.fbr"}) {
        CAPTURE(name);
        const Books online = books_of(name);
        WithoutRounds observer;
        const profile::Snapshot snapshot = replay(name, observer);
        CHECK(observer.inner.books(snapshot) == online);
        CHECK(online.proof.late_events == 0);
        CHECK(online.proof.waits > 500);
    }
}

TEST_CASE("a shop: the checkout is held by its parent's quota, which the batch job spends", "[ledger]")
{
    const Books before = books_of("shop-before.fbr"), after = books_of("shop-after.fbr");
    const Account& checkout = account(before, "/prod.slice/checkout.service");
    REQUIRE(checkout.held_by.size() == 1);
    CHECK(checkout.held_by[0].path == "/prod.slice");
    CHECK(at(checkout.parts, Part::Held) > checkout.life_ns / 5);
    CHECK(total(checkout.parts) == checkout.life_ns);

    REQUIRE(before.quotas.size() == 1);
    CHECK(before.quotas[0].path == "/prod.slice");
    REQUIRE(before.quotas[0].spenders.size() == 2);
    CHECK(before.quotas[0].spenders[0].path == "/prod.slice/batch.scope");
    CHECK(before.quotas[0].spenders[0].tasks.at(0).comm == "flyball-workloa");

    // With the batch job out of the slice, the quota is enough.
    const Account& fixed = account(after, "/prod.slice/checkout.service");
    CHECK(at(fixed.parts, Part::Held) < fixed.life_ns / 20);

    for (const Books* books : {&before, &after}) {
        CHECK(books->proof.unbalanced_waits == 0);
        CHECK(books->proof.unbalanced_accounts == 0);
        // 200 reads of a device that takes 2 ms, one after the other
        const Account& backup = account(*books, "/backup.slice");
        CHECK(at(backup.parts, Part::IoDevice) > 400'000'000);
    }
}

TEST_CASE("a slice as one account: who is inside is no aggressor", "[ledger]")
{
    const Books books = books_of("shop-before.fbr");
    const Account slice = subtree(books, "/prod.slice");
    const Account &checkout = account(books, "/prod.slice/checkout.service"),
                  &batch = account(books, "/prod.slice/batch.scope");
    CHECK(slice.life_ns == checkout.life_ns + batch.life_ns);
    CHECK(total(slice.parts) == slice.life_ns);
    CHECK(total(slice.parts, Family::Wait) == total(checkout.parts, Family::Wait) + total(batch.parts, Family::Wait));
    for (const Blame& blame : slice.displaced_by)
        CHECK(!blame.path.starts_with("/prod.slice"));
    CHECK(at(slice.parts, Part::OwnTasks) > 0);
}
