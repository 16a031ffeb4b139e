// SPDX-License-Identifier: Apache-2.0
#include "load_generator.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/live/loop.hpp"
#include "flyball/process/child.hpp"
#include "workload_listener.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <optional>
#include <utility>

namespace flyball::live {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kProgressNs = 20 * kMs;  // how often its words are read
constexpr int kGraceMs = 2'000;
constexpr std::uint64_t kStopGraceMs = 200;

// Units told, as a count; what is told may be anything.
std::uint64_t whole(double number)
{
    constexpr double kMost = 1e18;
    return number > 0 ? static_cast<std::uint64_t>(std::llround(std::min(number, kMost))) : 0;
}

std::string told_wrong(const Understanding& told)
{
    if (told.not_understood == 0)
        return {};
    return fmt::format("{} {} of its metrics not understood, the first: {}", told.not_understood,
                       told.not_understood == 1 ? "line was" : "lines were", told.first_not_understood);
}

class Generator {
public:
    Generator(WorkloadListener listener, process::Child child, const GeneratorOptions& options, StopToken& stop)
        : listener_(std::move(listener)), child_(std::move(child)), options_(options), stop_(stop)
    {
    }

    Result<load::Level> run(const load::LevelSpec& spec);

private:
    [[nodiscard]] std::uint64_t elapsed() const { return monotonic_ns() - begin_ns_; }
    Result<Loop::End> wait_until(std::uint64_t at_ns);
    Result<> end();

    WorkloadListener listener_;
    process::Child child_;
    const GeneratorOptions& options_;
    StopToken& stop_;
    std::uint64_t begin_ns_ = 0;
    std::optional<int> exit_code_;  // of an end of its own
};

Result<Loop::End> Generator::wait_until(std::uint64_t at_ns)
{
    Loop loop(stop_);
    loop.watch(child_.pidfd());
    const std::uint64_t until_ns = at_ns > Loop::kForever - begin_ns_ ? Loop::kForever : begin_ns_ + at_ns;
    return loop.run(kProgressNs, until_ns, [this](std::uint64_t now_ns) -> Result<bool> {
        const auto status = child_.wait_ms(0);
        if (!status)
            return std::unexpected(status.error());
        if (*status)
            exit_code_ = (*status)->shell_code();
        else if (options_.progress)
            options_.progress(now_ns - begin_ns_);
        return !*status;
    });
}

Result<> Generator::end()
{
    if (exit_code_)
        return {};
    if (auto sent = child_.send_signal(SIGTERM); !sent)
        return sent;
    // Whoever asked for a stop waits.
    const std::uint64_t grace_ms = stop_.requested() ? kStopGraceMs : kGraceMs;
    for (const std::uint64_t until = elapsed() + grace_ms * kMs; elapsed() < until;) {
        const auto status = child_.wait_ms(static_cast<int>(kProgressNs / kMs));
        if (!status)
            return std::unexpected(status.error());
        if (*status)
            break;
    }
    return {};  // the cgroup's end is its own
}

Result<load::Level> Generator::run(const load::LevelSpec& spec)
{
    begin_ns_ = monotonic_ns();
    if (auto released = child_.release(); !released)
        return std::unexpected(std::move(released.error()));
    // Without a warm-up nothing is thrown away: it may have told something by now.
    const bool warms_up = spec.warmup_ns > 0;
    auto after = warms_up ? wait_until(spec.warmup_ns) : Result<Loop::End>(Loop::End::Time);
    if (!after)
        return std::unexpected(after.error());
    load::Level level;
    // One that is over before its warm-up is: all of it counts.
    if (*after == Loop::End::Time) {
        if (warms_up) {
            (void)listener_.take();
            level.warmup_ns = elapsed();
        }
        constexpr std::uint64_t kNoEnd = ~std::uint64_t{0};
        after = wait_until(spec.length_ns == 0 ? kNoEnd : spec.length_ns);
        if (!after)
            return std::unexpected(after.error());
    }
    const std::uint64_t at = elapsed();
    const tune::Performance performance = listener_.take();
    if (auto ended = end(); !ended)
        return std::unexpected(std::move(ended.error()));
    level.span_ns = at - level.warmup_ns;
    level.interrupted = *after == Loop::End::Stop;
    level.total.begin_ns = level.warmup_ns;
    level.total.end_ns = at;
    level.total.from_rate = level.total.to_rate = spec.offered.value_or(0);
    level.total.latency_ns = performance.latency_ns;
    level.total.counts.ok = level.total.completed = whole(performance.done);
    level.total.counts.failed = whole(performance.failed);
    level.total.counts.intended = level.total.counts.ok + level.total.counts.failed;
    level.told = load::GeneratorTold{.rate = performance.rate,
                                     .done = performance.done,
                                     .failed = performance.failed,
                                     .values = performance.values,
                                     .not_understood = told_wrong(listener_.understanding()),
                                     .exit_code = exit_code_};
    return level;
}

}  // namespace

Result<load::Level> run_generator(const load::Command& command, const load::LevelSpec& spec,
                                  const GeneratorOptions& options, const cgroup::TransientCgroup& cgroup,
                                  StopToken& stop)
{
    // Standard output is for the result.
    auto listener = WorkloadListener::start({.file = {}, .patterns = options.patterns, .output_fd = STDERR_FILENO});
    if (!listener)
        return std::unexpected(std::move(listener.error()));
    process::SpawnOptions spawn = listener->spawn_options();
    if (spawn.stdout_fd < 0)
        spawn.stdout_fd = STDERR_FILENO;
    for (const auto& [name, value] : command.environment)
        spawn.environment.push_back(name + "=" + load::expand(value, spec.parameters));
    auto child = process::Child::spawn(command.words_for(spec.parameters), cgroup.place(), spawn);
    if (!child)
        return std::unexpected(std::move(child.error()));
    return Generator(*std::move(listener), *std::move(child), options, stop).run(spec);
}

}  // namespace flyball::live
