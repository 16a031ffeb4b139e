// SPDX-License-Identifier: Apache-2.0
#include "requests.hpp"

#include "flag_value.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/base/units.hpp"

#include <fmt/format.h>

namespace flyball::cli {

namespace {

// The tick of most kernels is 1000 a second or less; a clock beyond it would be felt, and say little more.
constexpr std::uint64_t kMostHz = 999;
constexpr std::uint64_t kMostRingBytes = std::uint64_t{1} << 30;

Result<std::uint32_t> parse_stacks_hz(std::string_view text)
{
    const auto hz = parse_u64(text);
    if (!hz || *hz == 0 || *hz > kMostHz)
        return fail(ErrorKind::Usage,
                    fmt::format("--stacks: '{}' is no whole number of samples a second from 1 to {}", text, kMostHz),
                    "--stacks alone takes 99");
    return static_cast<std::uint32_t>(*hz);
}

}  // namespace

Result<cgroup::Limits> parse_limits(const LimitOptions& given, const std::vector<std::string>& command)
{
    if (given.any() && command.empty())
        return fail(ErrorKind::Usage, "limits are for a command's own cgroup",
                    "add -- CMD; flyball never limits a cgroup that it did not make");
    cgroup::Limits limits;
    const auto parse = [](std::string_view flag, const std::string& text, auto parser, auto& into) {
        return text.empty() ? Result<>{} : read_flag(flag, text, parser, into);
    };
    for (const Result<>& done :
         {parse("--cpu-max", given.cpu_max, cgroup::parse_cpu_max, limits.cpu_max),
          parse("--memory-max", given.memory_max, cgroup::parse_memory_limit, limits.memory_max),
          parse("--memory-high", given.memory_high, cgroup::parse_memory_limit, limits.memory_high),
          parse("--pids-max", given.pids_max, cgroup::parse_pids_max, limits.pids_max)}) {
        if (!done)
            return std::unexpected(done.error());
    }
    return limits;
}

Result<live::RecordRequest> parse_record(const RecordOptions& given)
{
    live::RecordRequest request{.cgroups = given.cgroups,
                                .output = given.output,
                                .without = given.without,
                                .command = given.command,
                                .limits = {},
                                .verbose = given.verbose};
    if (!given.duration.empty()) {
        if (auto read = read_flag("-d", given.duration, parse_duration, request.duration_ns); !read)
            return std::unexpected(std::move(read.error()));
    }
    if (auto read = read_flag("--ring-size", given.ring_size, parse_bytes, request.ring_bytes); !read)
        return std::unexpected(std::move(read.error()));
    if (request.ring_bytes == 0 || request.ring_bytes > kMostRingBytes)
        return fail(ErrorKind::Usage, "--ring-size: from 4K to 1G, for each CPU");
    if (!given.stacks.empty()) {
        auto hz = parse_stacks_hz(given.stacks);
        if (!hz)
            return std::unexpected(hz.error());
        request.stacks_hz = *hz;
    }
    auto limits = parse_limits(given.limits, given.command);
    if (!limits)
        return std::unexpected(std::move(limits.error()));
    request.limits = *limits;
    return request;
}

}  // namespace flyball::cli
