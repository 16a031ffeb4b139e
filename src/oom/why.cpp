// SPDX-License-Identifier: Apache-2.0
#include "why.hpp"

#include "contains.hpp"
#include "flyball/base/units.hpp"
#include "policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace flyball::oom {
namespace {

using profile::OomEpisode;
using profile::OomMember;
using profile::OomMemory;
using profile::OomVictim;

constexpr std::uint64_t kUnknown = ~std::uint64_t{0};

struct Part {
    std::uint64_t bytes;
    std::string_view what;
};

// Parts that overlap are taken apart; the largest first, those under a hundredth are left out.
std::vector<Part> parts_of(const OomMemory& memory, std::uint64_t whole)
{
    std::vector<Part> parts;
    const auto kind = [&](fb_memory_kind which) { return memory.kinds[which].value_or(0); };
    const auto add = [&](std::uint64_t bytes, std::string_view what) {
        if (bytes > 0 && bytes >= whole / 100)
            parts.push_back({bytes, what});
    };
    add(kind(FB_MK_ANON), "anonymous");
    add(kind(FB_MK_SHMEM), "tmpfs or shared memory");
    add(kind(FB_MK_FILE) - std::min(kind(FB_MK_FILE), kind(FB_MK_SHMEM)), "file cache");
    add(kind(FB_MK_SOCK), "sockets");
    add(kind(FB_MK_HUGETLB), "huge pages");
    add(kind(FB_MK_ZSWAP), "zswap");
    const std::uint64_t named =
        kind(FB_MK_SLAB) + kind(FB_MK_KERNEL_STACK) + kind(FB_MK_PAGETABLES) + kind(FB_MK_PERCPU) + kind(FB_MK_VMALLOC);
    add(kind(FB_MK_SLAB), "kernel slab");
    add(kind(FB_MK_KERNEL_STACK), "kernel stacks");
    add(kind(FB_MK_PAGETABLES), "page tables");
    add(kind(FB_MK_PERCPU), "per-CPU kernel memory");
    add(kind(FB_MK_VMALLOC), "vmalloc");
    add(kind(FB_MK_KERNEL) - std::min(kind(FB_MK_KERNEL), named), "other kernel memory");
    std::ranges::stable_sort(parts, std::greater{}, &Part::bytes);
    return parts;
}

std::string list(const std::vector<Part>& parts)
{
    std::string text;
    for (const Part& part : parts)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", format_bytes(part.bytes), part.what);
    return text;
}

std::string composition(const OomMemory& memory)
{
    const std::uint64_t whole = memory.usage_bytes.value_or(0);
    const std::string parts = list(parts_of(memory, whole));
    if (parts.empty())
        return {};
    return memory.usage_bytes ? fmt::format("{}, of {}", parts, format_bytes(whole)) : parts;
}

std::string swap_of(const OomMemory& memory)
{
    if (memory.swap_limit_bytes == 0)
        return "swap is off (memory.swap.max 0)";
    if (!memory.swap_bytes || *memory.swap_bytes == 0)
        return {};
    return memory.swap_limit_bytes ? fmt::format("{} of {} swap used", format_bytes(*memory.swap_bytes),
                                                 format_bytes(*memory.swap_limit_bytes))
                                   : fmt::format("{} in swap", format_bytes(*memory.swap_bytes));
}

// "java (pid 12) +3.1M in 1.2 s, +180M in 60.1 s": each time that adds something to the one before.
std::string grown(const profile::OomGrowth& growth)
{
    std::string text;
    std::uint64_t told = 0;
    for (const auto& since : growth.since) {
        const std::uint64_t grown = growth.grown(since);
        if (grown == 0 || grown <= told + told / 20)
            continue;
        text += fmt::format("{}+{} in {:.1f} s", told == 0 ? "" : ", ", format_bytes(grown),
                            static_cast<double>(since.ns) / 1e9);
        told = grown;
    }
    return fmt::format("{} (pid {}) {}", growth.comm, growth.tgid, text);
}

// The three that grew most.
std::string grown(const OomEpisode& episode)
{
    constexpr std::size_t kNamed = 3;
    std::string text;
    for (std::size_t i = 0; i < episode.growth.size() && i < kNamed; ++i)
        text += (i == 0 ? "" : "; ") + grown(episode.growth[i]);
    return text;
}

// A tenth of what there was: less is what stays of any process for a while.
bool much(std::uint64_t after, const OomEpisode& episode)
{
    const std::uint64_t before =
        episode.before && episode.before->usage_bytes ? *episode.before->usage_bytes : episode.usage_bytes;
    return before == 0 || after >= before / 10;
}

}  // namespace

const OomMember* largest(const OomEpisode& episode)
{
    const OomMember* most = nullptr;
    for (const OomMember& member : episode.members) {
        if (member.held_bytes() != kUnknown && (most == nullptr || member.held_bytes() > most->held_bytes()))
            most = &member;
    }
    return most;
}

std::vector<std::string> why(const OomEpisode& episode)
{
    std::vector<std::string> lines;
    if (episode.before) {
        std::string line = composition(*episode.before);
        if (const std::string swap = swap_of(*episode.before); !swap.empty())
            line += (line.empty() ? "" : "; ") + swap;
        if (!line.empty())
            lines.push_back("memory was " + line);
    }
    if (!episode.growth.empty())
        lines.push_back("grew: " + grown(episode));
    const OomMember* const most = largest(episode);
    if (episode.kind == OomEpisode::Kind::Kill && most != nullptr && most->oom_score_adj <= kNever &&
        !contains(episode.victims, most->tgid, &OomVictim::tgid))
        lines.push_back(fmt::format("{} ({}) holds the most, {}, and may not be killed: oom_score_adj is {}",
                                    most->tgid, most->comm, format_bytes(most->held_bytes()), most->oom_score_adj));
    const auto left = episode.after ? episode.after->usage_bytes : std::nullopt;
    if (episode.kind == OomEpisode::Kind::Kill && left && *left > 0 && much(*left, episode)) {
        const std::string parts = list(parts_of(*episode.after, *left));
        lines.push_back(fmt::format("{} stay after it{}{}", format_bytes(*left), parts.empty() ? "" : ": ", parts));
    }
    return lines;
}

}  // namespace flyball::oom
