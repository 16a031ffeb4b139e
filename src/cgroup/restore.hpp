// SPDX-License-Identifier: Apache-2.0
// Puts back what a journal says.
#pragma once

#include "flyball/cgroup/actuator.hpp"
#include "journal.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace flyball::cgroup::detail {

// Files as they are. A cgroup's file takes its value in one write.
[[nodiscard]] Result<std::string> read_limit(const std::string& directory, std::string_view file);
[[nodiscard]] Result<> write_limit(const std::string& directory, std::string_view file, std::string_view value);
[[nodiscard]] std::uint64_t inode_of(const std::string& directory);

[[nodiscard]] RestoreReport restore(const std::vector<JournalEntry>& entries);

// Restores what a journal says, and removes it if that was done in full.
void undo(const std::string& journal);

// Adds up.
void add(RestoreReport& to, RestoreReport from);

}  // namespace flyball::cgroup::detail
