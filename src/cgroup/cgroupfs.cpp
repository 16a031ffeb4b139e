// SPDX-License-Identifier: Apache-2.0
#include "cgroupfs.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <thread>

namespace flyball::cgroup::detail {

namespace {

constexpr auto kRetry = std::chrono::milliseconds(5);
constexpr auto kLockPatience = std::chrono::milliseconds(500);
// trusted.*: kernfs keeps it for cgroup directories, and only CAP_SYS_ADMIN may write it.
constexpr const char* kEnabledAttribute = "trusted.flyball.enabled";

std::vector<std::string> words_of(const std::string& path)
{
    const auto text = read_file(path);
    if (!text)
        return {};
    const auto words = split_blanks(trim(*text));
    return {words.begin(), words.end()};
}

bool contains(const std::vector<std::string>& list, const std::string& word)
{
    return std::ranges::find(list, word) != list.end();
}

std::vector<std::string> remembered(const std::string& own)
{
    std::array<char, 256> buffer{};
    const ssize_t size = ::getxattr(own.c_str(), kEnabledAttribute, buffer.data(), buffer.size());
    if (size <= 0)
        return {};
    const auto words = split_blanks(std::string_view(buffer.data(), static_cast<std::size_t>(size)));
    return {words.begin(), words.end()};
}

void remember(const std::string& own, const std::vector<std::string>& names)
{
    const std::string text = fmt::format("{}", fmt::join(names, " "));
    // Where it fails (no CAP_SYS_ADMIN), this process alone knows, and undoes it if it ends well.
    (void)::setxattr(own.c_str(), kEnabledAttribute, text.c_str(), text.size(), 0);
}

// What a controller's main files say when nobody has set them.
struct Untouched {
    std::string_view controller, file, text;
};
constexpr std::array<Untouched, 9> kUntouched{{{"cpu", "cpu.max", "max 100000"},
                                               {"cpu", "cpu.weight", "100"},
                                               {"memory", "memory.max", "max"},
                                               {"memory", "memory.high", "max"},
                                               {"memory", "memory.low", "0"},
                                               {"memory", "memory.min", "0"},
                                               {"io", "io.max", ""},
                                               {"io", "io.weight", "default 100"},
                                               {"pids", "pids.max", "max"}}};

// Disabling a controller in the root throws away what others have set below since: that must not happen.
bool others_depend(const std::string& mount_point, const std::string& controller)
{
    for (const std::string& name : child_directories(mount_point)) {
        if (name == kOwnDirectory)
            continue;
        for (const Untouched& knob : kUntouched) {
            if (knob.controller != controller)
                continue;
            const auto text = read_file(fmt::format("{}/{}/{}", mount_point, name, knob.file));
            if (text && trim(*text) != knob.text)
                return true;
        }
    }
    return false;
}

}  // namespace

bool is_cgroup_file_system(const std::string& directory)
{
    struct statfs status{};
    if (::statfs(directory.c_str(), &status) != 0)
        return false;
    return status.f_type == CGROUP2_SUPER_MAGIC || status.f_type == CGROUP_SUPER_MAGIC;
}

bool is_directory(const std::string& path)
{
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::vector<std::string> child_directories(const std::string& directory)
{
    std::vector<std::string> names;
    std::error_code error;
    auto entry = std::filesystem::directory_iterator(directory, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        std::error_code vanished;
        if (entry->symlink_status(vanished).type() == std::filesystem::file_type::directory)
            names.push_back(entry->path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

UniqueFd lock_mount(const std::string& mount_point)
{
    UniqueFd fd(::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid())
        return fd;
    const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
    while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0 && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(kRetry);
    return fd;
}

int make_directory(const std::string& path)
{
    if (::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST)
        return 0;
    return errno;
}

Removal remove_tree(const std::string& directory)
{
    for (const std::string& name : child_directories(directory))
        remove_tree(directory + "/" + name);
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT)
        return Removal::Gone;
    return Removal::Busy;
}

Removal remove_tree(const std::string& directory, std::chrono::milliseconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        if (remove_tree(directory) == Removal::Gone)
            return Removal::Gone;
        if (std::chrono::steady_clock::now() >= deadline)
            return Removal::Busy;
        std::this_thread::sleep_for(kRetry);
    }
}

std::vector<pid_t> processes_in(const std::string& directory)
{
    std::vector<pid_t> pids;
    // Absent: the cgroup is gone. EOPNOTSUPP: a threaded cgroup, whose processes its domain lists.
    const auto text = read_if_exists(directory + "/cgroup.procs");
    if (text && *text)
        for_each_line(**text, [&pids](std::string_view line) {
            const auto pid = parse_u64(line);
            if (pid && *pid != 0 && *pid <= 0x7fffffff)
                pids.push_back(static_cast<pid_t>(*pid));
        });
    for (const std::string& name : child_directories(directory))
        std::ranges::copy(processes_in(directory + "/" + name), std::back_inserter(pids));
    std::ranges::sort(pids);
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
}

void enable_in_root(const std::string& mount_point, const std::string& own, const std::vector<std::string>& wanted,
                    std::vector<std::string>& enabled, std::vector<std::string>& notes)
{
    const std::string control = mount_point + "/cgroup.subtree_control";
    const auto available = words_of(mount_point + "/cgroup.controllers");
    const auto present = words_of(control);
    for (const std::string& name : wanted) {
        if (contains(present, name) || !contains(available, name))
            continue;
        // Remembered first: a crash in between must not leave it enabled for ever.
        auto names = remembered(own);
        if (!contains(names, name))
            names.push_back(name);
        remember(own, names);
        if (const auto written = write_file_once(control, "+" + name); written) {
            enabled.push_back(name);
        } else {
            std::erase(names, name);
            remember(own, names);
            notes.push_back(
                fmt::format("the {} controller cannot be enabled for a new cgroup: {}", name, written.error().what));
        }
    }
}

void enable_in_own(const std::string& own, const std::vector<std::string>& wanted)
{
    const auto available = words_of(own + "/cgroup.controllers");
    const auto present = words_of(own + "/cgroup.subtree_control");
    for (const std::string& name : wanted)
        if (contains(available, name) && !contains(present, name))
            (void)write_file_once(own + "/cgroup.subtree_control", "+" + name);
}

void leave_unified(const std::string& mount_point, const std::string& own, const std::vector<std::string>& enabled)
{
    auto names = remembered(own);
    for (const std::string& name : enabled)
        if (!contains(names, name))
            names.push_back(name);
    if (::rmdir(own.c_str()) != 0)
        return;
    for (const std::string& name : names)
        if (!others_depend(mount_point, name))
            (void)write_file_once(mount_point + "/cgroup.subtree_control", "-" + name);
}

}  // namespace flyball::cgroup::detail
