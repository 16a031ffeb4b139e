// SPDX-License-Identifier: Apache-2.0
// What was changed, on disk before it is: one JSON object a line, each flushed to the disk before append()
// returns. A line that a crash has cut announces a write that did not happen.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace flyball::cgroup::detail {

struct JournalEntry {
    std::string directory;
    std::uint64_t inode = 0;  // of the directory: a cgroup that was made anew is another one
    std::string file;
    std::string before, after;
    bool companion = false;  // not written by us: the kernel may change it along
    friend bool operator==(const JournalEntry&, const JournalEntry&) = default;
};

struct JournalFile {
    pid_t owner = 0;
    std::uint64_t owner_start = 0;  // /proc/PID/stat: a number that is used again is another process
    std::vector<JournalEntry> entries;
    [[nodiscard]] bool owner_lives() const;
};

class Journal {
public:
    [[nodiscard]] static Result<Journal> create(const std::string& directory);
    [[nodiscard]] Result<> append(const JournalEntry& entry);
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    Journal(std::string path, UniqueFd file) : path_(std::move(path)), file_(std::move(file)) {}
    std::string path_;
    UniqueFd file_;
};

// Io: it cannot be read, or is damaged before its last line.
[[nodiscard]] Result<JournalFile> read_journal(const std::string& path);
[[nodiscard]] std::vector<std::string> journals_in(const std::string& directory);

}  // namespace flyball::cgroup::detail
