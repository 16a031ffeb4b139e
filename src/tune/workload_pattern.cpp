// SPDX-License-Identifier: Apache-2.0
#include "workload_pattern.hpp"

#include <fmt/format.h>

#include <array>
#include <string>
#include <utility>

namespace flyball::tune {
namespace {

constexpr std::string_view kHint =
    "it is KIND:REGEX, KIND done, op or rate, and REGEX a POSIX extended one whose first group is the value: "
    "'rate:throughput: ([0-9.]+) req/s'";

std::unexpected<Error> bad(std::string_view text, std::string_view why)
{
    return fail(ErrorKind::Usage, fmt::format("'{}' is not a pattern for a metric: {}", text, why), std::string(kHint));
}

Word take_kind(std::string_view& text)
{
    constexpr std::array kKinds{std::pair{std::string_view("done:"), Word::Done},
                                std::pair{std::string_view("op:"), Word::Op},
                                std::pair{std::string_view("rate:"), Word::Rate}};
    for (const auto& [prefix, word] : kKinds) {
        if (text.starts_with(prefix)) {
            text.remove_prefix(prefix.size());
            return word;
        }
    }
    return Word::Rate;
}

// What other dialects have and regcomp() takes for a plain 'd', so that it would silently never match.
bool has_perl_digit(std::string_view text)
{
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] != '\\')
            continue;
        if (text[i + 1] == 'd' || text[i + 1] == 'D')
            return true;
        ++i;
    }
    return false;
}

}  // namespace

void WorkloadPattern::Free::operator()(regex_t* regex) const
{
    ::regfree(regex);
    delete regex;
}

Result<WorkloadPattern> WorkloadPattern::parse(std::string_view kind_and_regex)
{
    std::string_view text = kind_and_regex;
    const Word word = take_kind(text);
    if (text.empty() || text.find('\0') != std::string_view::npos)
        return bad(kind_and_regex, "the regular expression is empty");
    if (has_perl_digit(text))
        return bad(kind_and_regex, "write [0-9] for \\d");
    auto made = std::make_unique<regex_t>();
    const int error = ::regcomp(made.get(), std::string(text).c_str(), REG_EXTENDED);
    if (error != 0) {
        std::array<char, 128> why{};
        (void)::regerror(error, made.get(), why.data(), why.size());
        return bad(kind_and_regex, why.data());
    }
    Regex regex(made.release());
    if (regex->re_nsub == 0)
        return bad(kind_and_regex, "it has no group (...) that takes the value");
    return WorkloadPattern(word, std::move(regex));
}

std::optional<std::string_view> WorkloadPattern::match(const std::string& line) const
{
    // REG_STARTEND: the line may have a null byte inside.
    std::array<regmatch_t, 2> groups{};
    groups[0] = {.rm_so = 0, .rm_eo = static_cast<regoff_t>(line.size())};
    if (::regexec(regex_.get(), line.c_str(), groups.size(), groups.data(), REG_STARTEND) != 0)
        return std::nullopt;
    if (groups[1].rm_so < 0)
        return std::string_view();
    const auto from = static_cast<std::size_t>(groups[1].rm_so);
    return std::string_view(line).substr(from, static_cast<std::size_t>(groups[1].rm_eo) - from);
}

}  // namespace flyball::tune
