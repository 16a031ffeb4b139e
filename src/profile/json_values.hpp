// SPDX-License-Identifier: Apache-2.0
// META and CLOSING as JSON text and back, exactly: every 64-bit number and every byte of a name.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/profile/accumulator.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace flyball::profile {

struct MetaChunk {
    Meta meta;
    std::vector<KnownCgroup> known;
};

[[nodiscard]] std::string to_json(const MetaChunk& meta);
[[nodiscard]] std::string to_json(const Closing& closing);  // without its stacks
[[nodiscard]] std::string to_json(const Stacks& stacks);

// Errors say which field is wrong. Fields that are missing keep their defaults, others are ignored.
[[nodiscard]] Result<MetaChunk> meta_from_json(std::string_view text);
[[nodiscard]] Result<Closing> closing_from_json(std::string_view text);
[[nodiscard]] Result<Stacks> stacks_from_json(std::string_view text);

}  // namespace flyball::profile
