// SPDX-License-Identifier: Apache-2.0
// Colours: before is grey, after is blue; met, doubtful and missed differ in lightness as well as in hue, and carry a
// sign.
#include "parts.hpp"

namespace flyball::report {
namespace {

constexpr std::string_view kStyle = R"css(
:root {
  color-scheme: light dark;
  --bg: #faf9f7; --panel: #ffffff; --ink: #1c2228; --muted: #5b6570; --line: #e2dfd9; --grid: #eceae5;
  --after: #1f5fa8; --after-soft: #1f5fa833; --before: #7d858e; --before-soft: #7d858e2b; --zone: #1a7f5a1c;
  --met: #14704e; --met-bg: #dff1e8; --missed: #a8371a; --missed-bg: #fbe3da; --doubt: #7d5800; --doubt-bg: #faeecb;
  --none: #5b6570; --none-bg: #eeece8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #14171a; --panel: #1b2025; --ink: #e7e9eb; --muted: #9ca6b0; --line: #2f363d; --grid: #272d33;
    --after: #6fb2f2; --after-soft: #6fb2f240; --before: #98a1aa; --before-soft: #98a1aa30; --zone: #57c89a22;
    --met: #6bd3a8; --met-bg: #15352a; --missed: #f59a7c; --missed-bg: #422016; --doubt: #e6bd5c; --doubt-bg: #3a2e10;
    --none: #9ca6b0; --none-bg: #262c32;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--bg); color: var(--ink); line-height: 1.5; font-size: 16px;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
}
header, main, footer { max-width: 1120px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 40px; }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 12px; overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; letter-spacing: -0.01em; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 28px 0 0; }
h4 { font-size: 0.9rem; margin: 16px 0 4px; overflow-wrap: anywhere; }
p { margin: 0 0 8px; max-width: 72ch; overflow-wrap: anywhere; }
a { color: var(--after); text-decoration: none; overflow-wrap: anywhere; }
a:hover, a:focus-visible { text-decoration: underline; }
.eyebrow { color: var(--muted); font-size: 0.8rem; letter-spacing: 0.08em; text-transform: uppercase; margin: 0 0 4px; }
.remark, .origin { color: var(--muted); font-size: 0.875rem; }
.verdict { font-size: 1.15rem; font-weight: 600; padding: 12px 16px; border-radius: 10px; max-width: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 12px; margin: 20px 0 0; padding: 0; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; margin: 0; }
.tile dt { color: var(--muted); font-size: 0.8rem; }
.tile dd { margin: 0; font-size: 1.5rem; font-weight: 600; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.tile dd.under { font-size: 0.8rem; font-weight: 400; letter-spacing: 0; color: var(--muted); }
section { margin: 40px 0 0; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; padding: 16px 20px; margin-top: 12px; }
article { margin: 48px 0 0; padding-top: 24px; border-top: 2px solid var(--line); }
.title { display: flex; flex-wrap: wrap; align-items: center; gap: 8px 12px; margin-bottom: 8px; }
.chip {
  display: inline-block; padding: 1px 10px; border-radius: 999px; font-size: 0.8rem; font-weight: 600; white-space: nowrap;
}
.met { color: var(--met); background: var(--met-bg); }
.missed { color: var(--missed); background: var(--missed-bg); }
.doubt { color: var(--doubt); background: var(--doubt-bg); }
.none { color: var(--none); background: var(--none-bg); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; min-width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--muted); font-weight: 500; font-size: 0.8rem; }
tbody th { font-weight: 500; overflow-wrap: anywhere; min-width: 8em; }
td.n, th.n { text-align: right; white-space: nowrap; padding-right: 20px; }
td small { display: block; color: var(--muted); }
.matrix { border-collapse: separate; border-spacing: 3px; min-width: 0; }
.matrix th, .matrix td { border: 0; padding: 6px 10px; }
.matrix thead th { text-align: center; overflow-wrap: anywhere; }
.matrix tbody th { padding-left: 0; font-weight: 400; min-width: 11em; max-width: 26em; }
.matrix td { border-radius: 6px; text-align: center; font-weight: 600; cursor: help; min-width: 6.5em; }
.matrix td.blank { cursor: auto; }
.matrix td small { font-weight: 400; color: inherit; }
.rows { display: grid; grid-template-columns: 11em minmax(0, 1fr) 17.5em; gap: 0 16px; align-items: center; font-size: 0.875rem; }
.rows .who { overflow-wrap: anywhere; }
.rows .what { font-variant-numeric: tabular-nums; }
.rows .what b { font-weight: 600; }
.rows .what small, .rows .who small { color: var(--muted); display: block; line-height: 1.3; }
.rows .axis { grid-column: 2; }
svg { display: block; width: 100%; overflow: visible; }
.rows svg.plot { height: 40px; }
svg.axis { height: 20px; }
svg text { fill: var(--muted); font-size: 11px; font-variant-numeric: tabular-nums; }
text.mid { text-anchor: middle; } text.last { text-anchor: end; } text.first { text-anchor: start; }
.grid { stroke: var(--grid); stroke-width: 1; }
.zone { fill: var(--zone); }
.floor { stroke: var(--missed); stroke-width: 1.5; stroke-dasharray: 4 3; }
.span { stroke: var(--before); stroke-width: 2; }
.interval { fill: var(--after-soft); }
.dot-before { fill: var(--panel); stroke: var(--before); stroke-width: 2; }
.dot-after { fill: var(--after); }
.dot-missed { fill: var(--missed); }
.bar-before { fill: var(--before); opacity: 0.55; } .bar-after { fill: var(--after); }
.bar-met { fill: var(--met); } .bar-missed { fill: var(--missed); }
.bar-ground { fill: var(--grid); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; color: var(--muted); font-size: 0.8rem; margin: 12px 0 0; max-width: none; }
.legend svg { display: inline-block; width: 22px; height: 12px; margin-right: 6px; vertical-align: -1px; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); gap: 20px 28px; margin-top: 12px; }
figure { margin: 0; min-width: 0; }
figcaption { font-size: 0.875rem; font-weight: 500; overflow-wrap: anywhere; margin-bottom: 6px; }
figcaption span { color: var(--muted); font-weight: 400; }
.plotbox { display: grid; grid-template-columns: 56px minmax(0, 1fr); }
.plotbox .axis { grid-column: 2; }
.curve { height: 190px; }
.curve path { vector-effect: non-scaling-stroke; }
.line-before { fill: none; stroke: var(--before); stroke-width: 2; stroke-dasharray: 5 3; }
.line-after { fill: none; stroke: var(--after); stroke-width: 2.25; }
.band-before { fill: var(--before-soft); } .band-after { fill: var(--after-soft); }
.bound { stroke-width: 2.5; } .bound.met { stroke: var(--met); } .bound.missed { stroke: var(--missed); } .bound.doubt { stroke: var(--doubt); }
.mini { height: 14px; min-width: 90px; margin: 2px 0 0; }
.attempts { list-style: none; margin: 12px 0 0; padding: 0; }
.attempts > li { position: relative; padding: 0 0 20px 30px; }
.attempts > li::before { content: ""; position: absolute; left: 8px; top: 18px; bottom: -6px; width: 2px; background: var(--line); }
.attempts > li:last-child::before { display: none; }
.attempts .knot {
  position: absolute; left: 0; top: 3px; width: 18px; height: 18px; border-radius: 50%; font-size: 11px; font-weight: 700;
  line-height: 18px; text-align: center;
}
.bars { display: grid; grid-template-columns: max-content minmax(60px, 260px) 1fr; gap: 2px 12px; align-items: center; font-size: 0.8rem; margin: 6px 0; }
.bars svg { height: 8px; } .bars span { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
ul.plain { margin: 6px 0; padding-left: 18px; font-size: 0.875rem; } ul.plain li { overflow-wrap: anywhere; }
.advice { border: 1px solid var(--line); border-left: 4px solid var(--doubt); background: var(--panel); border-radius: 0 8px 8px 0; padding: 12px 16px; margin-top: 16px; }
.advice h3 { margin-top: 0; } .advice h4 { margin-top: 8px; }
.advice ul { margin: 0; }
details { margin-top: 12px; border: 1px solid var(--line); border-radius: 10px; background: var(--panel); }
summary { cursor: pointer; padding: 8px 16px; font-size: 0.9rem; font-weight: 500; }
details > div { padding: 0 16px 12px; }
pre { font-size: 0.75rem; line-height: 1.4; overflow-x: auto; margin: 0; font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.92em; overflow-wrap: anywhere; }
.vh { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
footer { color: var(--muted); font-size: 0.8rem; padding-top: 40px; padding-bottom: 48px; }
@media (max-width: 720px) {
  header, main, footer { padding-left: 16px; padding-right: 16px; }
  header { padding-top: 24px; }
  h1 { font-size: 1.6rem; }
  .panel { padding: 12px 14px; }
  .rows { grid-template-columns: minmax(0, 1fr); }
  .rows .axis { grid-column: 1; margin-bottom: 12px; }
  .rows .who { margin-top: 14px; }
  .bars { grid-template-columns: max-content 1fr; } .bars svg { grid-row: span 1; } .bars span.note { grid-column: 1 / -1; margin-bottom: 4px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tile dd { font-size: 1.25rem; }
}
@media print {
  :root { color-scheme: light; --bg: #ffffff; --panel: #ffffff; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { font-size: 12px; }
  figure, tr, .attempts > li, .tile { break-inside: avoid; }
  h2, h3, h4, .title { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; }
  .scroll { overflow: visible; }
}
)css";

}  // namespace

std::string_view html_style()
{
    return kStyle;
}

}  // namespace flyball::report
