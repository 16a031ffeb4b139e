// SPDX-License-Identifier: Apache-2.0
// The part of the cgroup file system that belongs to the tests: /flyball-test-<pid>, or /flyball-test-<run>-<pid> where
// tools/test names its run in FLYBALL_TEST_RUN, in the unified hierarchy, or in
// each v1 hierarchy that has a controller we need. Removed at the end, also when this process is killed.
#pragma once

#include "environment.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace flyball::test {

inline constexpr std::array<const char*, 4> kControllers{"cpu", "memory", "io", "pids"};

inline bool write_text(const std::string& path, const std::string& text)
{
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool done = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    const int error = errno;
    close(fd);
    errno = error;
    return done;
}

// Kills what is inside (all of it is ours) and removes the directory with all below it.
inline void remove_cgroup_tree(const std::string& directory)
{
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
        if (entry.is_directory(ignored))
            remove_cgroup_tree(entry.path());
    }
    for (int attempt = 0; attempt < 500; ++attempt) {
        if (rmdir(directory.c_str()) == 0 || errno == ENOENT)
            return;
        std::istringstream procs(read_text(directory + "/cgroup.procs"));
        for (pid_t pid = 0; procs >> pid;) {
            if (pid > 0)
                kill(pid, SIGKILL);
        }
        usleep(10'000);
    }
}

class CgroupTree {
public:
    static CgroupTree& instance()
    {
        static CgroupTree tree;
        return tree;
    }

    [[nodiscard]] const std::string& name() const { return name_; }  // "/flyball-test-123"
    [[nodiscard]] bool unified(const std::string& controller) const { return unified_ && mounts_.contains(controller); }
    [[nodiscard]] bool present(const std::string& controller) const { return mounts_.contains(controller); }
    // Mount point of the hierarchy that has the controller.
    [[nodiscard]] std::string mount(const std::string& controller) const
    {
        const auto found = mounts_.find(controller);
        if (found == mounts_.end())
            FB_SKIP("no cgroup hierarchy with the " + controller + " controller");
        return found->second;
    }
    // Each mount point once.
    [[nodiscard]] std::vector<std::string> mounts() const
    {
        std::vector<std::string> all;
        for (const auto& [controller, mount] : mounts_) {
            if (std::ranges::find(all, mount) == all.end())
                all.push_back(mount);
        }
        return all;
    }

    CgroupTree(const CgroupTree&) = delete;
    CgroupTree& operator=(const CgroupTree&) = delete;

private:
    // So that two runs on one machine do not remove each other's.
    static std::string run()
    {
        const char* name = std::getenv("FLYBALL_TEST_RUN");
        return name && *name ? std::string(name) + "-" : "";
    }
    CgroupTree() : name_("/flyball-test-" + run() + std::to_string(getpid()))
    {
        find_mounts();
        start_janitor();
        if (unified_)
            enable_controllers();
        for (const std::string& mount : mounts()) {
            const std::string directory = mount + name_;
            REQUIRE(mkdir(directory.c_str(), 0755) == 0);
            if (!unified_)
                continue;
            for (const auto& [controller, where] : mounts_) {
                write_text(directory + "/cgroup.subtree_control", "+" + controller);
            }
        }
    }
    ~CgroupTree()
    {
        clean();
        close(janitor_);  // it finds nothing to do
        waitpid(janitor_pid_, nullptr, 0);
    }

    void find_mounts()
    {
        std::istringstream lines(read_text("/proc/self/mounts"));
        std::string device, where, type, options;
        for (std::string line; std::getline(lines, line);) {
            std::istringstream(line) >> device >> where >> type >> options;
            std::istringstream names(type == "cgroup2" ? read_text(where + "/cgroup.controllers") : options);
            if (type != "cgroup2" && type != "cgroup")
                continue;
            for (std::string name; std::getline(names, name, type == "cgroup2" ? ' ' : ',');) {
                name.erase(name.find_last_not_of(" \n") + 1);
                if (name == "blkio")
                    name = "io";  // its name in v2
                if (std::ranges::find(kControllers, name) == kControllers.end() && name != "cpuacct")
                    continue;
                if (type == "cgroup2")
                    unified_ = true;
                mounts_.emplace(name, where);
            }
        }
    }

    void enable_controllers()
    {
        const std::string control = mounts_.begin()->second + "/cgroup.subtree_control";
        const std::string enabled = ' ' + read_text(control);
        for (const auto& [controller, where] : mounts_) {
            std::istringstream words(enabled);
            bool on = false;
            for (std::string word; words >> word;)
                on |= word == controller;
            if (!on && write_text(control, "+" + controller))
                we_enabled_.push_back(controller);
        }
    }

    // A process that outlives this one, however it ends, and then clears up.
    void start_janitor()
    {
        int fds[2];
        REQUIRE(pipe2(fds, O_CLOEXEC) == 0);
        janitor_pid_ = fork();
        REQUIRE(janitor_pid_ >= 0);
        if (janitor_pid_ == 0) {
            setsid();  // Ctrl-C is not meant for it
            close(fds[1]);
            char byte = 0;
            while (read(fds[0], &byte, 1) < 0 && errno == EINTR) {
            }
            clean();
            _exit(0);
        }
        close(fds[0]);
        janitor_ = fds[1];
    }

    void clean()
    {
        for (const std::string& mount : mounts())
            remove_cgroup_tree(mount + name_);
        for (const std::string& controller : we_enabled_) {
            write_text(mounts_.begin()->second + "/cgroup.subtree_control", "-" + controller);
        }
        we_enabled_.clear();
    }

    std::string name_;
    bool unified_ = false;
    std::map<std::string, std::string> mounts_;
    std::vector<std::string> we_enabled_;
    int janitor_ = -1;
    pid_t janitor_pid_ = -1;
};

}  // namespace flyball::test
