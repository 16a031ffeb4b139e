// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/load_bench.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/cgroup/counters.hpp"
#include "flyball/cgroup/transient.hpp"
#include "flyball/load/driver.hpp"
#include "flyball/load/process_launcher.hpp"
#include "load_generator.hpp"

#include <algorithm>
#include <utility>

namespace flyball::live {
namespace {

// The cgroup is new: its counters began at zero.
load::KernelUse kernel_use(const cgroup::Counters& counters, std::uint64_t begin_ns)
{
    load::KernelUse use{.span_ns = counters.at_ns - begin_ns,
                        .cpu_ns = counters.usage_ns,
                        .throttled_ns = counters.throttled_ns,
                        .nr_periods = counters.nr_periods,
                        .nr_throttled = counters.nr_throttled,
                        .memory_peak_bytes = counters.memory_peak_bytes,
                        .oom_kills = {},
                        .pids_peak = counters.pids_peak,
                        .pids_max_events = counters.pids_max_events};
    for (const char* name : {"oom_kill", "v1.oom_kill"})
        if (const auto found = counters.memory_events.find(name); found != counters.memory_events.end())
            use.oom_kills = found->second;
    return use;
}

}  // namespace

void LoadBench::note(const std::string& text)
{
    if (std::ranges::find(notes_, text) == notes_.end())
        notes_.push_back(text);
}

Result<load::Level> LoadBench::requests(const load::LevelSpec& spec, bool may_give_up,
                                        const cgroup::TransientCgroup& home)
{
    auto launcher = load::ProcessLauncher::create(plan_.command, spec.parameters, home, stop_);
    if (!launcher)
        return std::unexpected(std::move(launcher.error()));
    load::DriverOptions driver{.in_flight = plan_.in_flight,
                               .timeout_ns = plan_.timeout_ns,
                               .warmup_ns = spec.warmup_ns,
                               .phases = spec.phases,
                               .give_up = {},
                               .progress = {}};
    if (may_give_up)
        driver.give_up = plan_.objectives;
    if (options_.progress)
        driver.progress = [this](const load::DriverProgress& now) {
            options_.progress(now.elapsed_ns, now.length_ns, now.counts.intended);
        };
    return load::run_requests(*launcher, load::Schedule(spec.segments, plan_.arrivals, plan_.seed), driver);
}

Result<load::Level> LoadBench::generator(const load::LevelSpec& spec, const cgroup::TransientCgroup& home)
{
    GeneratorOptions generator{.patterns = options_.metrics_regex, .progress = {}};
    if (options_.progress)
        generator.progress = [this, &spec](std::uint64_t elapsed_ns) {
            options_.progress(elapsed_ns, spec.length_ns, 0);
        };
    return run_generator(plan_.command, spec, generator, home, stop_);
}

Result<load::Level> LoadBench::run(const load::LevelSpec& spec, bool may_give_up)
{
    const std::uint64_t begin_ns = monotonic_ns();
    auto home = cgroup::TransientCgroup::create(layout_, options_.limits);
    if (!home)
        return std::unexpected(std::move(home.error()));
    for (const std::string& text : home->notes())
        note(text);
    auto level = plan_.generator ? generator(spec, *home) : requests(spec, may_give_up, *home);
    if (!level)
        return level;
    level->kernel = kernel_use(cgroup::read_counters(layout_, home->path()), begin_ns);
    if (auto gone = home->destroy(); !gone)
        note(gone.error().what);
    return level;
}

void LoadBench::rest(std::uint64_t duration_ns)
{
    const std::uint64_t until = monotonic_ns() + duration_ns;
    constexpr std::uint64_t kMs = 1'000'000;
    for (std::uint64_t now = monotonic_ns(); now < until && !stop_.requested(); now = monotonic_ns())
        (void)stop_.wait_ms(static_cast<int>((until - now + kMs - 1) / kMs));
}

}  // namespace flyball::live
