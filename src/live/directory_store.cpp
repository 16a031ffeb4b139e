// SPDX-License-Identifier: Apache-2.0
#include "flyball/live/directory_store.hpp"

#include "flyball/base/fd.hpp"
#include "flyball/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

namespace flyball::live {
namespace {

namespace fs = std::filesystem;

// Which specification it is about.
constexpr std::string_view kSpecification = "configs/specification.json";
// The directories that are a calibration's: nothing else of a user's is ever removed.
constexpr std::string_view kParts[] = {"raw", "processed", "reports", "configs"};

Result<> sync_to_disk(const std::string& path, int flags)
{
    auto fd = open_fd(path, flags);
    if (!fd)
        return std::unexpected(std::move(fd.error()));
    if (::fsync(fd->get()) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, path, errno));
    return {};
}

}  // namespace

Result<DirectoryStore> DirectoryStore::open(const std::string& directory, std::string_view specification, Mode mode)
{
    std::error_code error;
    if (mode == Mode::Anew) {
        for (const std::string_view part : kParts)
            fs::remove_all(fs::path(directory) / part, error);
    }
    const auto known = read_if_exists(fmt::format("{}/{}", directory, kSpecification));
    if (!known)
        return std::unexpected(known.error());
    if (*known && **known != specification)
        return fail(ErrorKind::Usage,
                    fmt::format("{} is a calibration of another specification, or of this one before it was changed",
                                directory),
                    "give another directory (-o), or --anew");
    if (!*known && mode == Mode::Existing)
        return fail(ErrorKind::Usage, fmt::format("{} has no calibration", directory),
                    "run `flyball calibrate SPEC` first, or give its directory (-o)");
    if (!*known && fs::exists(directory, error) && !fs::is_directory(directory, error))
        return fail(ErrorKind::Usage, fmt::format("{} is no directory", directory), "give another one (-o)");
    DirectoryStore store(directory, known->has_value());
    if (!*known) {
        if (auto put = store.put(std::string(kSpecification), specification); !put)
            return std::unexpected(std::move(put.error()));
    }
    return store;
}

Result<std::optional<std::string>> DirectoryStore::get(const std::string& name)
{
    return read_if_exists(directory_ + "/" + name);
}

Result<> DirectoryStore::put(const std::string& name, std::string_view text)
{
    const std::string path = directory_ + "/" + name, beside = path + ".new";
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    if (error)
        return fail(ErrorKind::Io, fmt::format("{}: {}", fs::path(path).parent_path().string(), error.message()));
    if (auto saved = save_file(beside, text); !saved)
        return saved;
    if (auto synced = sync_to_disk(beside, O_RDONLY); !synced)
        return synced;
    if (::rename(beside.c_str(), path.c_str()) != 0)
        return std::unexpected(errno_error(ErrorKind::Io, path, errno));
    return sync_to_disk(fs::path(path).parent_path().string(), O_RDONLY | O_DIRECTORY);
}

}  // namespace flyball::live
