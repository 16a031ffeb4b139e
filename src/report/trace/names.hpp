// SPDX-License-Identifier: Apache-2.0
// Who is who in a trace: tasks by tid and time, cgroups by hierarchy and id.
#pragma once

#include "flyball/profile/accumulator.hpp"
#include "flyball/profile/decode.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace flyball::report {

using profile::field_text;

// A tid may be used again: the name is that of the last task before the time that is asked for.
class TaskNames {
public:
    void add(std::span<const fb_task_record> tasks);
    // Forked at that time; the name is the parent's, cut.
    void fork(const fb_task& task);
    void say(std::uint32_t tid, std::uint64_t at_ns, std::string comm);
    // "?" where there is none.
    [[nodiscard]] const std::string& of(std::uint32_t tid, std::uint64_t at_ns) const;

private:
    struct Name {
        std::uint64_t since_ns = 0;
        std::string comm;
    };
    std::unordered_map<std::uint32_t, std::vector<Name>> names_;  // by time
};

enum class Controller : std::uint8_t { Cpu, Memory, Io };

class CgroupNames {
public:
    CgroupNames(const profile::Meta& meta, std::span<const profile::KnownCgroup> known);
    void apply(const fb_cgroup& record);
    // "?HIERARCHY:ID" where there is no name, as in a Snapshot; empty for no cgroup.
    [[nodiscard]] std::string of(Controller controller, std::uint64_t id) const;

private:
    std::map<std::pair<int, std::uint64_t>, std::string> paths_;
    int hierarchies_[3] = {0, 0, 0};
};

}  // namespace flyball::report
