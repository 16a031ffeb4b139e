// SPDX-License-Identifier: Apache-2.0
#include "oom_outlets.hpp"

#include "flyball/base/terminal.hpp"
#include "flyball/profile/recording.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace flyball::cli {
namespace {

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

}  // namespace

Outlets::Outlets(const OomWatchOptions& options, StopToken& stop)
    : options_(options), stop_(stop), patience_{.stop = &stop}
{
    text_.color = use_color(ColorWhen::Auto, is_tty(STDOUT_FILENO), process_environment());
    text_.width = static_cast<std::size_t>(terminal_width(STDOUT_FILENO, process_environment()));
    if (!options.exec.empty())
        hook_.emplace(options.exec);
}

Result<> Outlets::open()
{
    if (!options_.journal)
        return {};
    auto journal = Journal::open();
    if (!journal)
        return std::unexpected(std::move(journal.error()));
    journal_.emplace(std::move(*journal));
    return {};
}

Result<> Outlets::give(const std::vector<oom::Judged>& all, const std::vector<std::string>& filters)
{
    for (const oom::Judged& judged : all) {
        if (enough())
            break;
        if (!about(judged, filters))
            continue;
        if (auto given = verdict(judged); !given)
            return given;
    }
    return {};
}

Result<> Outlets::print(std::string_view text)
{
    auto put = write_patiently(STDOUT_FILENO, text, patience_);
    return put ? Result<>{} : std::unexpected(std::move(put.error()).context("standard output"));
}

Result<> Outlets::verdict(const oom::Judged& judged)
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

Result<> Outlets::kill(const profile::OtherKill& kill)
{
    return print(options_.json ? report::render_other_kill_json(kill) : report::render_other_kill_text(kill, text_));
}

void Outlets::tick()
{
    if (hook_)
        hook_->tick();
}

void Outlets::finish(live::Progress& progress)
{
    if (hook_) {
        hook_->finish(kHookPatienceMs, stop_);
        if (hook_->failed() > 0)
            progress.say(fmt::format("{} of {} runs of --exec failed", hook_->failed(), verdicts_));
    }
    progress.say(fmt::format("{} {}, {} not passed", verdicts_, verdicts_ == 1 ? "verdict" : "verdicts", not_passed_));
    if (journal_failures_ > 0)
        progress.say(fmt::format("{} verdicts could not be written to the journal", journal_failures_));
}

void Outlets::tell_journal(const oom::Judged& judged, const std::string& json)
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

}  // namespace flyball::cli
