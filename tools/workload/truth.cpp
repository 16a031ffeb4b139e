// SPDX-License-Identifier: Apache-2.0
#include "truth.hpp"

#include <cstdio>

namespace workload {

// All names and verbs are this program's own words: nothing needs escaping.
Truth::Truth(std::string_view verb) : line_("{\"verb\":\"" + std::string(verb) + '"') {}

Truth& Truth::add(std::string_view name, std::uint64_t value)
{
    line_ += ",\"" + std::string(name) + "\":" + std::to_string(value);
    return *this;
}

Truth& Truth::add(std::string_view name, const std::vector<std::uint64_t>& values)
{
    line_ += ",\"" + std::string(name) + "\":[";
    for (std::size_t i = 0; i < values.size(); ++i)
        line_ += (i ? "," : "") + std::to_string(values[i]);
    line_ += ']';
    return *this;
}

int Truth::print() const
{
    const bool written = std::printf("%s}\n", line_.c_str()) > 0 && std::fflush(stdout) == 0;
    return written ? 0 : 1;
}

}  // namespace workload
