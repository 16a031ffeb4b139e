// SPDX-License-Identifier: Apache-2.0
#include "calibrate.hpp"

#include "flyball/base/clock.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/stop_token.hpp"
#include "flyball/base/terminal.hpp"
#include "flyball/base/units.hpp"
#include "flyball/base/version.hpp"
#include "flyball/calibrate/engine.hpp"
#include "flyball/calibrate/spent.hpp"
#include "flyball/calibrate/write.hpp"
#include "flyball/cgroup/transient.hpp"
#include "flyball/live/caretaker.hpp"
#include "flyball/live/directory_store.hpp"
#include "flyball/live/machine.hpp"
#include "flyball/live/progress.hpp"
#include "flyball/process/reaper.hpp"
#include "flyball/report/calibration.hpp"
#include "output.hpp"
#include "say.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace flyball::cli {
namespace {

namespace fs = std::filesystem;

struct Loaded {
    std::string text;
    calibrate::Spec spec;
};

// nullopt: it is wrong, and all that is has been said.
std::optional<Loaded> load(const CalibrateOptions& options)
{
    auto text = read_file(options.spec);
    if (!text) {
        text.error().kind = ErrorKind::Usage;
        complain(text.error());
        return std::nullopt;
    }
    auto spec = calibrate::parse_spec(*text, options.profile);
    if (spec)
        return Loaded{std::move(*text), std::move(*spec)};
    for (const calibrate::Problem& problem : spec.error())
        say("{}", calibrate::text(problem, options.spec));
    return std::nullopt;
}

std::string directory_of(const CalibrateOptions& options)
{
    if (!options.directory.empty())
        return options.directory;
    return fs::path(options.spec).stem().string() + (options.profile.empty() ? "" : "." + options.profile) +
           ".calibration";
}

// The same text under another profile is another calibration.
std::string specification(const Loaded& loaded)
{
    return fmt::format("// profile: {}\n{}", loaded.spec.profile, loaded.text);
}

calibrate::Calibration this_calibration(const CalibrateOptions& options, const calibrate::Spec& spec)
{
    utsname names{};
    ::uname(&names);
    calibrate::Calibration calibration;
    calibration.spec_name = spec.name;
    calibration.spec_file = options.spec;
    calibration.profile = spec.profile;
    calibration.flyball_version = kVersion;
    calibration.host = names.nodename;
    calibration.kernel = names.release;
    calibration.arch = names.machine;
    return calibration;
}

std::string resource_name(const tune::Resource& resource)
{
    return std::string(tune::name(resource));
}

std::string plan_text(const calibrate::Spec& spec)
{
    std::string text = fmt::format("{}{}: {} components\n", spec.name,
                                   spec.profile.empty() ? "" : " (" + spec.profile + ")", spec.components.size());
    std::uint64_t all_ns = 0;
    for (const calibrate::Component& component : spec.components) {
        const calibrate::Round round = calibrate::round_of(component), look = calibrate::round_of(component, 1);
        std::uint64_t tuning_ns = 0;
        if (!component.scenarios.empty())
            tuning_ns = component.tune.size() * calibrate::tuning_ns(component, component.scenarios.front());
        std::string resources;
        for (const tune::Resource resource : component.tune)
            resources += (resources.empty() ? "" : ", ") + resource_name(resource);
        text += fmt::format("\n{}\n", component.name);
        text += fmt::format("  baseline   {} runs of {} scenarios, {}\n", look.runs, component.scenarios.size(),
                            format_ns(look.length_ns));
        text += resources.empty() ? "  tune       nothing\n"
                                  : fmt::format("  tune       {}, about {}\n", resources, format_ns(tuning_ns));
        text += fmt::format("  validate   {} runs under the new limits and as many as it was, in turn: {} for each "
                            "attempt, {} at most\n",
                            round.runs, format_ns(2 * round.length_ns), component.tuning.max_iterations);
        if (!component.tune.empty())
            text += "  lower      each new limit by itself, a fifth lower: one run each\n";
        if (component.oom_test)
            text += "  OOM        kills in cgroups of flyball's own\n";
        all_ns += look.length_ns + tuning_ns + 2 * round.length_ns;
    }
    return text +
           fmt::format("\nAbout {} with one attempt each; a noisy machine makes runs again.\nNothing was changed.\n",
                       format_ns(all_ns));
}

// Every deliverable of P4.2 section 8.3, and the page.
Result<> write_deliverables(const calibrate::Calibration& calibration, const Loaded& loaded,
                            live::DirectoryStore& store, const std::string& spec_file)
{
    const std::vector<calibrate::Component>& asked = loaded.spec.components;
    calibrate::CalibratedValues values;
    for (const calibrate::ComponentResult& component : calibration.components) {
        for (const auto& [file, text] : component.after) {
            const auto before = component.before.find(file);
            if (before == component.before.end() || before->second != text)
                values[component.name][file] = text;
        }
    }
    auto calibrated = calibrate::write_calibrated(loaded.text, values);
    if (!calibrated)
        return std::unexpected(std::move(calibrated.error()));
    for (const auto& [name, text] :
         {std::pair<std::string, std::string>{"reports/calibration_report.txt",
                                              report::render_calibration_report(calibration, asked)},
          {"reports/performance_comparison.txt", report::render_performance_comparison(calibration, asked)},
          {"reports/oom_behavior.txt", report::render_oom_behavior(calibration)},
          {"reports/report.html", report::render_calibration_html(calibration, asked)},
          {"processed/optimal_values.json", report::render_optimal_values(calibration)},
          {"configs/" + fs::path(calibrate::calibrated_name(spec_file, loaded.spec.profile)).filename().string(),
           *calibrated}}) {
        if (auto put = store.put(name, text); !put)
            return put;
    }
    return save_file(calibrate::calibrated_name(spec_file, loaded.spec.profile), *calibrated);
}

Result<> print_result(const calibrate::Calibration& calibration, const Loaded& loaded, bool json, StopToken& stop)
{
    if (json)
        return print(report::render_optimal_values(calibration), stop);
    const bool color = use_color(ColorWhen::Auto, is_tty(STDOUT_FILENO), process_environment());
    return print(
        report::render_calibration_report(
            calibration, loaded.spec.components,
            {.width = static_cast<std::size_t>(terminal_width(STDOUT_FILENO, process_environment())), .color = color}),
        stop);
}

// Nothing is measured: what is missing ends it.
class NoMachine final : public calibrate::Machine {
public:
    Result<calibrate::Run> run(const calibrate::Component&, const calibrate::Scenario&, const calibrate::Stage*,
                               const calibrate::Limits&, const calibrate::RunKey& key) override
    {
        return missing(key.file());
    }
    Result<tune::Proposal> tune(const calibrate::Component& component, const calibrate::Scenario&,
                                const calibrate::Stage*, tune::Resource resource, const calibrate::Limits&) override
    {
        return missing(fmt::format("tuning of {} for {}", tune::name(resource), component.name));
    }
    Result<calibrate::OomBehaviour> oom_test(const calibrate::Component& component, const calibrate::Limits&) override
    {
        return missing(fmt::format("OOM test of {}", component.name));
    }

    [[nodiscard]] bool measures() const override { return false; }

private:
    static std::unexpected<Error> missing(const std::string& what)
    {
        return fail(ErrorKind::Usage, fmt::format("the calibration is not complete: no {}", what),
                    "run `flyball calibrate SPEC` to go on with it");
    }
};

// Whether this sitting measures, or only tells what others have measured.
enum class Sitting : std::uint8_t { Measures, Tells };

Result<int> conclude(const CalibrateOptions& options, const Loaded& loaded, live::DirectoryStore& store,
                     calibrate::Machine& machine, live::Progress& progress, Sitting sitting, StopToken& stop)
{
    calibrate::Calibration calibration = this_calibration(options, loaded.spec);
    const std::uint64_t begin_ns = monotonic_ns();
    const auto before = calibrate::spent_so_far(store);
    if (!before)
        return std::unexpected(before.error());
    const calibrate::Spent past = before->value_or(calibrate::Spent{.start_wall_ns = realtime_ns(), .took_ns = 0});
    const auto keep_time = [&]() -> Result<> {
        if (sitting == Sitting::Tells)
            return {};
        return calibrate::keep(store, {past.start_wall_ns, past.took_ns + (monotonic_ns() - begin_ns)});
    };
    auto components = calibrate::calibrate(loaded.spec, machine, store, [&](const calibrate::Step& step) {
        // A store that fails is told by what is measured next.
        (void)keep_time();
        progress.say(fmt::format("[{}/{}] {}{}", step.done + 1, step.all, step.what,
                                 step.left_ns > 0 ? fmt::format("; about {} left", format_ns(step.left_ns)) : ""));
    });
    if (!components)
        return std::unexpected(std::move(components.error()));
    calibration.components = std::move(*components);
    if (auto kept = keep_time(); !kept)
        return std::unexpected(std::move(kept.error()));
    calibration.start_wall_ns = past.start_wall_ns;
    calibration.took_ns = past.took_ns + (sitting == Sitting::Measures ? monotonic_ns() - begin_ns : 0);
    if (stop.requested())
        return std::unexpected(stop.interrupted());
    if (auto written = write_deliverables(calibration, loaded, store, options.spec); !written)
        return std::unexpected(std::move(written.error()));
    if (auto printed = print_result(calibration, loaded, options.json, stop); !printed)
        return std::unexpected(std::move(printed.error()));
    progress.say(fmt::format("reports are in {}/reports, the calibrated specification is {}", store.directory(),
                             calibrate::calibrated_name(options.spec, loaded.spec.profile)));
    return calibration.all_met() ? 0 : 1;
}

}  // namespace

int run_calibrate(const CalibrateOptions& options, StopToken& stop)
{
    auto disturbance = parse_share(options.disturbance);
    if (!disturbance)
        return complain(std::move(disturbance.error()).context("--disturbance"));
    const auto loaded = load(options);
    if (!loaded)
        return exit_code(ErrorKind::Usage);
    if (options.dry_run) {
        const auto printed = print(plan_text(loaded->spec), stop);
        return printed ? 0 : complain(printed.error());
    }
    live::Progress progress(options.quiet, STDERR_FILENO);
    auto layout = cgroup::detect();
    if (!layout)
        return complain(layout.error());
    auto store =
        live::DirectoryStore::open(directory_of(options), specification(*loaded),
                                   options.anew ? live::DirectoryStore::Mode::Anew : live::DirectoryStore::Mode::GoOn);
    if (!store)
        return complain(store.error());
    live::put_back(progress);
    if (store->goes_on())
        progress.say(fmt::format("{} is there already: what it has is not measured again", store->directory()));
    const auto caretaker = live::Caretaker::start(progress);
    if (!caretaker)
        return complain(caretaker.error());
    const auto machine = live::open_machine(std::move(*layout),
                                            {.without = options.without,
                                             .disturbance = *disturbance,
                                             .verbose = options.verbose,
                                             .directory = store->directory(),
                                             .say = [&](std::string_view text) { progress.say(text); },
                                             .components = loaded->spec.components},
                                            stop);
    const auto code = conclude(options, *loaded, *store, *machine, progress, Sitting::Measures, stop);
    return code ? *code : complain(code.error());
}

int run_calibrate_validate(const CalibrateOptions& options, StopToken& stop)
{
    stop.let_go();
    const auto loaded = load(options);
    if (!loaded)
        return exit_code(ErrorKind::Usage);
    std::size_t scenarios = 0;
    for (const calibrate::Component& component : loaded->spec.components)
        scenarios += component.scenarios.size();
    const auto printed = print(fmt::format("{}: {} components, {} scenarios: all right\n", options.spec,
                                           loaded->spec.components.size(), scenarios),
                               stop);
    return printed ? 0 : complain(printed.error());
}

int run_calibrate_report(const CalibrateOptions& options, StopToken& stop)
{
    stop.let_go();
    const auto loaded = load(options);
    if (!loaded)
        return exit_code(ErrorKind::Usage);
    live::Progress progress(true, STDERR_FILENO);
    auto store =
        live::DirectoryStore::open(directory_of(options), specification(*loaded), live::DirectoryStore::Mode::Existing);
    if (!store)
        return complain(store.error());
    NoMachine machine;
    const auto code = conclude(options, *loaded, *store, machine, progress, Sitting::Tells, stop);
    return code ? *code : complain(code.error());
}

int run_calibrate_revert()
{
    live::Progress progress(false, STDERR_FILENO);
    live::put_back(progress);
    if (const auto layout = cgroup::detect())
        live::sweep(*layout, progress);
    return 0;
}

}  // namespace flyball::cli
