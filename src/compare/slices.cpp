// SPDX-License-Identifier: Apache-2.0
#include "slices.hpp"

#include "flyball/compare/load.hpp"
#include "flyball/profile/accumulator.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

namespace flyball::compare {
namespace {

using profile::CgroupProfile;
using profile::Snapshot;

class Slicer final : public profile::Observer {
public:
    Slicer(std::uint64_t start_ns, std::uint64_t end_ns, std::size_t count)
        : start_ns_(start_ns), length_ns_(std::max<std::uint64_t>(1, (end_ns - start_ns) / count)), count_(count)
    {
    }

    void on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known) override
    {
        for (std::size_t i = 0; i < count_; ++i) {
            profile::Meta part = meta;
            part.start_ns = start_ns_ + i * length_ns_;
            slices_.emplace_back(std::move(part), std::vector(known.begin(), known.end()));
        }
    }
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override
    {
        while (!events.empty()) {
            const std::size_t slice = slice_at(events.front().hdr.ts_ns);
            const auto end =
                std::ranges::find_if(events, [&](const fb_event& e) { return slice_at(e.hdr.ts_ns) != slice; });
            const auto length = static_cast<std::size_t>(end - events.begin());
            slices_[slice].on_batch(header, events.first(length));
            events = events.subspan(length);
        }
    }
    // Names of cgroups matter to every slice, OOM kills to one.
    void on_control(std::span<const std::byte> bytes) override
    {
        fb_hdr hdr{};
        if (bytes.size() < sizeof hdr)
            return;
        std::memcpy(&hdr, bytes.data(), sizeof hdr);
        if (hdr.type != FB_EV_CGROUP)
            return slices_[slice_at(hdr.ts_ns)].on_control(bytes);
        for (profile::Accumulator& slice : slices_)
            slice.on_control(bytes);
    }
    void on_closing(const profile::Closing& /*closing*/) override {}

    [[nodiscard]] std::vector<Snapshot> take()
    {
        std::vector<Snapshot> snapshots;
        for (std::size_t i = 0; i < slices_.size(); ++i) {
            profile::Closing closing;
            closing.end_ns = start_ns_ + (i + 1) * length_ns_;
            snapshots.push_back(std::move(slices_[i]).finish(std::move(closing)));
        }
        return snapshots;
    }

private:
    [[nodiscard]] std::size_t slice_at(std::uint64_t ts_ns) const
    {
        return ts_ns <= start_ns_ ? 0 : std::min<std::size_t>(count_ - 1, (ts_ns - start_ns_) / length_ns_);
    }

    std::uint64_t start_ns_, length_ns_;
    std::size_t count_;
    std::vector<profile::Accumulator> slices_;
};

void merge(CgroupProfile& to, const CgroupProfile& from)
{
    for (std::size_t i = 0; i < to.hist.size(); ++i) {
        if (!from.hist[i].empty())
            to.hist[i].merge(from.hist[i]);
    }
    for (std::size_t i = 0; i < to.counts.size(); ++i) {
        to.counts[i].count += from.counts[i].count;
        to.counts[i].sum += from.counts[i].sum;
        to.counts[i].max = std::max(to.counts[i].max, from.counts[i].max);
    }
}

}  // namespace

std::size_t slices_of(std::uint64_t window_ns)
{
    const std::size_t count = std::min<std::uint64_t>(kMostSlices, window_ns / kLeastSliceNs);
    return count < kLeastSlices ? 0 : count;
}

Result<std::vector<Snapshot>> sliced(const std::string& path, const profile::ReplayOptions& options,
                                     std::uint64_t start_ns, std::uint64_t end_ns, std::size_t count)
{
    Slicer slicer(start_ns, end_ns, count);
    profile::ReplayOptions observed = options;
    observed.observer = &slicer;
    if (auto whole = profile::replay(path, observed); !whole)
        return std::unexpected(std::move(whole).error());
    return slicer.take();
}

Snapshot merged_without(std::span<const Snapshot> slices, std::size_t left_out)
{
    Snapshot result;
    result.meta = slices.front().meta;
    result.meta.start_ns = 0;
    result.meta.end_ns = 0;
    std::map<std::string, CgroupProfile> cgroups;
    for (std::size_t i = 0; i < slices.size(); ++i) {
        if (i == left_out)
            continue;
        result.meta.end_ns += slices[i].meta.end_ns - slices[i].meta.start_ns;
        for (const CgroupProfile& profile : slices[i].cgroups) {
            CgroupProfile& to = cgroups[profile.path];
            to.path = profile.path;
            merge(to, profile);
        }
        result.ooms.insert(result.ooms.end(), slices[i].ooms.begin(), slices[i].ooms.end());
    }
    for (auto& [path, profile] : cgroups)
        result.cgroups.push_back(std::move(profile));
    return result;
}

}  // namespace flyball::compare
