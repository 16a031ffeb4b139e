// SPDX-License-Identifier: Apache-2.0
// The files of one cgroup, for reading. Private to the room.
#pragma once

#include "flyball/base/file.hpp"
#include "flyball/cgroup/counters.hpp"
#include "flyball/cgroup/mounts.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::cgroup::detail {

using Count = std::optional<std::uint64_t>;

// One cgroup's directory in one hierarchy, where there is one.
class Files {
public:
    Files(const Mount* mount, std::string_view path)
    {
        if (mount == nullptr)
            return;
        unified_ = mount->unified;
        directory_ = mount->directory(path);
    }
    [[nodiscard]] bool unified() const { return unified_; }
    [[nodiscard]] std::optional<std::string> text(const char* name) const
    {
        if (!directory_)
            return std::nullopt;
        auto read = read_if_exists(*directory_ + "/" + name);
        return read ? std::move(*read) : std::nullopt;
    }
    [[nodiscard]] std::map<std::string, std::uint64_t> keyed(const char* name) const
    {
        const auto read = text(name);
        return read ? parse_flat_keyed(*read) : std::map<std::string, std::uint64_t>{};
    }
    [[nodiscard]] Count single(const char* name) const
    {
        const auto read = text(name);
        return read ? parse_single(*read) : std::nullopt;
    }

private:
    std::optional<std::string> directory_;
    bool unified_ = false;
};

inline Count field(const std::map<std::string, std::uint64_t>& fields, const std::string& name)
{
    const auto found = fields.find(name);
    return found == fields.end() ? std::nullopt : Count(found->second);
}

}  // namespace flyball::cgroup::detail
