// SPDX-License-Identifier: Apache-2.0
// What this kernel takes of the real programs: all that the plan wants. A fallback must not hide that one broke.
#include "flyball/kernel/facts.hpp"
#include "flyball/kernel/plan.hpp"
#include "flyball/kernel/programs.hpp"
#include "flyball/probe/confirm.hpp"
#include "flyball/probe/session.hpp"
#include "flyball/probe/stack_sampler.hpp"
#include "support/recorder.hpp"

#include <bpf/libbpf.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

using namespace flyball;
using namespace flyball::test;

namespace {

// Programs that a kernel does not run, and why that is so and no fault of ours.
struct Unused {
    std::string_view kernel;  // as its release begins
    std::string_view reason;
    std::vector<std::string_view> programs;
};

constexpr std::string_view kAnotherWay = "a better way to the same metric is used";

const std::vector<Unused>& unused()
{
    static const std::vector<Unused> all = {
        {"6.1.", "stops run queues, not tasks, at a quota (until v6.18)", {"throttle_begin_task"}},
        {"6.1.", "mem_cgroup_handle_over_high() has its old name", {"high_enter", "high_exit"}},
        {"6.1.", kAnotherWay, {"charge_lruvec", "charge_kernel"}},
        {"6.12.", "stops run queues, not tasks, at a quota (until v6.18)", {"throttle_begin_task"}},
        {"6.12.", "mem_cgroup_handle_over_high() has its old name", {"high_enter", "high_exit"}},
        {"6.12.", kAnotherWay, {"charge_lruvec", "charge_kernel"}},
        {"6.18.", "mem_cgroup_handle_over_high() is an inline function now", {"high_enter_old", "high_exit_old"}},
        {"6.18.", kAnotherWay, {"charge_lruvec", "charge_kernel"}},
        {"7.2.", "mem_cgroup_handle_over_high() is an inline function now", {"high_enter_old", "high_exit_old"}},
        {"7.2.", kAnotherWay, {"charge_lruvec", "charge_kernel"}},
    };
    return all;
}

probe::Session opened(kernel::Plan plan)
{
    auto session = probe::Session::open(std::move(plan), {.ring_bytes = 1U << 16U});
    if (!session)
        FAIL(session.error().what);
    return std::move(*session);
}

kernel::Plan wanted()
{
    require_root();
    static const auto facts = kernel::gather();  // a second on an emulated machine
    REQUIRE(facts);
    kernel::Plan plan = kernel::decide(*facts);
    if (plan.nothing)
        FB_SKIP("nothing can be observed here: " + plan.why_nothing);
    return plan;
}

}  // namespace

TEST_CASE("programs: the kernel takes all that the plan wants, in one load", "[kernel][programs]")
{
    const kernel::Plan plan = wanted();
    const probe::Session session = opened(plan);
    for (const probe::Refusal& refusal : session.refused())
        FAIL_CHECK(refusal.program << " is refused: " << refusal.reason);
    CHECK(session.loads() == 1);
    CHECK(session.plan().programs == plan.programs);
    REQUIRE(plan.metric("cpu.stacks") != nullptr);
    if (plan.metric("cpu.stacks")->available) {
        const auto sampler = probe::StackSampler::open(plan, {});
        INFO((sampler ? "" : sampler.error().what));
        CHECK(sampler);
    }
}

TEST_CASE("programs: what the plan leaves out is what is known of this kernel", "[kernel][programs]")
{
    const kernel::Plan plan = wanted();
    const kernel::Facts& facts = plan.facts;
    std::set<std::string_view> known = {"emit_selftest"};
    bool listed = false;
    for (const Unused& row : unused()) {
        if (!facts.release.starts_with(row.kernel))
            continue;
        listed = true;
        known.insert(row.programs.begin(), row.programs.end());
    }
    if (!listed)
        FB_SKIP("no list of what kernel " + facts.release + " leaves out");
    // The lab's kernels allow everything that they have, and so its list is whole. A host may forbid whole kinds.
    if (in_lab()) {
        CHECK(facts.tp_btf.ok);
        CHECK(facts.fentry.ok);
        CHECK(facts.fexit.ok);
        CHECK(facts.memory.unified);
        CHECK(facts.psi);
    }
    std::set<std::string_view> left_out, forbidden;
    for (const kernel::Program& program : kernel::programs()) {
        if (plan.loads(program.name))
            continue;
        const auto kind = program.kind;
        const bool forbids = (kind == kernel::ProgramKind::Fentry && !facts.fentry.ok) ||
                             (kind == kernel::ProgramKind::Fexit && !facts.fexit.ok);
        (forbids ? forbidden : left_out).insert(program.name);
    }
    if (!facts.fentry.ok || !facts.fexit.ok) {
        // Then the ways that are second best are used, and only what forbids them is not tried here.
        std::erase_if(known, [&](std::string_view name) { return plan.loads(name) || forbidden.contains(name); });
        WARN("not tried here, since fentry or fexit is refused (" << facts.fentry.why << "): " << forbidden.size()
                                                                  << " programs");
    }
    CHECK(left_out == known);
}

TEST_CASE("programs: those refused are all found in one load, and cost the others nothing", "[kernel][programs]")
{
    // Of hooks that all kernels have; an id of something else is refused by the verifier, as a broken program is.
    constexpr std::array<std::string_view, 3> kBroken{"oom_reaped", "cgroup_attach", "global_reclaim_begin"};
    kernel::Plan plan = wanted();
    for (const std::string_view name : kBroken) {
        REQUIRE(plan.loads(name));
        plan.facts.hooks.find(name)->second.btf_id = 1;
    }
    const probe::Session session = opened(plan);
    std::set<std::string_view> refused;
    for (const probe::Refusal& refusal : session.refused()) {
        INFO(refusal.program << ": " << refusal.reason);
        CHECK_FALSE(refusal.reason.empty());
        refused.insert(refusal.program);
    }
    CHECK(refused == std::set<std::string_view>(kBroken.begin(), kBroken.end()));
    CHECK(session.loads() == 1);
    CHECK_FALSE(session.plan().metric("oom.reap")->available);
    CHECK_FALSE(session.plan().metric("cgroup.attach")->available);
    CHECK(session.plan().metric("cpu.wait")->available);
    // Half of a pair is not used either.
    CHECK(session.plan().programs.size() == plan.programs.size() - kBroken.size() - 1);
}

TEST_CASE("programs: where another way takes a refused program's place, there is one more load", "[kernel][programs]")
{
    kernel::Plan plan = wanted();
    const bool best = plan.loads("charge");
    const std::string_view broken = best ? "charge" : "charge_lruvec";
    if (!plan.loads(broken))
        FB_SKIP("memory charges are not observed here");
    plan.facts.hooks.find(broken)->second.btf_id = 1;
    // A kernel with two ways goes the second one.
    const bool second = best && plan.facts.hooks.find("charge_lruvec")->second.exists;
    const probe::Session session = opened(plan);
    REQUIRE(session.refused().size() == 1);
    CHECK(session.refused()[0].program == broken);
    CHECK(session.loads() == (second ? 2 : 1));
    CHECK(session.plan().loads("charge_lruvec") == second);
}

TEST_CASE("programs: a kernel that takes no program that is vital is said to show nothing", "[kernel][programs]")
{
    kernel::Plan plan = wanted();
    plan.facts.hooks.find("sched_switch")->second.btf_id = 1;
    CHECK_FALSE(probe::Session::open(plan, {}));
    const kernel::Plan confirmed = probe::confirm(plan);
    CHECK(confirmed.nothing);
    CHECK_THAT(confirmed.why_nothing, ContainsSubstring("sched_switch"));
    CHECK_FALSE(confirmed.remedy.empty());
    for (const kernel::MetricPlan& metric : confirmed.metrics)
        CHECK_FALSE(metric.available);
}

TEST_CASE("programs: a user with the capabilities that README names sees what root sees", "[kernel][programs]")
{
    if (access("/usr/bin/setpriv", X_OK) != 0)
        FB_SKIP("needs setpriv");
    const auto record_with = [](const std::string& capabilities) {
        return Process({"/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                        "--inh-caps=" + capabilities, "--ambient-caps=" + capabilities, flyball_binary(), "record",
                        "-j", "-d", "100ms"})
            .wait();
    };
    const auto coverage = [](const Outcome& outcome) {
        INFO(outcome.err);
        REQUIRE(outcome.status == 0);
        return nlohmann::json::parse(outcome.out).at("coverage");
    };
    const auto as_root = coverage(run_flyball({"record", "-j", "-d", "100ms"}));
    CHECK(coverage(record_with("+bpf,+perfmon")) == as_root);
}

// ---- what the documents say of this kernel --------------------------------------------------------------------------

namespace {

// The cells of one line of a Markdown table.
std::vector<std::string> cells(const std::string& line)
{
    std::vector<std::string> row;
    std::istringstream parts(line.substr(std::min<std::size_t>(1, line.size())));
    for (std::string cell; std::getline(parts, cell, '|');) {
        const auto from = cell.find_first_not_of(' '), to = cell.find_last_not_of(' ');
        row.push_back(from == std::string::npos ? "" : cell.substr(from, to - from + 1));
    }
    return row;
}

// Once for the tests that only read it: it loads and attaches everything.
const kernel::Plan& confirmed()
{
    static const kernel::Plan plan = probe::confirm(wanted());
    return plan;
}

// The rows of the first table whose header begins with this cell, the header first.
std::vector<std::vector<std::string>> table(const char* document, std::string_view first_cell)
{
    std::ifstream file(std::string(FLYBALL_SOURCE_DIR "/docs/") + document);
    std::vector<std::vector<std::string>> rows;
    for (std::string line; std::getline(file, line);) {
        auto row = line.starts_with("|") ? cells(line) : std::vector<std::string>{};
        if (rows.empty() ? !row.empty() && row[0] == first_cell && row.size() > 3 : !row.empty())
            rows.push_back(std::move(row));
        else if (!rows.empty())
            break;
    }
    return rows;
}

std::string series(std::string_view release)
{
    return std::string(release.substr(0, release.find_first_not_of("0123456789", release.find('.') + 1)));
}

// "6.12.117+deb13-cloud-amd64" -> "..+deb-cloud-amd": another build of the same kernel has the same.
std::string flavour(std::string release)
{
    std::erase_if(release, [](char c) { return c >= '0' && c <= '9'; });
    return release;
}

std::string cell(const kernel::MetricPlan& metric)
{
    return !metric.available ? "no" : metric.note.empty() ? "yes" : "partly";
}

}  // namespace

TEST_CASE("programs: docs/kernel-support.md says of this kernel what is so", "[kernel][programs]")
{
    const kernel::Plan& plan = confirmed();
    const auto rows = table("kernel-support.md", "metric");
    REQUIRE(rows.size() == plan.metrics.size() + 2);
    const auto& releases = rows[0];
    const auto column = std::ranges::find_if(releases, [&](const std::string& release) {
        return series(release) == series(plan.facts.release) && flavour(release) == flavour(plan.facts.release);
    });
    if (column == releases.end())
        FB_SKIP("docs/kernel-support.md has no column for " + plan.facts.release);
    const auto at = static_cast<std::size_t>(column - releases.begin());
    for (std::size_t i = 2; i < rows.size(); ++i) {
        const kernel::MetricPlan* metric = plan.metric(rows[i][0]);
        INFO(rows[i][0]);
        REQUIRE(metric != nullptr);
        CHECK(rows[i].at(at) == cell(*metric));
    }
}

TEST_CASE("programs: docs/kernel-differences.md counts this kernel's metrics as they are", "[kernel][programs]")
{
    const kernel::Plan& plan = confirmed();
    if (!in_lab())
        FB_SKIP("it speaks of the lab's kernels");
    std::map<std::string, int> count;
    for (const kernel::MetricPlan& metric : plan.metrics)
        ++count[cell(metric)];
    const auto rows = table("kernel-differences.md", "");
    REQUIRE(rows.size() > 2);
    const auto column = std::ranges::find(rows[0], series(plan.facts.release));
    if (column == rows[0].end())
        FB_SKIP("docs/kernel-differences.md has no column for " + plan.facts.release);
    const auto row = std::ranges::find_if(rows, [](const auto& r) { return r[0].starts_with("metrics in full"); });
    REQUIRE(row != rows.end());
    CHECK(row->at(static_cast<std::size_t>(column - rows[0].begin())) ==
          std::to_string(count["yes"]) + ", " + std::to_string(count["partly"]) + ", " + std::to_string(count["no"]));
}

TEST_CASE("programs: what doctor promises is what record has", "[kernel][programs]")
{
    (void)wanted();
    const auto doctor = nlohmann::json::parse(run_flyball({"doctor", "-j"}).out);
    const auto recorded = nlohmann::json::parse(run_flyball({"record", "-j", "-d", "100ms"}).out);
    std::map<std::string, std::pair<bool, std::string>> promised, had;
    for (const auto& metric : doctor.at("metrics"))
        if (metric.at("metric") != "cpu.stacks")  // with --stacks only
            promised[metric.at("metric")] = {metric.at("available"), metric.at("hook")};
    for (const auto& metric : recorded.at("coverage"))
        had[metric.at("metric")] = {metric.at("available"), metric.at("hook")};
    REQUIRE(promised.size() > 30);
    CHECK(promised == had);
}
