// SPDX-License-Identifier: Apache-2.0
#include "flyball/profile/accumulator.hpp"

#include "flyball/profile/decode.hpp"
#include "measures.hpp"
#include "names.hpp"
#include "oom_assembler.hpp"
#include "received.hpp"
#include "snapshot_builder.hpp"

#include <utility>

namespace flyball::profile {

struct Accumulator::State {
    Meta meta;
    Names names;
    OomAssembler ooms;
    Received received;

    State(Meta m, std::span<const KnownCgroup> known)
        : meta(std::move(m)), names(meta.hierarchy, known), ooms(assembler_for(meta))
    {
    }

    [[nodiscard]] bool apply_control(std::uint16_t type, std::span<const std::byte> bytes);
};

bool Accumulator::State::apply_control(std::uint16_t type, std::span<const std::byte> bytes)
{
    switch (type) {
    case FB_EV_CGROUP:
        return with<fb_cgroup>(bytes, [&](const auto& r) {
            names.apply(r);
            if (r.op == FB_CG_RMDIR && r.hierarchy == hierarchy_of(meta, "memory"))
                ooms.on_removed(names, r);
        });
    case FB_EV_ATTACH:
        return bytes.size() >= sizeof(fb_attach);  // kept in recordings, feeds no metric
    default:
        return ooms.on_control(names, type, bytes);
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
        state_->ooms.on_event(event);
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
    Snapshot snapshot = build_snapshot(std::move(state_->meta), state_->names, state_->ooms, std::move(closing),
                                       state_->received.last_ns());
    snapshot.loss.sequence_gaps = state_->received.sequence_gaps();
    snapshot.loss.unknown_records = state_->received.unknown();
    snapshot.loss.programs = state_->received.reconcile(std::move(snapshot.loss.programs));
    return snapshot;
}

}  // namespace flyball::profile
