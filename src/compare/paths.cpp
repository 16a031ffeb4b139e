// SPDX-License-Identifier: Apache-2.0
// Names of cgroups that are made anew for every run.
#include "flyball/base/strings.hpp"
#include "flyball/compare/run.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace flyball::compare {
namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

// Cuts what fits off the front.
std::string_view take(std::string_view& text, bool (*fits)(char))
{
    const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, fits) - text.begin());
    const std::string_view run = text.substr(0, end);
    text.remove_prefix(end);
    return run;
}

bool is_unit(std::string_view text)
{
    return text == ".scope" || text == ".service";
}

// "run-123-0": flyball's. "run-u12.scope", "run-r5f0c....service", "run-p123-i456.scope": systemd-run's. Empty:
// neither.
std::string run_unit(std::string_view name)
{
    if (!name.starts_with("run-"))
        return {};
    std::string_view rest = name.substr(4);
    if (!take(rest, is_digit).empty()) {
        const std::string number(rest);
        return rest.starts_with('-') && parse_u64(rest.substr(1)) ? "run-*" + number : std::string();
    }
    const char kind = rest.empty() ? '\0' : rest.front();
    rest.remove_prefix(rest.empty() ? 0 : 1);
    bool known = false;
    if (kind == 'u')
        known = !take(rest, is_digit).empty();
    else if (kind == 'r')
        known = !take(rest, is_hex).empty();
    else if (kind == 'p')
        known = !take(rest, is_digit).empty() && rest.starts_with("-i") &&
                (rest.remove_prefix(2), !take(rest, is_digit).empty());
    return known && is_unit(rest) ? "run-*" + std::string(rest) : std::string();
}

std::string session_unit(std::string_view name)
{
    constexpr std::string_view kSession = "session-";
    if (!name.starts_with(kSession))
        return {};
    std::string_view rest = name.substr(kSession.size());
    if (rest.starts_with('c'))
        rest.remove_prefix(1);
    return !take(rest, is_digit).empty() && rest == ".scope" ? "session-*.scope" : std::string();
}

// 64 hexadecimal digits (containers), or 8-4-4-4-12 of them with '-' or '_' between (pods), anywhere in the name.
std::string without_ids(std::string_view name)
{
    std::string result;
    while (!name.empty()) {
        std::string_view rest = name;
        std::size_t id = take(rest, is_hex).size();
        if (id == 8) {
            for (const std::size_t part : std::array<std::size_t, 4>{4, 4, 4, 12}) {
                const bool joined = rest.starts_with('-') || rest.starts_with('_');
                rest.remove_prefix(joined ? 1 : 0);
                id = joined && take(rest, is_hex).size() == part ? id + 1 + part : 0;
                if (id == 0)
                    break;
            }
        }
        if (id == 64 || id == 36) {
            result += '*';
            name.remove_prefix(id);
        } else {
            result += name.front();
            name.remove_prefix(1);
        }
    }
    return result;
}

}  // namespace

std::string canonical_path(std::string_view path)
{
    std::string result;
    bool first = true;
    for (const std::string_view name : split(path, '/')) {
        result += first ? "" : "/";
        first = false;
        std::string made = run_unit(name);
        if (made.empty())
            made = session_unit(name);
        result += made.empty() ? without_ids(name) : made;
    }
    return result;
}

namespace {

bool is_within(const std::string& path, const std::string& root)
{
    return !root.empty() && (path == root || path.starts_with(root + "/"));
}

std::map<std::string, std::string> new_names(const std::set<std::string>& paths, const std::string& own,
                                             const std::map<std::string, std::string>& map)
{
    std::map<std::string, std::string> renamed;
    std::map<std::string, int> used;
    std::set<std::string> mapped;  // what the map gives is given, whoever had that name
    for (const std::string& path : paths) {
        const std::string canonical = canonical_path(path);
        auto found = map.find(path);
        if (found == map.end())
            found = map.find(canonical);
        renamed[path] = found == map.end() ? canonical : found->second;
        ++used[renamed[path]];
        if (found != map.end())
            mapped.insert(path);
    }
    for (auto& [path, name] : renamed) {
        // Of what is made anew in each run, the command's own is the one that was recorded.
        if (used[name] > 1 && !mapped.contains(path) && !is_within(path, own))
            name = name == path && !mapped.empty() ? path + " (not mapped)" : path;
    }
    return renamed;
}

template <class Values>
void rename(Values& values, const std::map<std::string, std::string>& names)
{
    Values renamed;
    for (auto& [key, value] : values)
        renamed[{key.cgroup.empty() ? "" : names.at(key.cgroup), key.name}] = std::move(value);
    values = std::move(renamed);
}

}  // namespace

void rename_cgroups(Run& run, const std::map<std::string, std::string>& map)
{
    std::set<std::string> paths;
    for (const auto& [key, value] : run.values)
        paths.insert(key.cgroup);
    for (const auto& [key, hist] : run.distributions)
        paths.insert(key.cgroup);
    paths.erase("");
    const std::map<std::string, std::string> names = new_names(paths, run.command_cgroup, map);
    rename(run.values, names);
    rename(run.distributions, names);
}

}  // namespace flyball::compare
