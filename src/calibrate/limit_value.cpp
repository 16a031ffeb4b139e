// SPDX-License-Identifier: Apache-2.0
#include "limit_value.hpp"

#include "fields.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"
#include "flyball/cgroup/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

namespace flyball::calibrate::detail {
namespace {

enum class Form { Memory, Bytes, Cpu, Microseconds, Tasks, Weight, Flag };

struct LimitFile {
    std::string_view name;
    Form form;
    tune::Resource resource;
};
constexpr std::array kFiles{
    LimitFile{"memory.max", Form::Memory, tune::Resource::Memory},
    LimitFile{"memory.high", Form::Bytes, tune::Resource::Memory},
    LimitFile{"memory.low", Form::Bytes, tune::Resource::Memory},
    LimitFile{"memory.swap.max", Form::Bytes, tune::Resource::Memory},
    LimitFile{"memory.oom.group", Form::Flag, tune::Resource::Memory},
    LimitFile{"cpu.max", Form::Cpu, tune::Resource::Cpu},
    LimitFile{"cpu.max.burst", Form::Microseconds, tune::Resource::Cpu},
    LimitFile{"cpu.weight", Form::Weight, tune::Resource::Cpu},
    LimitFile{"pids.max", Form::Tasks, tune::Resource::Pids},
    LimitFile{"io.weight", Form::Weight, tune::Resource::Io},
};
constexpr auto kNames = [] {
    std::array<std::string_view, kFiles.size()> names{};
    std::ranges::transform(kFiles, names.begin(), &LimitFile::name);
    return names;
}();
constexpr std::uint64_t kMostWeight = 10'000;
constexpr std::string_view kDefault = "default ";

const LimitFile& find(std::string_view file)
{
    return *std::ranges::find(kFiles, file, &LimitFile::name);
}

std::unexpected<Error> wrong(std::string_view file, std::string_view text, std::string_view hint)
{
    return fail(ErrorKind::Usage, fmt::format("'{}' is no {}", text, file), std::string(hint));
}

// std::expected::transform() is younger than the oldest compiler here.
template <class T, class Say>
Result<std::string> said(const Result<T>& value, Say say)
{
    return value ? Result<std::string>(say(*value)) : std::unexpected(value.error());
}

Result<std::string> read_cpu(std::string_view text, std::uint64_t period_us)
{
    // A quota alone.
    if (const auto quota = parse_u64(text))
        return said(cgroup::parse_cpu_max(fmt::format("{} {}", *quota, period_us)), cgroup::cpu_max_text);
    return said(cgroup::parse_cpu_max(text), cgroup::cpu_max_text);
}

Result<std::string> read_bytes(std::string_view file, std::string_view text)
{
    if (text == "max")
        return "max";
    const auto bytes = parse_bytes(text);
    if (!bytes)
        return std::unexpected(bytes.error());
    if (*bytes > cgroup::kMaxMemoryBytes)
        return wrong(file, text, "give a size such as 64M, or max");
    return std::to_string(*bytes);
}

Result<std::string> read_microseconds(std::string_view file, std::string_view text)
{
    const auto bare = parse_u64(text);
    const auto duration = parse_duration(text);
    const auto us = bare ? *bare : duration.value_or(1) / 1000;
    if ((!bare && (!duration || *duration % 1000 != 0)) || us > cgroup::kMaxCpuQuotaUs)
        return wrong(file, text, "give microseconds, or a duration such as 20ms");
    return std::to_string(us);
}

Result<std::string> read_weight(std::string_view file, std::string_view text)
{
    if (text.starts_with(kDefault))
        text = trim(text.substr(kDefault.size()));
    const auto weight = parse_u64(text);
    if (!weight || *weight < 1 || *weight > kMostWeight)
        return wrong(file, text, "give a weight from 1 to 10000; 100 is the default");
    return std::to_string(*weight);
}

Result<std::string> read_text(const LimitFile& file, std::string_view text, std::uint64_t cpu_period_us)
{
    text = trim(text);
    switch (file.form) {
    case Form::Memory:
        return said(cgroup::parse_memory_limit(text), cgroup::limit_text);
    case Form::Bytes:
        return read_bytes(file.name, text);
    case Form::Cpu:
        return read_cpu(text, cpu_period_us);
    case Form::Microseconds:
        return read_microseconds(file.name, text);
    case Form::Tasks:
        return said(cgroup::parse_pids_max(text), cgroup::limit_text);
    case Form::Weight:
        return read_weight(file.name, text);
    case Form::Flag:
        if (text == "0" || text == "1")
            return std::string(text);
        return wrong(file.name, text, "give 0 or 1");
    }
    return fail(ErrorKind::Internal, "no such form");
}

// With the unit of `like` or a smaller one of the same spelling: "512 MiB" -> "471860 KiB"; the bytes otherwise.
std::string bytes_like(std::uint64_t bytes, std::string_view like)
{
    const auto letter = std::ranges::find_if(like, [](unsigned char c) { return std::isalpha(c) != 0; });
    if (letter == like.end())
        return std::to_string(bytes);
    const auto number_end =
        std::ranges::find_if(like, [](char c) { return c == ' ' || std::isalpha(static_cast<unsigned char>(c)) != 0; });
    std::string unit(number_end, like.end());
    const std::size_t prefix = static_cast<std::size_t>(letter - number_end);
    const bool upper = std::isupper(static_cast<unsigned char>(*letter)) != 0;
    constexpr std::string_view kPrefixes = "kmgtp";
    const auto power = kPrefixes.find(static_cast<char>(std::tolower(static_cast<unsigned char>(*letter))));
    for (std::size_t i = power == std::string_view::npos ? 0 : power + 1; i > 0; --i) {
        const std::uint64_t scale = std::uint64_t{1} << (10 * i);
        if (bytes == 0 || bytes % scale != 0)
            continue;
        if (i != power + 1)
            unit[prefix] = upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(kPrefixes[i - 1])))
                                 : kPrefixes[i - 1];
        return std::to_string(bytes / scale) + unit;
    }
    return std::to_string(bytes);
}

std::string us_text(std::uint64_t us)
{
    return us % 1000 == 0 && us > 0 ? fmt::format("{}ms", us / 1000) : fmt::format("{}us", us);
}

std::string cpu_like(std::string_view value, std::string_view like, std::uint64_t cpu_period_us)
{
    const auto limit = cgroup::parse_cpu_max(value);
    if (!limit || limit->quota_us == cgroup::kUnlimited)
        return std::string(value);
    if (parse_u64(like) && limit->period_us == cpu_period_us)
        return std::to_string(limit->quota_us);
    if (like.find('/') != std::string_view::npos)
        return us_text(limit->quota_us) + "/" + us_text(limit->period_us);
    if (like.ends_with('%') && limit->period_us == cgroup::kDefaultCpuPeriodUs)
        return fmt::format("{:.10g}%", static_cast<double>(limit->quota_us) / 1000);
    return std::string(value);
}

std::string text_like(const LimitFile& file, std::string_view value, std::string_view like, std::uint64_t cpu_period_us)
{
    const auto number = parse_u64(value);
    const bool has_letter = std::ranges::any_of(like, [](unsigned char c) { return std::isalpha(c) != 0; });
    if (file.form == Form::Cpu)
        return cpu_like(value, like, cpu_period_us);
    if ((file.form == Form::Bytes || file.form == Form::Memory) && number)
        return bytes_like(*number, like);
    if (file.form == Form::Microseconds && number && has_letter)
        return us_text(*number);
    if (file.form == Form::Weight && like.starts_with(kDefault))
        return std::string(kDefault) + std::string(value);
    return std::string(value);
}

bool is_group(std::string_view name)
{
    return std::ranges::any_of(kNames, [&](std::string_view file) {
        return file.starts_with(name) && file.substr(name.size()).starts_with('.');
    });
}

void collect(const Node& node, const std::string& prefix, const std::string& path, LimitNodes& nodes)
{
    for (const Member& member : node.members) {
        const std::string file = prefix + member.key;
        const LimitNode found{file, &member.value, &member, join(path, member.key)};
        if (is_limit_file(file))
            nodes.limits.push_back(found);
        else if (is_group(file) && member.value.is(Node::Kind::Object)) {
            if (node.find(member.key) != &member.value)
                nodes.twice.push_back(found);
            collect(member.value, file + ".", found.path, nodes);
        } else
            nodes.strange.push_back(found);
    }
}

}  // namespace

std::span<const std::string_view> limit_files()
{
    return kNames;
}

bool is_limit_file(std::string_view name)
{
    return std::ranges::find(kNames, name) != kNames.end();
}

tune::Resource resource_of(std::string_view file)
{
    return find(file).resource;
}

Result<std::string> read_limit(std::string_view file, const Node& value, std::uint64_t cpu_period_us)
{
    if (value.is(Node::Kind::String))
        return read_text(find(file), value.text, cpu_period_us);
    if (!value.is(Node::Kind::Number))
        return fail(ErrorKind::Usage, fmt::format("is {}, not a limit", name(value.kind)), "give a number, or a text");
    if (!parse_u64(value.text))
        return wrong(file, value.text, "give a whole number from 0 on, or a text with a unit");
    return read_text(find(file), value.text, cpu_period_us);
}

std::string limit_token(std::string_view file, std::string_view value, const Node* form, std::uint64_t cpu_period_us)
{
    const auto quoted = [](std::string_view text) { return fmt::format("\"{}\"", text); };
    const bool number = form == nullptr || form->is(Node::Kind::Number);
    if (number && file == "cpu.max" && form != nullptr) {
        const std::string text = cpu_like(value, "0", cpu_period_us);
        return parse_u64(text) ? text : quoted(text);
    }
    if (number)
        return parse_u64(value) ? std::string(value) : quoted(value);
    Node written;
    written.kind = Node::Kind::String;
    written.text = text_like(find(file), value, trim(form->text), cpu_period_us);
    const auto again = read_limit(file, written, cpu_period_us);
    return quoted(again && *again == value ? std::string_view(written.text) : value);
}

LimitNodes limit_nodes(const Node& resource_limits, const std::string& path)
{
    LimitNodes nodes;
    collect(resource_limits, {}, path, nodes);
    return nodes;
}

}  // namespace flyball::calibrate::detail
