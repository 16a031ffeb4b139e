// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "support/catch.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <utility>

namespace flyball::test {

// Standard error while it lives.
class Captured {
public:
    Captured()
    {
        REQUIRE(file_ >= 0);
        std::fflush(stderr);
        ::dup2(file_, STDERR_FILENO);
    }
    ~Captured()
    {
        restore();
        ::close(file_);
    }
    Captured(const Captured&) = delete;
    Captured& operator=(const Captured&) = delete;

    std::string text()
    {
        restore();
        std::string bytes(4096, '\0');
        const ssize_t got = ::pread(file_, bytes.data(), bytes.size(), 0);
        bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return bytes;
    }

private:
    void restore()
    {
        if (before_ < 0)
            return;
        std::fflush(stderr);
        ::dup2(before_, STDERR_FILENO);
        ::close(std::exchange(before_, -1));
    }
    int file_ = ::memfd_create("stderr", MFD_CLOEXEC);
    int before_ = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
};

}  // namespace flyball::test
