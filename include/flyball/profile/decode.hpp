// SPDX-License-Identifier: Apache-2.0
// From bytes of the control ring to its records.
#pragma once

#include "flyball/abi/events.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string>

namespace flyball::profile {

// What a record must have; what it lacks beyond that is zero.
template <class Record>
inline constexpr std::size_t kLeastSize = sizeof(Record);
template <>
inline constexpr std::size_t kLeastSize<fb_oom_task> = FB_OOM_TASK_OLD;
template <>
inline constexpr std::size_t kLeastSize<fb_oom_member> = FB_OOM_MEMBER_OLD;

// A record may be longer than this version knows (a newer kernel side). nullopt: too short.
template <class Record>
std::optional<Record> decode(std::span<const std::byte> bytes)
{
    if (bytes.size() < kLeastSize<Record>)
        return std::nullopt;
    Record record{};
    std::memcpy(&record, bytes.data(), std::min(bytes.size(), sizeof record));
    return record;
}

// Of a field of fixed size: up to its NUL, where it has one.
template <std::size_t N>
std::string field_text(const char (&field)[N])
{
    return {field, strnlen(field, N)};
}

// Calls use(record) unless it is too short: false.
template <class Record, class Use>
bool with(std::span<const std::byte> bytes, Use use)
{
    const std::optional<Record> record = decode<Record>(bytes);
    if (record)
        use(*record);
    return record.has_value();
}

}  // namespace flyball::profile
