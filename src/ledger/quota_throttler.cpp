// SPDX-License-Identifier: Apache-2.0
#include "quota_throttler.hpp"

#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/profile/snapshot.hpp"
#include "quota_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace flyball::ledger {
namespace {

constexpr std::size_t kWorst = 8;          // episodes shown
constexpr std::size_t kPeriodsKept = 256;  // whose spending an unknown quota is estimated from
constexpr double kShareOnGrid = 0.5;       // of the ends, for a period to be believed
constexpr double kShareToSay = 0.1;        // of appetite in the demand

// Demand, and what the present limit is to it.
struct Case {
    std::vector<Demand> periods;
    std::uint64_t width_ns = 0;  // of each; the period unless that was too fine
    std::uint64_t period_ns = 0;
    Bucket present;  // each width_ns
    std::uint64_t capacity_ns = 0;

    [[nodiscard]] std::uint64_t a_period(std::uint64_t ns) const
    {
        return static_cast<std::uint64_t>(static_cast<double>(ns) * static_cast<double>(period_ns) /
                                          static_cast<double>(width_ns));
    }
    [[nodiscard]] std::uint64_t a_width(std::uint64_t ns) const
    {
        return static_cast<std::uint64_t>(static_cast<double>(ns) * static_cast<double>(width_ns) /
                                          static_cast<double>(period_ns));
    }
    [[nodiscard]] double appetite_share() const
    {
        double appetite = 0, all = 0;
        for (const Demand& demand : periods) {
            appetite += static_cast<double>(demand.appetite_ns);
            all += static_cast<double>(demand.total_ns());
        }
        return all > 0 ? appetite / all : 0;
    }
    [[nodiscard]] double mean_cpus() const
    {
        double sum = 0;
        for (const Demand& demand : periods)
            sum += static_cast<double>(std::min(demand.total_ns(), capacity_ns));
        return periods.empty() ? 0 : sum / static_cast<double>(periods.size()) / static_cast<double>(width_ns);
    }
};

class Notes {
public:
    void add(std::string text) { text_ += (text_.empty() ? "" : "; ") + std::move(text); }
    [[nodiscard]] std::string take() && { return std::move(text_); }

private:
    std::string text_;
};

std::uint64_t median(std::vector<std::uint64_t> values)
{
    if (values.empty())
        return 0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

// A recording may say anything: only what the kernel takes is believed.
CpuLimit checked(CpuLimit limit)
{
    constexpr std::uint64_t kNsPerUs = 1000;
    const auto outside = [](std::optional<std::uint64_t> ns, std::uint64_t least_us, std::uint64_t most_us) {
        return ns && (*ns < least_us * kNsPerUs || *ns > most_us * kNsPerUs);
    };
    if (outside(limit.period_ns, cgroup::kMinCpuPeriodUs, cgroup::kMaxCpuPeriodUs))
        limit.period_ns.reset();
    if (outside(limit.quota_ns, cgroup::kMinCpuQuotaUs, cgroup::kMaxCpuQuotaUs) || !limit.period_ns)
        limit.quota_ns.reset();
    if (!limit.quota_ns || limit.burst_ns > *limit.quota_ns)
        limit.burst_ns = 0;
    return limit;
}

// The limit as it was; where it is not known, what the episodes make of it.
Bucket limit_in_force(const Throttler& throttler, const CpuLimit& limit, std::uint64_t period_ns, Notes& notes)
{
    if (limit.changed)
        notes.add("the limit was changed meanwhile: taken as it was at the end");
    if (limit.quota_ns)
        return {.quota_ns = *limit.quota_ns, .burst_ns = limit.burst_ns};
    std::vector<std::uint64_t> spent = throttler.spent;
    spent.push_back(throttler.spent_ns);
    const std::uint64_t quota_ns = median(std::move(spent));
    notes.add(fmt::format("{}: taken as {} in {}, from what was spent before the episodes",
                          limit.period_ns ? "no quota is set any more" : "quota and period were not recorded",
                          format_ns(quota_ns), format_ns(period_ns)));
    if (throttler.ticks.fit(period_ns) < kShareOnGrid)
        notes.add("the episodes do not end in the rhythm of that period");
    return {.quota_ns = quota_ns, .burst_ns = 0};
}

// The whole periods within [since_ns, end_ns), those without demand too; where there is none, all there is.
std::vector<Demand> whole_periods(const DemandGrid& grid, std::int64_t since_ns, std::int64_t end_ns)
{
    const auto width = static_cast<std::int64_t>(grid.width_ns);
    const auto index = [&](std::int64_t at_ns) {  // of the period that it lies in
        const std::int64_t off = at_ns - grid.begin_ns;
        return off >= 0 ? off / width : -((width - 1 - off) / width);
    };
    std::int64_t first = index(since_ns + width - 1), last = index(end_ns);
    if (first >= last)
        return grid.bins;
    first = std::max(first, last - static_cast<std::int64_t>(DemandSeries::kBins));
    std::vector<Demand> periods(static_cast<std::size_t>(last - first));
    for (std::int64_t i = std::max<std::int64_t>(first, 0);
         i < std::min(last, static_cast<std::int64_t>(grid.bins.size())); ++i)
        periods[static_cast<std::size_t>(i - first)] = grid.bins[static_cast<std::size_t>(i)];
    return periods;
}

Case make_case(const Throttler& throttler, const QuotaContext& context, std::uint64_t period_ns,
               std::uint32_t cpus_online)
{
    const DemandGrid grid = throttler.demand.by_period(period_ns, throttler.ticks.phase_ns(period_ns));
    const auto since = static_cast<std::int64_t>(std::max(context.start_ns, throttler.demand_since_ns));
    const bool evicted = !throttler.demand.evicted().empty();
    Case made;
    made.periods = whole_periods(grid, evicted ? grid.begin_ns : since, static_cast<std::int64_t>(context.end_ns));
    made.width_ns = grid.width_ns;
    made.period_ns = period_ns;
    made.capacity_ns = grid.width_ns * cpus_online;
    return made;
}

std::vector<DemandBin> histogram(const Case& made, const std::map<std::uint64_t, std::uint64_t>& evicted)
{
    std::map<std::uint64_t, std::uint64_t> periods;
    const std::uint64_t most = made.capacity_ns * 100 / made.width_ns;
    for (const auto& [demand, count] : evicted)
        periods[std::min(demand, most)] += count;
    for (const Demand& demand : made.periods) {
        const std::uint64_t ns = std::min(demand.total_ns(), made.capacity_ns);
        ++periods[(ns * 100 + made.width_ns / 2) / made.width_ns];
    }
    return demand_bins(periods);
}

void recommend(const Case& made, QuotaFinding& finding, Notes& notes)
{
    const std::uint64_t kept = kept_back(made.periods, made.present, made.capacity_ns);
    if (tolerable(kept) == 0) {
        notes.add("no period asked for more than the quota: throttled for runtime that lay on other CPUs, or "
                  "within less than a period");
        return;
    }
    finding.enough_quota_ns = made.a_period(enough_quota(made.periods, made.present, made.width_ns, made.capacity_ns));
    if (const double share = made.appetite_share(); share >= kShareToSay)
        notes.add(fmt::format("an upper bound: {:.0f} % of the demand is of tasks that the quota never let sleep",
                              share * 100));
    const auto burst = enough_burst(made.periods, made.present, made.width_ns, made.capacity_ns);
    if (!burst)
        notes.add(fmt::format("no burst is enough: the mean demand of {:.2f} CPUs is more than the quota's {:.2f}",
                              made.mean_cpus(),
                              static_cast<double>(made.present.quota_ns) / static_cast<double>(made.width_ns)));
    else if (*burst > made.present.quota_ns)  // tg_set_cfs_bandwidth(): burst > quota is EINVAL
        notes.add(fmt::format("a burst of {} would be enough, but the kernel takes no more than the quota",
                              format_ns(made.a_period(*burst))));
    else
        finding.enough_burst_ns = made.a_period(*burst);
}

}  // namespace

void Throttler::add_episode(std::uint64_t begin_ns, std::uint64_t end_ns, std::uint32_t cpu)
{
    const std::uint64_t duration_ns = end_ns - begin_ns;
    ++episodes;
    throttled_ns += duration_ns;
    by_cpu[cpu] += duration_ns;
    last_end_ns = std::max(last_end_ns, end_ns);
    ticks.add(end_ns, duration_ns);
    if (worst.size() == kWorst && duration_ns <= worst.back().duration_ns)
        return;
    if (worst.size() == kWorst)
        worst.pop_back();
    const Episode episode{.begin_ns = begin_ns, .duration_ns = duration_ns, .cpu = cpu, .held_tasks = 0};
    worst.insert(std::ranges::upper_bound(worst, duration_ns, std::greater{}, &Episode::duration_ns), episode);
}

void Throttler::add_hold(const Hold& hold)
{
    for (Episode& episode : worst) {
        if (episode.cpu == hold.cpu && hold.begin_ns < episode.begin_ns + episode.duration_ns &&
            episode.begin_ns < hold.begin_ns + hold.held_ns)
            ++episode.held_tasks;
    }
}

void Throttler::begin_period(std::uint64_t at_ns)
{
    if (spent_periods++ > 0) {
        if (spent.size() == kPeriodsKept)
            spent[(spent_periods - 2) % kPeriodsKept] = spent_ns;
        else
            spent.push_back(spent_ns);
    }
    refill_ns = at_ns;
    spent_ns = 0;
}

CpuLimit cpu_limit_of(const profile::CounterWindow& window)
{
    CpuLimit limit;
    for (const auto& counters : {window.first, window.last}) {
        if (!counters || !counters->cpu_period_ns)
            continue;
        if (limit.period_ns)
            limit.changed =
                std::tie(limit.quota_ns, limit.period_ns) != std::tie(counters->cpu_quota_ns, counters->cpu_period_ns);
        if (limit.quota_ns && !counters->cpu_quota_ns)
            continue;  // taken away at the end: what throttled was there before
        limit.quota_ns = counters->cpu_quota_ns;
        limit.period_ns = counters->cpu_period_ns;
        limit.burst_ns = counters->cpu_burst_ns.value_or(0);
    }
    return limit;
}

QuotaFinding make_finding(const Throttler& throttler, const QuotaContext& context, std::uint32_t cpus_online)
{
    QuotaFinding finding;
    Notes notes;
    finding.path = context.names.path(throttler.id);
    finding.episodes = throttler.episodes;
    finding.throttled_ns = throttler.throttled_ns;
    finding.held_ns = throttler.held_ns;
    finding.by_cpu = throttler.by_cpu;
    finding.worst = throttler.worst;
    for (Episode& episode : finding.worst)
        episode.begin_ns -= std::min(episode.begin_ns, context.start_ns);
    finding.spenders = blames(throttler.spenders, context.names);
    if (throttler.spending_cut)
        notes.add("the spenders before some episodes are not all known: too many slices in a period");

    const CpuLimit limit = checked(context.limit_of(finding.path));
    if (limit.quota_ns) {
        finding.quota_ns = limit.quota_ns;
        finding.period_ns = limit.period_ns;
    }
    const std::uint64_t period_ns = limit.period_ns.value_or(throttler.ticks.period_ns());
    const Bucket present = limit_in_force(throttler, limit, period_ns, notes);

    Case made = make_case(throttler, context, period_ns, cpus_online);
    made.present = {.quota_ns = made.a_width(present.quota_ns), .burst_ns = made.a_width(present.burst_ns)};
    if (made.width_ns != period_ns)
        notes.add(fmt::format("the demand is known in steps of {} only", format_ns(made.width_ns)));
    if (!throttler.demand.evicted().empty())
        notes.add(fmt::format("the run was long: quota and burst are worked out from its last {} periods",
                              made.periods.size()));
    finding.demand = histogram(made, throttler.demand.evicted());
    recommend(made, finding, notes);
    finding.note = std::move(notes).take();
    return finding;
}

}  // namespace flyball::ledger
