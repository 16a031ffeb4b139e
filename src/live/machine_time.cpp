// SPDX-License-Identifier: Apache-2.0
#include "machine_time.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"

#include <unistd.h>

#include <algorithm>

namespace flyball::live {

// user nice system idle iowait irq softirq steal, in ticks; guest time is in user and nice already.
MachineTime machine_time()
{
    const auto text = read_file("/proc/stat");
    if (!text)
        return {};
    const auto fields = split_blanks(std::string_view(*text).substr(0, text->find('\n')));
    const auto tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto seconds = [&](std::size_t i) {
        return i < fields.size() ? static_cast<double>(parse_u64(fields[i]).value_or(0)) / tick : 0;
    };
    return {seconds(1) + seconds(2) + seconds(3) + seconds(6) + seconds(7), seconds(8)};
}

tune::Disturbance disturbance(const tune::Window& window, const MachineTime& before, const MachineTime& after)
{
    constexpr double kNs = 1e9;
    const double span_s = static_cast<double>(window.span_ns()) / kNs,
                 cpus = static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
    const double ran_s = static_cast<double>(window.trace.run_ns) / kNs,
                 waited_s = static_cast<double>(window.trace.wait_ns) / kNs,
                 displaced_s = static_cast<double>(window.trace.displaced_ns) / kNs;
    const double others_s = std::max(after.busy_s - before.busy_s - ran_s, 0.0);
    tune::Disturbance found;
    if (span_s > 0) {
        found.others_busy = others_s / span_s / cpus;
        found.steal = (after.steal_s - before.steal_s) / span_s / cpus;
    }
    if (ran_s + waited_s > 0)
        found.displaced = std::min(displaced_s, others_s) / (ran_s + waited_s);
    return found;
}

}  // namespace flyball::live
