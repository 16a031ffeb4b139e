// SPDX-License-Identifier: Apache-2.0
// The limits of one cgroup by their v2 names, wherever this machine has them: cpu.max is two files on v1.
// Any thread.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::live {

// A file of a cgroup that holds one number, by its name on v2 and on v1. nullopt: not here.
[[nodiscard]] std::optional<std::uint64_t> number_in(const cgroup::Layout& layout, std::string_view path,
                                                     std::string_view controller, std::string_view unified,
                                                     std::string_view legacy);

class LimitFiles {
public:
    // The layout must outlive it.
    LimitFiles(const cgroup::Layout& layout, std::string path) : layout_(layout), path_(std::move(path)) {}

    // The text without its newline; nullopt: there is no such file here.
    [[nodiscard]] std::optional<std::string> read(std::string_view file) const;

    struct Write {
        std::string directory, file, value;
    };
    // In this order. Unavailable: this machine has no such limit.
    [[nodiscard]] Result<std::vector<Write>> writes(std::string_view file, std::string_view value) const;

private:
    [[nodiscard]] const cgroup::Mount* mount_of(std::string_view file) const;

    const cgroup::Layout& layout_;
    std::string path_;
};

}  // namespace flyball::live
