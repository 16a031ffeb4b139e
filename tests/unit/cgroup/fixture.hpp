// A fake cgroup file system in a directory that goes away with it.
#pragma once

#include "support/catch.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace flyball::test {

class FakeRoot {
public:
    FakeRoot()
    {
        char name[] = "/tmp/flyball-test-XXXXXX";
        REQUIRE(::mkdtemp(name) != nullptr);
        path_ = name;
    }
    ~FakeRoot() { std::filesystem::remove_all(path_); }
    FakeRoot(const FakeRoot&) = delete;
    FakeRoot& operator=(const FakeRoot&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    void dir(const std::string& name) const { std::filesystem::create_directories(path_ + name); }
    void file(const std::string& name, const std::string& text) const
    {
        std::filesystem::create_directories(std::filesystem::path(path_ + name).parent_path());
        std::ofstream(path_ + name) << text;
    }
    // A machine with v2 alone.
    void unified() const
    {
        file("/proc/self/mountinfo",
             "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
        file("/proc/cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t0\t90\t1\nmemory\t0\t90\t1\n");
        file("/proc/self/cgroup", "0::/user.slice/session-2.scope\n");
        file("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n");
    }
    // v1 for the controllers, an empty v2 mount.
    void hybrid() const
    {
        file("/proc/self/mountinfo", "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
                                     "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
                                     "38 31 0:35 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n"
                                     "39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
                                     "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
        file("/proc/cgroups", "#subsys_name\thierarchy\tnum_"
                              "cgroups\tenabled\ncpu\t1\t1\t1\ncpuacct\t1\t1\t1\nblkio\t7\t1\t1\nmemory\t4\t1"
                              "1\t1\npids\t8\t1\t1\n");
        file("/proc/self/cgroup", "8:pids:/\n7:blkio:/\n4:memory:/session\n1:cpu,cpuacct:/\n0::/\n");
        file("/sys/fs/cgroup/unified/cgroup.controllers", "\n");
        for (const char* name : {"cpu,cpuacct", "memory", "blkio", "pids"})
            dir(std::string("/sys/fs/cgroup/") + name);
    }

private:
    std::string path_;
};

}  // namespace flyball::test
