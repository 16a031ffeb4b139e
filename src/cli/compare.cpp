// SPDX-License-Identifier: Apache-2.0
#include "flyball/cli/compare.hpp"

#include "flyball/base/file.hpp"
#include "flyball/base/terminal.hpp"
#include "flyball/cli/verbs.hpp"
#include "flyball/compare/comparison.hpp"
#include "flyball/compare/load.hpp"
#include "flyball/report/compare.hpp"
#include "output.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

namespace flyball::cli {
namespace {

struct CompareRequest {
    std::vector<std::string> a, b;
    compare::LoadOptions load_a, load_b;
    compare::Options options;
};

std::string joined(const std::vector<std::string>& paths)
{
    std::string text;
    for (const std::string& path : paths)
        text += (text.empty() ? "" : " ") + path;
    return text;
}

Result<> take_sides(const CompareOptions& options, CompareRequest& request)
{
    const bool plain = options.a.empty() && options.b.empty();
    if (plain && options.files.size() == 2) {
        request.a = {options.files[0]};
        request.b = {options.files[1]};
        return {};
    }
    if (options.files.empty() && !options.a.empty() && !options.b.empty()) {
        request.a = options.a;
        request.b = options.b;
        return {};
    }
    if (!plain && !options.files.empty())
        return fail(ErrorKind::Usage, fmt::format("compare: '{}' beside --a and --b", options.files.front()),
                    "put it behind --a or --b");
    const std::string what = plain ? fmt::format("compare needs A and B, and got {}", options.files.size())
                                   : "compare: --a without --b, or --b without --a";
    return fail(ErrorKind::Usage, what, "flyball compare A B, or --a A1 A2 ... --b B1 B2 ...");
}

// The first '=' that both sides of it are paths of: a path may hold one.
Result<> take_map(const std::vector<std::string>& map, compare::LoadOptions& of_b)
{
    for (const std::string& pair : map) {
        const std::size_t middle = pair.find("=/");
        if (middle == std::string::npos || !pair.starts_with('/'))
            return fail(ErrorKind::Usage, fmt::format("--map {}: not two paths of cgroups", pair),
                        "try --map /a/old=/a/new");
        of_b.rename[pair.substr(middle + 1)] = pair.substr(0, middle);
    }
    return {};
}

Result<CompareRequest> request_of(const CompareOptions& options)
{
    CompareRequest request;
    if (auto sides = take_sides(options, request); !sides)
        return std::unexpected(std::move(sides).error());
    if (auto mapped = take_map(options.map, request.load_b); !mapped)
        return std::unexpected(std::move(mapped).error());
    for (const std::string& text : options.thresholds) {
        auto rule = compare::parse_threshold(text);
        if (!rule)
            return std::unexpected(std::move(rule).error());
        request.options.thresholds.push_back(std::move(*rule));
    }
    request.options.confidence = options.confidence / 100;
    request.options.metrics = options.metrics;
    request.options.all = options.all;
    request.options.lower = options.lower;
    request.options.higher = options.higher;
    const auto wanted = [&options, rules = request.options.thresholds](std::string_view column) {
        const compare::Key key{"", std::string(column)};
        std::vector<std::string> globs = options.metrics;
        for (const compare::ThresholdRule& rule : rules) {
            if (rule.threshold.named)
                globs.push_back(rule.pattern);
        }
        return options.metrics.empty() || compare::named(globs, key);
    };
    for (compare::LoadOptions* load : {&request.load_a, &request.load_b}) {
        load->cgroups = options.cgroups;
        load->salvage = options.salvage;
        load->column = wanted;
    }
    return request;
}

Result<compare::Comparison> compared(const CompareRequest& request)
{
    auto a = compare::load_side(joined(request.a), request.a, request.load_a);
    if (!a)
        return std::unexpected(std::move(a).error());
    auto b = compare::load_side(joined(request.b), request.b, request.load_b);
    if (!b)
        return std::unexpected(std::move(b).error());
    return compare::compare(*a, *b, request.options);
}

}  // namespace

int run_compare(const CompareOptions& options, StopToken& stop)
{
    stop.let_go();
    const auto request = request_of(options);
    if (!request)
        return complain(request.error());
    const auto comparison = compared(*request);
    if (!comparison)
        return complain(comparison.error());
    report::CompareTextOptions how{.all = options.all, .distributions = options.top};
    if (!options.output.empty()) {
        if (auto saved = save_file(options.output, report::render_compare_text(*comparison, how)); !saved)
            return complain(saved.error());
    }
    how.color = use_color(ColorWhen::Auto, is_tty(STDOUT_FILENO), process_environment());
    const std::string text =
        options.json ? report::render_compare_json(*comparison) : report::render_compare_text(*comparison, how);
    if (auto printed = print(text, stop); !printed)
        return complain(printed.error());
    return comparison->regressed() ? 1 : 0;
}

}  // namespace flyball::cli
