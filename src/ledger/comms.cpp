// SPDX-License-Identifier: Apache-2.0
#include "comms.hpp"

#include <cstring>

namespace flyball::ledger {

void Comms::put(std::uint32_t tid, const char* name, std::size_t size)
{
    const std::size_t length = strnlen(name, size);
    if (length == 0)
        return;
    const auto known = names_.find(tid);
    if (known == names_.end()) {
        if (names_.size() >= kKept)
            names_.erase(names_.begin());
        names_.emplace(tid, std::string(name, length));
        return;
    }
    // the first bytes of what is known in full say nothing new
    if (length == size && known->second.size() > length && known->second.compare(0, length, name, length) == 0)
        return;
    known->second.assign(name, length);
}

void Comms::on_task(const fb_task& event)
{
    if (event.kind != FB_TASK_REFUSED)
        put(event.tid, event.comm, sizeof event.comm);
}

void Comms::on_attach(const fb_attach& event)
{
    put(event.tid, event.comm, sizeof event.comm);
}

void Comms::on_records(std::span<const fb_task_record> records)
{
    for (const fb_task_record& record : records)
        put(record.tid, record.comm, sizeof record.comm);
}

std::string Comms::of(std::uint32_t tid) const
{
    const auto found = names_.find(tid);
    return found == names_.end() ? "?" : found->second;
}

}  // namespace flyball::ledger
