// SPDX-License-Identifier: Apache-2.0
// The kernel's own type information (BTF), read and gone through once a start. It is megabytes for some hundred types
// that our programs ask for: libbpf would parse all of it anew for each object, and look through all of it for each
// type that a program names.
#pragma once

#include "flyball/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct btf_type;

namespace flyball::kernel {

class Types {
public:
    [[nodiscard]] static Result<Types> read(const std::string& path);
    // Refuses what is not BTF, and kinds of types that it does not know.
    [[nodiscard]] static Result<Types> parse(std::vector<std::byte> bytes);

    // One more than the last id; the first is 1, and 0 is void.
    [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(at_.size()); }
    // nullptr: no type, or void.
    [[nodiscard]] const btf_type* type(std::uint32_t id) const;
    [[nodiscard]] std::string_view text(std::uint32_t offset) const;

    // BTF of the types with one of these names, less "___" and what follows in either, and of all that they hold.
    // Pointers in it lead nowhere, and its ids are its own. For CO-RE it is as good as the whole.
    [[nodiscard]] std::vector<std::byte> only(const std::set<std::string, std::less<>>& names) const;

private:
    Types() = default;
    std::vector<std::byte> bytes_;
    std::size_t text_ = 0, text_bytes_ = 0;  // where the names are
    std::vector<std::uint32_t> at_{0};       // id -> where the type is
};

// A type's name without the "___..." that tells variants of it apart in our programs.
[[nodiscard]] std::string_view essential_name(std::string_view name);

}  // namespace flyball::kernel
