// SPDX-License-Identifier: Apache-2.0
#include "machine_time.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

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

tune::Disturbance disturbance(const tune::Window& window, const MachineTime& before, const MachineTime& after,
                              std::vector<tune::Displacer> by)
{
    constexpr double kNs = 1e9;
    const double span_s = static_cast<double>(window.span_ns()) / kNs,
                 cpus = static_cast<double>(::sysconf(_SC_NPROCESSORS_ONLN));
    const double ran_s = static_cast<double>(window.trace.run_ns) / kNs,
                 waited_s = static_cast<double>(window.trace.wait_ns) / kNs,
                 displaced_s = static_cast<double>(std::min(window.trace.displaced_ns, window.trace.others_ns)) / kNs;
    tune::Disturbance found{.spare = window.trace.spare, .by = std::move(by)};
    if (span_s > 0) {
        found.others_busy = std::max(after.busy_s - before.busy_s - ran_s, 0.0) / span_s / cpus;
        found.steal = (after.steal_s - before.steal_s) / span_s / cpus;
        found.displaced_of_span = displaced_s / span_s;
    }
    if (ran_s + waited_s > 0)
        found.displaced = displaced_s / (ran_s + waited_s);
    return found;
}

}  // namespace flyball::live
