// SPDX-License-Identifier: Apache-2.0
// Why something cannot be had, and what to do about it.
#pragma once

#include "flyball/kernel/facts.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace flyball::kernel {

struct Lack {
    std::string why;
    std::string remedy;
};

// May this program be loaded and attached?
[[nodiscard]] bool usable(const Facts& facts, std::string_view program);

// Of a program that is not usable.
[[nodiscard]] Lack explain(const Facts& facts, std::string_view program);

// Why no program runs at the ticks of a clock; nullopt: one does.
[[nodiscard]] std::optional<Lack> no_cpu_clock(const Facts& facts);

// What keeps the whole object from working; nullopt: nothing does.
[[nodiscard]] std::optional<Lack> nothing_works(const Facts& facts);

}  // namespace flyball::kernel
