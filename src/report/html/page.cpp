// SPDX-License-Identifier: Apache-2.0
// The page as a whole, and the small pieces that many of its parts are made of.
#include "parts.hpp"
#include "text/calibration.hpp"

#include <fmt/format.h>

namespace flyball::report {
namespace {

using calibrate::Calibration;
using calibrate::End;
using calibrate::Outcome;

void head(const Calibration& calibration, Markup& page)
{
    const auto scope = page.in("head");
    page.shape("meta", {{"charset", "utf-8"}});
    page.shape("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
    // Nothing is loaded, and nothing runs, even if a name should get through as markup.
    page.shape("meta", {{"http-equiv", "Content-Security-Policy"},
                        {"content", "default-src 'none'; style-src 'unsafe-inline'"}});
    page.element("title", {},
                 "Calibration of " + (calibration.spec_name.empty() ? "a specification" : calibration.spec_name));
    const auto style = page.in("style");
    page.raw(html_style());
}

void legend_item(std::string_view text, Markup& page, auto draw)
{
    const auto item = page.in("span");
    {
        const auto svg = page.in("svg", {{"aria-hidden", "true"}});
        draw();
    }
    page.text(text);
}

}  // namespace

std::string_view kind_of(End end)
{
    switch (end) {
    case End::Calibrated:
    case End::Unchanged:
        return "met";
    case End::NotConverged:
    case End::NotKnown:
        return "doubt";
    case End::Missed:
        break;
    }
    return "missed";
}

std::string_view kind_of(Outcome outcome)
{
    return outcome == Outcome::Met ? "met" : outcome == Outcome::Missed ? "missed" : "doubt";
}

std::string_view kind_of(Retention retention)
{
    switch (retention) {
    case Retention::Held:
        return "met";
    case Retention::Likely:
        return "doubt";
    case Retention::Below:
        return "missed";
    case Retention::Same:
    case Retention::Unknown:
        break;
    }
    return "none";
}

std::string_view sign_of(Outcome outcome)
{
    return outcome == Outcome::Met ? "✓" : outcome == Outcome::Missed ? "✗" : "?";
}

std::string_view sign_of(Retention retention)
{
    switch (retention) {
    case Retention::Held:
        return "✓";
    case Retention::Likely:
        return "?";
    case Retention::Below:
        return "✗";
    case Retention::Same:
        return "=";
    case Retention::Unknown:
        break;
    }
    return "-";
}

void html_chip(std::string_view word, std::string_view kind, Markup& page)
{
    page.element("span", {{"class", fmt::format("chip {}", kind)}}, word);
}

void html_heading(std::string_view title, std::string_view remark, Markup& page)
{
    page.element("h3", {}, title);
    if (!remark.empty())
        page.element("p", {{"class", "remark"}}, remark);
}

void html_cell(std::string_view text, Markup& page, std::string_view kind)
{
    page.element("td", {{"class", kind}}, text);
}

void html_head_row(std::initializer_list<std::string_view> titles, Markup& page)
{
    const auto head = page.in("thead");
    const auto row = page.in("tr");
    for (const std::string_view title : titles) {
        // A leading '>' marks a column of figures.
        const bool figures = title.starts_with('>');
        page.element("th", {{"scope", "col"}, {"class", figures ? "n" : ""}}, figures ? title.substr(1) : title);
    }
}

std::string component_anchor(std::size_t index)
{
    return fmt::format("c{}", index);
}

void svg_legend(bool interval, std::string_view more, Markup& page)
{
    const auto legend = page.in("p", {{"class", "legend"}});
    legend_item("before", page,
                [&] { page.shape("circle", {{"cx", "11"}, {"cy", "6"}, {"r", "5"}, {"class", "dot-before"}}); });
    legend_item("after", page,
                [&] { page.shape("circle", {{"cx", "11"}, {"cy", "6"}, {"r", "6"}, {"class", "dot-after"}}); });
    if (interval)
        legend_item("where the least sufficient value lies", page, [&] {
            page.shape("rect", {{"width", "22"}, {"height", "12"}, {"rx", "6"}, {"class", "interval"}});
        });
    if (!more.empty())
        legend_item(more, page, [&] { page.shape("rect", {{"width", "22"}, {"height", "12"}, {"class", "zone"}}); });
}

std::string render_calibration_html(const Calibration& calibration, AskedComponents asked)
{
    Markup page;
    page.raw("<!DOCTYPE html>");
    {
        const CalibrationTally counts = tally(calibration, asked);
        const auto html = page.in("html", {{"lang", "en"}});
        head(calibration, page);
        const auto body = page.in("body");
        html_header(calibration, counts, page);
        {
            const auto main = page.in("main");
            html_overview(calibration, page);
            html_worse(calibration, asked, page);
            svg_limits(calibration, page);
            svg_retention(calibration, asked, page);
            for (std::size_t i = 0; i < calibration.components.size(); ++i)
                html_component(calibration.components[i], i, asked, page);
        }
        page.element("footer", {}, calibration_origin(calibration));
    }
    return page.take() + "\n";
}

}  // namespace flyball::report
