// SPDX-License-Identifier: Apache-2.0
// Whole files of /proc, /sys and cgroupfs, which tell no size in advance, and one-shot writes to them.
//
// Every function may be called from any thread. Errors are ErrorKind::Io and name the path, except
// where the caller asks otherwise; EACCES and EPERM are ErrorKind::Unavailable.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace flyball {

// Kernel files are small; what exceeds this is not one (read_file fails with Io).
inline constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;

[[nodiscard]] Result<std::string> read_file(const std::string& path);
// `name` relative to the directory `dirfd` (or AT_FDCWD); symbolic links in its last part are not followed.
[[nodiscard]] Result<std::string> read_file_at(int dirfd, const std::string& name);

// nullopt where the file does not exist, its cgroup is gone (ENOENT, ENOTDIR, ENODEV) or the kernel
// offers it without an answer (EOPNOTSUPP: PSI compiled in but off; EINVAL): absent, not an error.
[[nodiscard]] Result<std::optional<std::string>> read_if_exists(const std::string& path);

// The same, and nullopt also for whatever else keeps it from being read: where that makes no difference.
[[nodiscard]] std::optional<std::string> text_of(const std::string& path);

// One write(2) of the whole text to an existing file: the kernel takes a cgroup file's value in one
// call, so that a short write is an error, never continued.
[[nodiscard]] Result<> write_file_once(const std::string& path, std::string_view text);
[[nodiscard]] Result<> write_file_once_at(int dirfd, const std::string& name, std::string_view text);

// Creates or replaces an ordinary file.
[[nodiscard]] Result<> save_file(const std::string& path, std::string_view text);

// O_CLOEXEC is added. Errors as above.
[[nodiscard]] Result<UniqueFd> open_fd(const std::string& path, int flags);

}  // namespace flyball
