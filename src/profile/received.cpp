// SPDX-License-Identifier: Apache-2.0
#include "received.hpp"

#include <algorithm>
#include <tuple>

namespace flyball::profile {
void Received::check_sequence(std::uint32_t cpu, std::uint64_t sequence)
{
    if (sequence == FB_SEQ_SINGLE)
        return;
    const auto [slot, first] = next_sequence_.try_emplace(cpu, sequence);
    // A step back cannot happen in one ring; it counts as one, whatever it means.
    if (!first && sequence != slot->second)
        gaps_ += sequence > slot->second ? sequence - slot->second : 1;
    slot->second = sequence + 1;
}

void Received::add_batch(const fb_batch& header, std::span<const fb_event> events)
{
    check_sequence(header.cpu, header.seq);
    total_ += events.size();
    std::array<std::uint32_t, FB_P_MAX> here{};  // one map access a program, not one an event
    for (const fb_event& event : events) {
        if (event.hdr.prog < FB_P_MAX) {
            ++here[event.hdr.prog];
        } else {
            ++delivered_[{event.hdr.prog, header.cpu}];
        }
        last_ns_ = std::max<std::uint64_t>(last_ns_, event.hdr.ts_ns);
    }
    for (std::uint32_t prog = 0; prog < here.size(); ++prog) {
        if (here[prog] > 0)
            delivered_[{prog, header.cpu}] += here[prog];
    }
}

void Received::add_control(const fb_hdr& hdr)
{
    last_ns_ = std::max<std::uint64_t>(last_ns_, hdr.ts_ns);
    if (hdr.prog == FB_P_NONE)
        return;  // of user space: nothing was to be delivered
    ++total_;
    ++delivered_[{hdr.prog, hdr.cpu}];
}

std::vector<ProgramLoss> Received::reconcile(std::vector<ProgramLoss> kernel) const
{
    std::map<std::pair<std::uint32_t, std::uint32_t>, ProgramLoss> rows;
    for (const ProgramLoss& row : kernel) {
        ProgramLoss& total = rows[{row.prog, row.cpu}];
        total.attempted += row.attempted;
        total.folded += row.folded;
        total.dropped += row.dropped;
        total.untracked += row.untracked;
    }
    for (const auto& [key, count] : delivered_)
        rows[key].delivered = count;

    std::vector<ProgramLoss> result;
    for (auto& [key, row] : rows) {
        std::tie(row.prog, row.cpu) = key;
        if (row.attempted | row.delivered | row.folded | row.dropped | row.untracked)
            result.push_back(row);
    }
    return result;
}

}  // namespace flyball::profile
