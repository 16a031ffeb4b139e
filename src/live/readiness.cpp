// SPDX-License-Identifier: Apache-2.0
#include "readiness.hpp"

#include "flyball/base/units.hpp"
#include "service_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace flyball::live {
namespace {

constexpr std::uint64_t kWellWithinNs = 60'000'000'000;
constexpr std::uint64_t kLookNs = 250'000'000;

Result<> until_first_work(LiveSubject& subject)
{
    for (std::uint64_t waited_ns = 0; waited_ns < kFirstWorkNs; waited_ns += kLookNs) {
        auto window = subject.run(kLookNs);
        if (!window && window.error().kind == ErrorKind::Finished)
            return {};  // whoever goes on with it learns that
        if (!window)
            return std::unexpected(std::move(window.error()));
        if (window->finished || window->performance.done > 0 || window->performance.rate.value_or(0) > 0)
            return {};
    }
    return {};
}

}  // namespace

bool waits_for_work(const ScenarioCommands& commands)
{
    return !commands.service.empty() && commands.health.empty();
}

Result<std::string> start_when_ready(LiveSubject& subject, const ScenarioCommands& commands, int output_fd,
                                     StopToken& stop, const std::function<void(std::string_view)>& say)
{
    if (auto started = subject.start_service(); !started)
        return std::unexpected(std::move(started.error()));
    // Of a workload inside there is no service that could be well before it.
    if (subject.has_load() && !commands.health.empty()) {
        const Meanwhile meanwhile{// Or the watchdog takes this for a hang, and puts the limits back.
                                  .keep_up = [&] { return subject.keep_up(); },
                                  .never_will = [&]() -> Result<bool> {
                                      if (auto looked = subject.look(); !looked)
                                          return std::unexpected(std::move(looked.error()));
                                      return subject.failed_service().has_value();
                                  }};
        const auto well = until_well(commands.health, kWellWithinNs, output_fd, stop, meanwhile);
        if (!well)
            return std::unexpected(well.error());
        if (const auto ended = subject.failed_service(); !*well && ended)
            return fmt::format("the service ended with {} before it was well", ended->shell_code());
        if (!*well)
            return fmt::format("the service was not well after {}: '{}' never succeeded", format_ns(kWellWithinNs),
                               fmt::join(commands.health, " "));
        constexpr std::uint64_t kWorthTellingNs = 1'000'000'000;
        if (**well > kWorthTellingNs)
            say(fmt::format("the service was well after {}, and its load begins then", format_ns(**well)));
    }
    if (auto loaded = subject.start_load(); !loaded)
        return std::unexpected(std::move(loaded.error()));
    if (waits_for_work(commands)) {
        if (auto worked = until_first_work(subject); !worked)
            return std::unexpected(std::move(worked.error()));
    }
    return std::string();
}

}  // namespace flyball::live
