// SPDX-License-Identifier: Apache-2.0
#include "flyball/symbol/kernel_names.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/strings.hpp"
#include "flyball/symbol/text_symbols.hpp"

#include <fmt/format.h>

namespace flyball::symbol {

KernelNames KernelNames::read(const std::string& proc)
{
    KernelNames names;
    const auto text = read_file(proc + "/kallsyms");
    if (!text) {
        names.why_none_ = "functions of the kernel are not named: " + text.error().what;
        return names;
    }
    names.table_ = kallsyms_symbols(*text);
    if (names.table_.size() == 0) {
        const auto restrict = read_file(proc + "/sys/kernel/kptr_restrict");
        names.why_none_ = fmt::format(
            "functions of the kernel are not named: /proc/kallsyms hides their addresses (kernel.kptr_restrict is {}: "
            "set it to 1, and run with CAP_SYSLOG)",
            restrict ? trim(*restrict) : "unknown");
    }
    return names;
}

std::string KernelNames::name(std::uint64_t address, bool innermost) const
{
    const auto found = table_.find(innermost ? address : address - 1);
    return found ? std::string(*found) : fmt::format("[kernel+0x{:x}]", address);
}

}  // namespace flyball::symbol
