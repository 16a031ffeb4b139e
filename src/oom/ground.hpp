// SPDX-License-Identifier: Apache-2.0
// The cgroups of one scenario, in the hierarchy of the memory controller. All gone, with all processes in
// them, when it is.
#pragma once

#include "flyball/base/result.hpp"
#include "flyball/cgroup/mounts.hpp"
#include "flyball/cgroup/transient.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace flyball::oom {

class Ground {
public:
    [[nodiscard]] static Result<Ground> make(const cgroup::Layout& layout);
    // One that was there before, and stays as it is.
    [[nodiscard]] static Result<Ground> borrow(const cgroup::Layout& layout, const std::string& path);

    // A cgroup below `parent` ("" is the top); its path.
    [[nodiscard]] Result<std::string> add(const std::string& parent, std::string_view name);
    // The same without controllers: what is charged in it is charged to the parent (v2). v1 has no such thing.
    [[nodiscard]] Result<std::string> add_plain(const std::string& parent, std::string_view name) const;
    // Where a borrowed one is; the top of our own otherwise.
    [[nodiscard]] const std::string& top() const { return top_; }

    // "memory.max" and so on, as v2 calls them; memory.max is also written on v1.
    [[nodiscard]] Result<> set(const std::string& path, std::string_view file, std::string_view value) const;
    [[nodiscard]] std::optional<std::string> text(const std::string& path, std::string_view file) const;
    // A number; nullopt: no such file, or no number ("max").
    [[nodiscard]] std::optional<std::uint64_t> number(const std::string& path, std::string_view file) const;
    // A field of memory.events.
    [[nodiscard]] std::optional<std::uint64_t> event(const std::string& path, const std::string& field) const;
    [[nodiscard]] bool has(const std::string& path, std::string_view file) const;
    [[nodiscard]] bool unified() const { return unified_; }
    // memory.current
    [[nodiscard]] std::optional<std::uint64_t> usage(const std::string& path) const;
    [[nodiscard]] std::optional<std::uint64_t> peak(const std::string& path) const;
    // Its cgroup.procs, to be written to by whoever joins.
    [[nodiscard]] std::string procs_file(const std::string& path) const;
    [[nodiscard]] std::string directory(const std::string& path) const;
    [[nodiscard]] const cgroup::Layout& layout() const { return layout_; }
    // What runs in cgroups of our own.
    [[nodiscard]] Result<> kill_all() { return home_ ? home_->kill_all() : Result<>{}; }
    // rmdir; nothing may be left in it.
    [[nodiscard]] bool remove(const std::string& path) const;
    [[nodiscard]] Result<> destroy();

private:
    Ground(cgroup::Layout layout, const cgroup::Mount& memory)
        : layout_(std::move(layout)), mount_(memory), unified_(memory.unified)
    {
    }

    cgroup::Layout layout_;
    cgroup::Mount mount_;
    std::optional<cgroup::TransientCgroup> home_;
    std::string top_;
    bool unified_ = false;
};

}  // namespace flyball::oom
