// SPDX-License-Identifier: Apache-2.0
#include "spawn_plan.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

namespace flyball::process {

namespace {

// Both are NAME=VALUE, of the same NAME.
bool same_name(std::string_view a, std::string_view b)
{
    const auto end = a.find('=');
    return end != std::string_view::npos && b.substr(0, end + 1) == a.substr(0, end + 1);
}

Result<UniqueFd> copy_above(int fd, int above)
{
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, above));
    if (!copy.valid())
        return std::unexpected(errno_error(ErrorKind::Io, fmt::format("copying descriptor {}", fd), errno));
    return copy;
}

}  // namespace

void SpawnOptions::output_to(int fd)
{
    if (stdout_fd < 0)
        stdout_fd = fd;
    descriptors.push_back({.fd = fd, .as = STDERR_FILENO});
}

ChildEnvironment::ChildEnvironment(const std::vector<std::string>& changes) : own_(changes)
{
    for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
        const std::string_view ours(*variable);
        const auto replaces = [&](const std::string& change) { return same_name(change, ours); };
        if (std::ranges::none_of(own_, replaces))
            pointers_.push_back(*variable);
    }
    for (std::string& change : own_)
        pointers_.push_back(change.data());
    pointers_.push_back(nullptr);
}

Result<ChildDescriptors> ChildDescriptors::prepare(const SpawnOptions& options)
{
    std::vector<SpawnOptions::Descriptor> wanted = options.descriptors;
    if (options.stdout_fd >= 0)
        wanted.push_back({.fd = options.stdout_fd, .as = STDOUT_FILENO});
    ChildDescriptors made;
    for (const auto& [fd, as] : wanted)
        made.above_ = std::max(made.above_, (as < 0 ? fd : as) + 1);
    for (const auto& [fd, as] : wanted) {
        auto copy = copy_above(fd, made.above_);
        if (!copy)
            return std::unexpected(std::move(copy.error()));
        made.moves_.push_back({.from = std::move(*copy), .to = as < 0 ? fd : as});
    }
    return made;
}

Result<> ChildDescriptors::lift(UniqueFd& fd) const
{
    if (fd.get() >= above_)
        return {};
    auto copy = copy_above(fd.get(), above_);
    if (!copy)
        return std::unexpected(std::move(copy.error()));
    fd = std::move(*copy);
    return {};
}

bool ChildDescriptors::install() const
{
    // dup2() clears the close-on-exec flag of the new number.
    return std::ranges::all_of(moves_, [](const Move& move) { return ::dup2(move.from.get(), move.to) >= 0; });
}

}  // namespace flyball::process
