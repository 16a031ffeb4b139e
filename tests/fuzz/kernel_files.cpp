// Any bytes as any kernel file: the parsers return, and what they return keeps to what they promise.
#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/counters.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/memory_state.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/oom/kernel_log.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

void require(bool holds)
{
    if (!holds)
        std::abort();
}

void fuzz_layout(std::string_view text)
{
    using namespace flyball::cgroup;
    // The same text in all places finds names that agree with each other.
    const Layout layout =
        make_layout(text, text, text, [&](const std::string&) { return std::string(text.substr(0, 200)); });
    int last = -1;
    for (const Mount& mount : layout.mounts) {
        require(mount.hierarchy > last);
        last = mount.hierarchy;
        require(mount.unified == (mount.hierarchy == 0));
        const auto directory = mount.directory(mount.hierarchy_path("/a"));
        require(directory.has_value() && directory->starts_with(mount.path));
    }
    for (const auto& [name, hierarchy] : layout.hierarchy_of)
        require(layout.controller(name)->hierarchy == hierarchy);
    (void)parse_self_cgroup(text);
    (void)resolve_among(layout, {"/", "/a", "/a/b.service"}, text.substr(0, 200));
}

void fuzz_limits(std::string_view text)
{
    using namespace flyball;
    using namespace flyball::cgroup;
    if (const auto limit = parse_cpu_max(text)) {
        require(validate({.cpu_max = *limit}).has_value());
        const auto again = parse_cpu_max(cpu_max_text(*limit));
        require(again.has_value() && *again == *limit);
    }
    if (const auto limit = parse_memory_limit(text))
        require(validate({.memory_max = *limit}).has_value());
    if (const auto limit = parse_pids_max(text))
        require(validate({.pids_max = *limit}).has_value());
    if (const auto duration = parse_duration(text))
        require(*duration > 0 && !format_ns(*duration).empty());
    if (const auto bytes = parse_bytes(text))
        require(!format_bytes(*bytes).empty());
}

// A field is what its line says, and a second reading of the same text changes nothing.
void fuzz_memory_stat(std::string_view text)
{
    using namespace flyball::cgroup;
    const auto fields = parse_flat_keyed(text);
    for (const bool unified : {true, false}) {
        MemoryState once, twice;
        parse_memory_stat(text, unified, once);
        parse_memory_stat(text, unified, twice);
        parse_memory_stat(text, unified, twice);
        require(once == twice);
        require(once.anon.has_value() == fields.contains(unified ? "anon" : "total_rss"));
        require(!once.current && !once.peak && !once.swap_max);
    }
}

// Line by line, as /dev/kmsg has it; a text of several lines is one record, too, as 6.1 writes memory.stat.
void fuzz_kernel_log(std::string_view text)
{
    flyball::oom::LogParser parser(4096);
    const auto take = [&](std::string_view record) {
        const auto found = parser.feed(record, 7);
        if (!found)
            return;
        require(found->report.members == found->members.size());
        require((found->report.flags & FB_OR_NOBODY) != 0 || found->report.victim_tid != 0);
        for (const fb_oom_member& member : found->members)
            require(member.tgid != 0 && member.kind == FB_OM_LOGGED && member.comm[FB_COMM_MAX - 1] == '\0');
    };
    take("4,1,1,-;a invoked oom-killer: gfp_mask=0x0, order=0, oom_score_adj=0");
    take(text);
    flyball::for_each_line(text, take);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    fuzz_layout(text);
    fuzz_limits(text.substr(0, 64));
    fuzz_memory_stat(text);
    fuzz_kernel_log(text);
    for (const auto& [name, value] : flyball::cgroup::parse_flat_keyed(text))
        require(!name.empty());
    (void)flyball::cgroup::parse_single(text);
    (void)flyball::cgroup::parse_io_stat(text);
    (void)flyball::cgroup::parse_blkio_throttle(text);
    (void)flyball::cgroup::parse_pressure(text);
    return 0;
}
