// SPDX-License-Identifier: Apache-2.0
// A recording of a live kernel, and the books that are kept over it.
#pragma once

#include "flyball/ledger/observer.hpp"
#include "recorder.hpp"

#include <algorithm>
#include <string>

namespace flyball::test {

class BookRecorder {
public:
    BookRecorder() : file_("books.fbr"), recorder_({"-o", file_.path()}) {}

    // Stops the recording; afterwards the books and the snapshot are there.
    void stop()
    {
        (void)recorder_.stop_text();
        ledger::LedgerObserver observer;
        profile::ReplayOptions options;
        options.observer = &observer;
        auto replayed = profile::replay(file_.path(), options);
        if (!replayed)
            FAIL(replayed.error().what);
        snapshot = std::move(*replayed);
        books = observer.books(snapshot);
        INFO("late " << books.proof.late_events << ", breaks " << books.proof.chain_breaks << ", folded "
                     << books.proof.folded_events);
        CHECK(books.proof.waits > 0);
        CHECK(books.proof.unbalanced_waits == 0);
        CHECK(books.proof.unbalanced_accounts == 0);
    }

    [[nodiscard]] const ledger::Account& account(const TestCgroup& cgroup) const
    {
        const auto found = std::ranges::find(books.accounts, cgroup.path(), &ledger::Account::path);
        if (found == books.accounts.end())
            FAIL("no account of " << cgroup.path());
        return *found;
    }

    profile::Snapshot snapshot;
    ledger::Books books;

private:
    Scratch file_;
    Recorder recorder_;
};

inline std::uint64_t part(const ledger::Account& account, ledger::Part part)
{
    return ledger::at(account.parts, part);
}

inline const ledger::Blame* blame(const std::vector<ledger::Blame>& blames, const std::string& path)
{
    const auto found = std::ranges::find(blames, path, &ledger::Blame::path);
    return found == blames.end() ? nullptr : &*found;
}

// For a failed test's message: what the account says.
inline std::string words(const ledger::Account& account)
{
    std::string text = account.path + ":";
    for (std::size_t i = 0; i < ledger::kParts; ++i) {
        if (account.parts[i] > 0)
            text += " " + std::string(ledger::name(static_cast<ledger::Part>(i))) + " " +
                    std::to_string(account.parts[i] / 1000) + " us,";
    }
    for (const ledger::Blame& held : account.held_by)
        text += " held by " + held.path + " " + std::to_string(held.ns / 1000) + " us,";
    for (const ledger::Blame& by : account.displaced_by)
        text += " displaced by " + by.path + " " + std::to_string(by.ns / 1000) + " us,";
    return text;
}

}  // namespace flyball::test
