// SPDX-License-Identifier: Apache-2.0
#include "args.hpp"

#include <algorithm>
#include <charconv>

namespace workload {

namespace {

template <class T>
T parse(const std::string& text, std::string_view what)
{
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        throw UsageError(std::string(what) + " is to be a number, not '" + text + "'");
    }
    return value;
}

}  // namespace

Args::Args(const std::vector<std::string>& words, const std::vector<std::string_view>& flags)
{
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (!words[i].starts_with("--")) {
            positional_.push_back(words[i]);
            continue;
        }
        std::vector<std::string>& values = options_[words[i]];
        if (std::ranges::find(flags, words[i]) != flags.end())
            continue;
        if (i + 1 == words.size())
            throw UsageError(words[i] + " wants a value");
        values.push_back(words[++i]);
    }
}

const std::string& Args::positional(std::size_t index, std::string_view what) const
{
    if (index >= positional_.size())
        throw UsageError(std::string(what) + " is missing");
    return positional_[index];
}

std::uint64_t Args::number(std::size_t index, std::string_view what) const
{
    return parse<std::uint64_t>(positional(index, what), what);
}

double Args::seconds(std::size_t index, std::string_view what) const
{
    return parse<double>(positional(index, what), what);
}

bool Args::has(std::string_view option) const
{
    return options_.contains(option);
}

std::uint64_t Args::option(std::string_view name, std::uint64_t fallback) const
{
    const auto found = options_.find(name);
    return found == options_.end() ? fallback : parse<std::uint64_t>(found->second.back(), name);
}

double Args::option(std::string_view name, double fallback) const
{
    const auto found = options_.find(name);
    return found == options_.end() ? fallback : parse<double>(found->second.back(), name);
}

std::vector<std::string> Args::all(std::string_view option) const
{
    const auto found = options_.find(option);
    return found == options_.end() ? std::vector<std::string>{} : found->second;
}

}  // namespace workload
