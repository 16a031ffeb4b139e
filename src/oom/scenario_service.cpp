// SPDX-License-Identifier: Apache-2.0
// A service of the user's runs out of memory in its own limit: is it well again, in time, with its state, and does each
// death cost memory?
#include "flyball/base/characters.hpp"
#include "flyball/base/clock.hpp"
#include "flyball/base/fd.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "pressure.hpp"
#include "scenario_list.hpp"
#include "shell.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

namespace flyball::oom {
namespace {

constexpr std::uint64_t kBetweenLooksNs = 20'000'000;
// What a round may leave that is no leak: caches of each CPU, and a little of what any program does differently each
// time.
constexpr std::uint64_t kLeakBytes = 4 << 20;
constexpr std::uint64_t kLeakPart = 10;  // a tenth of what it holds
// At rest: it changes by no more than this for so long.
constexpr std::uint64_t kRestNs = 500'000'000, kRestBytes = 256 << 10, kRestPart = 100;
constexpr std::uint64_t kVerdictPatienceNs = 120'000'000'000;
constexpr std::uint64_t kFreePatienceNs = 10'000'000'000;
constexpr std::size_t kShown = 60;  // bytes of a state that are told

// The service: where it is, what starts it again.
class Subject {
public:
    explicit Subject(Trial& trial)
        : trial_(trial),
          path_(service().command.empty() ? trial.ground().top()
                                          : trial.cgroup("", "service", trial.limit(), service().group.value_or(false)))
    {
        trial.result().limit_bytes = trial.ground().number(path_, "memory.max").value_or(~0ULL);
    }
    [[nodiscard]] const Service& service() const { return trial_.options().service; }
    [[nodiscard]] const std::string& path() const { return path_; }
    // As a service manager does: what is left of the former life goes, then it is started.
    void keep_running()
    {
        if (service().command.empty() || (process_ != nullptr && !process_->ended()))
            return;
        if (process_ != nullptr)
            must(trial_.ground().kill_all());
        process_ = &trial_.start(path_, {.kind = Job::Kind::Command,
                                         .name = "oom-service",
                                         .command = {"sh", "-c", service().command},
                                         .out = STDERR_FILENO});
    }
    // Anything, in it or below.
    [[nodiscard]] bool runs() const
    {
        if (const auto events = trial_.ground().text(path_, "cgroup.events"))
            return events->find("populated 1") != std::string::npos;
        const auto procs = trial_.ground().text(path_, "cgroup.procs");
        return procs && !trim(*procs).empty();
    }

private:
    Trial& trial_;
    std::string path_;
    Process* process_ = nullptr;
};

// Looks again and again whether it is well.
class Looks {
public:
    explicit Looks(const Subject& subject) : subject_(subject) {}

    void tick()
    {
        const std::uint64_t now_ns = monotonic_ns();
        if (look_) {
            if (const auto status = look_->ended()) {
                if (*status == 0)
                    well_.push_back({look_->began_ns(), now_ns});
                look_.reset();
                next_ns_ = now_ns + kBetweenLooksNs;
            }
        } else if (now_ns >= next_ns_ && !subject_.service().health.empty()) {
            look_.emplace(must(Shell::start(subject_.service().health)));
        } else if (now_ns >= next_ns_ && subject_.runs()) {
            well_.push_back({now_ns, now_ns});
            next_ns_ = now_ns + kBetweenLooksNs;
        }
    }
    // When it was first found well by a look that began then or later.
    [[nodiscard]] std::optional<std::uint64_t> well_since(std::uint64_t at_ns) const
    {
        const auto found = std::ranges::find_if(well_, [&](const Well& well) { return well.began_ns >= at_ns; });
        return found == well_.end() ? std::nullopt : std::optional(found->ended_ns);
    }

private:
    struct Well {
        std::uint64_t began_ns, ended_ns;
    };
    const Subject& subject_;
    std::optional<Shell> look_;
    std::vector<Well> well_;
    std::uint64_t next_ns_ = 0;
};

bool well_before(Trial& trial, Subject& subject)
{
    Looks looks(subject);
    return trial.until(
        [&] {
            subject.keep_running();
            looks.tick();
            return looks.well_since(0).has_value();
        },
        trial.options().recover_bound_ns);
}

// What a command of the user's prints; nullopt: it failed.
std::optional<std::string> output_of(Trial& trial, const std::string& command)
{
    const UniqueFd text(::memfd_create("flyball-state", MFD_CLOEXEC));
    if (!text.valid())
        throw Broken{errno_error(ErrorKind::Io, "memfd_create", errno)};
    Shell shell = must(Shell::start(command, {}, text.get()));
    (void)trial.until([&] { return shell.ended().has_value(); }, trial.options().recover_bound_ns);
    if (shell.ended() != 0)
        return std::nullopt;
    std::string all;
    std::array<char, 4096> some{};
    for (ssize_t n = 0; (n = ::pread(text.get(), some.data(), some.size(), static_cast<off_t>(all.size()))) > 0;)
        all.append(some.data(), static_cast<std::size_t>(n));
    return all;
}

std::string shown(const std::optional<std::string>& state)
{
    if (!state)
        return "(the command failed)";
    const std::string line(trim(std::string_view(*state).substr(0, state->find('\n'))));
    return fmt::format("'{}'", harmless(line.substr(0, kShown)));
}

std::uint64_t last_exit_since(const Trial& trial, std::size_t episodes_before)
{
    std::uint64_t last = 0;
    for (std::size_t i = episodes_before; i < trial.episodes().size(); ++i) {
        last = std::max(last, trial.episodes()[i].episode.ts_ns);
        for (const profile::OomVictim& victim : trial.episodes()[i].episode.victims)
            last = std::max(last, victim.exit_ns.value_or(0));
    }
    return last;
}

// Who was killed, against what was to be. Gives how many kills of the service that were.
std::size_t expect_kills(Trial& trial, const Subject& subject, std::size_t episodes_before, const Pressed& pressed)
{
    // The dd asks once more while the memory of the one that was killed is on its way back, and is alone by then.
    const auto own = [&](const Judged& judged) {
        const auto& victims = judged.episode.victims;
        return victims.size() == 1 && victims.front().tgid == pressed.by_pid;
    };
    const auto of_this_round = trial.episodes() | std::views::drop(episodes_before);
    const auto kills = static_cast<std::size_t>(std::ranges::count_if(
        of_this_round, [&](const Judged& judged) { return !judged.episode.victims.empty() && !own(judged); }));
    if (kills == 0 && std::ranges::any_of(of_this_round, own))
        trial.unclear("a kill", "the dd that makes the pressure was the largest: all of the service's processes have "
                                "less than its 2 MiB");
    else
        trial.expect("a kill", kills > 0, fmt::format("{} of the service", kills));
    for (const Judged& judged : of_this_round) {
        if (own(judged))
            continue;
        trial.expect_verdict(judged);
        const std::optional<bool>& wanted = subject.service().group;
        if (wanted && !judged.episode.group_policy)
            trial.unclear("policy", "this kernel does not show whether memory.oom.group applied");
        else if (wanted)
            trial.expect("policy", *judged.episode.group_policy == *wanted,
                         *judged.episode.group_policy ? "memory.oom.group of " + judged.episode.group_cgroup
                                                      : "no group policy");
    }
    return kills;
}

// Killed, and well again: false: there is no use in another round.
bool die_and_recover(Trial& trial, Subject& subject)
{
    const std::size_t kills_before = trial.kill_count(), episodes_before = trial.episodes().size();
    const Pressed pressed =
        subject.service().lower_limit ? lower_limit(trial, subject.path()) : press(trial, subject.path());
    if (!pressed.killed) {
        trial.expect("a kill", false, pressed.why_not);
        return false;
    }
    std::optional<Shell> restart;
    if (!subject.service().restart.empty()) {
        trial.step("restart: " + subject.service().restart);
        restart.emplace(must(Shell::start(subject.service().restart)));
    }
    Looks looks(subject);
    std::optional<std::uint64_t> well_ns;
    const std::uint64_t bound_ns = trial.options().recover_bound_ns;
    (void)trial.until(
        [&] {
            subject.keep_running();
            if (!restart || restart->ended())
                looks.tick();
            // The verdict has its own pace, which is not the service's.
            if (trial.kill_count() == kills_before || !trial.source().idle())
                return false;
            const std::uint64_t gone_ns = last_exit_since(trial, episodes_before);
            well_ns = looks.well_since(gone_ns);
            return well_ns || monotonic_ns() > gone_ns + bound_ns;
        },
        kVerdictPatienceNs + bound_ns);
    if (restart && restart->ended() != 0)
        trial.expect("restart", false,
                     restart->ended() ? fmt::format("ended with {}", *restart->ended()) : "did not end in time");
    if (expect_kills(trial, subject, episodes_before, pressed) == 0)
        return false;
    trial.expect("recovered", well_ns.has_value(), well_ns ? "well again" : "not well in time");
    if (!well_ns)
        return false;
    trial.step_at(*well_ns, "well again");
    trial.bound("time to recover", *well_ns - last_exit_since(trial, episodes_before), bound_ns);
    return true;
}

// What it holds when it has taken what it takes at its start: well is not yet at rest.
std::uint64_t held_at_rest(Trial& trial, const Subject& subject)
{
    std::uint64_t least = ~0ULL, most = 0, since_ns = 0;
    (void)trial.until(
        [&] {
            const std::uint64_t now_ns = monotonic_ns(), held = held_bytes(trial, subject.path());
            least = std::min(least, held);
            most = std::max(most, held);
            if (since_ns == 0 || most - least > std::max(kRestBytes, most / kRestPart)) {
                since_ns = now_ns;
                least = most = held;
            }
            // What health tells of has begun. Otherwise all that is known is that something runs: a shell, perhaps,
            // that has yet to execute it.
            return now_ns >= since_ns + (subject.service().health.empty() ? 4 : 1) * kRestNs;
        },
        kFreePatienceNs);
    return held_bytes(trial, subject.path());
}

// The same when it has given back what it will.
std::uint64_t held_after(Trial& trial, const Subject& subject, std::uint64_t enough)
{
    const std::uint64_t held = held_at_rest(trial, subject);
    if (held <= enough)
        return held;
    (void)trial.until([&] { return held_bytes(trial, subject.path()) <= enough; }, kFreePatienceNs);
    return held_bytes(trial, subject.path());
}

}  // namespace

void service(Trial& trial)
{
    Subject subject(trial);
    const bool has_state = !subject.service().state.empty();
    if (subject.service().command.empty() && !subject.runs())
        throw Lacking{fmt::format("nothing runs in {}", subject.path())};
    if (!well_before(trial, subject))
        throw Broken{{ErrorKind::Io, "the service is not well before the test", ""}};
    if (!subject.service().setup.empty() && !output_of(trial, subject.service().setup))
        throw Broken{{ErrorKind::Io, "--setup fails", ""}};
    const auto state = has_state ? output_of(trial, subject.service().state) : std::nullopt;
    if (has_state && (!state || trim(*state).empty()))
        throw Broken{
            {ErrorKind::Io,
             state ? "--state prints nothing before the test: nothing can be lost" : "--state fails before the test",
             ""}};
    const std::uint64_t before = held_at_rest(trial, subject);
    trial.result().baseline_bytes = before;
    trial.step(fmt::format("well, {} are held", format_bytes(before)));
    std::vector<std::uint64_t> held;
    for (std::size_t round = 0; round < subject.service().rounds; ++round) {
        if (!die_and_recover(trial, subject))
            return;
        if (has_state) {
            const auto now = output_of(trial, subject.service().state);
            trial.expect("state", now == state,
                         now == state ? shown(state) + " as before"
                                      : fmt::format("{} was {}", shown(now), shown(state)));
        }
        // A service that lives long has more than one that was just started: lives of the same age are compared.
        const std::uint64_t base = held.empty() ? before : held.front();
        const std::uint64_t most = base + std::max(kLeakBytes, base / kLeakPart);
        held.push_back(held_after(trial, subject, most));
        trial.step(fmt::format("{} are held", format_bytes(held.back())));
        trial.expect("no leak", held.back() <= most,
                     fmt::format("{} are held, {} {}", format_bytes(held.back()), format_bytes(base),
                                 held.size() == 1 ? "before" : "after the first kill"));
    }
    trial.result().after_bytes = held.back();
    trial.result().peak_bytes = trial.ground().peak(subject.path());
}

}  // namespace flyball::oom
