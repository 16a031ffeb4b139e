// SPDX-License-Identifier: Apache-2.0
#include "memory_room.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "limit_files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace flyball::live {
namespace {

// memory.reclaim keeps us until it is done.
constexpr std::uint64_t kReclaimPiece = std::uint64_t{16} << 20U;

}  // namespace

std::optional<std::string> MemoryRoom::directory() const
{
    const cgroup::Mount* const memory = layout_.controller("memory");
    auto directory = memory == nullptr || !memory->unified ? std::nullopt : memory->directory(path_);
    return directory && ::access((*directory + "/memory.reclaim").c_str(), W_OK) == 0 ? directory : std::nullopt;
}

std::optional<std::uint64_t> MemoryRoom::use() const
{
    return number_in(layout_, path_, "memory", "memory.current", "memory.usage_in_bytes");
}

Result<std::uint64_t> MemoryRoom::reclaim(std::uint64_t bytes)
{
    const auto where = directory();
    if (!where)
        return fail(ErrorKind::Unavailable, "memory.reclaim: not on this machine (cgroup v2, since v5.19)");
    std::uint64_t reclaimed = 0;
    for (std::uint64_t left = bytes; left > 0;) {
        const std::uint64_t piece = std::min(left, kReclaimPiece), before = use().value_or(0);
        // EAGAIN: less than asked for could be reclaimed. That is an answer.
        auto written = write_file_once(*where + "/memory.reclaim", fmt::format("{}", piece));
        const std::uint64_t after = use().value_or(0);
        reclaimed += before - std::min(before, after);
        left -= piece;
        if (auto went_on = between_(); !went_on)
            return std::unexpected(std::move(went_on.error()));
        if (!written)
            break;
    }
    return reclaimed;
}

Result<> MemoryRoom::make_for(std::string_view file, std::string_view value)
{
    const auto high = file == "memory.high" ? parse_u64(value) : std::nullopt;
    const std::uint64_t used = high && possible() ? use().value_or(0) : 0;
    if (!high || used <= *high)
        return {};
    // What cannot be is left to the write.
    auto reclaimed = reclaim(used - *high);
    return reclaimed ? Result<>{} : std::unexpected(std::move(reclaimed.error()));
}

}  // namespace flyball::live
