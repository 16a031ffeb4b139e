// SPDX-License-Identifier: Apache-2.0
#include "cgroup_names.hpp"

#include "flyball/abi/events.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace flyball::live {
namespace {

constexpr int kNoHierarchy = -1;
// Of cgroups that come and go, each with a name of its own: later ones are not known.
constexpr std::size_t kMostNames = std::size_t{1} << 16;

}  // namespace

CgroupNames::CgroupNames(const cgroup::Layout& layout, std::span<const profile::KnownCgroup> known)
    : hierarchy_(kNoHierarchy)
{
    if (const auto cpu = layout.hierarchy_of.find("cpu"); cpu != layout.hierarchy_of.end())
        hierarchy_ = cpu->second;
    for (const profile::KnownCgroup& one : known) {
        if (one.hierarchy == hierarchy_)
            paths_.emplace(one.id, one.path);
    }
}

void CgroupNames::on_control(std::span<const std::byte> bytes)
{
    fb_cgroup record{};
    if (bytes.size() < sizeof record)
        return;
    std::memcpy(&record, bytes.data(), sizeof record);
    if (record.hdr.type != FB_EV_CGROUP || record.op != FB_CG_MKDIR || record.hierarchy != hierarchy_ ||
        paths_.size() >= kMostNames)
        return;
    paths_.emplace(record.hdr.cgroup_id, std::string(record.path, ::strnlen(record.path, sizeof record.path)));
}

std::string CgroupNames::of(std::uint64_t cgroup_id) const
{
    if (cgroup_id == tune::kByKernelThreads)
        return "kernel threads";
    const auto found = paths_.find(cgroup_id);
    if (cgroup_id == tune::kByUnseen || found == paths_.end())
        return "a cgroup that is not known";
    return found->second == "/" ? "the root cgroup" : found->second;
}

std::vector<tune::Displacer> CgroupNames::of(std::span<const tune::DisplacedBy> all) const
{
    std::vector<tune::Displacer> named;
    for (const tune::DisplacedBy& one : all) {
        std::string who = of(one.cgroup_id);
        const auto same = std::ranges::find(named, who, &tune::Displacer::who);
        if (same == named.end())
            named.push_back({std::move(who), one.ns});
        else
            same->ns += one.ns;
    }
    std::ranges::stable_sort(named, std::ranges::greater{}, &tune::Displacer::ns);
    return named;
}

}  // namespace flyball::live
