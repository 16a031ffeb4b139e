// SPDX-License-Identifier: Apache-2.0
#include "open_options.hpp"

#include <bpf/btf.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <utility>

namespace flyball::probe {

namespace {

constexpr const char* kWhole = "/sys/kernel/btf/vmlinux";

// All types that the object has a name of: what it asks the kernel for is among them.
std::set<std::string, std::less<>> names_in(const btf& types)
{
    std::set<std::string, std::less<>> names;
    const __u32 count = btf__type_cnt(&types);
    for (__u32 id = 1; id < count; ++id) {
        const char* name = btf__name_by_offset(&types, btf__type_by_id(&types, id)->name_off);
        if (name != nullptr && *name != '\0')
            names.emplace(kernel::essential_name(name));
    }
    return names;
}

}  // namespace

Result<TypeFile> TypeFile::make(const kernel::Facts& facts)
{
    TypeFile made;
    made.path_ = kWhole;
    if (!facts.types)
        return made;
    made.file_ = UniqueFd(::memfd_create("flyball-types", MFD_CLOEXEC));
    if (!made.file_.valid())
        return std::unexpected(errno_error(ErrorKind::Unavailable, "a file in memory for the kernel's types", errno));
    made.path_ = fmt::format("/proc/self/fd/{}", made.file_.get());
    return made;
}

bpf_object_open_opts TypeFile::options() const
{
    return {.sz = sizeof(bpf_object_open_opts), .btf_custom_path = path_.c_str()};
}

Result<> TypeFile::fill(const kernel::Facts& facts, const bpf_object& object) const
{
    const btf* own = bpf_object__btf(&object);
    if (!file_.valid() || own == nullptr)
        return {};
    const std::vector<std::byte> types = facts.types->only(names_in(*own));
    for (std::size_t done = 0; done < types.size();) {
        const ssize_t n = ::write(file_.get(), types.data() + done, types.size() - done);
        if (n < 0)
            return std::unexpected(errno_error(ErrorKind::Io, "writing the kernel's types to memory", errno));
        done += static_cast<std::size_t>(n);
    }
    return {};
}

}  // namespace flyball::probe
