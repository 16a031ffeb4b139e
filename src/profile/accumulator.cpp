// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/accumulator.hpp"

#include "measures.hpp"
#include "names.hpp"
#include "oom_assembler.hpp"
#include "received.hpp"
#include "snapshot_builder.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace flyball::profile {
namespace {

// A record may be longer than this version knows (a newer kernel side), never shorter.
template <class Record>
std::optional<Record> decode(std::span<const std::byte> bytes)
{
    if (bytes.size() < sizeof(Record))
        return std::nullopt;
    Record record;
    std::memcpy(&record, bytes.data(), sizeof record);
    return record;
}

}  // namespace

struct Accumulator::State {
    Meta meta;
    Names names;
    OomAssembler ooms;
    Received received;

    State(Meta m, std::span<const KnownCgroup> known) : meta(std::move(m)), names(meta.hierarchy, known) {}

    [[nodiscard]] bool apply_control(std::uint16_t type, std::span<const std::byte> bytes);
    template <class Record, class Use>
    static bool with(std::span<const std::byte> bytes, Use use)
    {
        const std::optional<Record> record = decode<Record>(bytes);
        if (record)
            use(*record);
        return record.has_value();
    }
};

bool Accumulator::State::apply_control(std::uint16_t type, std::span<const std::byte> bytes)
{
    switch (type) {
    case FB_EV_CGROUP:
        return with<fb_cgroup>(bytes, [&](const auto& r) { names.apply(r); });
    case FB_EV_ATTACH:
        return bytes.size() >= sizeof(fb_attach);  // kept in recordings, feeds no metric
    case FB_EV_OOM_KILL:
        return with<fb_oom_kill>(bytes, [&](const auto& r) { ooms.on_decision(names, r); });
    case FB_EV_OOM_GROUP:
        return with<fb_oom_group>(bytes, [&](const auto& r) { ooms.on_policy(names, r); });
    case FB_EV_OOM_VICTIM:
        return with<fb_oom_task>(bytes, [&](const auto& r) { ooms.on_marked(names, r); });
    case FB_EV_OOM_SIGKILL:
        return with<fb_oom_task>(bytes, [&](const auto& r) { ooms.on_sigkill(r); });
    case FB_EV_OOM_EXIT:
        return with<fb_oom_task>(bytes, [&](const auto& r) { ooms.on_exit(r); });
    case FB_EV_OOM_REAP:
        return with<fb_oom_task>(bytes, [&](const auto& r) { ooms.on_reaped(r); });
    default:
        return false;
    }
}

Accumulator::Accumulator(Meta meta, std::vector<KnownCgroup> known)
    : state_(std::make_unique<State>(std::move(meta), known))
{
}
Accumulator::~Accumulator() = default;
Accumulator::Accumulator(Accumulator&&) noexcept = default;
Accumulator& Accumulator::operator=(Accumulator&&) noexcept = default;

void Accumulator::on_batch(const fb_batch& header, std::span<const fb_event> events)
{
    state_->received.add_batch(header, events);
    for (const fb_event& event : events) {
        if (!apply_event(state_->names, event))
            state_->received.add_unknown();
    }
}

void Accumulator::on_control(std::span<const std::byte> bytes)
{
    const std::optional<fb_hdr> hdr = decode<fb_hdr>(bytes);
    if (!hdr)
        return state_->received.add_unknown();
    state_->received.add_control(*hdr);
    if (!state_->apply_control(hdr->type, bytes))
        state_->received.add_unknown();
}

std::uint64_t Accumulator::received() const
{
    return state_->received.total();
}

std::vector<std::string> Accumulator::take_created()
{
    return state_->names.take_created();
}

Snapshot Accumulator::finish(Closing closing) &&
{
    for (const FoldedEntry& entry : closing.folded) {
        if (!apply_folded(state_->names, entry))
            state_->received.add_unknown();
    }
    Snapshot snapshot = build_snapshot(std::move(state_->meta), state_->names, state_->ooms,
                                       std::move(closing), state_->received.last_ns());
    snapshot.loss.sequence_gaps = state_->received.sequence_gaps();
    snapshot.loss.unknown_records = state_->received.unknown();
    snapshot.loss.programs = state_->received.reconcile(std::move(snapshot.loss.programs));
    return snapshot;
}

}  // namespace flyball::profile
