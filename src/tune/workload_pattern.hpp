// SPDX-License-Identifier: Apache-2.0
// KIND:REGEX of --metrics-regex. A POSIX extended regular expression, because its matcher takes no time that is
// exponential in the line, whatever is asked for: regcomp(3), regex(7).
#pragma once

#include "flyball/base/result.hpp"
#include "workload_line.hpp"

#include <regex.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::tune {

class WorkloadPattern {
public:
    // Usage: empty, no group, or the regex has an error.
    [[nodiscard]] static Result<WorkloadPattern> parse(std::string_view kind_and_regex);

    [[nodiscard]] Word word() const { return word_; }
    // The first group; nullopt: the line does not match. Empty where the group took no part in the match. A view into
    // the line.
    [[nodiscard]] std::optional<std::string_view> match(const std::string& line) const;

private:
    struct Free {
        void operator()(regex_t* regex) const;
    };
    using Regex = std::unique_ptr<regex_t, Free>;
    WorkloadPattern(Word word, Regex regex) : word_(word), regex_(std::move(regex)) {}

    Word word_;
    Regex regex_;
};

}  // namespace flyball::tune
