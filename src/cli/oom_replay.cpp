// SPDX-License-Identifier: Apache-2.0
#include "oom_replay.hpp"

#include "flyball/live/progress.hpp"
#include "flyball/oom/watcher.hpp"
#include "flyball/profile/decode.hpp"
#include "flyball/profile/recording.hpp"
#include "oom_outlets.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace flyball::cli {
namespace {

class Replay final : public profile::Observer {
public:
    void on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known) override
    {
        watcher_.emplace(meta, known);
    }
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override
    {
        watcher_->on_batch(header, events);
    }
    void on_control(std::span<const std::byte> bytes) override
    {
        const auto header = profile::decode<fb_hdr>(bytes);
        loss_told_ |= header && header->type == FB_EV_LOSS;
        watcher_->on_control(bytes);
    }
    void on_round(std::uint64_t until_ns) override
    {
        for (oom::Judged& judged : watcher_->advance(until_ns))
            judged_.push_back(std::move(judged));
    }
    void on_closing(const profile::Closing& closing) override
    {
        end_ns_ = closing.end_ns;
        std::uint64_t lost = 0;
        for (const profile::ProgramLoss& row : closing.programs)
            lost += row.prog == FB_P_OOM || row.prog == FB_P_CGROUP ? row.dropped : 0;
        if (lost > 0 && !loss_told_) {
            fb_loss loss{};
            loss.hdr.type = FB_EV_LOSS;
            loss.hdr.size = sizeof loss;
            loss.hdr.ts_ns = end_ns_;
            loss.dropped = lost;
            watcher_->on_control(oom::bytes_of(loss));
        }
    }
    [[nodiscard]] std::vector<oom::Judged> take()
    {
        for (oom::Judged& judged : watcher_->finish(end_ns_))
            judged_.push_back(std::move(judged));
        return std::move(judged_);
    }
    [[nodiscard]] std::vector<profile::OtherKill> take_other_kills() { return watcher_->take_other_kills(); }

private:
    std::optional<oom::Watcher> watcher_;
    std::vector<oom::Judged> judged_;
    std::uint64_t end_ns_ = 0;
    bool loss_told_ = false;  // where and when it was: recordings of before know the sum at the end
};

}  // namespace

Result<int> replay_oom(const OomWatchOptions& options, StopToken& stop)
{
    Outlets outlets(options, stop);
    if (auto r = outlets.open(); !r)
        return std::unexpected(std::move(r.error()));
    Replay observer;
    const auto snapshot =
        profile::replay(options.file, {.salvage = options.salvage, .filters = options.cgroups, .observer = &observer});
    if (!snapshot)
        return std::unexpected(snapshot.error());
    if (auto given = outlets.give(observer.take(), options.cgroups); !given)
        return std::unexpected(std::move(given.error()));
    for (const profile::OtherKill& kill : observer.take_other_kills()) {
        if (!options.kills || !profile::filter_selects(options.cgroups, kill.cgroup))
            continue;
        if (auto told = outlets.kill(kill); !told)
            return std::unexpected(std::move(told.error()));
    }
    live::Progress progress(options.quiet, STDERR_FILENO);
    outlets.finish(progress);
    return outlets.all_passed() ? 0 : 1;
}

}  // namespace flyball::cli
