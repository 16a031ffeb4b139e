// SPDX-License-Identifier: Apache-2.0
// Names of tasks, also of those that are gone.
#pragma once

#include "flyball/abi/events.h"

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>

namespace flyball::ledger {

class Comms {
public:
    // An exit has the last name, if only its first bytes; a fork has the parent's.
    void on_task(const fb_task& event);
    void on_attach(const fb_attach& event);
    // Whole names: these win.
    void on_records(std::span<const fb_task_record> records);

    [[nodiscard]] std::string of(std::uint32_t tid) const;

private:
    // Names of dead tasks are only of use while their time is among the largest: a storm of forks must not
    // keep them all.
    static constexpr std::size_t kKept = 65536;

    void put(std::uint32_t tid, const char* name, std::size_t size);

    std::unordered_map<std::uint32_t, std::string> names_;
};

}  // namespace flyball::ledger
