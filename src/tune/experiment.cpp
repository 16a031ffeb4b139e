// SPDX-License-Identifier: Apache-2.0
#include "flyball/tune/experiment.hpp"

#include "comparison.hpp"
#include "units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace flyball::tune {
namespace {

constexpr double kMoreThanLeast = 1.1;  // it does not tell as many in each block

enum class Side { A, B };

struct Measured {
    double score = 0;
    std::optional<double> p50, p99;
};

// Drives one comparison; what the blocks say is Comparison's business.
class Experiment {
public:
    Experiment(Subject& subject, const Setting& a, const Setting& b, const Measure& measure,
               const ExperimentOptions& options)
        : subject_(subject),
          a_(a),
          b_(b),
          measure_(measure),
          options_(options),
          comparison_({.rate = options.floor,
                       .latency = 1 / options.floor,
                       .alpha = options.alpha,
                       .most_pairs = options.most_pairs})
    {
    }

    Result<Trial> run()
    {
        subject_.say(fmt::format("trying {}", b_.text()));
        auto went = pairs();
        auto back = write(a_);
        if (!went)
            return std::unexpected(std::move(went.error()));
        if (!back)
            return std::unexpected(std::move(back.error()));
        Trial trial = comparison_.trial();
        if (!spoilt_.empty()) {
            trial.verdict = Verdict::Inconclusive;
            trial.note = spoilt_;
        }
        trial.setting = b_.text();
        trial.judged_by = measure_.judged_by;
        trial.took_ns = took_ns_;
        subject_.say(fmt::format("{}: {}", trial.setting, trial.note));
        return trial;
    }

private:
    Result<> pairs()
    {
        std::mt19937_64 random(options_.seed);
        if (!time_for(stats::kLeastForSpread))
            spoilt_ = "too little time is left to try it";
        while (spoilt_.empty() && !comparison_.decided()) {
            const Side first = random() % 2 == 0 ? Side::A : Side::B;
            const Side second = first == Side::A ? Side::B : Side::A;
            for (const auto& [x, y] : {std::pair(first, second), std::pair(second, first)}) {
                if (!time_for(1)) {
                    spoilt_ = fmt::format("after {:.0f} pairs the time was up", pairs_);
                    break;
                }
                if (auto went = pair(x, y); !went)
                    return went;
                if (!spoilt_.empty() || comparison_.decided())
                    break;
            }
        }
        return {};
    }

    [[nodiscard]] bool time_for(std::size_t pairs) const
    {
        return took_ns_ + pairs * 2 * (options_.settle_ns + options_.block_ns) <= options_.longest_ns;
    }

    Result<> pair(Side x, Side y)
    {
        const std::uint64_t before_ns = in_b_ns_;
        auto first = block(x);
        if (!first || !spoilt_.empty())
            return first ? Result<>{} : std::unexpected(std::move(first.error()));
        auto second = block(y);
        if (!second || !spoilt_.empty())
            return second ? Result<>{} : std::unexpected(std::move(second.error()));
        const Measured& a = x == Side::A ? *first : *second;
        const Measured& b = x == Side::A ? *second : *first;
        comparison_.add({a.score, b.score}, {a.p50, b.p50}, {a.p99, b.p99});
        a_sum_ += a.score;
        ++pairs_;
        return count_loss(b.score * pairs_ / a_sum_, in_b_ns_ - before_ns);
    }

    // Against the mean of A so far, and what is better by chance is taken off again: noise is no loss.
    Result<> count_loss(double ratio, std::uint64_t in_b_ns)
    {
        lost_s_ += (1 - ratio) * static_cast<double>(in_b_ns) / kNsPerS;
        if (lost_s_ <= spent_s_)
            return {};
        const double more = lost_s_ - spent_s_;
        spent_s_ = lost_s_;
        return subject_.spend(more);
    }

    // Until there is one that counts.
    Result<Measured> block(Side side)
    {
        if (auto entered = enter(side); !entered)
            return std::unexpected(std::move(entered.error()));
        while (true) {
            auto window = go_on(side, options_.block_ns);
            if (!window)
                return std::unexpected(std::move(window.error()));
            if (const auto block = judge(side, *window))
                return *block;
            if (++repeats_ <= options_.most_repeats)
                continue;
            spoilt_ = fmt::format("{} blocks could not be used; the last one: {}", repeats_, why_);
            return Measured{};
        }
    }

    std::optional<Measured> judge(Side side, const Window& window)
    {
        if (possible_error(window.disturbance) > options_.most_disturbed) {
            why_ = too_busy(window.disturbance);
            return std::nullopt;
        }
        const auto score = measure_.score(window);
        const bool silent = !score || (side == Side::A && !(*score > 0));
        if (silent && (side == Side::A || a_was_silent_ || !measure_.silence_is_zero)) {
            a_was_silent_ |= side == Side::A;
            why_ = fmt::format("no word of {}", measure_.judged_by);
            return std::nullopt;
        }
        Measured block{score.value_or(0), std::nullopt, std::nullopt};
        const profile::Histogram& latency = window.performance.latency_ns;
        if (latency.count() >= kLeastForP50)
            block.p50 = static_cast<double>(latency.quantile(0.5));
        if (latency.count() >= kLeastForP99)
            block.p99 = static_cast<double>(latency.quantile(0.99));
        return block;
    }

    Result<> enter(Side side)
    {
        if (side_ == side)
            return {};
        if (auto written = write(side == Side::A ? a_ : b_); !written)
            return written;
        side_ = side;
        if (options_.settle_ns == 0)
            return {};
        auto window = go_on(side, options_.settle_ns);
        return window ? Result<>{} : std::unexpected(std::move(window.error()));
    }

    Result<> write(const Setting& setting)
    {
        side_.reset();
        for (const Setting::File& file : setting.files) {
            if (subject_.limit(file.file) == file.value)
                continue;
            if (auto set = subject_.set(file.file, file.value); !set)
                return set;
        }
        return {};
    }

    Result<Window> go_on(Side side, std::uint64_t length_ns)
    {
        auto window = subject_.run(length_ns);
        if (window) {
            took_ns_ += window->span_ns();
            in_b_ns_ += side == Side::B ? window->span_ns() : 0;
        }
        return window;
    }

    Subject& subject_;
    const Setting& a_;
    const Setting& b_;
    const Measure& measure_;
    const ExperimentOptions& options_;
    Comparison comparison_;
    std::optional<Side> side_;  // nullopt: neither, or not known
    std::uint64_t took_ns_ = 0, in_b_ns_ = 0;
    double lost_s_ = 0, spent_s_ = 0;
    double a_sum_ = 0, pairs_ = 0;
    std::size_t repeats_ = 0;
    bool a_was_silent_ = false;
    std::string why_, spoilt_;
};

}  // namespace

std::string Setting::text() const
{
    std::string text;
    for (const File& one : files)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one.file, one.value);
    return text;
}

Measure measure_for(const Window& sample, Measure stand_in)
{
    if (!sample.performance.rate)
        return stand_in;
    return {"the workload's throughput", [](const Window& window) { return window.performance.rate; }, true};
}

std::uint64_t block_for_p99(const Window& sample, std::uint64_t block_ns, std::uint64_t most_ns)
{
    const auto told = static_cast<double>(sample.performance.latency_ns.count());
    const double needed_ns =
        told > 0 ? kMoreThanLeast * kLeastForP99 * static_cast<double>(sample.span_ns()) / told : 0;
    return needed_ns > static_cast<double>(most_ns) ? block_ns
                                                    : std::max(block_ns, static_cast<std::uint64_t>(needed_ns));
}

Result<Trial> compare(Subject& subject, const Setting& a, const Setting& b, const Measure& measure,
                      const ExperimentOptions& options)
{
    return Experiment(subject, a, b, measure, options).run();
}

}  // namespace flyball::tune
