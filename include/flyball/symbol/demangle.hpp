// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace flyball::symbol {

// "_Z3foov" -> "foo()". What is no mangled name, or too long a one to be worth it, comes back as it is.
// Thread-safe.
[[nodiscard]] std::string demangle(std::string_view name);

}  // namespace flyball::symbol
