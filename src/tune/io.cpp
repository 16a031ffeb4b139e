// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/io.hpp"

#include "ending.hpp"
#include "flyball/base/units.hpp"
#include "io_profile.hpp"
#include "io_validation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace flyball::tune {
namespace {

using detail::IoProfile;
using detail::Occupancy;

constexpr std::uint64_t kChunkNs = 10'000'000'000;  // of the profile: between two signs of life
constexpr double kHardly = 0.01;                    // of the device at p99: less needs no weight
constexpr double kMoreOdds = 4;                     // the second candidate: so much more of the odds
constexpr std::size_t kMostWindows = 100'000;

Proposal& set_answer(Proposal& proposal, Answer what, std::string summary)
{
    proposal.answer = what;
    proposal.summary = std::move(summary);
    return proposal;
}

// Watched without a change. A command that ends by itself leaves what was seen.
Result<std::vector<IoTrace>> watch(Subject& subject, const IoOptions& options, Proposal& proposal)
{
    std::vector<IoTrace> windows;
    std::uint64_t lost = 0;
    for (std::uint64_t left = options.profile_ns; left >= kIoStepNs && windows.size() < kMostWindows;) {
        const std::uint64_t length = std::min(left, kChunkNs);
        auto window = subject.run(length);
        if (!window && window.error().kind == ErrorKind::Finished && !windows.empty())
            break;
        if (!window)
            return std::unexpected(std::move(window.error()));
        lost += window->lost_events;
        windows.push_back(std::move(window->io));
        left = window->finished ? 0 : left - length;
    }
    if (lost > 0)
        proposal.notes.push_back(fmt::format("{} events were lost: it had more of the device than was seen", lost));
    return windows;
}

double quantile_ns(const profile::Histogram& histogram)
{
    return static_cast<double>(histogram.quantile(0.99));
}

void add_evidence(Proposal& proposal, const IoProfile& profile, const Occupancy& occupancy,
                  const cgroup::IoControl& control)
{
    const std::string requests = "block_rq_issue, block_rq_complete";
    const auto per_second = [&](double amount) { return profile.seconds > 0 ? amount / profile.seconds : 0; };
    proposal.evidence = {
        {"occupancy_p99", occupancy.p99, Unit::Share, occupancy.interval,
         fmt::format("{} windows of 100 ms: {}", occupancy.steps, occupancy.source)},
        {"occupancy_mean", occupancy.mean, Unit::Share, std::nullopt, occupancy.source},
        {"device_time_own", per_second(profile.own_s), Unit::Share, std::nullopt, requests},
        {"device_time_others", per_second(profile.others_s), Unit::Share, std::nullopt, requests},
        {"requests", per_second(static_cast<double>(profile.ios)), Unit::PerSecond, std::nullopt, requests},
        {"throughput_bytes", per_second(static_cast<double>(profile.bytes)), Unit::PerSecond, std::nullopt, requests},
    };
    if (!profile.total.empty()) {
        proposal.evidence.push_back({"latency_p99", quantile_ns(profile.total), Unit::Nanoseconds, std::nullopt,
                                     "block_bio_queue, block_rq_complete"});
        proposal.evidence.push_back(
            {"device_latency_p99", quantile_ns(profile.device_time), Unit::Nanoseconds, std::nullopt, requests});
    }
    if (control.vrate_percent)
        proposal.evidence.push_back(
            {"iocost_vrate", *control.vrate_percent / 100, Unit::Share, std::nullopt, "io.stat of the root cgroup"});
    for (const std::string& note : control.notes)
        proposal.notes.push_back(note);
}

std::string device_name(const cgroup::IoControl& control, cgroup::DeviceNumber device)
{
    return control.name.empty() ? cgroup::device_text(device)
                                : fmt::format("{} ({})", control.name, cgroup::device_text(device));
}

// Why there is no weight to be said; false: there is one.
bool settled_without(Proposal& proposal, Subject& subject, const IoProfile& profile, const Occupancy& seen,
                     const cgroup::IoControl& control, const IoOptions& options)
{
    const std::string device = device_name(control, profile.device);
    if (control.by == cgroup::WeightedBy::Nothing) {
        set_answer(proposal, Answer::Refused, fmt::format("io.weight has no effect here: {}", control.why));
        if (!control.remedy.empty())
            proposal.notes.push_back("to make weights act on " + device + ": " + control.remedy);
        return true;
    }
    const std::string file(control.file());
    const auto text = subject.limit(file);
    const auto weight = text ? cgroup::parse_weight(*text, control.device) : std::nullopt;
    if (!weight) {
        set_answer(proposal, Answer::Refused,
                   fmt::format("{} has no {}: its parent does not hand the io controller on", subject.cgroup(), file));
    } else if (weight->own) {
        set_answer(
            proposal, Answer::Refused,
            fmt::format("{} has a line of its own for {}, weight {}, which a weight for all devices does not touch",
                        file, device, *weight->own));
        proposal.notes.push_back(
            fmt::format("writing '{} default' to {} removes it", cgroup::device_text(control.device), file));
    } else if (!seen.interval) {
        set_answer(proposal, Answer::Inconclusive,
                   fmt::format("{} windows of 100 ms are too few for a p99 with an interval: {} are the least",
                               seen.steps, stats::least_samples(0.99, 1 - options.alpha)));
    } else if (seen.interval->high < kHardly) {
        set_answer(proposal, Answer::NoLimit,
                   fmt::format("no weight: it wants {:.2f} % of {} at p99, which the least of shares leaves it",
                               100 * seen.p99, device));
    } else if (profile.others_s > options.most_others * profile.seconds) {
        set_answer(
            proposal, Answer::Inconclusive,
            fmt::format("others had {:.0f} % of {} meanwhile: what it wants cannot be told from what they left it",
                        100 * profile.others_s / profile.seconds, device));
    } else {
        return false;
    }
    return true;
}

struct Choice {
    std::uint64_t weight = 0;
    double share = 0;
    bool capped = false;  // no weight gives the share that it wants
};

Choice choose(double u, const Competition& rivals, std::uint64_t most, const IoOptions& options)
{
    const double wanted = share_wanted(u, options);
    const auto weight = least_weight(wanted, rivals, most);
    return {weight.value_or(most), wanted, !weight};
}

void add_value(Proposal& proposal, const Occupancy& seen, const Competition& rivals, const cgroup::IoControl& control,
               const IoOptions& options, const std::string& before)
{
    const Choice low = choose(seen.interval->low, rivals, control.most(), options),
                 high = choose(seen.interval->high, rivals, control.most(), options);
    proposal.values.push_back(
        {.file = std::string(control.file()),
         .text = std::to_string(high.weight),
         .before = before,
         .estimate = static_cast<double>(high.weight),
         .unit = Unit::None,
         .interval = stats::Interval{static_cast<double>(low.weight), static_cast<double>(high.weight)},
         .confidence = 1 - options.alpha,
         .method = fmt::format("least weight for {:.1f} % of the device (p99 of its windows, upper end, with {:.0f} % "
                               "headroom, {:.0f} % at most); {}",
                               100 * high.share, 100 * options.headroom, 100 / options.most_latency, rivals.text)});
    proposal.evidence.push_back({"weight_share", share_of(static_cast<double>(high.weight), rivals), Unit::Share,
                                 std::nullopt,
                                 fmt::format("{} {} against {:.0f}", control.file(), high.weight, rivals.rivals)});
    if (high.capped)
        proposal.notes.push_back(fmt::format("no weight gives it {:.1f} %: {} are the most, for {:.1f} %",
                                             100 * high.share, control.most(),
                                             100 * share_of(static_cast<double>(control.most()), rivals)));
    if (seen.interval->high * (1 + options.headroom) > 1 / options.most_latency)
        proposal.notes.push_back(
            "it fills the device when it is alone: whoever comes beside it costs it something, whatever its weight");
}

std::vector<std::uint64_t> candidates(std::uint64_t weight, const cgroup::IoControl& control)
{
    std::vector<std::uint64_t> all{weight};
    for (const std::uint64_t next :
         {static_cast<std::uint64_t>(kMoreOdds * static_cast<double>(weight)), control.most()}) {
        if (next > all.back() && next <= control.most())
            all.push_back(next);
    }
    return all;
}

void add_trials(Proposal& proposal, const detail::Contest& contest, const cgroup::IoControl& control, double rival)
{
    for (const detail::Tried& tried : contest.tried) {
        const auto weight = static_cast<double>(tried.weight);
        proposal.trials.push_back(
            {.setting = fmt::format("{} {} against {:.0f}", control.file(), tried.weight, rival),
             .verdict = tried.verdict,
             .took_ns = tried.took_ns,
             .pairs = tried.rounds,
             .judged_by = contest.judged_by,
             .throughput = tried.throughput,
             .latency_p50 = std::nullopt,
             .latency_p99 = tried.latency,
             .note =
                 fmt::format("{}; had {:.0f} % of the device's time, its weight is {:.0f} %; device p99 {} (alone {})",
                             tried.note, 100 * tried.contended.own_share, 100 * weight / (weight + rival),
                             format_ns(static_cast<std::uint64_t>(tried.contended.device_p99_ns)),
                             format_ns(static_cast<std::uint64_t>(tried.alone.device_p99_ns)))});
    }
    const detail::Tried& last = contest.tried.back();
    proposal.evidence.push_back({"share_measured", last.contended.own_share, Unit::Share, std::nullopt,
                                 "with the antagonist; " + proposal.trials.back().setting});
    proposal.evidence.push_back({"device_busy_with_antagonist", last.contended.busy_share, Unit::Share, std::nullopt,
                                 "block_rq_issue, block_rq_complete"});
    proposal.evidence.push_back({"saturated_device_latency_p99", last.contended.device_p99_ns, Unit::Nanoseconds,
                                 std::nullopt, "with the antagonist"});
    if (contest.at_least && last.contended.rate > 0)
        proposal.evidence.push_back({"rate_at_weight_1", contest.at_least->rate / last.contended.rate, Unit::Share,
                                     std::nullopt, "of the rate at the weight that was tried last"});
}

void judge(Proposal& proposal, const detail::Contest& contest, const std::string& device)
{
    const detail::Tried& last = contest.tried.back();
    Value& value = proposal.values.front();
    const std::string file = value.file;
    for (const detail::Tried& tried : contest.tried) {
        if (tried.verdict == Verdict::Rejected)
            proposal.refused.push_back({fmt::format("{} {}", file, tried.weight), tried.note});
    }
    const auto drop = [&] { proposal.values.clear(); };
    if (!contest.acts) {
        const bool harmless = last.verdict == Verdict::Accepted;
        set_answer(proposal, harmless ? Answer::NoLimit : Answer::Refused,
                   harmless
                       ? fmt::format("no weight: on {} it does as well at weight 1 as at {}, with the antagonist too: "
                                     "a weight changes nothing here",
                                     device, last.weight)
                       : fmt::format("weights were seen to change nothing on {}: with the antagonist it does no "
                                     "better at {} than at 1",
                                     device, last.weight));
        drop();
    } else if (last.verdict == Verdict::Accepted) {
        value.text = std::to_string(last.weight);
        value.estimate = static_cast<double>(last.weight);
        if (value.interval)
            value.interval->high = std::max(value.interval->high, value.estimate);
        set_answer(proposal, Answer::Limit,
                   fmt::format("{} {}: kept {} with an antagonist on {}", file, last.weight, last.note, device));
        const detail::Tried& first = contest.tried.front();
        if (first.verdict == Verdict::Accepted && first.weight != last.weight)
            proposal.notes.push_back(fmt::format("the present weight of {} does as well", first.weight));
    } else if (last.verdict == Verdict::Rejected) {
        set_answer(
            proposal, Answer::Refused,
            fmt::format("no weight keeps it: even at {} {}, {}; others on {} need a limit of their own (io.max), or "
                        "another device",
                        file, last.weight, last.note, device));
        drop();
    } else {
        set_answer(
            proposal, Answer::Inconclusive,
            fmt::format("{} {} would be the one, but the trial could not tell: {}", file, last.weight, last.note));
        proposal.refused.push_back({fmt::format("{} {}", file, last.weight), last.note});
        drop();
    }
}

// True: it was aborted, or tried out; errors of the machine.
Result<> try_out(Proposal& proposal, Subject& subject, const IoOptions& options, const cgroup::IoControl& control,
                 const Competition& rivals)
{
    const Value& value = proposal.values.front();
    const auto before = cgroup::parse_weight(value.before, control.device).value_or(cgroup::Weight{}).common;
    const auto rival = static_cast<std::uint64_t>(std::clamp(rivals.rivals, 1.0, static_cast<double>(control.most())));
    detail::ContestPlan plan{.file = value.file,
                             .before = std::to_string(before),
                             .present = before,
                             .candidates = candidates(static_cast<std::uint64_t>(value.estimate), control),
                             .device = control.device,
                             .rival = rival,
                             .longest_ns = options.longest_ns - std::min(options.longest_ns, options.profile_ns)};
    proposal.experimented = true;
    const auto contest = detail::contest(subject, options, plan);
    if (!contest) {
        if (contest.error().kind != ErrorKind::Stopped && contest.error().kind != ErrorKind::Finished)
            return std::unexpected(contest.error());
        const bool finished = contest.error().kind == ErrorKind::Finished;
        set_answer(proposal, finished ? Answer::Inconclusive : Answer::Aborted,
                   fmt::format("{} {} would be the one, but the trial was not ended: {}", value.file, value.text,
                               contest.error().what));
        proposal.refused.push_back({fmt::format("{} {}", value.file, value.text), contest.error().what});
        proposal.values.clear();
        return {};
    }
    proposal.regret_s = contest->regret_s;
    add_trials(proposal, *contest, control, static_cast<double>(rival));
    judge(proposal, *contest, device_name(control, control.device));
    return {};
}

Result<> propose(Proposal& proposal, Subject& subject, const IoOptions& options)
{
    const auto windows = watch(subject, options, proposal);
    if (!windows)
        return std::unexpected(windows.error());
    const auto profile = detail::busiest(*windows);
    if (!profile) {
        set_answer(proposal, Answer::NoLimit, "no weight: it had no request on any block device meanwhile");
        return {};
    }
    const cgroup::IoControl control = options.control(profile->device);
    const Occupancy seen = detail::occupancy(*profile, control, 1 - options.alpha);
    add_evidence(proposal, *profile, seen, control);
    if (settled_without(proposal, subject, *profile, seen, control, options))
        return {};
    const auto levels = options.levels(control.file(), control.device);
    if (!levels)
        return std::unexpected(levels.error());
    const Competition rivals = competition(*levels, options.assumed_rival);
    const std::string before = subject.limit(control.file()).value_or("");
    const auto first_line = std::string_view(before).substr(0, std::string_view(before).find('\n'));
    add_value(proposal, seen, rivals, control, options, std::string(first_line));
    const Value& value = proposal.values.front();
    set_answer(proposal, Answer::Limit,
               fmt::format("{} {}: {:.1f} % of {} at least", value.file, value.text,
                           100 * share_of(value.estimate, rivals), device_name(control, control.device)));
    if (options.antagonist != nullptr && subject.may_experiment())
        return try_out(proposal, subject, options, control, rivals);
    proposal.notes.push_back("not tried out against an antagonist: whether latency and throughput hold is not known");
    return {};
}

}  // namespace

Result<Proposal> tune_io(Subject& subject, const IoOptions& options)
{
    Proposal proposal{.resource = Resource::Io, .cgroup = subject.cgroup()};
    if (auto done = propose(proposal, subject, options); !done)
        return ended(std::move(proposal), done.error());
    return proposal;
}

}  // namespace flyball::tune
