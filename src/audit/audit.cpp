// SPDX-License-Identifier: Apache-2.0
#include "flyball/audit/audit.hpp"

#include "checks.hpp"
#include "flyball/profile/accumulator.hpp"

#include <map>

namespace flyball::audit {
namespace {

std::map<std::string, Subject> subjects_of(const Snapshot& snapshot)
{
    std::map<std::string, Subject> subjects;
    const auto at = [&](const std::string& path) -> Subject& {
        Subject& subject = subjects[path];
        subject.snapshot = &snapshot;
        subject.path = path;
        return subject;
    };
    for (const CgroupProfile& profile : snapshot.cgroups)
        at(profile.path).profile = &profile;
    for (const CounterWindow& window : snapshot.counters)
        at(window.path).window = &window;
    for (const profile::TaskWindow& task : snapshot.tasks)
        at(task.cgroup);
    return subjects;
}

// Tasks outside of every cgroup have no files to compare with.
bool has_files(const std::string& path)
{
    return path.starts_with('/');
}

}  // namespace

std::vector<AuditRow> audit(const profile::Snapshot& snapshot)
{
    Rows rows;
    const IoTotals io = io_totals(snapshot);
    for (const auto& [path, subject] : subjects_of(snapshot)) {
        if (!has_files(path))
            continue;
        // one above what -c selects: there for its limits only
        if (subject.profile == nullptr && !profile::filter_selects(snapshot.meta.filters, path))
            continue;
        const std::size_t before = rows.size();
        check_throttling(subject, rows);
        check_tasks(subject, rows);
        check_io(subject, io, rows);
        check_oom(subject, rows);
        check_pids(subject, rows);
        if (profile::filter_selects(snapshot.meta.filters, path))
            continue;
        for (std::size_t i = before; i < rows.size(); ++i) {
            rows[i] = not_comparable(std::move(rows[i]), "outside of what -c selects: not all of it was kept");
        }
    }
    check_losses(snapshot, rows);
    check_buckets(snapshot, rows);
    return rows;
}

std::uint64_t AuditRow::difference() const
{
    if (!both())
        return 0;
    return *ours > *kernel ? *ours - *kernel : *kernel - *ours;
}

std::optional<double> AuditRow::percent() const
{
    if (!both() || *kernel == 0)
        return std::nullopt;
    const double size = static_cast<double>(difference()) / static_cast<double>(*kernel) * 100;
    return *ours < *kernel ? -size : size;
}

bool AuditRow::matters() const
{
    return ours.value_or(0) != 0 || kernel.value_or(0) != 0;
}

Summary summarize(std::span<const AuditRow> rows)
{
    Summary sum;
    sum.rows = rows.size();
    for (const AuditRow& row : rows) {
        switch (row.verdict) {
        case Verdict::Agree:
            ++sum.agree;
            break;
        case Verdict::Disagree:
            ++sum.disagree;
            break;
        case Verdict::NotComparable:
            ++sum.not_comparable;
            break;
        }
        if (row.verdict != Verdict::NotComparable && row.scope == Scope::Cgroup && row.matters()) {
            ++sum.compared_with_kernel;
        }
    }
    if (sum.disagree > 0) {
        sum.outcome = Outcome::Disagree;
    } else if (sum.compared_with_kernel > 0) {
        sum.outcome = Outcome::Agree;
    }
    return sum;
}

std::string_view name(Verdict verdict)
{
    switch (verdict) {
    case Verdict::Agree:
        return "agree";
    case Verdict::Disagree:
        return "disagree";
    case Verdict::NotComparable:
        return "not comparable";
    }
    return "?";
}

std::string_view name(Outcome outcome)
{
    switch (outcome) {
    case Outcome::Agree:
        return "agree";
    case Outcome::Disagree:
        return "disagree";
    case Outcome::NothingCompared:
        return "nothing compared";
    }
    return "?";
}

}  // namespace flyball::audit
