// SPDX-License-Identifier: Apache-2.0
// `flyball oom watch`: a verdict for each OOM kill as it is complete, live or from a recording.
#include "flyball/base/clock.hpp"
#include "flyball/base/signals.hpp"
#include "flyball/base/terminal.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/profile/recording.hpp"
#include "flyball/report/oom.hpp"
#include "journal.hpp"
#include "oom_live.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "setup.hpp"
#include "verdict_hook.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <string_view>

namespace flyball::cli {
namespace {

constexpr int kTickMs = 50;
// Commands of --exec that run at the end have this long.
constexpr int kHookPatienceMs = 10'000;

// sd-daemon(3)'s levels are syslog's.
constexpr std::string_view kPriorityNotice = "5", kPriorityWarning = "4";
// Of flyball's verdicts, made once for all: journalctl MESSAGE_ID=...
constexpr std::string_view kMessageId = "4c2e9165a279495db96b9d550b535be6";

bool about(const oom::Judged& judged, const std::vector<std::string>& filters)
{
    const profile::OomEpisode& episode = judged.episode;
    const auto selected = [&](const std::string& path) {
        return !path.empty() && profile::filter_selects(filters, path);
    };
    return filters.empty() || selected(episode.domain) || selected(episode.group_cgroup) ||
           selected(episode.trigger_cgroup) ||
           std::ranges::any_of(episode.victims, selected, &profile::OomVictim::cgroup);
}

// Where verdicts go: standard output, a command, the journal.
class Outlets {
public:
    explicit Outlets(const OomWatchOptions& options) : options_(options)
    {
        text_.color = use_color(ColorWhen::Auto, is_tty(STDOUT_FILENO), process_environment());
        text_.width = static_cast<std::size_t>(terminal_width(STDOUT_FILENO, process_environment()));
        if (!options.exec.empty())
            hook_.emplace(options.exec);
    }

    Result<> open()
    {
        if (!options_.journal)
            return {};
        auto journal = Journal::open();
        if (!journal)
            return std::unexpected(std::move(journal.error()));
        journal_.emplace(std::move(*journal));
        return {};
    }

    Result<> verdict(const oom::Judged& judged)
    {
        ++verdicts_;
        not_passed_ += judged.verdict.outcome == oom::Outcome::Pass ? 0 : 1;
        const std::string json = report::render_verdict_json(judged);
        if (hook_)
            hook_->run(json);
        if (journal_)
            tell_journal(judged, json);
        return print(options_.json ? json : report::render_verdict_text(judged, text_));
    }

    Result<> kill(const profile::OtherKill& kill)
    {
        return print(options_.json ? report::render_other_kill_json(kill)
                                   : report::render_other_kill_text(kill, text_));
    }

    void tick()
    {
        if (hook_)
            hook_->tick();
    }
    void finish(Progress& progress)
    {
        if (hook_) {
            hook_->finish(kHookPatienceMs);
            if (hook_->failed() > 0)
                progress.say(fmt::format("{} of {} runs of --exec failed", hook_->failed(), verdicts_));
        }
        progress.say(fmt::format("{} {}, {} not passed", verdicts_, verdicts_ == 1 ? "verdict" : "verdicts", not_passed_));
        if (journal_failures_ > 0)
            progress.say(fmt::format("{} verdicts could not be written to the journal", journal_failures_));
    }

    [[nodiscard]] std::uint64_t verdicts() const { return verdicts_; }
    [[nodiscard]] std::uint64_t not_passed() const { return not_passed_; }

private:
    void tell_journal(const oom::Judged& judged, const std::string& json)
    {
        const profile::OomEpisode& episode = judged.episode;
        const bool pass = judged.verdict.outcome == oom::Outcome::Pass;
        const auto sent = journal_->send({
            {"MESSAGE", fmt::format("{}: {}", oom::name(judged.verdict.outcome), judged.verdict.summary)},
            {"MESSAGE_ID", std::string(kMessageId)},
            {"PRIORITY", std::string(pass ? kPriorityNotice : kPriorityWarning)},
            {"SYSLOG_IDENTIFIER", "flyball"},
            {"FLYBALL_VERDICT", std::string(oom::name(judged.verdict.outcome))},
            {"FLYBALL_CGROUP", episode.domain},
            {"FLYBALL_GROUP_CGROUP", episode.group_cgroup},
            {"FLYBALL_VICTIMS", fmt::format("{}", episode.victims.size())},
            {"FLYBALL_OOM", json.substr(0, json.find_last_not_of('\n') + 1)},
        });
        journal_failures_ += sent ? 0 : 1;
    }

    const OomWatchOptions& options_;
    report::OomTextOptions text_;
    std::optional<VerdictHook> hook_;
    std::optional<Journal> journal_;
    std::uint64_t verdicts_ = 0, not_passed_ = 0, journal_failures_ = 0;
};

// No more than `count`, if that is not 0.
Result<> give(Outlets& outlets, const std::vector<oom::Judged>& all, const std::vector<std::string>& filters,
              std::uint64_t count)
{
    for (const oom::Judged& judged : all) {
        if (count != 0 && outlets.verdicts() >= count)
            break;
        if (!about(judged, filters))
            continue;
        if (auto given = outlets.verdict(judged); !given)
            return given;
    }
    return {};
}

// The watch over this machine.
class Watch {
public:
    explicit Watch(const OomWatchOptions& options)
        : options_(options), outlets_(options), progress_(options.quiet, STDERR_FILENO)
    {
    }

    Result<int> run()
    {
        if (auto r = prepare(); !r)
            return std::unexpected(std::move(r.error()));
        if (auto r = loop(); !r)
            return std::unexpected(std::move(r.error()));
        return finish();
    }

private:
    Result<> prepare();
    Result<> start_command(const cgroup::Limits& limits);
    Result<> loop();
    Result<bool> round();
    Result<int> finish();
    Result<> tell_kills();

    const OomWatchOptions& options_;
    Outlets outlets_;
    Progress progress_;
    std::uint64_t end_ns_ = 0;
    std::vector<std::string> filters_;
    cgroup::Layout layout_;
    std::optional<StopSignal> stop_;
    std::optional<CommandInCgroup> command_;
    std::optional<cgroup::ExitStatus> status_;
    std::optional<OomLive> live_;
};

Result<> Watch::start_command(const cgroup::Limits& limits)
{
    auto command = CommandInCgroup::make(options_.command, layout_, limits,
                                         [this](std::string_view note) { progress_.say(note); });
    if (!command)
        return std::unexpected(std::move(command.error()));
    command_.emplace(std::move(*command));
    if (filters_.empty())
        filters_.push_back(command_->home.path());
    return {};
}

Result<> Watch::prepare()
{
    std::uint64_t duration_ns = 0;
    if (!options_.duration.empty()) {
        auto parsed = parse_duration(options_.duration);
        if (!parsed)
            return std::unexpected(std::move(parsed.error()).context("-d"));
        duration_ns = *parsed;
    }
    const auto limits = parse_limits(options_.limits, options_.command);
    if (!limits)
        return std::unexpected(limits.error());
    if (!options_.command.empty()) {
        if (auto r = cgroup::check_command(options_.command); !r)
            return r;
    }
    if (auto r = outlets_.open(); !r)
        return r;
    auto layout = cgroup::detect();
    if (!layout)
        return std::unexpected(std::move(layout.error()));
    layout_ = std::move(*layout);
    filters_ = options_.cgroups;
    for (const std::string& pattern : filters_) {
        if (auto found = cgroup::resolve(layout_, pattern); !found)
            return std::unexpected(std::move(found.error()).context("-c"));
    }
    auto stop = StopSignal::install();
    if (!stop)
        return std::unexpected(std::move(stop.error()));
    stop_.emplace(std::move(*stop));
    if (!options_.command.empty()) {
        if (auto r = start_command(*limits); !r)
            return r;
    }
    auto live = OomLive::open(
        layout_, {.ring_size = options_.ring_size, .without = options_.without, .verbose = options_.verbose});
    if (!live)
        return std::unexpected(std::move(live.error()));
    live_.emplace(std::move(*live));
    progress_.say(command_ ? "watching the command's cgroup for OOM kills" : "watching for OOM kills, Ctrl-C to end");
    end_ns_ = duration_ns == 0 ? 0 : monotonic_ns() + duration_ns;
    return command_ ? command_->child.release() : Result<>{};
}

Result<> Watch::tell_kills()
{
    for (const profile::OtherKill& kill : live_->watcher().take_other_kills()) {
        if (!options_.kills || !profile::filter_selects(filters_, kill.cgroup))
            continue;
        if (auto told = outlets_.kill(kill); !told)
            return told;
    }
    return {};
}

// False: it is over.
Result<bool> Watch::round()
{
    auto due = live_->tick();
    if (!due)
        return std::unexpected(std::move(due.error()));
    if (auto given = give(outlets_, *due, filters_, options_.count); !given)
        return std::unexpected(std::move(given.error()));
    if (auto told = tell_kills(); !told)
        return std::unexpected(std::move(told.error()));
    outlets_.tick();
    if (stop_->requested() || (end_ns_ != 0 && monotonic_ns() >= end_ns_) ||
        (options_.count != 0 && outlets_.verdicts() >= options_.count))
        return false;
    if (command_ && !status_) {
        auto status = command_->child.wait_ms(0);
        if (!status)
            return std::unexpected(std::move(status.error()));
        status_ = *status;
    }
    // What its end has begun is seen through.
    return !status_ || !live_->watcher().idle();
}

Result<> Watch::loop()
{
    std::array<pollfd, 2> fds{{{live_->poll_fd(), POLLIN, 0}, {stop_->fd(), POLLIN, 0}}};
    for (;;) {
        (void)::poll(fds.data(), fds.size(), kTickMs);
        const auto more = round();
        if (!more)
            return std::unexpected(more.error());
        if (!*more)
            return {};
    }
}

Result<int> Watch::finish()
{
    auto rest = live_->finish();
    if (!rest)
        return std::unexpected(std::move(rest.error()));
    if (auto given = give(outlets_, *rest, filters_, options_.count); !given)
        return std::unexpected(std::move(given.error()));
    if (auto told = tell_kills(); !told)
        return std::unexpected(std::move(told.error()));
    outlets_.finish(progress_);
    if (command_) {
        if (auto gone = command_->end(); !gone)
            progress_.say(gone.error().what);
    }
    return outlets_.not_passed() > 0 ? 1 : 0;
}

// The same over a recording: its counters and survivors cannot be asked any more.
class Replay final : public profile::Observer {
public:
    void on_begin(const profile::Meta& meta, std::span<const profile::KnownCgroup> known) override
    {
        watcher_.emplace(meta, known, *surroundings_);
    }
    void on_batch(const fb_batch& header, std::span<const fb_event> events) override
    {
        watcher_->on_batch(header, events);
    }
    void on_control(std::span<const std::byte> bytes) override { watcher_->on_control(bytes); }
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
        if (lost > 0)
            watcher_->on_loss_check(end_ns_, {fmt::format("{} records found no room in the ring", lost)});
    }
    [[nodiscard]] std::vector<oom::Judged> take()
    {
        for (oom::Judged& judged : watcher_->finish(end_ns_))
            judged_.push_back(std::move(judged));
        return std::move(judged_);
    }

private:
    std::unique_ptr<oom::Surroundings> surroundings_ = oom::no_surroundings();
    std::optional<oom::Watcher> watcher_;
    std::vector<oom::Judged> judged_;
    std::uint64_t end_ns_ = 0;
};

Result<int> replay(const OomWatchOptions& options)
{
    Outlets outlets(options);
    if (auto r = outlets.open(); !r)
        return std::unexpected(std::move(r.error()));
    Replay observer;
    const auto snapshot = profile::replay(
        options.file, {.salvage = options.salvage, .filters = options.cgroups, .observer = &observer});
    if (!snapshot)
        return std::unexpected(snapshot.error());
    if (auto given = give(outlets, observer.take(), options.cgroups, options.count); !given)
        return std::unexpected(std::move(given.error()));
    Progress progress(options.quiet, STDERR_FILENO);
    outlets.finish(progress);
    return outlets.not_passed() > 0 ? 1 : 0;
}

}  // namespace

int run_oom_watch(const OomWatchOptions& options)
{
    // A reader that goes away must not end the watch before it has cleaned up.
    (void)std::signal(SIGPIPE, SIG_IGN);
    const Result<int> code = options.file.empty() ? Watch(options).run() : replay(options);
    return code ? *code : complain(code.error());
}

}  // namespace flyball::cli
