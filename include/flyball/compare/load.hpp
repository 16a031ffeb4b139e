// SPDX-License-Identifier: Apache-2.0
// From files to the two halves of a comparison. Reads files; any thread.
#pragma once

#include "flyball/compare/run.hpp"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace flyball::compare {

struct LoadOptions {
    std::vector<std::string> cgroups;           // only these and those below them, as -c of a report; empty: all
    std::map<std::string, std::string> rename;  // paths, see rename_cgroups()
    bool salvage = false;                       // recordings that were cut
    bool slices = true;                         // of a recording that is a half alone
    // Is this column of a table wanted? Others need not be numbers. Nothing: all are.
    std::function<bool(std::string_view)> column;
};

// Files, and directories of them (not those below, nor names that begin with a dot), in the order of their names.
// Usage: a file that is missing, empty, or nothing that can be compared.
[[nodiscard]] Result<Side> load_side(std::string name, std::span<const std::string> paths, const LoadOptions& options);

// The same of one file's text, where it is no recording.
[[nodiscard]] Result<std::vector<Run>> runs_of_text(std::string_view text, const std::string& source,
                                                    const LoadOptions& options);

// Slices of a recording: most of them, and how long one has to be at least.
inline constexpr std::size_t kMostSlices = 20;
inline constexpr std::size_t kLeastSlices = 8;
inline constexpr std::uint64_t kLeastSliceNs = 100'000'000;

}  // namespace flyball::compare
