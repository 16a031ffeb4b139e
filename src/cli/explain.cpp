// SPDX-License-Identifier: Apache-2.0
// `flyball explain`: replays or records, keeps the books meanwhile, and says what they mean.
#include "flyball/report/explain.hpp"

#include "explain_trace.hpp"
#include "flyball/base/terminal.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/diagnose/explanation.hpp"
#include "flyball/ledger/observer.hpp"
#include "flyball/live/caretaker.hpp"
#include "flyball/live/recorder.hpp"
#include "flyball/profile/recording.hpp"
#include "output.hpp"
#include "requests.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

namespace flyball::cli {
namespace {

bool known(const profile::Snapshot& snapshot, const std::string& pattern)
{
    const std::vector<std::string> one{pattern};
    return std::ranges::any_of(snapshot.paths, [&](const auto& hierarchy) {
        return std::ranges::any_of(hierarchy.second,
                                   [&](const auto& cgroup) { return profile::filter_selects(one, cgroup.second); });
    });
}

Result<profile::Snapshot> replay(const ExplainOptions& options, profile::Observer& observer)
{
    const std::vector<std::string>& patterns = options.record.cgroups;
    auto snapshot =
        profile::replay(options.file, {.salvage = options.salvage, .filters = patterns, .observer = &observer});
    if (!snapshot)
        return snapshot;
    for (const std::string& pattern : patterns) {
        if (!known(*snapshot, pattern))
            return fail(ErrorKind::Usage,
                        fmt::format("{}: no cgroup in this recording matches -c {}", options.file, pattern),
                        "`flyball report FILE --all` shows them all");
    }
    return snapshot;
}

Result<> print_explanation(const profile::Snapshot& snapshot, const ledger::Books& books, const ExplainOptions& options,
                           StopToken& stop)
{
    // The recording's own -c where none was given.
    const std::vector<std::string>& only = snapshot.meta.filters;
    if (options.format == ExplainFormat::Folded)
        return print(
            snapshot.stacks ? report::render_folded_stacks(snapshot, only) : report::render_folded(books, only), stop);
    const auto explanation = diagnose::build_explanation(snapshot, books, {.cgroups = only, .top = options.top});
    if (options.format == ExplainFormat::Json)
        return print(report::render_explain_json(explanation), stop);
    const bool color = use_color(ColorWhen::Auto, is_tty(STDOUT_FILENO), process_environment());
    return print(report::render_explain_text(explanation, {.width = 80, .color = color}), stop);
}

// What becomes of a run's snapshot when it is over.
template <class Observer, class Finish>
Result<> replay_and(const ExplainOptions& options, Observer& observer, Finish finish)
{
    const auto snapshot = replay(options, observer);
    return snapshot ? finish(*snapshot) : std::unexpected(snapshot.error());
}

template <class Observer, class Finish>
int record_and(const ExplainOptions& options, const live::RecordRequest& request, StopToken& stop, Observer& observer,
               Finish finish)
{
    live::Progress progress(options.record.quiet, STDERR_FILENO);
    const auto caretaker = live::Caretaker::start(progress, live::Caretaker::of(request.command));
    if (!caretaker)
        return complain(caretaker.error());
    auto recorded = live::record(request, progress, stop, &observer);
    if (!recorded)
        return complain(recorded.error());
    int code = recorded->command ? recorded->command->shell_code() : 0;
    if (const Result<> finished = finish(recorded->snapshot); !finished)
        code = complain(finished.error());
    const int saved = tell_saved(*recorded, options.record);
    return saved == 0 ? code : saved;
}

// request: nullptr: a file is replayed.
template <class Observer, class Finish>
int run(const ExplainOptions& options, const live::RecordRequest* request, StopToken& stop, Observer& observer,
        Finish finish)
{
    if (request != nullptr)
        return record_and(options, *request, stop, observer, finish);
    const Result<> done = replay_and(options, observer, finish);
    return done ? 0 : complain(done.error());
}

int run_trace(const ExplainOptions& options, const live::RecordRequest* request, StopToken& stop)
{
    TraceObserver trace(stop, request != nullptr ? request->duration_ns : 0);
    // The names of tasks stand at the end of a recording: a file is read twice, a pipe cannot be.
    if (!options.file.empty() && options.file != "-") {
        TaskCollector collector;
        if (const auto read = replay(options, collector); !read)
            return complain(read.error());
        trace.name_tasks(collector.take());
    }
    return run(options, request, stop, trace, [&](const profile::Snapshot&) { return trace.finish(); });
}

}  // namespace

int run_explain(const ExplainOptions& options, StopToken& stop)
{
    std::optional<live::RecordRequest> request;
    if (options.file.empty()) {
        auto parsed = parse_record(options.record);
        if (!parsed)
            return complain(parsed.error());
        request = std::move(*parsed);
    } else {
        stop.let_go();
    }
    const live::RecordRequest* const now = request ? &*request : nullptr;
    if (options.format == ExplainFormat::Trace)
        return run_trace(options, now, stop);
    ledger::LedgerObserver ledger;
    return run(options, now, stop, ledger, [&](const profile::Snapshot& snapshot) {
        return print_explanation(snapshot, ledger.books(snapshot), options, stop);
    });
}

}  // namespace flyball::cli
