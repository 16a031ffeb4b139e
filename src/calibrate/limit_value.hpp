// SPDX-License-Identifier: Apache-2.0
// The values under resource_limits: what may be written there, what is written to the cgroup's file, and back. Pure.
#pragma once

#include "document.hpp"
#include "flyball/base/result.hpp"
#include "flyball/tune/proposal.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::calibrate::detail {

[[nodiscard]] std::span<const std::string_view> limit_files();
[[nodiscard]] bool is_limit_file(std::string_view name);
[[nodiscard]] tune::Resource resource_of(std::string_view file);

// As it is written to the file: "536870912", "200000 1000000", "max". cpu_period_us: of a cpu.max that is a quota
// alone.
[[nodiscard]] Result<std::string> read_limit(std::string_view file, const Node& value, std::uint64_t cpu_period_us);

// The JSON of a value in the form that `form` has, as far as that can say it.
[[nodiscard]] std::string limit_token(std::string_view file, std::string_view value, const Node* form,
                                      std::uint64_t cpu_period_us);

// One limit in the text, by the file's whole name, however deep it is nested: {"memory": {"max": ...}}.
struct LimitNode {
    std::string file;
    const Node* value;
    const Member* member;
    std::string path;
};
struct LimitNodes {
    std::vector<LimitNode> limits;
    std::vector<LimitNode> strange;  // that are no limit files, nor groups of them
    std::vector<LimitNode> twice;    // groups
};
[[nodiscard]] LimitNodes limit_nodes(const Node& resource_limits, const std::string& path);

}  // namespace flyball::calibrate::detail
