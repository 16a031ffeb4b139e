// SPDX-License-Identifier: Apache-2.0
// `flyball oom test`: the scenarios of src/oom, watched live, reported in every form that was asked for.
#include "flag_value.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/base/terminal.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"
#include "flyball/cgroup/tree.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/live/caretaker.hpp"
#include "flyball/live/live_source.hpp"
#include "flyball/live/oom_live.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/oom/testing.hpp"
#include "flyball/process/child.hpp"
#include "flyball/report/oom.hpp"
#include "lab.hpp"
#include "output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <set>

namespace flyball::cli {
namespace {

Result<oom::Fault> parse_fault(const std::string& name)
{
    using enum oom::Fault;
    constexpr std::pair<std::string_view, oom::Fault> kFaults[] = {
        {"", None},          {"no-policy", NoPolicy}, {"survivor", Survivor},
        {"by-hand", ByHand}, {"loss", Loss},          {"removed", Removed}};
    for (const auto& [known, fault] : kFaults) {
        if (known == name)
            return fault;
    }
    return fail(ErrorKind::Usage, fmt::format("--fault {}: no such fault", name),
                "no-policy, survivor, by-hand, loss or removed");
}

Result<oom::TestOptions> parse(const OomTestOptions& given)
{
    oom::TestOptions options;
    options.scenarios = given.scenarios;
    options.processes = given.processes;
    options.repeat = given.repeat;
    options.command = given.command;
    options.service = {.command = given.service_command,
                       .restart = given.restart,
                       .health = given.health,
                       .setup = given.setup,
                       .state = given.state,
                       .rounds = given.rounds,
                       .lower_limit = given.lower_memory_max};
    if (!given.group.empty())
        options.service.group = given.group == "on";
    if (!given.unit.empty()) {
        // A unit's name goes to a shell: only what systemd.unit(5) allows in one.
        if (given.unit.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@") !=
            std::string::npos)
            return fail(ErrorKind::Usage, fmt::format("--unit {}: no name of a unit", given.unit),
                        "like nginx.service");
        if (given.health.empty())
            options.service.health = "exec systemctl is-active --quiet '" + given.unit + "'";
    }
    for (const Result<>& done :
         {read_flag("--memory-max", given.memory_max, cgroup::parse_memory_limit, options.limit_bytes),
          read_flag("--kill-bound", given.kill_bound, parse_duration, options.kill_bound_ns),
          read_flag("--free-bound", given.free_bound, parse_duration, options.free_bound_ns),
          read_flag("--recover-bound", given.recover_bound, parse_duration, options.recover_bound_ns)}) {
        if (!done)
            return std::unexpected(done.error());
    }
    constexpr std::uint64_t kLeast = std::uint64_t{8} << 20;
    if (options.limit_bytes < kLeast || options.limit_bytes > (std::uint64_t{1} << 40))
        return fail(ErrorKind::Usage, fmt::format("--memory-max {}: from 8M to 1T", given.memory_max),
                    "the scenarios' processes need some memory to live");
    auto fault = parse_fault(given.fault);
    if (!fault)
        return std::unexpected(std::move(fault.error()));
    options.fault = *fault;
    if (!options.command.empty()) {
        if (auto r = process::check_command(options.command); !r)
            return std::unexpected(std::move(r.error()));
        if (options.scenarios.empty())
            options.scenarios = {"trigger"};
    }
    return options;
}

// A cgroup that was there before has processes that nobody asked.
Result<std::string> foreign_cgroup(const OomTestOptions& given, const cgroup::Layout& layout)
{
    const std::string& wanted = given.unit.empty() ? given.cgroup : given.unit;
    const std::string_view flag = given.unit.empty() ? "-c" : "--unit";
    if (wanted.empty())
        return std::string();
    auto paths = cgroup::resolve(layout, wanted);
    if (!paths)
        return std::unexpected(std::move(paths.error()).context(flag));
    if (paths->size() != 1)
        return fail(ErrorKind::Usage, fmt::format("{} {}: {} cgroups match", flag, wanted, paths->size()),
                    "name one by its path with -c");
    if (paths->front() == "/")
        return fail(ErrorKind::Usage, "-c /: the root has no memory.max", "name a cgroup that has one");
    if (!given.kill_in_that_cgroup)
        return fail(
            ErrorKind::Usage,
            fmt::format("{} was not made by flyball, and what runs in it may be killed", paths->front()),
            fmt::format("say --kill-in-that-cgroup if you mean it, or leave {} away for cgroups of its own", flag));
    return paths->front();
}

Result<> write_report(const std::string& path, const std::string& text, StopToken& stop)
{
    if (path.empty())
        return {};
    return path == "-" ? print(text, stop) : save_file(path, text);
}

// Before an hour of tests it is known whether their reports can be written.
Result<> check_writable(const std::string& path)
{
    if (path.empty() || path == "-")
        return {};
    const bool existed = std::filesystem::exists(path);
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return std::unexpected(errno_error(ErrorKind::Usage, path, errno, "name a file that can be written"));
    ::close(fd);
    if (!existed)
        (void)::unlink(path.c_str());
    return {};
}

Result<> check_outputs(const OomTestOptions& given)
{
    int to_stdout = given.json ? 1 : 0;
    std::set<std::string> files;
    for (const std::string* path : {&given.junit, &given.tap, &given.trace, &given.output, &given.record}) {
        to_stdout += *path == "-" ? 1 : 0;
        if (!path->empty() && *path != "-" && !files.insert(std::filesystem::absolute(*path).lexically_normal()).second)
            return fail(ErrorKind::Usage, fmt::format("{}: two reports for one file", *path), "give each its own");
        if (auto writable = check_writable(*path); !writable)
            return writable;
    }
    if (to_stdout > 1)
        return fail(ErrorKind::Usage, "two reports for one standard output", "give all but one of them a file");
    return {};
}

std::string_view mark(oom::Status status)
{
    switch (status) {
    case oom::Status::Pass:
        return "ok";
    case oom::Status::Fail:
        return "FAILED";
    case oom::Status::Inconclusive:
        return "inconclusive";
    case oom::Status::Skipped:
        return "skipped";
    }
    return "?";
}

Result<> report_all(const OomTestOptions& given, const oom::TestReport& report, StopToken& stop)
{
    report::OomTextOptions text;
    text.width = static_cast<std::size_t>(terminal_width(STDOUT_FILENO, process_environment()));
    text.color = use_color(ColorWhen::Auto, is_tty(STDOUT_FILENO), process_environment());
    const bool taken =
        given.json || given.junit == "-" || given.tap == "-" || given.trace == "-" || given.output == "-";
    for (const Result<>& done :
         {write_report(given.output, report::render_test_text(report, {}), stop),
          write_report(given.junit, report::render_junit(report), stop),
          write_report(given.tap, report::render_tap(report), stop),
          given.trace.empty() ? Result<>{} : write_report(given.trace, report::render_test_trace(report), stop),
          given.json ? print(report::render_test_json(report), stop)
          : taken    ? Result<>{}
                     : print(report::render_test_text(report, text), stop)}) {
        if (!done)
            return done;
    }
    return {};
}

Result<int> test_here(const OomTestOptions& given, StopToken& stop)
{
    auto options = parse(given);
    if (!options)
        return std::unexpected(std::move(options.error()));
    if (auto writable = check_outputs(given); !writable)
        return std::unexpected(std::move(writable.error()));
    auto layout = cgroup::detect();
    if (!layout)
        return std::unexpected(std::move(layout.error()));
    auto foreign = foreign_cgroup(given, *layout);
    if (!foreign)
        return std::unexpected(std::move(foreign.error()));
    options->cgroup = *foreign;
    live::Progress progress(given.quiet, STDERR_FILENO);
    const auto caretaker = live::Caretaker::start(progress);
    if (!caretaker)
        return std::unexpected(caretaker.error());
    auto watch = live::OomLive::open(
        *layout, {.without = given.without, .record = given.record, .verbose = given.verbose}, stop);
    if (!watch)
        return std::unexpected(std::move(watch.error()));
    live::LiveSource source(*watch, stop);
    const auto report = oom::run_tests(*options, *layout, source, [&](const oom::ScenarioResult& scenario) {
        progress.say(fmt::format("{:<12} {}{}{}", mark(scenario.status), scenario.name,
                                 options->repeat > 1 ? fmt::format(" #{}", scenario.repetition) : "",
                                 scenario.reason.empty() ? "" : ": " + scenario.reason));
    });
    if (!report)
        return std::unexpected(report.error());
    if (auto rest = given.record.empty() ? Result<std::vector<oom::Judged>>{} : watch->finish(); !rest)
        return std::unexpected(std::move(rest.error()));
    if (auto reported = report_all(given, *report, stop); !reported)
        return std::unexpected(std::move(reported.error()));
    if (auto closed = watch->close_recording(); !closed)
        return std::unexpected(std::move(closed.error()));
    if (stop.requested()) {
        progress.say("stopped before the end");
        return 1;
    }
    if (report->count(oom::Status::Pass) + report->count(oom::Status::Fail) +
            report->count(oom::Status::Inconclusive) ==
        0) {
        progress.say("nothing could be tested here");
        return 3;
    }
    return report->count(oom::Status::Fail) + report->count(oom::Status::Inconclusive) > 0 ? 1 : 0;
}

// The same command there, without --lab. Its reports are written where they were to go.
Error test_in_lab(const OomTestOptions& given)
{
    LabRun run{.kernel = given.lab, .options = {"--mem", "2G", "--swap", "512M", "--timeout", "7200"}};
    for (const std::string* path : {&given.junit, &given.tap, &given.trace, &given.output, &given.record}) {
        if (path->empty() || *path == "-")
            continue;
        std::error_code error;
        const auto directory = std::filesystem::absolute(*path, error).parent_path();
        if (!error)
            run.directories.push_back(directory);
    }
    run.arguments = {"oom", "test"};
    const auto add = [&](std::string_view flag, const std::string& value) {
        if (!value.empty())
            run.arguments.insert(run.arguments.end(), {std::string(flag), value});
    };
    const auto file = [](const std::string& path) {
        return path.empty() || path == "-" ? path : std::filesystem::absolute(path).string();
    };
    add("--memory-max", given.memory_max);
    add("--processes", std::to_string(given.processes));
    add("--repeat", std::to_string(given.repeat));
    add("--junit", file(given.junit));
    add("--tap", file(given.tap));
    add("--trace", file(given.trace));
    add("--record", file(given.record));
    add("-o", file(given.output));
    add("--kill-bound", given.kill_bound);
    add("--free-bound", given.free_bound);
    add("--recover-bound", given.recover_bound);
    add("--command", given.service_command);
    add("--health", given.health);
    add("--setup", given.setup);
    add("--state", given.state);
    add("--group", given.group);
    add("--rounds", std::to_string(given.rounds));
    if (given.lower_memory_max)
        run.arguments.emplace_back("--lower-memory-max");
    add("--fault", given.fault);
    for (const std::string& program : given.without)
        add("--without", program);
    if (given.json)
        run.arguments.emplace_back("-j");
    if (given.quiet)
        run.arguments.emplace_back("-q");
    if (given.verbose)
        run.arguments.emplace_back("-v");
    run.arguments.insert(run.arguments.end(), given.scenarios.begin(), given.scenarios.end());
    if (!given.command.empty()) {
        run.arguments.emplace_back("--");
        run.arguments.insert(run.arguments.end(), given.command.begin(), given.command.end());
    }
    return run_in_lab(run);
}

int list_scenarios(StopToken& stop)
{
    std::string text;
    for (const oom::ScenarioName& scenario : oom::scenario_names())
        text += fmt::format("{:<14} {}\n", scenario.name, scenario.title);
    const auto printed = print(text, stop);
    return printed ? 0 : complain(printed.error());
}

}  // namespace

int run_oom_test(const OomTestOptions& options, StopToken& stop)
{
    if (options.list || !options.lab.empty())
        stop.let_go();
    if (options.list)
        return list_scenarios(stop);
    if (!options.lab.empty()) {
        if (!options.cgroup.empty() || !options.unit.empty())
            return complain({ErrorKind::Usage, "-c and --unit name a cgroup of this machine, --lab is another one",
                             "leave one of them away"});
        if (options.lab.find_first_not_of("0123456789.") != std::string::npos && options.lab != "newest")
            return complain({ErrorKind::Usage, fmt::format("--lab {}: not a kernel series", options.lab),
                             "6.1, 6.12, 7.2, or newest"});
        // What is wrong in the request is said before a machine is booted for it.
        if (const auto parsed = parse(options); !parsed)
            return complain(parsed.error());
        if (const auto writable = check_outputs(options); !writable)
            return complain(writable.error());
        return complain(test_in_lab(options));
    }
    const Result<int> code = test_here(options, stop);
    return code ? *code : complain(code.error());
}

}  // namespace flyball::cli
