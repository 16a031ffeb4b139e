// SPDX-License-Identifier: Apache-2.0
#include "flyball/ledger/ledger.hpp"

#include "comms.hpp"
#include "engine.hpp"
#include "hierarchy.hpp"
#include "quota.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>

namespace flyball::ledger {
namespace {

int hierarchy_of(const profile::Meta& meta, const char* controller)
{
    const auto found = meta.hierarchy.find(controller);
    return found == meta.hierarchy.end() ? 0 : found->second;
}

// Control records come as bytes without alignment.
template <class Record>
bool read(std::span<const std::byte> bytes, Record& record)
{
    if (bytes.size() < sizeof record)
        return false;
    std::memcpy(&record, bytes.data(), sizeof record);
    return true;
}

std::uint64_t folded_events(const profile::Snapshot& snapshot)
{
    std::uint64_t sum = 0;
    for (const profile::ProgramLoss& loss : snapshot.loss.programs)
        sum += loss.folded;
    return sum;
}

CpuLimit cpu_limit_at(const profile::Snapshot& snapshot, std::string_view path)
{
    const auto found = std::ranges::lower_bound(snapshot.counters, path, {}, &profile::CounterWindow::path);
    return found == snapshot.counters.end() || found->path != path ? CpuLimit{} : cpu_limit_of(*found);
}

}  // namespace

struct Ledger::State {
    State(const profile::Meta& meta, std::span<const profile::KnownCgroup> known)
        : start_ns(meta.start_ns),
          cpu_hierarchy(hierarchy_of(meta, "cpu")),
          io_hierarchy(hierarchy_of(meta, "io")),
          hierarchy(cpu_hierarchy, known),
          quotas(hierarchy, meta.cpus),
          engine(meta.start_ns, [this](std::uint64_t id, std::uint64_t above) { return hierarchy.inside(id, above); })
    {
    }

    std::uint64_t start_ns;
    int cpu_hierarchy, io_hierarchy;
    Hierarchy hierarchy;
    Quotas quotas;
    Comms comms;
    Engine engine;
};

Ledger::Ledger(const profile::Meta& meta, std::span<const profile::KnownCgroup> known)
    : state_(std::make_unique<State>(meta, known))
{
}
Ledger::~Ledger() = default;
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger& Ledger::operator=(Ledger&&) noexcept = default;

void Ledger::on_event(const fb_event& event)
{
    Engine& engine = state_->engine;
    switch (event.hdr.type) {
    case FB_EV_SWITCH:
        state_->quotas.on_switch(std::bit_cast<fb_switch>(event));
        return engine.on_switch(std::bit_cast<fb_switch>(event));
    case FB_EV_HELD:
        state_->quotas.on_held(std::bit_cast<fb_held>(event));
        return engine.on_held(std::bit_cast<fb_held>(event));
    case FB_EV_MIGRATE:
        return engine.on_migrate(std::bit_cast<fb_migrate>(event));
    case FB_EV_THROTTLE:
        state_->quotas.on_throttle(std::bit_cast<fb_throttle>(event));
        return engine.on_throttle(std::bit_cast<fb_throttle>(event));
    case FB_EV_STALL:
        return engine.on_stall(std::bit_cast<fb_stall>(event));
    case FB_EV_BIO_HELD:
        return engine.on_bio_held(std::bit_cast<fb_bio>(event));
    case FB_EV_BIO:
        return engine.on_bio(std::bit_cast<fb_bio>(event));
    case FB_EV_RQ:
        return engine.on_request(std::bit_cast<fb_rq>(event));
    case FB_EV_TASK: {
        const auto task = std::bit_cast<fb_task>(event);
        state_->comms.on_task(task);
        return engine.on_task(task);
    }
    default:
        return;
    }
}

void Ledger::on_control(std::span<const std::byte> bytes)
{
    fb_hdr hdr{};
    if (!read(bytes, hdr))
        return;
    if (fb_cgroup record{}; hdr.type == FB_EV_CGROUP && read(bytes, record))
        state_->hierarchy.on_cgroup(record);
    if (fb_attach record{}; hdr.type == FB_EV_ATTACH && read(bytes, record))
        state_->comms.on_attach(record);
}

Books Ledger::finish(const profile::Snapshot& snapshot, std::span<const fb_task_record> tasks_first,
                     std::span<const fb_task_record> tasks_last) &&
{
    State& state = *state_;
    state.comms.on_records(tasks_first);
    state.comms.on_records(tasks_last);
    state.engine.finish(snapshot.meta.end_ns, tasks_first, tasks_last);

    const auto names_in = [&](int hierarchy) -> Accounts::Names {
        static const std::map<std::uint64_t, std::string> kNone;
        const auto found = snapshot.paths.find(hierarchy);
        const auto& paths = found == snapshot.paths.end() ? kNone : found->second;
        return {.path = [&paths](std::uint64_t id) -> std::string {
                    const auto path = paths.find(id);
                    return path == paths.end() ? "?" : path->second;
                },
                .comm = [&state](std::uint32_t tid) { return state.comms.of(tid); }};
    };
    Books books;
    books.window_ns = snapshot.meta.end_ns - std::min(snapshot.meta.start_ns, snapshot.meta.end_ns);
    books.accounts = state.engine.accounts().close(names_in(state.cpu_hierarchy));
    books.io = state.engine.devices().close(names_in(state.io_hierarchy));
    books.quotas = std::move(state.quotas)
                       .finish({.start_ns = snapshot.meta.start_ns,
                                .end_ns = snapshot.meta.end_ns,
                                .names = names_in(state.cpu_hierarchy),
                                .limit_of = [&](std::string_view path) { return cpu_limit_at(snapshot, path); }});
    books.proof = state.engine.proof();
    books.proof.folded_events = folded_events(snapshot);
    books.proof.unbalanced_accounts = static_cast<std::uint64_t>(std::ranges::count_if(
        books.accounts, [](const Account& account) { return total(account.parts) != account.life_ns; }));
    return books;
}

}  // namespace flyball::ledger
