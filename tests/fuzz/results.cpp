// SPDX-License-Identifier: Apache-2.0
// Any bytes as raw results, JSON or a report, and what comes of them through a whole comparison.
#include "flyball/compare/comparison.hpp"
#include "flyball/compare/load.hpp"
#include "flyball/compare/table.hpp"
#include "flyball/report/compare.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace {

namespace compare = flyball::compare;

void require(bool holds)
{
    if (!holds)
        std::abort();
}

void fuzz_table(std::string_view text)
{
    const auto table = compare::parse_table(text);
    if (!table) {
        require(!table.error().what.empty());
        return;
    }
    require(!table->rows.empty());
    for (const auto& row : table->rows)
        require(row.fields.size() == table->header.size() && row.line > 0);
}

void fuzz_comparison(std::string_view text)
{
    const std::size_t half = text.size() / 2;
    compare::Side a{.name = "A"}, b{.name = "B"};
    for (auto [side, part] : {std::pair{&a, text.substr(0, half)}, std::pair{&b, text.substr(half)}}) {
        auto runs = compare::runs_of_text(part, side->name, {});
        if (!runs) {
            require(!runs.error().what.empty());
            return;
        }
        for (compare::Run& run : *runs) {
            for (const auto& [key, value] : run.values)
                require(std::isfinite(value.value));
            compare::rename_cgroups(run, {});
        }
        side->runs = std::move(*runs);
    }
    const auto comparison = compare::compare(a, b, {.all = true});
    if (!comparison)
        return;
    for (const compare::Row& row : comparison->rows) {
        require(!row.p || (*row.p >= 0 && *row.p <= 1));
        require(!row.interval || row.interval->low <= row.interval->high);
    }
    require(!flyball::report::render_compare_text(*comparison, {.all = true}).empty());
    require(!flyball::report::render_compare_json(*comparison).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    fuzz_table(input);
    fuzz_comparison(input);
    (void)compare::canonical_path(input);
    (void)compare::parse_threshold(input);
    return 0;
}
