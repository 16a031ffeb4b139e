// SPDX-License-Identifier: Apache-2.0
// One cgroup of a test: made in every hierarchy that matters, gone at the end of the scope, and with it all processes
// inside. The same calls set limits on cgroup v1 and v2.
#pragma once

#include "cgroup_tree.hpp"

#include <string>
#include <utility>
#include <vector>

namespace flyball::test {

class TestCgroup {
public:
    explicit TestCgroup(const std::string& name) : TestCgroup(CgroupTree::instance().name() + "/" + name, 0) {}
    ~TestCgroup() { remove(); }
    TestCgroup(TestCgroup&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TestCgroup& operator=(TestCgroup&&) = delete;

    // A cgroup below this one, which then may not hold processes itself (v2).
    [[nodiscard]] TestCgroup child(const std::string& name) const
    {
        if (tree().unified("cpu")) {
            for (const char* controller : kControllers) {
                write_text(dir(controller) + "/cgroup.subtree_control", std::string("+") + controller);
            }
        }
        return TestCgroup(path_ + "/" + name, 0);
    }

    // As reports call it.
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string dir(const std::string& controller) const { return tree().mount(controller) + path_; }
    [[nodiscard]] std::vector<std::string> dirs() const
    {
        std::vector<std::string> all = tree().mounts();
        for (std::string& directory : all)
            directory += path_;
        return all;
    }

    void remove()
    {
        if (path_.empty())
            return;
        for (const std::string& directory : dirs())
            remove_cgroup_tree(directory);
        path_.clear();
    }

    void cpu_max(std::uint64_t quota_us, std::uint64_t period_us) const
    {
        if (tree().unified("cpu")) {
            set("cpu", "cpu.max", std::to_string(quota_us) + " " + std::to_string(period_us));
        } else {
            set("cpu", "cpu.cfs_period_us", std::to_string(period_us));
            set("cpu", "cpu.cfs_quota_us", std::to_string(quota_us));
        }
    }
    // 100 is what every cgroup has.
    void cpu_weight(std::uint64_t weight) const
    {
        if (tree().unified("cpu")) {
            set("cpu", "cpu.weight", std::to_string(weight));
        } else {
            set("cpu", "cpu.shares", std::to_string(weight * 1024 / 100));
        }
    }
    void memory_max(std::uint64_t bytes) const
    {
        set("memory", tree().unified("memory") ? "memory.max" : "memory.limit_in_bytes", std::to_string(bytes));
        if (tree().unified("memory"))
            write_text(dir("memory") + "/memory.swap.max", "0");
    }
    // memory.high and memory.oom.group are v2 only.
    void memory_high(std::uint64_t bytes) const
    {
        require_unified("memory", "memory.high");
        set("memory", "memory.high", std::to_string(bytes));
    }
    void oom_group() const
    {
        require_unified("memory", "memory.oom.group");
        set("memory", "memory.oom.group", "1");
    }
    void pids_max(std::uint64_t limit) const { set("pids", "pids.max", std::to_string(limit)); }

    [[nodiscard]] std::string read(const std::string& controller, const std::string& file) const
    {
        return read_text(dir(controller) + "/" + file);
    }
    // cpu.stat: in ns on v1, in us on v2.
    [[nodiscard]] std::uint64_t throttled_ns() const
    {
        const std::string stat = read("cpu", "cpu.stat");
        return tree().unified("cpu") ? field(stat, "throttled_usec") * 1000 : field(stat, "throttled_time");
    }

    [[nodiscard]] std::uint64_t oom_kills() const
    {
        return field(read("memory", tree().unified("memory") ? "memory.events" : "memory.oom_control"), "oom_kill");
    }

    static void require_unified(const std::string& controller, const std::string& what)
    {
        if (!tree().unified(controller))
            FB_SKIP("no cgroup v2 " + controller + " controller, so no " + what);
    }

private:
    // The tag keeps a full path and a name apart.
    TestCgroup(std::string path, int) : path_(std::move(path))
    {
        for (const std::string& directory : dirs()) {
            if (mkdir(directory.c_str(), 0755) != 0)
                FAIL("cannot make " << directory << ": " << std::strerror(errno));
        }
    }
    static CgroupTree& tree() { return CgroupTree::instance(); }
    void set(const std::string& controller, const std::string& file, const std::string& value) const
    {
        const std::string where = dir(controller) + "/" + file;
        if (!write_text(where, value))
            FAIL("cannot write " << value << " to " << where << ": " << std::strerror(errno));
    }

    std::string path_;
};

}  // namespace flyball::test
