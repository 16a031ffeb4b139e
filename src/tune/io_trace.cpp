// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/io_trace.hpp"

#include "units.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <unordered_map>
#include <utility>

namespace flyball::tune {
namespace {

using cgroup::DeviceNumber;

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kRandomSectors = 4096 * (kPage / kSector);  // LCOEF_RANDIO_PAGES
// Bios that never become a request of their device: those of a stacked device, which sends others.
constexpr std::size_t kBiosKept = 65536;
constexpr std::size_t kRequestsKept = std::size_t{4} << 20;  // a window: 100 MiB

struct Bio {
    std::uint64_t end_sector = 0, queued_ns = 0;
    bool held = false;  // by io.max, so far
};

// In the device from `from` to `to`.
struct Stay {
    std::uint64_t from = 0, to = 0;
    bool own = false;
};

struct Device {
    std::map<std::uint64_t, Bio> bios;  // of the subject, by first sector
    std::vector<Stay> stays;
    IoDeviceTrace trace;
};

// Time shares of all that were in the device, step by step.
class Sweep {
public:
    Sweep(IoDeviceTrace& trace, std::uint64_t begin_ns, std::uint64_t end_ns)
        : trace_(trace), begin_ns_(begin_ns), end_ns_(end_ns)
    {
    }

    void run(const std::vector<Stay>& stays)
    {
        struct Change {
            std::uint64_t at;
            int all, own;
        };
        std::vector<Change> changes;
        changes.reserve(2 * stays.size());
        for (const Stay& stay : stays) {
            const std::uint64_t from = std::max(stay.from, begin_ns_), to = std::min(stay.to, end_ns_);
            if (from >= to)
                continue;
            changes.push_back({from, 1, stay.own ? 1 : 0});
            changes.push_back({to, -1, stay.own ? -1 : 0});
        }
        std::ranges::sort(changes, {}, &Change::at);
        for (std::size_t i = 0; i < changes.size();) {
            const std::uint64_t at = changes[i].at;
            pass(at);
            for (; i < changes.size() && changes[i].at == at; ++i) {
                all_ += changes[i].all;
                own_ += changes[i].own;
            }
            trace_.most_in_device = std::max(trace_.most_in_device, static_cast<std::uint32_t>(all_));
        }
    }

private:
    void pass(std::uint64_t until)
    {
        while (all_ > 0 && at_ < until) {
            const std::size_t step = (at_ - begin_ns_) / kIoStepNs;
            const std::uint64_t to = std::min(until, begin_ns_ + (step + 1) * kIoStepNs), length = to - at_;
            IoStep& sum = trace_.steps[step];
            sum.busy_ns += length;
            sum.own_ns += static_cast<double>(length) * own_ / all_;
            sum.depth_ns += static_cast<double>(length) * all_;
            at_ = to;
        }
        at_ = until;
    }

    IoDeviceTrace& trace_;
    std::uint64_t begin_ns_, end_ns_, at_ = 0;
    int all_ = 0, own_ = 0;
};

}  // namespace

struct IoCollector::State {
    State(const SubtreeIds& ids, std::uint64_t begin) : subtree(ids), begin_ns(begin) {}

    const SubtreeIds& subtree;
    std::unordered_map<DeviceNumber, Device> devices;
    // iocost's cursor of a cgroup on a device: where its bio before ended.
    std::map<std::pair<std::uint64_t, DeviceNumber>, std::uint64_t> cursors;
    std::uint64_t begin_ns, stays = 0, left_out = 0;

    [[nodiscard]] bool own(std::uint64_t id) const { return subtree.of("io").contains(id); }
    IoStep& step(Device& device, std::uint64_t at_ns);
    void on_bio(const fb_bio& bio);
    void on_bio_held(const fb_bio& bio);
    void on_request(const fb_rq& rq);
    [[nodiscard]] std::uint64_t take_bio(Device& device, const fb_rq& rq, std::uint64_t issued_ns);
};

IoStep& IoCollector::State::step(Device& device, std::uint64_t at_ns)
{
    const std::size_t index = at_ns > begin_ns ? (at_ns - begin_ns) / kIoStepNs : 0;
    if (device.trace.steps.size() <= index)
        device.trace.steps.resize(index + 1);
    return device.trace.steps[index];
}

void IoCollector::State::on_bio(const fb_bio& bio)
{
    if (!own(bio.hdr.cgroup_id) || bio.bytes == 0 || bio.op > FB_OP_WRITE)
        return;  // 0 bytes: the rest of a split bio, the whole of which is here already
    Device& device = devices[bio.dev];
    if (device.bios.size() >= kBiosKept)
        device.bios.clear();
    const std::uint64_t end = bio.sector + (bio.bytes + kSector - 1) / kSector;
    // One that io.max has held waits since then.
    const auto held = device.bios.find(bio.sector);
    const std::uint64_t since = held != device.bios.end() && held->second.held ? held->second.queued_ns : bio.hdr.ts_ns;
    device.bios[bio.sector] = {end, since, false};

    IoWork& work = step(device, bio.hdr.ts_ns).work;
    std::uint64_t& cursor = cursors[{bio.hdr.cgroup_id, bio.dev}];
    const std::uint64_t away = cursor > bio.sector ? cursor - bio.sector : bio.sector - cursor;
    // A cursor that has not been anywhere yet counts as near (the kernel's does).
    ++(cursor != 0 && away > kRandomSectors ? work.random : work.sequential)[bio.op];
    work.pages[bio.op] += std::max<std::uint64_t>(bio.bytes / kPage, 1);
    cursor = end;
}

void IoCollector::State::on_bio_held(const fb_bio& bio)
{
    if (own(bio.hdr.cgroup_id) && bio.bytes != 0)
        devices[bio.dev].bios[bio.sector] = {bio.sector + (bio.bytes + kSector - 1) / kSector, bio.hdr.ts_ns, true};
}

// When the first of its bios was queued; all that it has are taken out.
std::uint64_t IoCollector::State::take_bio(Device& device, const fb_rq& rq, std::uint64_t issued_ns)
{
    const std::uint64_t end = rq.sector + (rq.bytes + kSector - 1) / kSector;
    const std::uint64_t begun =
        rq.queue_ns == FB_UNKNOWN_NS ? issued_ns : issued_ns - std::min<std::uint64_t>(rq.queue_ns, issued_ns);
    std::uint64_t first = begun;
    bool found = false;
    auto bio = device.bios.upper_bound(rq.sector);
    if (bio != device.bios.begin() && std::prev(bio)->second.end_sector > rq.sector)
        --bio;
    while (bio != device.bios.end() && bio->first < end) {
        first = std::min(first, bio->second.queued_ns);
        found = true;
        // The rest of a bio that was split waits for its own request.
        if (bio->second.end_sector > end) {
            auto rest = device.bios.extract(bio);
            rest.key() = end;
            device.bios.insert(std::move(rest));
            break;
        }
        bio = device.bios.erase(bio);
    }
    device.trace.without_bio += found ? 0 : 1;
    return first;
}

void IoCollector::State::on_request(const fb_rq& rq)
{
    Device& device = devices[rq.dev];
    const std::uint64_t done = rq.hdr.ts_ns, issued = done - std::min<std::uint64_t>(rq.device_ns, done);
    const bool mine = own(rq.hdr.cgroup_id);
    IoStep& sum = step(device, done);
    ++sum.all_ios;
    sum.all_bytes += rq.bytes;
    if (mine) {
        ++sum.own_ios;
        sum.own_bytes += rq.bytes;
        device.trace.device_time.add(rq.device_ns);
        if (rq.op <= FB_OP_WRITE && rq.bytes != 0) {
            const std::uint64_t queued = take_bio(device, rq, issued);
            device.trace.queue.add(issued - std::min(queued, issued));
            device.trace.total.add(done - std::min(queued, done));
        }
    } else {
        device.trace.others_device_time.add(rq.device_ns);
    }
    if (stays >= kRequestsKept) {
        ++left_out;
        return;
    }
    ++stays;
    device.stays.push_back({issued, done, mine});
}

IoCollector::IoCollector(const SubtreeIds& subtree, std::uint64_t begin_ns)
    : state_(std::make_unique<State>(subtree, begin_ns))
{
}
IoCollector::~IoCollector() = default;
IoCollector::IoCollector(IoCollector&&) noexcept = default;
IoCollector& IoCollector::operator=(IoCollector&&) noexcept = default;

void IoCollector::on_event(const fb_event& event)
{
    switch (event.hdr.type) {
    case FB_EV_BIO:
        state_->on_bio(std::bit_cast<fb_bio>(event));
        break;
    case FB_EV_BIO_HELD:
        state_->on_bio_held(std::bit_cast<fb_bio>(event));
        break;
    case FB_EV_RQ:
        state_->on_request(std::bit_cast<fb_rq>(event));
        break;
    default:
        break;
    }
}

IoTrace IoCollector::take(std::uint64_t at_ns)
{
    State& state = *state_;
    IoTrace trace{.begin_ns = state.begin_ns,
                  .end_ns = std::max(at_ns, state.begin_ns),
                  .devices = {},
                  .left_out = state.left_out};
    const std::size_t steps = (trace.span_ns() + kIoStepNs - 1) / kIoStepNs;
    for (auto& [number, device] : state.devices) {
        device.trace.device = number;
        device.trace.steps.resize(std::max(steps, device.trace.steps.size()));
        Sweep(device.trace, trace.begin_ns, trace.end_ns).run(device.stays);
        // What came at or after the end belongs to the next window; in order of time there is next to nothing of it.
        for (std::size_t i = std::max<std::size_t>(steps, 1); i < device.trace.steps.size(); ++i)
            device.trace.steps[steps > 0 ? steps - 1 : 0].work += device.trace.steps[i].work;
        device.trace.steps.resize(steps);
        trace.devices.push_back(std::exchange(device.trace, {}));
        device.stays.clear();
    }
    std::ranges::sort(trace.devices, [](const IoDeviceTrace& a, const IoDeviceTrace& b) {
        const double x = a.own_ns(), y = b.own_ns();
        return x != y ? x > y : a.device < b.device;
    });
    state.begin_ns = at_ns;
    state.stays = state.left_out = 0;
    return trace;
}

}  // namespace flyball::tune
