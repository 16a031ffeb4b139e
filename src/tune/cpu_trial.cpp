// SPDX-License-Identifier: Apache-2.0
#include "cpu_values.hpp"
#include "ending.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/tune/cpu.hpp"
#include "flyball/tune/experiment.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::tune {
namespace {

// What did not hold in the trial is widened so much, so many times.
constexpr double kWiden = 1.15;
constexpr int kMostWidened = 2;
constexpr std::uint64_t kMostBlockNs = 10'000'000'000;

// For a workload that tells nothing: what part of the time that its jobs took they were on a CPU, without what others
// took of it.
std::optional<double> speed_of_jobs(const Window& window)
{
    double ran = 0, took = 0;
    for (const Job& job : window.trace.jobs) {
        ran += static_cast<double>(job.cpu_ns);
        took += static_cast<double>(job.end_ns - job.begin_ns) - static_cast<double>(job.disturbed_ns);
    }
    return took > 0 ? std::optional(ran / took) : std::nullopt;
}

Bandwidth bandwidth_of(const Proposal& proposal, std::uint64_t period_ns)
{
    Bandwidth limit{.period_ns = period_ns};
    for (const Value& value : proposal.values)
        (value.file == "cpu.max" ? limit.quota_ns : limit.burst_ns) = static_cast<std::uint64_t>(value.estimate);
    return limit;
}

// Not above all CPUs: that would be no limit.
Bandwidth widened(const Bandwidth& limit, unsigned cpus)
{
    constexpr double kNsInUs = 1000;
    const auto more = [](std::uint64_t ns) {
        return static_cast<std::uint64_t>(static_cast<double>(ns) * kWiden / kNsInUs) * 1000;
    };
    const std::uint64_t quota_ns = std::min(more(limit.quota_ns), cpus * limit.period_ns);
    return {limit.period_ns, quota_ns, std::min(more(limit.burst_ns), quota_ns)};
}

Setting setting_of(const Bandwidth& limit, Subject& subject)
{
    const auto burst = subject.limit("cpu.max.burst");
    return cpu_setting(cpu_max_of(limit),
                       burst ? std::optional(fmt::format("{}", limit.burst_ns / 1000)) : std::nullopt);
}

Result<> write(Subject& subject, const Setting& setting)
{
    for (const auto& [file, value] : setting.files) {
        if (auto set = subject.set(file, value); !set)
            return set;
    }
    return {};
}

struct Profile {
    Window window;
    Setting present;                            // as it was found
    Setting baseline;                           // under which the window was seen
    std::optional<std::string> cpu_max, burst;  // as they were found
    std::uint64_t took_ns = 0;                  // with a first look that was hidden
};

// Tries the proposal against the profile's baseline, and wider ones until one holds.
Result<> validate(Subject& subject, Proposal& proposal, const Profile& profile, const CpuOptions& options)
{
    const Measure measure =
        measure_for(profile.window, {"the part of their time that its jobs were on a CPU", speed_of_jobs});
    ExperimentOptions experiment{.floor = options.throughput_floor,
                                 .alpha = (1 - options.confidence) / 2,
                                 .most_pairs = options.most_pairs,
                                 .block_ns = block_for_p99(profile.window, options.block_ns, kMostBlockNs),
                                 .most_disturbed = options.most_disturbed,
                                 .longest_ns = options.longest_ns - std::min(profile.took_ns, options.longest_ns)};
    Bandwidth limit = bandwidth_of(proposal, options.period_ns);
    for (int times = 0;; ++times) {
        subject.say(fmt::format("trying {}", setting_of(limit, subject).text()));
        auto trial = compare(subject, profile.baseline, setting_of(limit, subject), measure, experiment);
        if (!trial)
            return std::unexpected(std::move(trial.error()));
        proposal.trials.push_back(*trial);
        experiment.longest_ns -= std::min(trial->took_ns, experiment.longest_ns);
        if (trial->verdict == Verdict::Accepted)
            break;
        if (trial->verdict != Verdict::Rejected || times == kMostWidened) {
            proposal.answer = Answer::Inconclusive;
            proposal.summary = fmt::format("{} was predicted to suffice, and the trial does not confirm it: {}",
                                           setting_of(limit, subject).text(), trial->note);
            return {};
        }
        proposal.refused.push_back({setting_of(limit, subject).text(), trial->note});
        // Each that is tried after a rejection may be accepted by chance: together no more often than alpha.
        experiment.alpha /= 2;
        limit = widened(limit, subject.cpus());
        proposal.values =
            cpu_values(limit, subject, {proposal.values.front().interval->low, static_cast<double>(limit.quota_ns)},
                       two_sided(options.confidence), "the prediction, widened until a trial confirmed it");
        proposal.summary = fmt::format("{} each {}: {:.3g} CPUs", format_ns(limit.quota_ns), format_ns(limit.period_ns),
                                       static_cast<double>(limit.quota_ns) / static_cast<double>(limit.period_ns));
    }
    return {};
}

// A demand that its own limit hides is looked at again without that limit, if that is allowed.
Result<Profile> profile_of(Subject& subject, Proposal& proposal, const CpuOptions& options)
{
    subject.say(fmt::format("looking at what it asks for, for {}", format_ns(options.profile_ns)));
    auto window = subject.run(options.profile_ns);
    if (!window)
        return std::unexpected(std::move(window.error()));
    const std::uint64_t looked_ns = window->span_ns();
    const auto limit = subject.limit("cpu.max"), burst = subject.limit("cpu.max.burst");
    const Setting present = cpu_setting(limit.value_or("max"), burst);
    if (!window->trace.held_back() || !limit || limit->starts_with("max"))
        return Profile{std::move(*window), present, present, limit, burst, looked_ns};
    if (!subject.may_experiment() || window->finished) {
        proposal.notes.emplace_back(
            "its present cpu.max holds it back: what it would ask for without was worked out, not seen");
        return Profile{std::move(*window), present, present, limit, burst, looked_ns};
    }
    // The period stays: the kernel keeps it when the quota goes.
    cgroup::CpuMax none = cgroup::parse_cpu_max(*limit).value_or(cgroup::CpuMax{});
    none.quota_us = cgroup::kUnlimited;
    const Setting without =
        cpu_setting(cgroup::cpu_max_text(none), burst ? std::optional<std::string>("0") : std::nullopt);
    proposal.experimented = true;
    if (auto lifted = write(subject, without); !lifted)
        return std::unexpected(std::move(lifted.error()));
    subject.say("its present cpu.max holds it back: looking again without");
    auto again = subject.run(options.profile_ns);
    if (!again)
        return std::unexpected(std::move(again.error()));
    const std::uint64_t took_ns = looked_ns + again->span_ns();
    return Profile{std::move(*again), present, without, limit, burst, took_ns};
}

// One more look of that length, under the same limits.
Result<> look_on(Subject& subject, Profile& profile, std::uint64_t length_ns)
{
    auto next = subject.run(length_ns);
    if (!next)
        return std::unexpected(std::move(next.error()));
    profile.took_ns += next->span_ns();
    Window& seen = profile.window;
    const auto before = static_cast<double>(seen.trace.demand_ns.size()),
               now = static_cast<double>(next->trace.demand_ns.size());
    next->disturbance = joined(seen.disturbance, before, next->disturbance, now);
    next->lost_events += seen.lost_events;
    append(seen.trace, next->trace);
    next->trace = std::move(seen.trace);
    // What the workload tells of itself is that of the last look: it is a sample.
    seen = std::move(*next);
    return {};
}

// Demand that comes at random has to be seen for longer than one that repeats itself.
Result<QuotaPrediction> predict_precisely(Subject& subject, Profile& profile, const CpuOptions& options)
{
    const std::uint64_t most_ns = std::min(options.most_profile_ns, options.longest_ns / 2);
    while (true) {
        auto found = predict_quota(profile.window, subject, options);
        if (!found)
            return found;
        const std::uint64_t left_ns = most_ns - std::min(most_ns, profile.took_ns);
        const std::uint64_t again_ns = std::min(left_ns, profile.window.trace.demand_ns.size() * kDemandStepNs);
        // What others do to it does not get less by looking on.
        const bool precise =
            !found->limit() || found->by_chance() <= options.precision || found->by_others() > options.most_disturbed;
        if (precise || profile.window.finished || again_ns < options.profile_ns / 2)
            return found;
        const auto [low, high] = found->interval();
        subject.say(fmt::format("the quota is from {} to {}: looking for {} more",
                                format_ns(static_cast<std::uint64_t>(low)), format_ns(static_cast<std::uint64_t>(high)),
                                format_ns(again_ns)));
        auto looked = look_on(subject, profile, again_ns);
        if (!looked && looked.error().kind == ErrorKind::Finished) {
            profile.window.finished = true;
            return found;
        }
        if (!looked)
            return std::unexpected(std::move(looked.error()));
    }
}

Result<Proposal> examine(Subject& subject, Proposal proposal, const CpuOptions& options)
{
    auto profile = profile_of(subject, proposal, options);
    if (!profile)
        return ended(std::move(proposal), profile.error());
    subject.say("playing limits through");
    const auto prediction = predict_precisely(subject, *profile, options);
    if (!prediction)
        return ended(std::move(proposal), prediction.error());
    auto proposed = propose_cpu(profile->window, *prediction, subject, options);
    if (!proposed)
        return ended(std::move(proposal), proposed.error());
    Proposal& found = *proposed;
    found.experimented = proposal.experimented;
    found.notes.insert(found.notes.end(), proposal.notes.begin(), proposal.notes.end());
    // Not what was there for the time of the look.
    for (Value& value : found.values)
        value.before = value.file == "cpu.max" ? profile->cpu_max.value_or("") : profile->burst.value_or("");
    if (found.answer == Answer::Limit && profile->window.finished)
        found.notes.emplace_back("not tried out: the command has ended");
    else if (found.answer == Answer::Limit && !subject.may_experiment())
        found.notes.emplace_back("not tried out: no experiments were allowed (--try)");
    else if (found.answer == Answer::Limit) {
        found.experimented = true;
        if (auto tried = validate(subject, found, *profile, options); !tried)
            return ended(std::move(found), tried.error());
    }
    if (found.experimented && !profile->window.finished) {
        if (auto back = write(subject, profile->present); !back)
            return ended(std::move(found), back.error());
    }
    return proposed;
}

}  // namespace

Result<Proposal> tune_cpu(Subject& subject, const CpuOptions& options)
{
    return examine(subject, {.resource = Resource::Cpu, .cgroup = subject.cgroup()}, options);
}

}  // namespace flyball::tune
