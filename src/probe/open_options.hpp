// SPDX-License-Identifier: Apache-2.0
// How skeletons are opened. libbpf would find the kernel's BTF itself; that it is named keeps libbpf from searching
// that of every module for each type that this kernel does not have: none of ours is a module's, a machine may have a
// hundred, and libbpf before 1.3 fails there without CAP_SYS_ADMIN.
#pragma once

#include <bpf/libbpf.h>

namespace flyball::probe {

inline constexpr bpf_object_open_opts kOpenOptions{.sz = sizeof(bpf_object_open_opts),
                                                   .btf_custom_path = "/sys/kernel/btf/vmlinux"};

}  // namespace flyball::probe
