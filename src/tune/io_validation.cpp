// SPDX-License-Identifier: Apache-2.0
#include "io_validation.hpp"

#include "comparison.hpp"
#include "units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace flyball::tune::detail {
namespace {

constexpr std::uint64_t kLeastForP99 = 100;  // operations a block: fewer have no p99
constexpr double kJudgedQuantile = 0.99;
constexpr std::size_t kEffectBlocks = 2;
constexpr double kKeepsUp = 0.95;    // of its rate alone: with less it has fallen behind
constexpr double kLeastRate = 1e-3;  // a second: a ratio to nothing is none
// Weight 1 has to cost that much of what the tried weight gives, in rate or latency, to say that weights act.
constexpr double kEffect = 0.9;

class Contestants {
public:
    Contestants(Subject& subject, const IoOptions& options, const ContestPlan& plan)
        : subject_(subject), options_(options), plan_(plan)
    {
    }
    Contestants(const Contestants&) = delete;
    Contestants& operator=(const Contestants&) = delete;
    ~Contestants()
    {
        options_.antagonist->stop();
        (void)subject_.set(plan_.file, plan_.before);
    }

    Result<Block> alone()
    {
        options_.antagonist->stop();
        if (auto caught_up = catch_up(); !caught_up)
            return std::unexpected(std::move(caught_up.error()));
        auto block = measure();
        if (block)
            alone_rate_ = block->rate;
        return block;
    }

    Result<Block> against(std::uint64_t weight)
    {
        if (auto caught_up = catch_up(); !caught_up)
            return std::unexpected(std::move(caught_up.error()));
        if (auto r = subject_.set(plan_.file, std::to_string(weight)); !r)
            return std::unexpected(std::move(r.error()));
        if (auto r = options_.antagonist->start(plan_.device, plan_.file, plan_.rival); !r)
            return std::unexpected(std::move(r.error()));
        auto block = measure();
        if (!block)
            return block;
        behind_ = block->rate < kKeepsUp * alone_rate_;
        const double lost = alone_rate_ > 0 ? std::max(0.0, 1 - block->rate / alone_rate_) *
                                                  static_cast<double>(block->took_ns) / kNsPerS
                                            : 0;
        regret_s_ += lost;
        if (auto r = subject_.spend(lost); !r)
            return std::unexpected(std::move(r.error()));
        return block;
    }

    // For so many blocks, and those that see whether weights act at all.
    [[nodiscard]] bool time_for(std::size_t blocks) const
    {
        return took_ns_ + (blocks + 3 * kEffectBlocks) * (options_.settle_ns + options_.block_ns) <= plan_.longest_ns;
    }

    [[nodiscard]] double regret_s() const { return regret_s_; }
    [[nodiscard]] const std::string& judged_by() const { return judged_by_; }

private:
    // An open loop has a backlog after a block in which it got less than it wants: worked off alone, and nobody's
    // block.
    Result<> catch_up()
    {
        if (!std::exchange(behind_, false))
            return {};
        options_.antagonist->stop();
        auto window = subject_.run(options_.block_ns);
        if (!window)
            return std::unexpected(std::move(window.error()));
        took_ns_ += window->span_ns();
        return {};
    }

    Result<Block> measure()
    {
        // What was under way under other conditions is not counted.
        if (auto settled = subject_.run(options_.settle_ns); !settled)
            return std::unexpected(std::move(settled.error()));
        auto window = subject_.run(options_.block_ns);
        if (!window)
            return std::unexpected(std::move(window.error()));
        took_ns_ += options_.settle_ns + window->span_ns();
        if (window->finished)
            return fail(ErrorKind::Finished, "the command has ended");
        return block_of(*window);
    }

    Block block_of(const Window& window)
    {
        Block block;
        const double seconds = static_cast<double>(window.span_ns()) / kNsPerS;
        const IoDeviceTrace* const trace = window.io.device(plan_.device);
        const bool told = window.performance.rate.has_value(), told_latency = !window.performance.latency_ns.empty();
        if (told)
            block.rate = *window.performance.rate;
        else if (trace != nullptr && seconds > 0)
            block.rate = static_cast<double>(trace->own_ios()) / seconds;
        static const profile::Histogram kNone;
        const profile::Histogram& latency = told_latency       ? window.performance.latency_ns
                                            : trace != nullptr ? trace->total
                                                               : kNone;
        if (latency.count() >= kLeastForP99)
            block.latency_p99_ns = static_cast<double>(latency.quantile(kJudgedQuantile));
        judged_by_ = fmt::format("{} and {}", told ? "the workload's rate" : "requests completed a second",
                                 told_latency ? "the workload's latency" : "the time from bio to completion");
        block.took_ns = window.span_ns() + options_.settle_ns;
        if (trace != nullptr && trace->busy_ns() > 0) {
            const auto busy = static_cast<double>(trace->busy_ns());
            block.own_share = trace->own_ns() / busy;
            block.busy_share = busy / static_cast<double>(window.span_ns());
            block.depth = trace->depth_ns() / busy;
            block.device_p99_ns = static_cast<double>(trace->device_time.quantile(kJudgedQuantile));
        }
        return block;
    }

    Subject& subject_;
    const IoOptions& options_;
    const ContestPlan& plan_;
    double alone_rate_ = 0, regret_s_ = 0;
    bool behind_ = false;
    std::uint64_t took_ns_ = 0;
    std::string judged_by_;
};

// One weight, against the same blocks alone as the others of its round.
class Judge {
public:
    Judge(std::uint64_t weight, const IoOptions& options, std::size_t weights)
        : comparison_({.rate = options.least_throughput,
                       .latency = options.most_latency,
                       .alpha = options.alpha / static_cast<double>(weights),
                       .most_pairs = options.most_rounds})
    {
        tried_.weight = weight;
    }

    void add(const Block& alone, const Block& contended)
    {
        tried_.alone.add(alone);
        tried_.contended.add(contended);
        tried_.took_ns += alone.took_ns + contended.took_ns;
        ++tried_.rounds;
        comparison_.add({std::max(alone.rate, kLeastRate), contended.rate}, {},
                        {alone.latency_p99_ns, contended.latency_p99_ns});
    }

    [[nodiscard]] bool done() const { return comparison_.decided(); }

    [[nodiscard]] Tried result(const IoOptions& options) const
    {
        const Trial trial = comparison_.trial();
        Tried tried = tried_;
        tried.throughput = trial.throughput;
        tried.latency = trial.latency_p99;
        tried.verdict = trial.verdict;
        tried.note = done() ? trial.note : fmt::format("after {} rounds the time was up", tried.rounds);
        if (trial.verdict == Verdict::Accepted && trial.latency_p99) {
            tried.note = fmt::format("throughput surely above {:.0f} %, p99 below {:.2f} times",
                                     100 * options.least_throughput, options.most_latency);
        } else if (trial.verdict == Verdict::Accepted) {
            tried.verdict = Verdict::Inconclusive;
            tried.note = "too few operations in a block for a p99";
        }
        return tried;
    }

private:
    Comparison comparison_;
    Tried tried_;
};

// Alone, and then with each weight, in an order that turns, until each is judged.
Result<std::vector<Tried>> rounds(Contestants& contestants, const IoOptions& options,
                                  const std::vector<std::uint64_t>& weights, std::size_t all_weights)
{
    std::vector<Judge> judges;
    for (const std::uint64_t weight : weights)
        judges.emplace_back(weight, options, all_weights);
    for (std::size_t round = 0; round < options.most_rounds; ++round) {
        const auto open = static_cast<std::size_t>(std::ranges::count_if(judges, std::not_fn(&Judge::done)));
        if (open == 0 || !contestants.time_for(1 + open))
            break;
        const auto alone = contestants.alone();
        if (!alone)
            return std::unexpected(alone.error());
        for (std::size_t k = 0; k < judges.size(); ++k) {
            const std::size_t i = (k + round) % judges.size();
            if (judges[i].done())
                continue;
            const auto block = contestants.against(weights[i]);
            if (!block)
                return std::unexpected(block.error());
            judges[i].add(*alone, *block);
        }
    }
    std::vector<Tried> tried;
    for (const Judge& judge : judges)
        tried.push_back(judge.result(options));
    return tried;
}

// The subject at weight 1: if that costs it nothing either, no weight has shown anything.
Result<> see_effect(Contestants& contestants, Contest& result, std::uint64_t weight)
{
    Seen least, tried;
    double latency_least = 0, latency_tried = 0;
    for (std::size_t i = 0; i < kEffectBlocks; ++i) {
        const auto high = contestants.against(weight);
        const auto low = high ? contestants.against(1) : high;
        if (!low)
            return std::unexpected(low.error());
        tried.add(*high);
        least.add(*low);
        latency_tried += high->latency_p99_ns.value_or(0);
        latency_least += low->latency_p99_ns.value_or(0);
    }
    // It is left without a backlog.
    if (const auto again = contestants.alone(); !again)
        return std::unexpected(again.error());
    result.acts = least.rate < kEffect * tried.rate || latency_tried < kEffect * latency_least;
    result.at_least = least;
    return {};
}

}  // namespace

void Seen::add(const Block& block)
{
    ++blocks;
    const auto n = static_cast<double>(blocks);
    rate += (block.rate - rate) / n;
    own_share += (block.own_share - own_share) / n;
    busy_share += (block.busy_share - busy_share) / n;
    depth += (block.depth - depth) / n;
    device_p99_ns += (block.device_p99_ns - device_p99_ns) / n;
}

Result<Contest> contest(Subject& subject, const IoOptions& options, const ContestPlan& plan)
{
    Contest result;
    Contestants contestants(subject, options, plan);
    const std::size_t all = plan.candidates.size() + 1;
    for (std::size_t i = 0; i < plan.candidates.size(); ++i) {
        std::vector<std::uint64_t> weights{plan.candidates[i]};
        if (i == 0 && plan.present != plan.candidates[i])
            weights.insert(weights.begin(), plan.present);
        subject.say(
            fmt::format("trying {} {} against {}", plan.file, plan.candidates[i], options.antagonist->describe()));
        auto tried = rounds(contestants, options, weights, all);
        result.regret_s = contestants.regret_s();
        if (!tried)
            return std::unexpected(std::move(tried.error()));
        std::ranges::move(*tried, std::back_inserter(result.tried));
        if (result.tried.back().verdict != Verdict::Rejected)
            break;
    }
    if (auto seen = see_effect(contestants, result, std::max<std::uint64_t>(result.tried.back().weight, 2)); !seen)
        return std::unexpected(std::move(seen.error()));
    result.regret_s = contestants.regret_s();
    result.judged_by = contestants.judged_by();
    return result;
}

}  // namespace flyball::tune::detail
