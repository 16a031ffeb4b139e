// SPDX-License-Identifier: Apache-2.0
// A verb's words: positional ones in their order, and options (--name, or --name VALUE).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace workload {

// The request is wrong, or the system refused a part of the load: main prints it.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Args {
public:
    // flags: the options that take no value. An option given twice keeps both values.
    Args(const std::vector<std::string>& words, const std::vector<std::string_view>& flags);

    [[nodiscard]] const std::string& positional(std::size_t index, std::string_view what) const;
    [[nodiscard]] std::uint64_t number(std::size_t index, std::string_view what) const;
    [[nodiscard]] double seconds(std::size_t index, std::string_view what) const;

    [[nodiscard]] bool has(std::string_view option) const;
    [[nodiscard]] std::uint64_t option(std::string_view name, std::uint64_t fallback) const;
    [[nodiscard]] double option(std::string_view name, double fallback) const;
    [[nodiscard]] std::vector<std::string> all(std::string_view option) const;

private:
    std::vector<std::string> positional_;
    std::map<std::string, std::vector<std::string>, std::less<>> options_;
};

}  // namespace workload
