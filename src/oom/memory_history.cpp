// SPDX-License-Identifier: Apache-2.0
#include "memory_history.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <utility>

namespace flyball::oom {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::array<std::uint64_t, FB_OOM_GROWTHS> kAgo{1 * kSecond, 10 * kSecond, 60 * kSecond};
// All of them for so long, then one in ten seconds.
constexpr std::uint64_t kAllNs = 12 * kSecond, kApartNs = 10 * kSecond, kKeptNs = 75 * kSecond;
// Less is told of nobody: a counter of the kernel's may be off by as much.
constexpr std::uint64_t kLeastBytes = 1 << 20;
constexpr std::size_t kTold = 5;

std::uint64_t grown_at_most(const fb_oom_grew& grew)
{
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < FB_OOM_GROWTHS; ++i) {
        if (grew.before_ns[i] != 0 && grew.bytes > grew.before_bytes[i])
            most = std::max<std::uint64_t>(most, grew.bytes - grew.before_bytes[i]);
    }
    return most;
}

}  // namespace

void MemoryHistory::add(std::uint64_t at_ns, std::vector<fb_process_memory> all)
{
    std::ranges::sort(all, {}, &fb_process_memory::tgid);
    samples_.push_back({at_ns, std::move(all)});
    thin(at_ns);
}

void MemoryHistory::thin(std::uint64_t now_ns)
{
    while (samples_.front().at_ns + kKeptNs < now_ns)
        samples_.pop_front();
    for (std::size_t i = 1; i + 1 < samples_.size() && samples_[i].at_ns + kAllNs < now_ns; ++i) {
        if (samples_[i + 1].at_ns - samples_[i - 1].at_ns <= kApartNs) {
            samples_.erase(samples_.begin() + static_cast<std::ptrdiff_t>(i));
            --i;
        }
    }
}

const MemoryHistory::Sample* MemoryHistory::before(std::uint64_t at_ns) const
{
    const auto after = std::ranges::upper_bound(samples_, at_ns, {}, &Sample::at_ns);
    return after == samples_.begin() ? nullptr : &*std::prev(after);
}

// The one whose age is nearest to that, if it is by half of it at most.
const MemoryHistory::Sample* MemoryHistory::aged(std::uint64_t at_ns, std::uint64_t age_ns) const
{
    const Sample* found = nullptr;
    std::uint64_t nearest = age_ns / 2;
    for (const Sample& sample : samples_) {
        if (sample.at_ns >= at_ns)
            break;
        const std::uint64_t age = at_ns - sample.at_ns, off = age > age_ns ? age - age_ns : age_ns - age;
        if (off <= nearest) {
            nearest = off;
            found = &sample;
        }
    }
    return found;
}

std::vector<fb_oom_grew> MemoryHistory::grown(const GrowthAsked& asked) const
{
    std::map<std::uint32_t, fb_process_memory> then;
    if (const Sample* const last = before(asked.at_ns)) {
        for (const fb_process_memory& process : last->all) {
            if (asked.in_scope(process.memcg_id))
                then.emplace(process.tgid, process);
        }
    }
    // What the kernel saw at that very instant. One that came after the last sample has no start.
    for (const fb_process_memory& process : asked.held) {
        const auto [slot, fresh] = then.try_emplace(process.tgid, process);
        slot->second.bytes = process.bytes;
    }
    std::array<const Sample*, FB_OOM_GROWTHS> samples{};
    std::ranges::transform(kAgo, samples.begin(), [&](std::uint64_t ago) { return aged(asked.at_ns, ago); });
    std::vector<fb_oom_grew> all;
    for (const auto& [tgid, process] : then) {
        fb_oom_grew grew{};
        grew.hdr.type = FB_EV_OOM_GREW;
        grew.hdr.size = sizeof grew;
        grew.hdr.cgroup_id = process.memcg_id;
        grew.bytes = process.bytes;
        grew.tgid = tgid;
        std::memcpy(grew.comm, process.comm, sizeof grew.comm);
        for (std::size_t i = 0; i < FB_OOM_GROWTHS; ++i) {
            const Sample* const sample = samples[i];
            if (sample == nullptr)
                continue;
            const auto was = std::ranges::lower_bound(sample->all, tgid, {}, &fb_process_memory::tgid);
            const bool same = was != sample->all.end() && was->tgid == tgid &&
                              (process.start_ns == 0 || was->start_ns == process.start_ns);
            grew.before_ns[i] = asked.at_ns - sample->at_ns;
            grew.before_bytes[i] = same ? was->bytes : 0;  // it was not there yet
        }
        if (grown_at_most(grew) >= kLeastBytes)
            all.push_back(grew);
    }
    std::ranges::stable_sort(all, std::greater{}, grown_at_most);
    if (all.size() > kTold)
        all.resize(kTold);
    return all;
}

}  // namespace flyball::oom
