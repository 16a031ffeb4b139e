// SPDX-License-Identifier: Apache-2.0
// One line of docs/workload-metrics.md. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace flyball::tune {

enum class Word { Done, Op, Fail, Rate, Value };

struct Told {
    Word word = Word::Done;
    double number = 0;             // of all but op: finite, and not negative except of value
    std::uint64_t latency_ns = 0;  // of op
    std::string_view name;         // of value: views into the line
};

// The value that belongs to a word: a number, or a latency for op. nullopt: it is none.
[[nodiscard]] std::optional<Told> parse_told(Word word, std::string_view value);

// nullopt: none of the contract's lines. The line has no newline and is not empty.
[[nodiscard]] std::optional<Told> parse_workload_line(std::string_view line);

// 1.25ms, 830us, 12000ns, 2s, 0.002 (seconds), 0ms, 1m30s; blanks before the unit are allowed. nullopt: none.
[[nodiscard]] std::optional<std::uint64_t> parse_latency(std::string_view text);

}  // namespace flyball::tune
