// SPDX-License-Identifier: Apache-2.0
#include "flyball/cgroup/transient.hpp"

#include "cgroupfs.hpp"
#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/cgroup/tree.hpp"
#include "set_limits.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <map>
#include <optional>

namespace flyball::cgroup {

namespace {

constexpr std::string_view kRunPrefix = "run-";
constexpr int kCreateAttempts = 5;

// v1 hierarchies in which the command needs a cgroup of its own: to measure, to limit, to freeze.
constexpr std::string_view kV1Needed[] = {"cpu", "cpuacct", "memory", "pids", "blkio", "freezer"};

bool needed(const Mount& mount)
{
    if (mount.unified)
        return true;
    return std::ranges::any_of(kV1Needed, [&mount](std::string_view name) {
        return std::ranges::find(mount.controllers, name) != mount.controllers.end();
    });
}

bool has_controller(const Mount& mount, std::string_view name)
{
    return std::ranges::find(mount.controllers, name) != mount.controllers.end();
}

std::vector<std::string> measured_controllers(const Mount& mount)
{
    std::vector<std::string> names;
    for (const std::string_view name : kControllers)
        if (has_controller(mount, name))
            names.emplace_back(name);
    return names;
}

// "run-<pid>-<n>" -> pid.
std::optional<pid_t> run_owner(std::string_view name)
{
    if (!name.starts_with(kRunPrefix))
        return std::nullopt;
    const auto parts = split(name.substr(kRunPrefix.size()), '-');
    if (parts.size() != 2 || !parse_u64(parts[1]))
        return std::nullopt;
    const auto pid = parse_u64(parts[0]);
    if (!pid || *pid == 0 || *pid > 0x7fffffff)
        return std::nullopt;
    return static_cast<pid_t>(*pid);
}

Error creation_error(const std::string& directory, int errnum)
{
    const bool privileges = errnum == EACCES || errnum == EPERM || errnum == EROFS;
    return errno_error(privileges ? ErrorKind::Unavailable : ErrorKind::Io,
                       fmt::format("creating the cgroup {}", directory), errnum,
                       privileges ? "run as root: `-- CMD` runs the command in a cgroup of its own" : "");
}

struct Place {
    Mount mount;
    std::string own;        // MOUNT/flyball
    std::string directory;  // MOUNT/flyball/run-PID-N
};

}  // namespace

struct TransientCgroup::State {
    std::vector<Place> places;
    std::string path;
    std::map<int, std::uint64_t> ids;
    std::vector<std::string> notes;
    std::vector<std::string> enabled;  // in the v2 root's subtree_control, by us
    std::vector<UniqueFd> locks;       // on each directory: held as long as this flyball lives
    std::vector<UniqueFd> fds;
    std::vector<process::Place::Procs> procs;
    int unified_fd = -1;
    TransientOptions options;
    bool destroyed = false;

    Result<> make(const Place& place);
    Result<> open_fds();
    [[nodiscard]] std::vector<detail::KillPlace> kill_places() const;
    Result<> destroy();
};

Result<> TransientCgroup::State::make(const Place& place)
{
    int errnum = 0;
    // Another flyball that leaves may remove flyball/, or disable a controller, between two of these steps.
    for (int attempt = 0; attempt < kCreateAttempts; ++attempt) {
        const std::string* failed = &place.own;
        errnum = detail::make_directory(place.own);
        if (errnum == 0 && place.mount.unified) {
            const auto wanted = measured_controllers(place.mount);
            notes.clear();
            detail::enable_in_root(place.mount.path, place.own, wanted, enabled, notes);
            detail::enable_in_own(place.own, wanted);
        }
        if (errnum == 0) {
            failed = &place.directory;
            errnum = detail::make_directory(place.directory);
        }
        if (errnum == 0)
            break;
        if (errnum != ENOENT)
            return std::unexpected(creation_error(*failed, errnum));
    }
    if (errnum != 0)
        return std::unexpected(creation_error(place.directory, errnum));
    const auto id = id_of(place.mount, path);
    if (!id)
        return std::unexpected(creation_error(place.directory, ENOENT));
    ids[place.mount.hierarchy] = *id;
    auto directory = open_fd(place.directory, O_RDONLY | O_DIRECTORY);
    if (!directory)
        return std::unexpected(std::move(directory.error()));
    (void)::flock(directory->get(), LOCK_EX | LOCK_NB);
    locks.push_back(std::move(*directory));
    return {};
}

Result<> TransientCgroup::State::open_fds()
{
    for (const Place& place : places) {
        auto fd = open_fd(place.directory + "/cgroup.procs", O_WRONLY);
        if (!fd)
            return std::unexpected(std::move(fd.error()));
        procs.push_back({.fd = fd->get(), .unified = place.mount.unified});
        fds.push_back(*std::move(fd));
    }
    for (std::size_t i = 0; i < places.size(); ++i)
        if (places[i].mount.unified)
            unified_fd = locks[i].get();
    return {};
}

std::vector<detail::KillPlace> TransientCgroup::State::kill_places() const
{
    std::vector<detail::KillPlace> kill;
    for (const Place& place : places)
        kill.push_back({.directory = place.directory,
                        .unified = place.mount.unified,
                        .freezer = has_controller(place.mount, "freezer")});
    return kill;
}

Result<> TransientCgroup::State::destroy()
{
    if (std::exchange(destroyed, true) || places.empty())
        return {};
    procs.clear();
    unified_fd = -1;
    fds.clear();
    locks.clear();
    auto killed = detail::kill_processes(kill_places(), options.patience);
    const UniqueFd lock = detail::lock_mount(places.front().mount.path);
    Result<> result = std::move(killed);
    const auto deadline = std::chrono::steady_clock::now() + options.patience;
    for (const Place& place : places) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        const auto removed = detail::remove_tree(place.directory, std::max(left, std::chrono::milliseconds(0)));
        if (removed == detail::Removal::Busy && result)
            result =
                fail(ErrorKind::Io, fmt::format("the cgroup {} cannot be removed: it is still in use", place.directory),
                     "the next flyball removes it, once it is empty");
        if (place.mount.unified)
            detail::leave_unified(place.mount.path, place.own, enabled);
        else
            (void)::rmdir(place.own.c_str());  // refused while other runs are in it
    }
    return result;
}

TransientCgroup::TransientCgroup(std::unique_ptr<State> state) : state_(std::move(state)) {}
TransientCgroup::TransientCgroup(TransientCgroup&&) noexcept = default;

TransientCgroup& TransientCgroup::operator=(TransientCgroup&& other) noexcept
{
    std::swap(state_, other.state_);
    return *this;
}

TransientCgroup::~TransientCgroup()
{
    if (state_)
        (void)state_->destroy();
}

Result<TransientCgroup> TransientCgroup::create(const Layout& layout, const Limits& limits,
                                                const TransientOptions& options)
{
    if (auto valid = validate(limits); !valid)
        return std::unexpected(std::move(valid.error()));
    if (auto possible = detail::check_available(layout, limits); !possible)
        return std::unexpected(std::move(possible.error()));

    static std::atomic<unsigned> next{0};
    const std::string below = fmt::format("/{}/{}{}-{}", detail::kOwnDirectory, kRunPrefix, ::getpid(), next++);
    auto state = std::make_unique<State>();
    state->options = options;
    std::vector<Place> wanted;
    for (const Mount& mount : layout.mounts)
        if (needed(mount))
            wanted.push_back({.mount = mount,
                              .own = fmt::format("{}/{}", mount.path, detail::kOwnDirectory),
                              .directory = mount.path + below});
    if (wanted.empty())
        return fail(ErrorKind::Unavailable, "no cgroup hierarchy is mounted in which a command could be run");
    sweep_leftovers(layout);

    // From here on the destructor takes back whatever was made.
    TransientCgroup made(std::move(state));
    const UniqueFd lock = detail::lock_mount(wanted.front().mount.path);
    for (Place& place : wanted) {
        if (!options.any_file_system && !detail::is_cgroup_file_system(place.mount.path))
            return fail(ErrorKind::Unavailable, fmt::format("{} is no cgroup file system", place.mount.path));
        made.state_->path = place.mount.hierarchy_path(below);
        made.state_->places.push_back(place);
        if (auto done = made.state_->make(place); !done)
            return std::unexpected(std::move(done.error()));
    }
    for (const Place& place : wanted)
        if (auto set = detail::set_limits(place.mount, place.directory, limits); !set)
            return std::unexpected(std::move(set.error()));
    if (!options.any_file_system)
        if (auto opened = made.state_->open_fds(); !opened)
            return std::unexpected(std::move(opened.error()));
    return made;
}

const std::string& TransientCgroup::path() const
{
    return state_->path;
}
const std::map<int, std::uint64_t>& TransientCgroup::ids() const
{
    return state_->ids;
}
const std::vector<std::string>& TransientCgroup::notes() const
{
    return state_->notes;
}
process::Place TransientCgroup::place() const
{
    return {.unified_fd = state_->unified_fd, .procs = state_->procs};
}

Result<> TransientCgroup::attach(pid_t pid) const
{
    for (const Place& place : state_->places) {
        auto moved = write_file_once(place.directory + "/cgroup.procs", std::to_string(pid));
        if (!moved)
            return std::unexpected(
                std::move(moved.error()).context(fmt::format("moving process {} into {}", pid, state_->path)));
    }
    return {};
}

Result<> TransientCgroup::kill_all()
{
    if (state_->destroyed)
        return {};
    return detail::kill_processes(state_->kill_places(), state_->options.patience);
}

Result<> TransientCgroup::destroy()
{
    return state_->destroy();
}

namespace {

struct Run {
    pid_t owner = 0;
    std::vector<detail::KillPlace> places;
};

// All that are there, by name.
std::map<std::string, Run> runs_of(const Layout& layout)
{
    std::map<std::string, Run> runs;
    for (const Mount& mount : layout.mounts) {
        const std::string own = fmt::format("{}/{}", mount.path, detail::kOwnDirectory);
        if (!needed(mount) || !detail::is_directory(own))
            continue;
        for (const std::string& name : detail::child_directories(own)) {
            const auto owner = run_owner(name);
            if (!owner)
                continue;
            Run& run = runs[name];
            run.owner = *owner;
            run.places.push_back(
                {.directory = own + "/" + name, .unified = mount.unified, .freezer = has_controller(mount, "freezer")});
        }
    }
    return runs;
}

// A pid may be another process's by now, or another namespace's; a lock is held for as long as its owner lives. Between
// making a directory and locking it there is a moment: of a new one the pid decides.
bool owner_gone(const Run& run)
{
    for (const detail::KillPlace& place : run.places) {
        const auto directory = open_fd(place.directory, O_RDONLY | O_DIRECTORY);
        if (directory && ::flock(directory->get(), LOCK_EX | LOCK_NB) != 0)
            return false;
    }
    constexpr time_t kNewS = 5;
    struct stat status{};
    const bool is_new =
        ::stat(run.places.front().directory.c_str(), &status) == 0 && ::time(nullptr) - status.st_mtim.tv_sec < kNewS;
    return !is_new || (::kill(run.owner, 0) != 0 && errno == ESRCH);
}

bool holds_us(const Run& run)
{
    return std::ranges::any_of(run.places, [](const detail::KillPlace& place) {
        const auto pids = detail::processes_in(place.directory);
        return std::ranges::find(pids, ::getpid()) != pids.end();
    });
}

// Ends what is in these runs, and removes them.
int remove_runs(const Layout& layout, const std::map<std::string, Run>& runs, std::chrono::milliseconds patience)
{
    if (runs.empty())
        return 0;
    for (const auto& [name, run] : runs)
        (void)detail::kill_processes(run.places, patience);
    int removed = 0;
    const UniqueFd lock = detail::lock_mount(std::ranges::find_if(layout.mounts, needed)->path);
    for (const auto& [name, run] : runs) {
        const auto gone = [&](const detail::KillPlace& place) {
            return detail::remove_tree(place.directory, patience) == detail::Removal::Gone;
        };
        removed += static_cast<int>(std::ranges::count_if(run.places, gone)) > 0 ? 1 : 0;
    }
    for (const Mount& mount : layout.mounts) {
        const std::string own = fmt::format("{}/{}", mount.path, detail::kOwnDirectory);
        if (!needed(mount) || !detail::is_directory(own) || !detail::child_directories(own).empty())
            continue;
        if (mount.unified)
            detail::leave_unified(mount.path, own, {});
        else
            (void)::rmdir(own.c_str());
    }
    return removed;
}

}  // namespace

int sweep_leftovers(const Layout& layout)
{
    auto runs = runs_of(layout);
    std::erase_if(runs, [](const auto& run) { return !owner_gone(run.second) || holds_us(run.second); });
    return remove_runs(layout, runs, kRemovalPatience);
}

int end_runs_of(const Layout& layout, pid_t owner)
{
    auto runs = runs_of(layout);
    std::erase_if(runs, [owner](const auto& run) { return run.second.owner != owner; });
    return remove_runs(layout, runs, kRemovalPatience);
}

}  // namespace flyball::cgroup
