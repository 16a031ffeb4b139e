// SPDX-License-Identifier: Apache-2.0
#include "oom_witness.hpp"

#include "flyball/profile/decode.hpp"

#include <unistd.h>

#include <array>
#include <string_view>
#include <utility>

namespace flyball::live {
namespace {

// While nothing happens, losses need no attention more often than this.
constexpr std::uint64_t kIdleCheckNs = 1'000'000'000;

// Of these programs a run that the kernel skipped may be a record that is missing. Without one of the others
// (signals, exits) a time is missing, and that shows.
constexpr std::array<std::string_view, 6> kVital{"oom_decision", "oom_policy", "oom_mark",
                                                 "oom_scan",     "oom_member", "oom_nobody"};

constexpr std::array<std::uint32_t, 2> kRecords{FB_P_OOM, FB_P_CGROUP};

template <class Value>
std::optional<Value> if_told(Result<Value> read)
{
    return read ? std::optional(std::move(*read)) : std::nullopt;
}

}  // namespace

OomWitness::OomWitness(Collector& collector, const cgroup::Layout& layout, const profile::Meta& meta,
                       std::span<const profile::KnownCgroup> known)
    : collector_(collector),
      surroundings_(
          oom::live_surroundings(layout, {.memcgs = [&collector] { return if_told(collector.read_memcgs()); },
                                          .processes = [&collector] { return if_told(collector.read_memory()); }})),
      parser_(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)))
{
    watcher_.emplace(meta, known, *surroundings_,
                     [&collector](std::span<const std::byte> record) { collector.tell(record); });
    auto log = KernelLog::open();
    if (log)
        log_.emplace(std::move(*log));
    else
        no_log_ = log.error().what;
    collector_.attach(*watcher_);
}

OomWitness::~OomWitness()
{
    collector_.detach(*watcher_);
}

void OomWitness::begin()
{
    watcher_->begin(collector_.now_ns());
}

void OomWitness::read_log()
{
    if (!log_)
        return;
    const std::uint64_t now_ns = collector_.now_ns();
    log_->read(
        [&](std::string_view record) {
            const auto report = parser_.feed(record, now_ns);
            if (!report || repeated(report->report))
                return;
            for (const fb_oom_member& member : report->members)
                collector_.tell(oom::bytes_of(member));
            collector_.tell(oom::bytes_of(report->report));
        },
        [this] { parser_.lost(); });
}

// Where nobody may be killed the kernel reports each time that it is asked: one a second is enough.
bool OomWitness::repeated(const fb_oom_report& report)
{
    if (!(report.flags & FB_OR_NOBODY))
        return false;
    const std::string path = profile::field_text(report.path);
    const bool again = path == nobody_in_ && report.hdr.ts_ns - nobody_ns_ < kIdleCheckNs;
    if (!again) {
        nobody_in_ = path;
        nobody_ns_ = report.hdr.ts_ns;
    }
    return again;
}

void OomWitness::end()
{
    watcher_->end(collector_.now_ns());
}

Result<> OomWitness::check_losses(std::uint64_t now_ns)
{
    if (watcher_->idle() && now_ns < next_check_ns_ && !pretended_)
        return {};
    next_check_ns_ = now_ns + kIdleCheckNs;
    const auto lost = collector_.losses();
    if (!lost)
        return std::unexpected(lost.error());
    fb_loss now{};
    now.dropped = lost->dropped(kRecords);
    now.missed = lost->missed(kVital);
    now.damaged = lost->malformed + watcher_->feed().sequence_gaps();
    fb_loss grown{};
    grown.hdr.type = FB_EV_LOSS;
    grown.hdr.size = sizeof grown;
    grown.hdr.ts_ns = now_ns;
    grown.dropped = now.dropped - told_.dropped + (std::exchange(pretended_, false) ? 1 : 0);
    grown.missed = now.missed - told_.missed;
    grown.damaged = now.damaged - told_.damaged;
    told_ = now;
    if ((grown.dropped | grown.missed | grown.damaged) != 0)
        collector_.tell(oom::bytes_of(grown));
    return {};
}

Result<std::vector<oom::Judged>> OomWitness::tick(std::uint64_t now_ns)
{
    read_log();
    if (auto done = check_losses(now_ns); !done)
        return std::unexpected(std::move(done.error()));
    return watcher_->advance(now_ns);
}

Result<std::vector<oom::Judged>> OomWitness::finish()
{
    read_log();
    next_check_ns_ = 0;
    const std::uint64_t now_ns = collector_.now_ns();
    if (auto done = check_losses(now_ns); !done)
        return std::unexpected(std::move(done.error()));
    return watcher_->finish(now_ns);
}

}  // namespace flyball::live
