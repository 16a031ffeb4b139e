// SPDX-License-Identifier: Apache-2.0
#include "figures.hpp"

#include "flyball/audit/metrics.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>

namespace flyball::compare {
namespace {

struct Quantile {
    std::string_view name;
    double q;
};
constexpr std::array<Quantile, 4> kNamedQuantiles{{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99_9", 0.999}}};

// Of the histograms these quantiles are compared without being asked for.
constexpr std::array<std::string_view, 3> kHeadlines{"cpu.wait.p99", "io.total.read.p99", "io.total.write.p99"};

// Counts of which less is better. Of the others nobody knows: more wake-ups may be more work done.
constexpr std::array<std::string_view, 3> kBadCounts{"mem.charge_failed", "io.errors", "cpu.throttled_switches"};

bool is_time(std::string_view metric)
{
    const audit::Metric* known = audit::find_metric(metric);
    return known != nullptr && known->unit == audit::Unit::Nanoseconds;
}

class Adder {
public:
    Adder(Run& run, std::string path, double seconds) : run_(run), path_(std::move(path)), seconds_(seconds) {}

    void put(std::string name, double value, Unit unit, Good good, bool headline = false)
    {
        run_.values[{path_, std::move(name)}] = {value, unit, good, headline};
    }
    void rate(std::string name, double count, Good good, bool headline = false)
    {
        if (seconds_ > 0)
            put(std::move(name), count / seconds_, Unit::PerSecond, good, headline);
    }
    void tasks(std::string name, const Maybe& ns, Good good, bool headline)
    {
        if (ns && seconds_ > 0)
            put(std::move(name), static_cast<double>(*ns) / 1e9 / seconds_, Unit::Tasks, good, headline);
    }

private:
    Run& run_;
    std::string path_;
    double seconds_;
};

void add_histogram(Adder& to, const std::string& name, const profile::Histogram& hist)
{
    const bool time = is_time(name);
    const Unit unit = time ? Unit::Nanoseconds : Unit::Bytes;
    // A longer slice is no worse than a shorter one.
    const Good good = time && name != "cpu.slice" ? Good::Lower : Good::Unknown;
    to.rate(name + ".rate", static_cast<double>(hist.count()), Good::Unknown);
    if (!time)
        to.rate(name + ".sum", static_cast<double>(hist.sum64()), Good::Unknown);
    to.put(name + ".mean", hist.mean(), unit, good);
    for (const Quantile& quantile : kNamedQuantiles) {
        const std::string key = name + "." + std::string(quantile.name);
        to.put(key, static_cast<double>(hist.quantile(quantile.q)), unit, good, is_one_of(kHeadlines, key));
    }
}

void add_counts(Adder& to, const Figures& figures)
{
    for (const auto& [name, count] : figures.counts) {
        if (!count)
            continue;
        const auto value = static_cast<double>(*count);
        if (name == "pids.refused")
            to.put(name, value, Unit::Count, Good::Lower, true);
        else
            to.rate(name, value, is_one_of(kBadCounts, name) ? Good::Lower : Good::Unknown, name == "pids.forks");
    }
}

}  // namespace

bool is_idle(const Figures& figures)
{
    return figures.histograms.empty() && figures.oom_kills.value_or(0) == 0 &&
           std::ranges::none_of(figures.counts, [](const auto& count) { return count.second.value_or(0) > 0; });
}

void add_figures(Run& run, const Figures& figures, std::uint64_t window_ns)
{
    Adder to(run, figures.path, static_cast<double>(window_ns) / 1e9);
    const std::uint64_t wanted =
        figures.on_cpu_ns.value_or(0) + figures.wait_ns.value_or(0) + figures.held_ns.value_or(0);
    if (figures.held_ns && wanted > 0)
        to.put("cpu.held_ratio", static_cast<double>(*figures.held_ns) / static_cast<double>(wanted), Unit::Share,
               Good::Lower, true);
    if (figures.wait_ns && wanted > 0)
        to.put("cpu.wait_ratio", static_cast<double>(*figures.wait_ns) / static_cast<double>(wanted), Unit::Share,
               Good::Lower);
    to.tasks("cpu.on_cpu", figures.on_cpu_ns, Good::Unknown, false);
    to.tasks("mem.stall", figures.mem_stall_ns, Good::Lower, true);
    if (figures.oom_kills)
        to.put("oom.kills", static_cast<double>(*figures.oom_kills), Unit::Count, Good::Lower, true);
    for (const auto& [name, hist] : figures.histograms) {
        add_histogram(to, name, hist);
        run.distributions[{figures.path, name}] = hist;
    }
    add_counts(to, figures);
}

}  // namespace flyball::compare
