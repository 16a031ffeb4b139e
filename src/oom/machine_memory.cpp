// SPDX-License-Identifier: Apache-2.0
#include "machine_memory.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"

#include <sys/sysinfo.h>

namespace flyball::oom {

std::uint64_t free_swap_bytes()
{
    struct sysinfo now{};
    return ::sysinfo(&now) == 0 ? std::uint64_t{now.freeswap} * now.mem_unit : 0;
}

// "MemAvailable:    1234 kB"
std::uint64_t available_bytes()
{
    std::uint64_t kib = 0;
    auto text = read_file("/proc/meminfo");
    if (!text)
        return 0;
    for_each_line(*text, [&](std::string_view line) {
        const auto fields = split_blanks(line);
        if (fields.size() >= 2 && fields[0] == "MemAvailable:")
            kib = parse_u64(fields[1]).value_or(0);
    });
    return kib << 10;
}

}  // namespace flyball::oom
