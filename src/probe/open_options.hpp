// SPDX-License-Identifier: Apache-2.0
// How skeletons are opened. libbpf would find the kernel's BTF itself, parse all of it for each object, and search that
// of every module for each type that this kernel does not have: none of ours is a module's, a machine may have a
// hundred, and libbpf before 1.3 fails there without CAP_SYS_ADMIN. So it is given a file with what the object names.
#pragma once

#include "flyball/base/fd.hpp"
#include "flyball/base/result.hpp"
#include "flyball/kernel/facts.hpp"

#include <bpf/libbpf.h>

#include <string>

namespace flyball::probe {

class TypeFile {
public:
    // Empty, where facts have the kernel's types to fill it with.
    [[nodiscard]] static Result<TypeFile> make(const kernel::Facts& facts);

    // For opening an object; valid while this lives.
    [[nodiscard]] bpf_object_open_opts options() const;

    // To be called between opening the object and loading it, when it is read.
    [[nodiscard]] Result<> fill(const kernel::Facts& facts, const bpf_object& object) const;

private:
    UniqueFd file_;
    std::string path_;
};

}  // namespace flyball::probe
