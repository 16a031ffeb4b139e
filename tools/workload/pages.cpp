// SPDX-License-Identifier: Apache-2.0
#include "pages.hpp"

#include "system.hpp"

#include <sys/mman.h>
#include <unistd.h>

namespace workload {

Pages::Pages(std::uint64_t bytes) : bytes_(bytes), page_(static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)))
{
    if (bytes_ == 0)
        return;
    area_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area_ == MAP_FAILED)
        fail_errno("mmap");
    madvise(area_, bytes_, MADV_NOHUGEPAGE);  // else one touch may charge 2 MiB
}

Pages::~Pages()
{
    if (bytes_ > 0)
        munmap(area_, bytes_);
}

void Pages::touch(std::uint64_t from, std::uint64_t to)
{
    auto* bytes_of = static_cast<volatile unsigned char*>(area_);
    for (std::uint64_t at = (from + page_ - 1) / page_ * page_; at < to; at += page_) {
        bytes_of[at] = static_cast<unsigned char>(bytes_of[at] + 1);
    }
}

}  // namespace workload
