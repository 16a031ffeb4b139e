// SPDX-License-Identifier: Apache-2.0
// The recording against itself: nothing lost without being counted, no bucket without its count.
#include "checks.hpp"

#include <fmt/format.h>

#include <limits>

namespace flyball::audit {
namespace {

AuditRow equal(std::string quantity, std::uint64_t ours, std::uint64_t reference)
{
    AuditRow row = compare({}, std::move(quantity), Unit::Count, {.value = ours}, {.value = reference}, {});
    row.scope = Scope::Recording;
    return row;
}

}  // namespace

void check_losses(const Snapshot& snapshot, Rows& rows)
{
    for (const profile::ProgramLoss& loss : snapshot.loss.programs) {
        AuditRow row = equal(fmt::format("loss.{}.cpu{}", program_name(loss.prog), loss.cpu),
                             loss.delivered + loss.folded + loss.dropped, loss.attempted);
        if (row.verdict == Verdict::Disagree) {
            row.reason = fmt::format("delivered {} + folded {} + dropped {} is not attempted {}", loss.delivered,
                                     loss.folded, loss.dropped, loss.attempted);
        }
        rows.push_back(std::move(row));
    }
    if (snapshot.stacks) {
        const profile::Stacks& stacks = *snapshot.stacks;
        AuditRow row = equal("loss.stacks", stacks.delivered + stacks.dropped, stacks.attempted);
        if (row.verdict == Verdict::Disagree) {
            row.reason = fmt::format("delivered {} + dropped {} is not attempted {}", stacks.delivered, stacks.dropped,
                                     stacks.attempted);
        }
        rows.push_back(std::move(row));
        row = equal("loss.stacks.counted", stacks.counted(), stacks.delivered);
        if (row.verdict == Verdict::Disagree)
            row.reason = fmt::format("{} in stacks, {} delivered", stacks.counted(), stacks.delivered);
        rows.push_back(std::move(row));
    }
    AuditRow gaps = equal("loss.sequence_gaps", snapshot.loss.sequence_gaps, 0);
    if (gaps.verdict == Verdict::Disagree)
        gaps.reason = "batches were lost between the kernel and the reader";
    rows.push_back(std::move(gaps));
}

void check_buckets(const Snapshot& snapshot, Rows& rows)
{
    for (const Metric& metric : histogram_metrics()) {
        std::uint64_t buckets = 0, count = 0;
        const CgroupProfile* wrong = nullptr;  // the first: sums alone could hide two errors
        for (const CgroupProfile& cgroup : snapshot.cgroups) {
            const profile::Histogram& hist = cgroup.of(metric.id);
            buckets += hist.bucket_total();
            count += hist.count();
            if (wrong == nullptr && hist.bucket_total() != hist.count())
                wrong = &cgroup;
        }
        if (buckets == 0 && count == 0)
            continue;
        AuditRow row = equal(fmt::format("buckets.{}", metric.name), buckets, count);
        if (wrong != nullptr) {
            const profile::Histogram& hist = wrong->of(metric.id);
            row.verdict = Verdict::Disagree;
            row.reason = fmt::format("{}: {} in buckets, {} counted", wrong->path, hist.bucket_total(), hist.count());
        }
        rows.push_back(std::move(row));
    }
}

}  // namespace flyball::audit
