// SPDX-License-Identifier: Apache-2.0
#include "devices.hpp"

#include "flyball/profile/histogram.hpp"

#include <algorithm>

namespace flyball::ledger {
namespace {

constexpr std::uint64_t kSector = 512;
// Who was in service while a request queued is known when they are done: it is settled some requests later.
constexpr std::size_t kSettleAfter = 64;
constexpr std::size_t kServedKept = 512;
// Bios that never become a request of their device: those of a stacked device (dm, md), which sends others.
constexpr std::size_t kBiosKept = 16384;

}  // namespace

void Devices::on_bio(const fb_bio& bio)
{
    if (bio.bytes == 0 || bio.op > FB_OP_WRITE)
        return;  // the rest of a split bio: the whole one is here already
    Device& device = devices_[bio.dev];
    if (device.bios.size() >= kBiosKept)
        device.bios.clear();
    device.bios[bio.sector] = {.end_sector = bio.sector + (bio.bytes + kSector - 1) / kSector,
                               .bytes_left = bio.bytes,
                               .owner = {bio.tid, bio.hdr.ts_ns}};
    // A kernel worker sends it on; he who waits for it, and since when, was told when it was held.
    if (const auto held = device.held.find(bio.sector); held != device.held.end()) {
        device.bios[bio.sector].owner = held->second;
        device.held.erase(held);
    }
}

void Devices::on_bio_held(const fb_bio& bio)
{
    Device& device = devices_[bio.dev];
    if (device.held.size() >= kBiosKept)
        device.held.clear();
    device.held.try_emplace(bio.sector, Owner{bio.tid, bio.hdr.ts_ns});
}

Request Devices::times_of(const fb_rq& rq)
{
    Request request;
    request.done_ns = rq.hdr.ts_ns;
    request.issued_ns = rq.hdr.ts_ns - std::min<std::uint64_t>(rq.device_ns, rq.hdr.ts_ns);
    const std::uint64_t queued = rq.queue_ns == FB_UNKNOWN_NS ? 0 : rq.queue_ns;
    request.begun_ns = request.issued_ns - std::min(queued, request.issued_ns);
    request.submitted_ns = request.begun_ns;
    return request;
}

std::vector<Devices::Owner> Devices::take_bios(const fb_rq& rq)
{
    std::vector<Owner> owners;
    if (rq.bytes == 0 || rq.op > FB_OP_WRITE)
        return owners;
    auto& bios = devices_[rq.dev].bios;
    const std::uint64_t end = rq.sector + (rq.bytes + kSector - 1) / kSector;
    auto bio = bios.upper_bound(rq.sector);
    if (bio != bios.begin())
        --bio;
    while (bio != bios.end() && bio->first < end) {
        Pending& pending = bio->second;
        const std::uint64_t common = overlap({bio->first, pending.end_sector}, {rq.sector, end}).length() * kSector;
        if (common == 0) {
            ++bio;
            continue;
        }
        owners.push_back(pending.owner);
        pending.bytes_left -= std::min(pending.bytes_left, common);
        bio = pending.bytes_left == 0 ? bios.erase(bio) : std::next(bio);
    }
    return owners;
}

void Devices::enqueue(const fb_rq& rq, const Request& request)
{
    Device& device = devices_[rq.dev];
    device.served.push_back({{request.issued_ns, request.done_ns}, rq.hdr.cgroup_id});
    if (device.served.size() > kServedKept)
        device.served.pop_front();
    if (rq.queue_ns != FB_UNKNOWN_NS)
        device.queued.push_back({{request.begun_ns, request.issued_ns}, rq.hdr.cgroup_id});
    while (device.queued.size() > kSettleAfter) {
        settle(device, device.queued.front());
        device.queued.pop_front();
    }
}

// Its queue time goes to those who were in the device meanwhile, in proportion to how much of it they were.
void Devices::settle(Device& device, const Queued& queued)
{
    Victim& victim = victims_[queued.cgroup];
    ++victim.requests;
    const std::uint64_t ns = queued.span.length();
    victim.queued_ns += ns;
    const auto first = std::partition_point(device.served.begin(), device.served.end(),
                                            [&](const Served& s) { return s.span.to <= queued.span.from; });
    std::uint64_t service = 0;
    for (auto s = first; s != device.served.end(); ++s)
        service += overlap(s->span, queued.span).length();
    if (service == 0) {
        victim.unknown_ns += ns;
        return;
    }
    std::uint64_t seen = 0, given = 0;
    for (auto s = first; s != device.served.end(); ++s) {
        const std::uint64_t common = overlap(s->span, queued.span).length();
        if (common == 0)
            continue;
        seen += common;
        const auto upto = static_cast<std::uint64_t>(profile::Uint128{ns} * seen / service);
        Cell& cell = victim.behind[s->cgroup];
        cell.ns += upto - given;
        given = upto;
    }
}

std::vector<IoBlame> Devices::close(const Accounts::Names& names)
{
    for (auto& [dev, device] : devices_) {
        for (const Queued& queued : device.queued)
            settle(device, queued);
        device.queued.clear();
    }
    std::map<std::string, IoBlame> by_path;
    for (const auto& [cgroup, victim] : victims_) {
        std::string path = names.path(cgroup);
        IoBlame& blame = by_path[path];
        blame.path = path;
        blame.requests += victim.requests;
        blame.queued_ns += victim.queued_ns;
        blame.unknown_ns += victim.unknown_ns;
        for (Blame& one : blames(victim.behind, names))
            blame.behind.push_back(std::move(one));
    }
    std::vector<IoBlame> result;
    for (auto& [path, blame] : by_path)
        result.push_back(std::move(blame));
    return result;
}

}  // namespace flyball::ledger
