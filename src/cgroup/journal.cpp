// SPDX-License-Identifier: Apache-2.0
#include "journal.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/process_stat.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

namespace flyball::cgroup::detail {
namespace {

using Json = nlohmann::json;
constexpr int kVersion = 1;
constexpr std::string_view kSuffix = ".journal";

Result<> write_line(int fd, const std::string& path, const Json& json)
{
    // Bytes that are no UTF-8 cannot be in the path of a cgroup's file that we opened by it: replaced, it is not found.
    const std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    if (::write(fd, line.data(), line.size()) != static_cast<ssize_t>(line.size()) || ::fdatasync(fd) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "writing " + path, errno));
    return {};
}

Result<> sync_directory(const std::string& directory)
{
    auto fd = open_fd(directory, O_RDONLY | O_DIRECTORY);
    if (!fd)
        return std::unexpected(std::move(fd.error()));
    if (::fsync(fd->get()) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, "flushing " + directory, errno));
    return {};
}

std::optional<JournalEntry> entry_of(const Json& json)
{
    JournalEntry entry;
    const auto text = [&](const char* key, std::string& into) {
        const auto found = json.find(key);
        if (found == json.end() || !found->is_string())
            return false;
        into = found->get<std::string>();
        return true;
    };
    const auto inode = json.find("inode"), along = json.find("companion");
    if (!text("directory", entry.directory) || !text("file", entry.file) || !text("before", entry.before) ||
        !text("after", entry.after) || inode == json.end() || !inode->is_number_unsigned() || along == json.end() ||
        !along->is_boolean())
        return std::nullopt;
    entry.inode = inode->get<std::uint64_t>();
    entry.companion = along->get<bool>();
    return entry;
}

// 0: no such process.
std::uint64_t start_time_of(pid_t pid)
{
    const auto stat = process_stat(pid);
    return stat ? stat->start_ticks : 0;
}

}  // namespace

bool JournalFile::owner_lives() const
{
    return owner > 0 && owner_start != 0 && start_time_of(owner) == owner_start;
}

Result<Journal> Journal::create(const std::string& directory)
{
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        return std::unexpected(
            errno_error(ErrorKind::Unavailable, "making " + directory, error.value(), "run as root"));
    const pid_t pid = ::getpid();
    for (int n = 0; n < 1000; ++n) {
        std::string path = fmt::format("{}/{}-{}{}", directory, pid, n, kSuffix);
        UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
        if (!file.valid() && errno == EEXIST)
            continue;
        if (!file.valid())
            return std::unexpected(errno_error(ErrorKind::Unavailable, "making " + path, errno, "run as root"));
        if (auto r = write_line(file.get(), path,
                                {{"flyball_journal", kVersion}, {"pid", pid}, {"start", start_time_of(pid)}});
            !r)
            return std::unexpected(std::move(r.error()));
        if (auto r = sync_directory(directory); !r)
            return std::unexpected(std::move(r.error()));
        return Journal(std::move(path), std::move(file));
    }
    return fail(ErrorKind::Io, fmt::format("{}: a thousand journals of this process", directory));
}

Result<> Journal::append(const JournalEntry& entry)
{
    return write_line(file_.get(), path_,
                      {{"directory", entry.directory},
                       {"inode", entry.inode},
                       {"file", entry.file},
                       {"before", entry.before},
                       {"after", entry.after},
                       {"companion", entry.companion}});
}

Result<JournalFile> read_journal(const std::string& path)
{
    auto text = read_file(path);
    if (!text)
        return std::unexpected(std::move(text.error()));
    JournalFile file;
    bool first = true;
    std::size_t number = 0;
    for (std::string_view rest = *text; !rest.empty();) {
        const auto end = rest.find('\n');
        if (end == std::string_view::npos)
            break;  // cut: it was never acted on
        const Json json = Json::parse(rest.substr(0, end), nullptr, false);
        rest.remove_prefix(end + 1);
        ++number;
        if (first) {
            const bool ours = json.is_object() && json.contains("flyball_journal") &&
                              json["flyball_journal"] == kVersion && json.contains("pid") &&
                              json["pid"].is_number_integer() && json.contains("start") &&
                              json["start"].is_number_unsigned();
            if (!ours)
                return fail(ErrorKind::Io, fmt::format("{}: not a journal of this version", path));
            file.owner = json["pid"].get<pid_t>();
            file.owner_start = json["start"].get<std::uint64_t>();
            first = false;
            continue;
        }
        auto entry = json.is_object() ? entry_of(json) : std::nullopt;
        if (!entry)
            return fail(ErrorKind::Io, fmt::format("{}: line {} is damaged", path, number));
        file.entries.push_back(std::move(*entry));
    }
    return file;
}

std::vector<std::string> journals_in(const std::string& directory)
{
    std::vector<std::string> paths;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(directory, none)) {
        if (entry.path().filename().string().ends_with(kSuffix))
            paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    return paths;
}

}  // namespace flyball::cgroup::detail
