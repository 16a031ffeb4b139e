// SPDX-License-Identifier: Apache-2.0
// What direct I/O of a test goes to.
#pragma once

#include "environment.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace flyball::test {

// In the lab the scratch disk; elsewhere a file on a real file system, written in full, so that a direct write to it
// changes no metadata of its own.
class DioTarget {
public:
    explicit DioTarget(std::uint64_t bytes) : file_("dio", "/var/tmp")
    {
        if (in_lab()) {
            if (!std::filesystem::exists("/dev/vda"))
                FB_SKIP("no scratch disk /dev/vda (tools/lab --disk)");
            return;
        }
        std::ofstream out(file_.path(), std::ios::binary);
        const std::string block(kMiB, '\1');
        for (std::uint64_t done = 0; done < bytes; done += kMiB)
            out.write(block.data(), static_cast<std::streamsize>(kMiB));
        out.close();
        struct stat status{};
        REQUIRE(stat(file_.path().c_str(), &status) == 0);
        if (major(status.st_dev) == 0)
            FB_SKIP("/var/tmp is on no block device");
        ::sync();
    }
    [[nodiscard]] std::string path() const { return in_lab() ? "/dev/vda" : file_.path(); }

private:
    Scratch file_;
};

}  // namespace flyball::test
