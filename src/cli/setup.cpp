// SPDX-License-Identifier: Apache-2.0
#include "setup.hpp"

#include "flyball/base/version.hpp"
#include "flyball/cgroup/tree.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <utility>

namespace flyball::cli {

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

}  // namespace flyball::cli
