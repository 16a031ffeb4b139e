// SPDX-License-Identifier: Apache-2.0
// Who waited for whom.
#include "parts.hpp"

#include <algorithm>
#include <tuple>

namespace flyball::diagnose {
namespace {

using ledger::Blame;

std::vector<std::string> worst_columns(const std::vector<Victim>& victims)
{
    std::vector<const std::vector<Blame>*> lists;
    for (const Victim& victim : victims)
        lists.push_back(victim.blames);
    std::vector<std::string> paths;
    for (const Blame& blame : merged(lists))
        paths.push_back(blame.path);
    return paths;
}

Matrix::Row row_of(const Victim& victim, const std::vector<std::string>& columns)
{
    Matrix::Row row{.path = victim.path,
                    .sum_ns = victim.sum_ns,
                    .cells = std::vector<std::uint64_t>(columns.size(), 0),
                    .unknown_ns = victim.unknown_ns};
    for (const Blame& blame : *victim.blames) {
        const auto column = std::ranges::find(columns, blame.path);
        if (column == columns.end()) {
            row.others_ns += blame.ns;
        } else {
            row.cells[static_cast<std::size_t>(column - columns.begin())] += blame.ns;
        }
    }
    return row;
}

void add(Matrix::Row& to, const Matrix::Row& from)
{
    to.cells.resize(from.cells.size());
    to.sum_ns += from.sum_ns;
    to.others_ns += from.others_ns;
    to.unknown_ns += from.unknown_ns;
    for (std::size_t i = 0; i < from.cells.size(); ++i)
        to.cells[i] += from.cells[i];
}

}  // namespace

std::vector<Blame> merged(const std::vector<const std::vector<Blame>*>& lists)
{
    std::map<std::string, Blame> by_path;
    for (const auto* list : lists) {
        for (const Blame& blame : *list) {
            Blame& sum = by_path[blame.path];
            sum.path = blame.path;
            sum.ns += blame.ns;
            for (const auto& [cpu, ns] : blame.by_cpu)
                sum.by_cpu[cpu] += ns;
        }
    }
    std::vector<Blame> all;
    for (auto& [path, blame] : by_path)
        all.push_back(std::move(blame));
    std::ranges::stable_sort(all, std::ranges::greater{}, &Blame::ns);
    return all;
}

Matrix build_matrix(const std::vector<Victim>& victims, std::size_t top)
{
    Matrix matrix;
    matrix.columns = worst_columns(victims);
    if (matrix.columns.size() > top) {
        matrix.more_columns = matrix.columns.size() - top;
        matrix.columns.resize(top);
    }
    for (const Victim& victim : victims) {
        if (victim.sum_ns > 0)
            matrix.rows.push_back(row_of(victim, matrix.columns));
    }
    std::ranges::sort(matrix.rows, [](const Matrix::Row& a, const Matrix::Row& b) {
        return std::tie(b.sum_ns, a.path) < std::tie(a.sum_ns, b.path);
    });
    if (matrix.rows.size() > top) {
        matrix.more_rows = matrix.rows.size() - top;
        for (std::size_t i = top; i < matrix.rows.size(); ++i)
            add(matrix.others, matrix.rows[i]);
        matrix.rows.resize(top);
    }
    return matrix;
}

}  // namespace flyball::diagnose
