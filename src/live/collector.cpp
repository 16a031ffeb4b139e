// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/collector.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/version.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/live/host.hpp"
#include "flyball/probe/session.hpp"
#include "flyball/stream/reader.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace flyball::live {

namespace {

// Between attaching and recording: the programs learn the offset of the scheduler's clock (ADR 1).
constexpr int kSettleMs = 150;

Result<kernel::Plan> make_plan(const CollectorOptions& options)
{
    auto facts = kernel::gather();
    if (!facts)
        return std::unexpected(std::move(facts.error()));
    auto plan = kernel::decide(*facts);
    for (const std::string& program : options.without) {
        if (!plan.loads(program))
            return fail(ErrorKind::Usage, fmt::format("--without {}: no such program is loaded here", program),
                        "`flyball doctor` names the hooks");
        if (program == options.must_load)
            return fail(ErrorKind::Usage, fmt::format("--without {}: without it there is nothing to watch", program),
                        "leave --without away");
        plan = kernel::without(plan, program, "left out by --without", "leave --without away");
    }
    if (plan.nothing)
        return fail(ErrorKind::Unavailable, plan.why_nothing, plan.remedy);
    for (const kernel::Program& program : kernel::programs()) {
        if (options.needed && !options.needed(program.group) && plan.loads(program.name))
            plan = kernel::without(plan, program.name, std::string(options.why));
    }
    return plan;
}

class LiveCollector final : public Collector {
public:
    LiveCollector(const cgroup::Layout& layout, probe::Session session, stream::Reader reader)
        : layout_(layout), session_(std::move(session)), reader_(std::move(reader))
    {
    }

    const kernel::Plan& plan() const override { return session_.plan(); }
    profile::Meta describe(bool stacks) const override;
    std::uint64_t now_ns() const override { return monotonic_ns(); }
    Result<std::vector<profile::KnownCgroup>> known_cgroups() override;
    Result<std::vector<fb_task_record>> read_tasks() override { return session_.read_tasks(); }
    Result<std::vector<fb_memcg>> read_memcgs() override { return session_.read_memcgs(); }
    Result<std::vector<fb_process_memory>> read_memory() override { return session_.read_memory(); }
    void set_recording(bool on) override { session_.set_recording(on); }
    int poll_fd() const override { return reader_.poll_fd(); }
    Result<> collect(std::uint64_t older_than_ns) override;
    Result<Losses> losses() override;
    Result<std::vector<profile::FoldedEntry>> folded() override;
    Result<> finish() override;

private:
    const cgroup::Layout& layout_;
    probe::Session session_;
    stream::Reader reader_;
    bool unflushed_ = false;
};

profile::Meta LiveCollector::describe(bool stacks) const
{
    const kernel::Plan& plan = session_.plan();
    profile::Meta meta;
    utsname names{};
    ::uname(&names);
    meta.flyball_version = std::string(kVersion);
    meta.host = names.nodename;
    meta.kernel = names.release;
    meta.arch = names.machine;
    meta.cpus = static_cast<std::uint32_t>(::sysconf(_SC_NPROCESSORS_ONLN));
    meta.hierarchy = layout_.hierarchy_of;
    meta.kernel_fields.assign(plan.facts.fields.begin(), plan.facts.fields.end());
    for (const kernel::MetricPlan& m : plan.metrics) {
        if (m.metric == "cpu.stacks" && !stacks)
            continue;
        meta.coverage.push_back(
            {.metric = m.metric, .available = m.available, .hook = m.hook, .note = m.note, .remedy = m.remedy});
    }
    meta.warnings = layout_.notes;
    return meta;
}

Result<std::vector<profile::KnownCgroup>> LiveCollector::known_cgroups()
{
    auto nodes = cgroup::walk_all(layout_);
    if (!nodes)
        return std::unexpected(std::move(nodes.error()));
    std::vector<profile::KnownCgroup> known;
    known.reserve(nodes->size());
    for (cgroup::Node& node : *nodes)
        known.push_back({.hierarchy = node.hierarchy, .id = node.id, .path = std::move(node.path)});
    return known;
}

Result<> LiveCollector::collect(std::uint64_t older_than_ns)
{
    reader_.flush_older_than(older_than_ns);
    Tee all = tee();
    return reader_.consume(all);
}

Result<Losses> LiveCollector::losses()
{
    auto stats = session_.read_stats();
    if (!stats)
        return std::unexpected(std::move(stats.error()));
    Losses losses{.recursion_misses = session_.read_recursion_misses(),
                  .malformed = reader_.malformed(),
                  .unflushed = unflushed_};
    for (const probe::ProgramStats& row : *stats) {
        if (row.stats.attempted != 0 || row.stats.untracked != 0)
            losses.programs.push_back({.prog = row.prog,
                                       .cpu = row.cpu,
                                       .attempted = row.stats.attempted,
                                       .folded = row.stats.folded,
                                       .dropped = row.stats.dropped,
                                       .untracked = row.stats.untracked});
    }
    return losses;
}

Result<std::vector<profile::FoldedEntry>> LiveCollector::folded()
{
    auto buckets = session_.read_folded();
    if (!buckets)
        return std::unexpected(std::move(buckets.error()));
    std::vector<profile::FoldedEntry> all;
    all.reserve(buckets->size());
    for (const probe::FoldedBucket& bucket : *buckets)
        all.push_back({.key = bucket.key, .value = bucket.value});
    return all;
}

Result<> LiveCollector::finish()
{
    session_.set_recording(false);
    session_.detach();
    Tee all = tee();
    auto drained = reader_.drain(all);
    if (!drained)
        return std::unexpected(std::move(drained.error()));
    unflushed_ = !*drained;
    return {};
}

bool any_of_group(const kernel::Plan& plan, kernel::ProgramGroup group)
{
    return std::ranges::any_of(kernel::programs(), [&](const kernel::Program& program) {
        return program.group == group && plan.loads(program.name);
    });
}

template <class Of>
std::uint64_t sum(const std::vector<profile::ProgramLoss>& rows, std::span<const std::uint32_t> programs, Of of)
{
    std::uint64_t all = 0;
    for (const profile::ProgramLoss& row : rows)
        all += std::ranges::find(programs, row.prog) != programs.end() ? row.*of : 0;
    return all;
}

}  // namespace

std::uint64_t Losses::folded(std::span<const std::uint32_t> programs_of) const
{
    return sum(programs, programs_of, &profile::ProgramLoss::folded);
}

std::uint64_t Losses::dropped(std::span<const std::uint32_t> programs_of) const
{
    return sum(programs, programs_of, &profile::ProgramLoss::dropped);
}

std::uint64_t Losses::missed(std::span<const std::string_view> names) const
{
    std::uint64_t all = 0;
    for (const auto& [program, runs] : recursion_misses)
        all += std::ranges::find(names, program) != names.end() ? runs : 0;
    return all;
}

void Collector::Tee::on_batch(const fb_batch& header, std::span<const fb_event> events)
{
    for (stream::Sink* const sink : sinks_)
        sink->on_batch(header, events);
}

void Collector::Tee::on_control(std::span<const std::byte> bytes)
{
    for (stream::Sink* const sink : sinks_)
        sink->on_control(bytes);
}

void Collector::Tee::on_round(std::uint64_t until_ns)
{
    for (stream::Sink* const sink : sinks_)
        sink->on_round(until_ns);
}

Result<std::unique_ptr<Collector>> open_collector(const cgroup::Layout& layout, const CollectorOptions& options,
                                                  StopToken& stop)
{
    auto plan = make_plan(options);
    if (!plan)
        return std::unexpected(std::move(plan.error()));
    if (!options.must_load.empty() && !plan->loads(options.must_load))
        return fail(ErrorKind::Unavailable, fmt::format("{} is refused by this kernel", options.must_load),
                    "`flyball doctor` says why");
    const cgroup::Mount* const memory = layout.controller("memory");
    auto session = probe::Session::open(std::move(*plan), {.ring_bytes = options.ring_bytes,
                                                           .verbose = options.verbose,
                                                           .memory_root = memory == nullptr ? "" : memory->path,
                                                           .stop = &stop});
    if (!session)
        return std::unexpected(std::move(session.error()));
    auto reader = stream::Reader::open(
        {session->ring_fds(), session->control_fd(), session->batches_fd(), session->flush_prog_fd()});
    if (!reader)
        return std::unexpected(std::move(reader.error()));
    // Makes the state of all tasks; what was created since attaching has it already.
    if (auto tasks = session->read_tasks(); !tasks)
        return std::unexpected(std::move(tasks.error()));
    if (any_of_group(session->plan(), kernel::ProgramGroup::Sched) && stop.wait_ms(kSettleMs))
        return std::unexpected(stop.interrupted());
    return std::make_unique<LiveCollector>(layout, std::move(*session), std::move(*reader));
}

const Host& this_host()
{
    static const Host kHost{
        .layout = [] { return cgroup::detect(); }, .collector = open_collector, .clock = &system_clock()};
    return kHost;
}

}  // namespace flyball::live
