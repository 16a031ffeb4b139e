// SPDX-License-Identifier: Apache-2.0
// The commands at the end of the text: to be copied, so that nothing in them is wrapped.
#include "cells.hpp"
#include "tune.hpp"
#include "tune_commands.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using tune::Proposal;

constexpr std::size_t kCommandIndent = 4;

void draw(const CommandLines& lines, Canvas& canvas)
{
    for (const std::string& line : lines)
        canvas.line(std::string(kCommandIndent, ' ') + line);
}

// Lowered below what is used, memory.max kills at once (mm/memcontrol.c, memory_max_write()).
bool lowers_memory_max(std::span<const Proposal> proposals)
{
    const auto so = [](const tune::Value& value) { return value.file == "memory.max" && tune::lowered(value); };
    const auto lowers = [&](const Proposal& proposal) {
        return settable(proposal) && std::ranges::any_of(proposal.values, so);
    };
    return std::ranges::any_of(proposals, lowers);
}

void draw_systemd(const SystemdCommand& command, std::string_view title, Canvas& canvas)
{
    if (command.lines.empty())
        return;
    canvas.paragraph(title, 1);
    draw(command.lines, canvas);
    if (!command.without_property.empty())
        canvas.paragraph(fmt::format("systemd has no property for {}: the file has to be written.",
                                     harmless(fmt::format("{}", fmt::join(command.without_property, ", ")))),
                         1);
}

}  // namespace

void text_by_hand(std::span<const Proposal> proposals, const TuneTextOptions& options, Canvas& canvas)
{
    if (std::ranges::none_of(proposals, settable))
        return;
    const std::size_t room = canvas.width() - kCommandIndent;
    if (!options.run.command.empty()) {
        const SystemdCommand run = systemd_run(proposals, options.run.command, room);
        if (run.lines.empty())
            return;
        canvas.heading("BY HAND", "as root");
        return draw_systemd(run, "The command with these limits:", canvas);
    }
    const CommandLines echoes =
        options.cgroup_root.empty() ? CommandLines{} : echo_commands(proposals, options.cgroup_root);
    const SystemdCommand property = set_property(proposals, room);
    if (echoes.empty() && property.lines.empty())
        return;
    const bool applied =
        std::ranges::all_of(proposals, [](const Proposal& one) { return one.applied || !settable(one); });
    canvas.heading("BY HAND", applied ? "as root; done already" : "as root");
    if (!echoes.empty()) {
        canvas.paragraph("Until the cgroup is removed, in this order:", 1);
        draw(echoes, canvas);
    }
    draw_systemd(property, "For good, by systemd:", canvas);
    if (!applied && lowers_memory_max(proposals))
        canvas.paragraph("Look at memory.current first: a memory.max below it is an OOM kill.", 1, "! ");
}

}  // namespace flyball::report
