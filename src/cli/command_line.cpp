// SPDX-License-Identifier: Apache-2.0
#include "command_line.hpp"

#include "command_verbs.hpp"
#include "flyball/base/version.hpp"
#include "flyball/cli/verbs.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flyball::cli {
namespace {

// In the order of --help.
constexpr void (*kGroups[])(CLI::App&, std::vector<Verb>&) = {
    register_doctor, register_recording, register_compare, register_oom,
    register_tune,   register_calibrate, register_load,
};

// Everything after "--" is the command; CLI11 would take its options for ours. nullopt: no "--".
std::optional<std::vector<std::string>> split_command(int& argc, char** argv)
{
    for (int i = 1; i < argc; ++i) {
        if (std::string_view(argv[i]) != "--")
            continue;
        std::vector<std::string> command(argv + i + 1, argv + argc);
        argc = i;
        return command;
    }
    return std::nullopt;
}

// "oom watch ": whose help has the answer. A first word that is no verb is told too.
std::string verbs_of(CLI::App& app, int argc, char** argv)
{
    std::string words;
    CLI::App* at = &app;
    for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
        const auto named = [&](const CLI::App* verb) { return verb->get_name() == argv[i]; };
        const auto below = at->get_subcommands(named);
        if (below.empty() && i > 1)
            break;
        words += std::string(argv[i]) + " ";
        if (below.empty())
            break;
        at = below.front();
    }
    return words;
}

// "oom watch"
std::string full_name(const CLI::App& verb)
{
    const CLI::App* above = verb.get_parent();
    const bool top = above == nullptr || above->get_parent() == nullptr;
    return (top ? "" : full_name(*above) + " ") + verb.get_name();
}

// "`record`, `explain` and `oom watch`"
std::string those_with_command(const std::vector<Verb>& verbs)
{
    std::vector<std::string> names;
    for (const Verb& verb : verbs) {
        if (verb.command != nullptr)
            names.push_back("`" + full_name(*verb.app) + "`");
    }
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i)
        text += (i == 0 ? "" : i + 1 < names.size() ? ", " : " and ") + names[i];
    return text;
}

// Gives the verb what came after --, if anything did.
Result<> give_command(const Verb& verb, std::optional<std::vector<std::string>> command, const std::vector<Verb>& verbs)
{
    if (!command)
        return {};
    if (verb.command == nullptr)
        return fail(ErrorKind::Usage, fmt::format("only {} take a command after --", those_with_command(verbs)),
                    "try `flyball record -- CMD`");
    if (command->empty())
        return fail(ErrorKind::Usage, "no command after --", "try `flyball record -- sleep 1`");
    *verb.command = std::move(*command);
    return {};
}

}  // namespace

int run_command_line(int argc, char** argv, std::string_view commit, StopToken& stop)
{
    auto command = split_command(argc, argv);
    CLI::App app{"flyball: where did this cgroup's time go, which limit hit, who was killed", "flyball"};
    app.set_version_flag("-V,--version",
                         fmt::format("flyball {}{}", kVersion, commit.empty() ? "" : fmt::format(" ({})", commit)));
    app.require_subcommand(1);
    std::vector<Verb> verbs;
    for (const auto add : kGroups)
        add(app, verbs);

    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        return app.exit(success);  // --help, --version
    } catch (const CLI::ParseError& error) {
        return complain(
            {ErrorKind::Usage, error.what(), fmt::format("try `flyball {}--help`", verbs_of(app, argc, argv))});
    }
    const auto verb = std::ranges::find_if(verbs, [](const Verb& v) { return v.app->parsed(); });
    if (verb == verbs.end())
        return complain({ErrorKind::Internal, "a verb that was parsed is not registered", {}});
    if (auto given = give_command(*verb, std::move(command), verbs); !given)
        return complain(given.error());
    if (verb->check) {
        if (auto sound = verb->check(); !sound)
            return complain(sound.error());
    }
    return verb->run(stop);
}

}  // namespace flyball::cli
