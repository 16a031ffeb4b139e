// SPDX-License-Identifier: Apache-2.0
#include "lab.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>

namespace flyball::cli {
namespace {

namespace fs = std::filesystem;

// Installed: PREFIX/share/flyball/tools/lab beside PREFIX/bin/flyball. In a source tree: tools/lab of one of
// the directories above the build's.
std::optional<fs::path> find_lab(const fs::path& program)
{
    std::error_code none;
    const fs::path installed = program.parent_path().parent_path() / "share/flyball/tools/lab";
    if (fs::is_regular_file(installed, none))
        return installed;
    for (fs::path above = program.parent_path(); above != above.root_path(); above = above.parent_path()) {
        if (fs::is_regular_file(above / "tools/lab", none) && fs::is_directory(above / "tools/lab.d", none))
            return above / "tools/lab";
    }
    return std::nullopt;
}

}  // namespace

Error run_in_lab(const LabRun& run)
{
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    const auto lab = find_lab(program);
    if (error || !lab)
        return {ErrorKind::Unavailable, "--lab: tools/lab is not beside this program",
                "run it from a source tree, or install the package"};
    std::vector<std::string> words{lab->string(), run.kernel};
    words.insert(words.end(), run.options.begin(), run.options.end());
    // Nothing below these is seen in the lab but what is said to be.
    std::vector<std::string> directories = run.directories;
    for (const char* hidden : {"/tmp/", "/var/tmp/", "/run/"}) {
        if (program.string().starts_with(hidden))
            directories.push_back(program.parent_path());
    }
    for (const std::string& directory : directories)
        words.insert(words.end(), {"--dir", directory});
    words.insert(words.end(), {"--", program.string()});
    words.insert(words.end(), run.arguments.begin(), run.arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    ::execv(argv[0], argv.data());
    return errno_error(ErrorKind::Io, fmt::format("starting {}", words[0]), errno);
}

}  // namespace flyball::cli
