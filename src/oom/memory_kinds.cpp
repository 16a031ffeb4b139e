// SPDX-License-Identifier: Apache-2.0
#include "memory_kinds.hpp"

#include "flyball/base/strings.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <utility>

namespace flyball::oom {
namespace {

struct Field {
    std::string_view name;
    fb_memory_kind kind;
};

// v1 names its local sums "rss", "cache", "shmem": the last is written over by total_shmem, which comes later.
constexpr std::array kFields{
    Field{"anon", FB_MK_ANON},
    Field{"file", FB_MK_FILE},
    Field{"shmem", FB_MK_SHMEM},
    Field{"kernel", FB_MK_KERNEL},
    Field{"kernel_stack", FB_MK_KERNEL_STACK},
    Field{"pagetables", FB_MK_PAGETABLES},
    Field{"slab", FB_MK_SLAB},
    Field{"percpu", FB_MK_PERCPU},
    Field{"sock", FB_MK_SOCK},
    Field{"vmalloc", FB_MK_VMALLOC},
    Field{"hugetlb", FB_MK_HUGETLB},
    Field{"swapcached", FB_MK_SWAPCACHED},
    Field{"zswap", FB_MK_ZSWAP},
    Field{"zswapped", FB_MK_ZSWAPPED},
    Field{"total_rss", FB_MK_ANON},
    Field{"total_cache", FB_MK_FILE},
    Field{"total_shmem", FB_MK_SHMEM},
    Field{"total_swapcached", FB_MK_SWAPCACHED},
};

}  // namespace

fb_oom_report empty_report()
{
    fb_oom_report report{};
    report.hdr.type = FB_EV_OOM_REPORT;
    report.hdr.size = sizeof report;
    report.usage_bytes = report.limit_bytes = report.swap_bytes = report.swap_limit_bytes = ~0ULL;
    std::ranges::fill(report.kinds, ~0ULL);
    return report;
}

bool apply_stat_line(std::string_view line, fb_oom_report& into)
{
    const auto space = line.find(' ');
    if (space == std::string_view::npos)
        return false;
    const auto field = std::ranges::find(kFields, line.substr(0, space), &Field::name);
    const auto value = parse_u64(trim(line.substr(space + 1)));
    if (field == kFields.end() || !value)
        return false;
    into.kinds[field->kind] = *value;
    return true;
}

}  // namespace flyball::oom
