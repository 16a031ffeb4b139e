// SPDX-License-Identifier: Apache-2.0
#include "ceilings.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "limit_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>

namespace flyball::live {
namespace {

// The least of that file in the cgroups above.
std::optional<double> least_above(const cgroup::Layout& layout, std::string path, const char* file)
{
    std::optional<double> least;
    for (auto cut = path.rfind('/'); cut != std::string::npos && cut > 0; cut = path.rfind('/')) {
        path.resize(cut);
        const auto text = LimitFiles(layout, path).read(file);
        const auto number = text ? parse_u64(trim(*text)) : std::nullopt;
        if (number)
            least = std::min(least.value_or(static_cast<double>(*number)), static_cast<double>(*number));
    }
    return least;
}

// "0-3,7": five. 0: it is no list of CPUs.
unsigned cpus_in(std::string_view list)
{
    unsigned cpus = 0;
    for (const std::string_view part : split(trim(list), ',')) {
        const auto dash = part.find('-');
        const auto first = parse_u64(part.substr(0, dash));
        const auto last = dash == std::string_view::npos ? first : parse_u64(part.substr(dash + 1));
        if (!first || !last || *last < *first)
            return 0;
        cpus += static_cast<unsigned>(*last - *first + 1);
    }
    return cpus;
}

}  // namespace

unsigned usable_cpus(const cgroup::Layout& layout, const std::string& path)
{
    const auto online = static_cast<unsigned>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
    const cgroup::Mount* const mount = layout.controller("cpuset");
    const auto directory = mount == nullptr || path.empty() ? std::nullopt : mount->directory(path);
    // Documentation/admin-guide/cgroup-v2.rst, and cgroup-v1/cpusets.rst.
    const auto text =
        directory ? read_file(*directory + (mount->unified ? "/cpuset.cpus.effective" : "/cpuset.effective_cpus"))
                  : fail(ErrorKind::Unavailable, "no cpuset");
    const unsigned cpus = text ? cpus_in(*text) : 0;
    return cpus > 0 ? std::min(online, cpus) : online;
}

std::map<std::string, double> ceilings(const cgroup::Layout& layout, const std::string& path)
{
    const double memory = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
    std::map<std::string, double> all{{"cpu.max", usable_cpus(layout, path)}};
    all["memory.max"] = all["memory.high"] = std::min(memory, least_above(layout, path, "memory.max").value_or(memory));
    if (const auto tasks = least_above(layout, path, "pids.max"))
        all["pids.max"] = *tasks;
    return all;
}

}  // namespace flyball::live
