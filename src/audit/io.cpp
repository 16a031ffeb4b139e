// SPDX-License-Identifier: Apache-2.0
// Block I/O against io.stat: exact, in bytes and in operations.
#include "checks.hpp"
#include "flyball/profile/subtree.hpp"

#include <fmt/format.h>

namespace flyball::audit {
namespace {

struct Side {
    const char* quantity;
    const char* metric;
    Unit unit;
    std::uint64_t ours;
    std::optional<std::uint64_t> KernelCounters::* field;
};

const profile::Histogram& at(const std::map<std::string, profile::Histogram>& totals, const std::string& path)
{
    static const profile::Histogram none;
    const auto found = totals.find(path);
    return found == totals.end() ? none : found->second;
}

}  // namespace

IoTotals io_totals(const Snapshot& snapshot)
{
    return {profile::subtrees(snapshot, FB_M_IO_SIZE_READ), profile::subtrees(snapshot, FB_M_IO_SIZE_WRITE)};
}

void check_io(const Subject& subject, const IoTotals& totals, Rows& rows)
{
    const profile::Histogram& read = at(totals.read, subject.path);
    const profile::Histogram& write = at(totals.write, subject.path);
    const Side sides[] = {
        {"io.read.bytes", "io.size.read", Unit::Bytes, read.sum64(), &KernelCounters::io_rbytes},
        {"io.read.ops", "io.size.read", Unit::Count, read.count(), &KernelCounters::io_rios},
        {"io.write.bytes", "io.size.write", Unit::Bytes, write.sum64(), &KernelCounters::io_wbytes},
        {"io.write.ops", "io.size.write", Unit::Count, write.count(), &KernelCounters::io_wios},
    };
    for (const Side& side : sides) {
        if (subject.window == nullptr && side.ours == 0)
            continue;
        const Reading kernel =
            growth(subject.window, [&](const KernelCounters& c) { return c.*side.field; }, "io.stat", false);
        AuditRow row =
            compare(subject.path, side.quantity, side.unit, measured(subject, side.metric, side.ours), kernel, {});
        // The root's io.stat is made of the disks' own counters: requests after merging, flushes too.
        if (subject.path == "/" && row.verdict == Verdict::Disagree) {
            row = not_comparable(std::move(row), "the root's io.stat counts the disks' requests, not bios");
        }
        if (row.verdict == Verdict::Disagree) {
            row.reason = "I/O in flight at an edge of the window, or bios that no hook saw";
        }
        rows.push_back(std::move(row));
    }
}

}  // namespace flyball::audit
