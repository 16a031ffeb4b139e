// SPDX-License-Identifier: Apache-2.0
#include "flyball/report/compare.hpp"

#include "cells.hpp"
#include "compare_values.hpp"
#include "flyball/base/version.hpp"
#include "parts.hpp"

namespace flyball::report {
namespace {

using compare::Comparison;

Json json_compared_interval(const std::optional<compare::Interval>& interval)
{
    return interval ? Json::array({interval->low, interval->high}) : Json(nullptr);
}

Json json_cgroup_name(const compare::Key& key)
{
    return key.cgroup.empty() ? Json(nullptr) : Json(harmless(key.cgroup));
}

Json json_compared_row(const compare::Row& row)
{
    return {{"cgroup", json_cgroup_name(row.key)},
            {"metric", harmless(row.key.name)},
            {"unit", unit_word(row.unit)},
            {"good", good_word(row.good)},
            {"runs_a", row.n_a},
            {"runs_b", row.n_b},
            {"batch_a", row.batch_a},
            {"batch_b", row.batch_b},
            {"a", row.a},
            {"b", row.b},
            {"difference", row.difference},
            {"difference_interval", json_compared_interval(row.interval)},
            {"change", json_maybe(row.change)},
            {"change_interval", json_compared_interval(row.change_interval)},
            {"p", json_maybe(row.p)},
            {"p_family", json_maybe(row.p_family)},
            {"threshold", row.threshold.value},
            {"threshold_relative", row.threshold.relative},
            {"verdict", verdict_word(row.verdict)},
            {"regression", row.regression},
            {"reason", row.reason.empty() ? Json(nullptr) : Json(harmless(row.reason))}};
}

Json json_compared_quantile(const compare::QuantileRow& q)
{
    return {{"q", q.q},
            {"a", q.a},
            {"a_interval", json_compared_interval(q.of_a)},
            {"b", q.b},
            {"b_interval", json_compared_interval(q.of_b)},
            {"difference_interval", json_compared_interval(q.difference)}};
}

Json json_compared_distribution(const compare::DistributionRow& row)
{
    return {{"cgroup", json_cgroup_name(row.key)},
            {"metric", harmless(row.key.name)},
            {"unit", unit_word(row.unit)},
            {"samples_a", row.n_a},
            {"samples_b", row.n_b},
            {"ks", row.ks},
            {"ks_at", row.ks_at},
            {"wasserstein", row.moved},
            {"quantiles", json_list(row.quantiles, json_compared_quantile)},
            {"bins", json_list(row.bins, [](const compare::Bin& bin) {
                 return Json::array({bin.low, bin.high, bin.a, bin.b});
             })}};
}

Json json_side(const std::string& name, std::size_t runs, std::size_t slices)
{
    return {{"name", harmless(name)}, {"runs", runs}, {"slices", slices}};
}

}  // namespace

std::string render_compare_json(const Comparison& c)
{
    Json root = {{"schema", kCompareSchema},
                 {"flyball_version", kVersion},
                 {"a", json_side(c.a_name, c.a_runs, c.a_slices)},
                 {"b", json_side(c.b_name, c.b_runs, c.b_slices)},
                 {"basis", basis_word(c.basis)},
                 {"confidence", c.confidence},
                 {"regression", c.regressed()},
                 {"tested", c.tested},
                 {"runs_needed", c.runs_needed}};
    root["notes"] = json_strings(c.notes);
    root["metrics"] = json_list(c.rows, json_compared_row);
    root["distributions"] = json_list(c.distributions, json_compared_distribution);
    root["only_a"] = json_strings(c.only_a);
    root["only_b"] = json_strings(c.only_b);
    return written(root);
}

}  // namespace flyball::report
