// SPDX-License-Identifier: Apache-2.0
// From the limits of the specification over each attempt to those that stay.
#include "parts.hpp"
#include "svg_axis.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace flyball::report {
namespace {

using calibrate::Attempt;
using calibrate::ComponentResult;

// Each limit as a part of what it was.
void bars(const ComponentResult& component, const Attempt& attempt, Markup& page)
{
    const auto grid = page.in("div", {{"class", "bars"}});
    const ComponentResult tried{
        .name = component.name, .summary = {}, .before = component.before, .after = attempt.limits, .oom = {}};
    for (const LimitChange& limit : limit_changes(tried)) {
        const auto change = limit.change();
        {
            const auto cell = page.in("span");
            page.element("code", {}, limit.file);
        }
        {
            const auto svg = page.in("svg", {{"aria-hidden", "true"}});
            page.shape("rect", {{"width", "100%"}, {"height", "8"}, {"rx", "2"}, {"class", "bar-ground"}});
            if (change)
                page.shape("rect", {{"width", percent(std::clamp(100 * (1 + *change), 0.0, 100.0))},
                                    {"height", "8"},
                                    {"rx", "2"},
                                    {"class", attempt.accepted ? "bar-after" : "bar-before"}});
        }
        page.element("span", {{"class", "note"}, {"title", limit.after}},
                     fmt::format("{}, {}", words_after(limit), change_words(limit)));
    }
}

void draw_attempt(const ComponentResult& component, const Attempt& attempt, Markup& page)
{
    const auto item = page.in("li");
    const std::string_view kind = attempt.accepted ? "knot met" : attempt.undecided ? "knot doubt" : "knot missed";
    page.element("span", {{"class", kind}, {"aria-hidden", "true"}},
                 attempt.accepted    ? "✓"
                 : attempt.undecided ? "?"
                                     : "✗");
    page.element("b", {}, fmt::format("Attempt {}: {}", attempt.number, outcome_word(attempt)));
    bars(component, attempt, page);
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
    if (component.bites.empty())
        return;
    const auto bites = page.in("ul", {{"class", "plain"}});
    for (const calibrate::Bite& bite : component.bites)
        page.element("li", {}, words(bite));
}

}  // namespace flyball::report
