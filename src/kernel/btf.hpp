// SPDX-License-Identifier: Apache-2.0
// The kernel's own type information, as far as our programs depend on it.
#pragma once

#include "flyball/kernel/programs.hpp"
#include "flyball/kernel/types.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace flyball::kernel {

class KernelBtf {
public:
    // The types must outlive it.
    explicit KernelBtf(const Types& types);

    // BTF id that a program of this kind attaches to; nullopt: the kernel has no such hook.
    [[nodiscard]] std::optional<std::uint32_t> attach_id(const Program& program) const;

    // BTF id of one of kCalledFunctions; nullopt: the kernel has none of this name.
    [[nodiscard]] std::optional<std::uint32_t> function_id(std::string_view name) const;

    // BTF id of one of kReadTypes.
    [[nodiscard]] std::optional<std::uint32_t> struct_id(std::string_view name) const;

    // What is wrong with the argument that the program follows as a pointer; empty: nothing.
    // A tracepoint may keep its name and change its arguments.
    [[nodiscard]] std::string argument_mismatch(const Program& program) const;

    // "struct.member"; members of anonymous structs and unions inside count.
    [[nodiscard]] bool has_field(std::string_view field) const;

private:
    [[nodiscard]] std::optional<std::uint32_t> find(std::uint32_t kind, std::string_view name) const;
    [[nodiscard]] bool has_member(std::uint32_t type, std::string_view member, int depth) const;
    [[nodiscard]] std::uint32_t strip(std::uint32_t type) const;
    [[nodiscard]] std::string type_text(std::uint32_t type) const;

    const Types& types_;
    // (kind, name) -> id for the types that we may ask for: one pass instead of one a question
    std::map<std::pair<std::uint32_t, std::string>, std::uint32_t, std::less<>> ids_;
};

}  // namespace flyball::kernel
