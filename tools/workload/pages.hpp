// SPDX-License-Identifier: Apache-2.0
// Anonymous memory, charged page by page as it is touched.
#pragma once

#include <cstdint>

namespace workload {

inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

class Pages {
public:
    explicit Pages(std::uint64_t bytes);
    ~Pages();
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;

    // Writes a byte of each page that begins in [from, to).
    void touch(std::uint64_t from, std::uint64_t to);
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    std::uint64_t bytes_, page_;
    void* area_ = nullptr;
};

}  // namespace workload
