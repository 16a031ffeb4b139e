// SPDX-License-Identifier: Apache-2.0
#include "ground.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/counters.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace flyball::oom {
namespace {

// What v1 calls it. Documentation/admin-guide/cgroup-v1/memory.rst
std::string v1_name(std::string_view file)
{
    if (file == "memory.max")
        return "memory.limit_in_bytes";
    if (file == "memory.current")
        return "memory.usage_in_bytes";
    if (file == "memory.peak")
        return "memory.max_usage_in_bytes";
    return std::string(file);
}

}  // namespace

Result<Ground> Ground::make(const cgroup::Layout& layout)
{
    const cgroup::Mount* const memory = layout.controller("memory");
    if (memory == nullptr)
        return fail(ErrorKind::Unavailable, "no memory controller is mounted here",
                    "`flyball oom test --lab 6.12` has one");
    auto home = cgroup::TransientCgroup::create(layout);
    if (!home)
        return std::unexpected(std::move(home.error()));
    Ground ground(layout, *memory);
    ground.home_.emplace(std::move(*home));
    ground.top_ = ground.home_->path();
    return ground;
}

Result<Ground> Ground::borrow(const cgroup::Layout& layout, const std::string& path)
{
    const cgroup::Mount* const memory = layout.controller("memory");
    if (memory == nullptr || !memory->directory(path))
        return fail(ErrorKind::Unavailable, fmt::format("{} is not in the memory controller's hierarchy", path),
                    "name another cgroup");
    Ground ground(layout, *memory);
    ground.top_ = path;
    return ground;
}

std::string Ground::directory(const std::string& path) const
{
    return mount_.directory(path).value_or(mount_.path + path);
}

Result<std::string> Ground::add(const std::string& parent, std::string_view name)
{
    const std::string& above = parent.empty() ? top_ : parent;
    // No process may be in a cgroup that hands controllers on: ours live in leaves only.
    if (unified_) {
        if (auto set = write_file_once(directory(above) + "/cgroup.subtree_control", "+memory +pids"); !set)
            return std::unexpected(std::move(set.error()));
    }
    return add_plain(above, name);
}

Result<std::string> Ground::add_plain(const std::string& parent, std::string_view name) const
{
    std::string path = parent + "/" + std::string(name);
    if (::mkdir(directory(path).c_str(), 0755) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "creating the cgroup " + path, errno));
    return path;
}

Result<> Ground::set(const std::string& path, std::string_view file, std::string_view value) const
{
    return write_file_once(directory(path) + "/" + (unified_ ? std::string(file) : v1_name(file)), value);
}

std::optional<std::string> Ground::text(const std::string& path, std::string_view file) const
{
    auto read = read_if_exists(directory(path) + "/" + (unified_ ? std::string(file) : v1_name(file)));
    return read ? std::move(*read) : std::nullopt;
}

std::optional<std::uint64_t> Ground::number(const std::string& path, std::string_view file) const
{
    const auto read = text(path, file);
    return read ? parse_u64(trim(*read)) : std::nullopt;
}

std::optional<std::uint64_t> Ground::event(const std::string& path, const std::string& field) const
{
    const auto read = text(path, unified_ ? "memory.events" : "memory.oom_control");
    if (!read)
        return std::nullopt;
    const auto events = cgroup::parse_flat_keyed(*read);
    const auto found = events.find(field);
    return found == events.end() ? std::nullopt : std::optional(found->second);
}

bool Ground::has(const std::string& path, std::string_view file) const
{
    return text(path, file).has_value();
}

std::optional<std::uint64_t> Ground::usage(const std::string& path) const
{
    return number(path, "memory.current");
}

std::optional<std::uint64_t> Ground::peak(const std::string& path) const
{
    return number(path, "memory.peak");
}

std::string Ground::procs_file(const std::string& path) const
{
    return directory(path) + "/cgroup.procs";
}

bool Ground::remove(const std::string& path) const
{
    return ::rmdir(directory(path).c_str()) == 0;
}

Result<> Ground::destroy()
{
    return home_ ? home_->destroy() : Result<>{};
}

}  // namespace flyball::oom
