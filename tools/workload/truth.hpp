// SPDX-License-Identifier: Apache-2.0
// The JSON line that a verb prints: {"verb":"forks","forks":13,...}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace workload {

class Truth {
public:
    explicit Truth(std::string_view verb);

    Truth& add(std::string_view name, std::uint64_t value);
    Truth& add(std::string_view name, const std::vector<std::uint64_t>& values);

    // Prints the line; gives the exit code.
    [[nodiscard]] int print() const;

private:
    std::string line_;
};

}  // namespace workload
