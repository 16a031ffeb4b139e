// SPDX-License-Identifier: Apache-2.0
// CPU time as folded stacks: the path is the stack, the task its top; or, where stacks were sampled, the
// task and what it called.
#include "cells.hpp"
#include "flyball/profile/accumulator.hpp"
#include "flyball/report/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace flyball::report {
namespace {

// A semicolon would end the frame, a line break the line.
std::string frame(std::string_view name)
{
    std::string text = harmless(name);
    std::ranges::replace(text, ';', ':');
    return text;
}

std::string frames(std::string_view path)
{
    if (path == "/")
        return "(root)";
    std::string text = frame(path.starts_with('/') ? path.substr(1) : path);
    std::ranges::replace(text, '/', ';');
    return text;
}

}  // namespace

std::string render_folded(const ledger::Books& books, const std::vector<std::string>& cgroups)
{
    std::string text;
    for (const ledger::Account& account : books.accounts) {
        if (!profile::filter_selects(cgroups, account.path))
            continue;
        const std::string stack = frames(account.path);
        const auto add = [&](const std::string& top, std::uint64_t ns) {
            constexpr std::uint64_t kMicrosecond = 1000;
            const std::uint64_t us = (ns + kMicrosecond / 2) / kMicrosecond;
            if (us > 0)
                text += fmt::format("{};{} {}\n", stack, top, us);
        };
        // burn leaves out the smallest; the CPU time as a whole does not.
        std::uint64_t left = total(account.parts, ledger::Family::Run);
        for (const ledger::TaskShare& task : account.burn) {
            add(fmt::format("{}-{}", frame(task.comm), task.tid), task.ns);
            left -= std::min(left, task.ns);
        }
        add("(others)", left);
    }
    return text;
}

std::string render_folded_stacks(const profile::Snapshot& snapshot, const std::vector<std::string>& cgroups)
{
    if (!snapshot.stacks)
        return {};
    const profile::Stacks& stacks = *snapshot.stacks;
    const auto cpu = snapshot.meta.hierarchy.find("cpu");
    const auto paths = snapshot.paths.find(cpu == snapshot.meta.hierarchy.end() ? 0 : cpu->second);
    // By line: cgroups that had one path after another are one.
    std::map<std::string, std::uint64_t> lines;
    for (const profile::Stack& stack : stacks.stacks) {
        std::string path = fmt::format("?:{}", stack.cgroup_id);
        if (paths != snapshot.paths.end()) {
            if (const auto found = paths->second.find(stack.cgroup_id); found != paths->second.end())
                path = found->second;
        }
        if (!profile::filter_selects(cgroups, path))
            continue;
        std::string line = frames(path) + ';' + frame(stack.comm);
        for (const std::uint32_t index : stack.frames)
            line += ';' + frame(stacks.frames[index]);
        lines[std::move(line)] += stack.samples;
    }
    std::string text;
    for (const auto& [line, samples] : lines)
        text += fmt::format("{} {}\n", line, samples);
    return text;
}

}  // namespace flyball::report
