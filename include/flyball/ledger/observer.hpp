// SPDX-License-Identifier: Apache-2.0
// Keeps the books of a run, live or replayed: hand it to the recorder or to profile::replay().
#pragma once

#include "flyball/ledger/ledger.hpp"
#include "flyball/profile/recording.hpp"

#include <optional>
#include <vector>

namespace flyball::ledger {

class LedgerObserver final : public profile::Observer {
public:
    void on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known) override;
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override;
    void on_control(std::span<const std::byte> bytes) override;
    void on_round(std::uint64_t until_ns) override;
    void on_closing(const profile::Closing& closing) override;

    // After the run, once. snapshot: what the run gave.
    [[nodiscard]] Books books(const profile::Snapshot& snapshot);

private:
    std::optional<Ledger> ledger_;
    std::optional<stream::InOrder> in_order_;
    std::vector<fb_task_record> tasks_first_, tasks_last_;
};

}  // namespace flyball::ledger
