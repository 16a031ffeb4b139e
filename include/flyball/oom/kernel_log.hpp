// SPDX-License-Identifier: Apache-2.0
// What the kernel writes to its log when memory is out: the one source that is there on every kernel, also where it
// refuses to be hooked, and the one that says what memory was made of before the kill.
//
// Format: dump_header(), mem_cgroup_print_oom_meminfo(), dump_tasks() and oom_kill_process() in mm/oom_kill.c and
// mm/memcontrol.c; records as /dev/kmsg gives them (Documentation/ABI/testing/dev-kmsg). The kernel reports at most 10
// kills in 5 s (oom_rs in oom_kill_process()), and lists tasks only where vm.oom_dump_tasks is 1.
#pragma once

#include "flyball/abi/events.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace flyball::oom {

// One report: the records that say it, in the order in which they are told (members first).
struct LogReport {
    std::vector<fb_oom_member> members;
    fb_oom_report report{};
};

// Puts the lines of a report together. Takes any text: what it does not know is passed over, and a report without an
// end is given up when the next one begins. Not thread-safe.
class LogParser {
public:
    // page_bytes: the unit of the task table.
    explicit LogParser(std::uint64_t page_bytes) : page_bytes_(page_bytes) {}

    // One record of /dev/kmsg, at most a page. A report when this was its last line.
    [[nodiscard]] std::optional<LogReport> feed(std::string_view record, std::uint64_t now_ns);
    // Records are missing: what has begun is given up.
    void lost() { open_.reset(); }

private:
    struct Open {
        LogReport found;
        std::vector<std::string_view> columns;
        bool in_stats, global;
    };
    [[nodiscard]] std::optional<LogReport> line(std::string_view text, std::uint64_t now_ns);
    [[nodiscard]] std::optional<LogReport> end(std::uint64_t now_ns, std::uint32_t flags);
    void table_row(std::string_view text, std::uint64_t now_ns);

    std::uint64_t page_bytes_;
    std::optional<Open> open_;
};

}  // namespace flyball::oom
