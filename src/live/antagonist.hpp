// SPDX-License-Identifier: Apache-2.0
// Direct readers of a block device in a cgroup beside the subject: who a weight is tried out against.
//
// Bounded: readers (requests under way) and their size, the size of a scratch file, and their life, which also ends
// with the thread that started them. Between stop() and start() they are only stopped (SIGSTOP). It reads; only a
// scratch file that did not exist is ever written.
#pragma once

#include "flyball/cgroup/mounts.hpp"
#include "flyball/tune/io.hpp"

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace flyball::live {

inline constexpr unsigned kMostReaders = 128;
inline constexpr unsigned kAntagonistLifeS = 60;  // since the last start()
inline constexpr std::uint64_t kLeastScratch = 16ULL << 20, kMostScratch = 4ULL << 30;

struct AntagonistOptions {
    unsigned readers = 16;
    std::uint64_t block_bytes = 4096;  // a multiple of 4096
    // A file on the device; empty: the device itself is read. One that does not exist is made, filled and removed
    // again.
    std::string file;
    std::uint64_t file_bytes = 256ULL << 20;
};

class DiskAntagonist final : public tune::Antagonist {
public:
    // Makes the scratch file. beside: the subject's path. Usage: bounds, or a file that is of no use.
    [[nodiscard]] static Result<DiskAntagonist> make(const cgroup::Layout& layout, const std::string& beside,
                                                     const AntagonistOptions& options);
    ~DiskAntagonist() override;
    DiskAntagonist(DiskAntagonist&& other) noexcept;
    DiskAntagonist& operator=(DiskAntagonist&&) = delete;

    [[nodiscard]] std::string describe() const override;
    // Usage: the file is on another device. Unavailable: the device or the cgroup cannot be had.
    [[nodiscard]] Result<> start(cgroup::DeviceNumber device, std::string_view file, std::uint64_t weight) override;
    void stop() override;

private:
    DiskAntagonist(cgroup::Layout layout, std::string directory, AntagonistOptions options);
    [[nodiscard]] Result<std::string> target(cgroup::DeviceNumber device) const;
    [[nodiscard]] Result<> fork_readers(const std::string& path);
    void end();

    cgroup::Layout layout_;
    std::string directory_;  // of its cgroup
    AntagonistOptions options_;
    bool scratch_ = false;  // the file is ours
    pid_t readers_ = -1;    // the process whose threads they are
};

}  // namespace flyball::live
