// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "flyball/base/result.hpp"

#include <cstdint>
#include <string>

namespace flyball::live {

// Makes a file of so many bytes whose blocks are on the disk: one that was only allocated is read without it. Usage: it
// exists. Nothing is left of it on error.
[[nodiscard]] Result<> make_scratch_file(const std::string& path, std::uint64_t bytes);

}  // namespace flyball::live
