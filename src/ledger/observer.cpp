// SPDX-License-Identifier: Apache-2.0
#include "flyball/ledger/observer.hpp"

#include <utility>

namespace flyball::ledger {

void LedgerObserver::on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known)
{
    ledger_.emplace(meta, known);
    in_order_.emplace(*ledger_);
}

void LedgerObserver::on_batch(const fb_batch& header, std::span<const fb_event> events)
{
    in_order_->on_batch(header, events);
}

void LedgerObserver::on_control(std::span<const std::byte> bytes)
{
    in_order_->on_control(bytes);
}

void LedgerObserver::on_round(std::uint64_t until_ns)
{
    in_order_->on_round(until_ns);
}

void LedgerObserver::on_closing(const profile::Closing& closing)
{
    tasks_first_ = closing.tasks_first;
    tasks_last_ = closing.tasks_last;
}

Books LedgerObserver::books(const profile::Snapshot& snapshot)
{
    in_order_->finish();
    Books books = std::move(*ledger_).finish(snapshot, tasks_first_, tasks_last_);
    books.proof.late_events = in_order_->late();
    return books;
}

}  // namespace flyball::ledger
