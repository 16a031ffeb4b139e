// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/setup.hpp"

#include "flyball/base/version.hpp"
#include "flyball/cgroup/tree.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <utility>

namespace flyball::live {

Result<kernel::Plan> make_plan(const std::vector<std::string>& without)
{
    auto facts = kernel::gather();
    if (!facts)
        return std::unexpected(facts.error());
    auto plan = kernel::decide(*facts);
    for (const std::string& program : without) {
        if (!plan.loads(program))
            return fail(ErrorKind::Usage, fmt::format("--without {}: no such program is loaded here", program),
                        "`flyball doctor` names the hooks");
        plan = kernel::without(plan, program, "left out by --without", "leave --without away");
    }
    if (plan.nothing)
        return fail(ErrorKind::Unavailable, plan.why_nothing, plan.remedy);
    return plan;
}

void keep_only(kernel::Plan& plan, const std::function<bool(kernel::ProgramGroup)>& needed, std::string_view why)
{
    for (const kernel::Program& program : kernel::programs()) {
        if (!needed(program.group) && plan.loads(program.name))
            plan = kernel::without(plan, program.name, std::string(why));
    }
}

stream::Source source_of(const probe::Session& session)
{
    return {session.ring_fds(), session.control_fd(), session.batches_fd(), session.flush_prog_fd()};
}

profile::Meta describe(const cgroup::Layout& layout, const kernel::Plan& plan, bool stacks)
{
    profile::Meta meta;
    utsname names{};
    ::uname(&names);
    meta.flyball_version = std::string(kVersion);
    meta.host = names.nodename;
    meta.kernel = names.release;
    meta.arch = names.machine;
    meta.cpus = static_cast<std::uint32_t>(::sysconf(_SC_NPROCESSORS_ONLN));
    meta.hierarchy = layout.hierarchy_of;
    meta.kernel_fields.assign(plan.facts.fields.begin(), plan.facts.fields.end());
    for (const kernel::MetricPlan& m : plan.metrics) {
        if (m.metric == "cpu.stacks" && !stacks)
            continue;
        meta.coverage.push_back(
            {.metric = m.metric, .available = m.available, .hook = m.hook, .note = m.note, .remedy = m.remedy});
    }
    meta.warnings = layout.notes;
    return meta;
}

Result<std::vector<profile::KnownCgroup>> known_cgroups(const cgroup::Layout& layout)
{
    auto nodes = cgroup::walk_all(layout);
    if (!nodes)
        return std::unexpected(std::move(nodes.error()));
    std::vector<profile::KnownCgroup> known;
    known.reserve(nodes->size());
    for (cgroup::Node& node : *nodes)
        known.push_back({.hierarchy = node.hierarchy, .id = node.id, .path = std::move(node.path)});
    return known;
}

Result<CommandInCgroup> CommandInCgroup::make(const std::vector<std::string>& command, const cgroup::Layout& layout,
                                              const cgroup::Limits& limits,
                                              const std::function<void(std::string_view)>& note,
                                              const process::SpawnOptions& spawn)
{
    auto home = cgroup::TransientCgroup::create(layout, limits);
    if (!home)
        return std::unexpected(std::move(home.error()));
    for (const std::string& text : home->notes())
        note(text);
    auto child = process::Child::spawn(command, home->place(), spawn);
    if (!child)
        return std::unexpected(std::move(child.error()));
    return CommandInCgroup{std::move(*home), std::move(*child)};
}

Result<> CommandInCgroup::end()
{
    {
        const process::Child killed = std::move(child);
    }
    return home.destroy();
}

}  // namespace flyball::live
