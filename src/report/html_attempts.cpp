// SPDX-License-Identifier: Apache-2.0
// From the limits of the specification over each attempt to those that stay.
#include "flyball/calibrate/decision.hpp"
#include "html_parts.hpp"
#include "svg_axis.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using calibrate::Attempt;
using calibrate::ComponentResult;
using calibrate::Limits;

std::optional<double> part_of(const std::string& file, const std::string& text, const Limits& before)
{
    const auto found = before.find(file);
    if (found == before.end())
        return std::nullopt;
    const auto was = calibrate::limit_number(file, found->second), is = calibrate::limit_number(file, text);
    return was && is && *was > 0 ? std::optional(*is / *was) : std::nullopt;
}

// Each limit as a part of what it was.
void bars(const ComponentResult& component, const Limits& limits, bool accepted, Markup& page)
{
    const auto grid = page.in("div", {{"class", "bars"}});
    for (const auto& [file, text] : limits) {
        const auto part = part_of(file, text, component.before);
        {
            const auto cell = page.in("span");
            page.element("code", {}, file);
        }
        {
            const auto svg = page.in("svg", {{"aria-hidden", "true"}});
            page.shape("rect", {{"width", "100%"}, {"height", "8"}, {"rx", "2"}, {"class", "bar-ground"}});
            if (part)
                page.shape("rect", {{"width", percent(std::min(100 * *part, 100.0))}, {"height", "8"}, {"rx", "2"}, {"class", accepted ? "bar-after" : "bar-before"}});
        }
        page.element("span", {{"class", "note"}}, part ? fmt::format("{} ({:.0f}% of what it was)", text, *part * 100) : text);
    }
}

void draw_attempt(const ComponentResult& component, const Attempt& attempt, Markup& page)
{
    const auto item = page.in("li");
    page.element("span", {{"class", attempt.accepted ? "knot met" : "knot missed"}, {"aria-hidden", "true"}}, attempt.accepted ? "✓" : "✗");
    page.element("b", {}, fmt::format("Attempt {}: {}", attempt.number, attempt.accepted ? "accepted" : "refused"));
    bars(component, attempt.limits, attempt.accepted, page);
    if (attempt.reasons.empty())
        return;
    const auto list = page.in("ul", {{"class", "plain"}});
    for (const std::string& reason : attempt.reasons)
        page.element("li", {}, reason);
}

}  // namespace

void html_attempts(const ComponentResult& component, Markup& page)
{
    html_heading("Attempts", component.attempts.empty() ? "No other limits were tried." : "", page);
    if (component.attempts.empty())
        return;
    const auto panel = page.in("div", {{"class", "panel"}});
    const auto list = page.in("ol", {{"class", "attempts"}});
    for (const Attempt& attempt : component.attempts)
        draw_attempt(component, attempt, page);
    const auto item = page.in("li");
    page.element("span", {{"class", "knot none"}, {"aria-hidden", "true"}}, "=");
    page.element("b", {}, limits_changed(component) ? "These limits stay" : "The limits stay as they were");
}

}  // namespace flyball::report
