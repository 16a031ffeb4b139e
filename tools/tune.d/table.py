# SPDX-License-Identifier: Apache-2.0
"""The results as Markdown."""
from typing import Any, Iterable

from suite import understandable
from together import MOST_S, complaints

Result = dict[str, Any]
# From the optimum: issue 5's bounds, less what the truth is known to; of tasks what a target of 70 to 85 % makes of a whole one.
BOUNDS = {"cpu": (-0.002, 0.05), "memory": (-0.025, 0.10), "pids": (1 / 0.85 - 1, 1 / 0.70 - 0.99), "io": (0.0, 1e9)}

def amount(resource: str, value: float | None) -> str:
    factor, digits, unit = {"cpu": (100, 2, " %"), "memory": (1 / 2**20, 1, " MiB")}.get(resource, (1, 0, ""))
    return "-" if value is None else f"{value * factor:.{digits}f}{unit}"

def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s" if value < 300 else f"{value / 60:.0f} min" if value < 2 * 86_400 else f"{value / 86_400:.0f} d"

def harm(entry: Result) -> str:
    kinds, after = {"oom_kills": "OOM kills", "refused_forks": "forks refused", "throttled_s": "s throttled", "lost_s": "s lost"}, entry["retention"] or {}
    words = [f"{round(entry[key], 1)} {what}" for key, what in kinds.items() if entry[key] >= 0.05]
    return ", ".join(words + [f"afterwards {after[key]} {what}" for key, what in kinds.items() if after.get(key)]) or "none seen"

def keeps(entry: Result) -> str:
    after = entry["retention"]
    return "-" if not after else "machine too busy" if after["busy"] else f"{'yes' if after['held'] else '**no**'}: {after['throughput']:.0%}" + (f", p99 x {after['p99']:.2f}" if after["p99"] else "")

def rows(label: str, result: Result) -> Iterable[str]:
    unit = result["resource"]
    for name, entry in result["tuners"].items():
        limit = entry["answer"] == "limit"
        off = f"{entry['above']:+.1%}" if limit and entry["above"] is not None else "-"
        cells = [label, result["scenario"], amount(unit, result["truth"]["value"]), name, amount(unit, entry["value"]) if limit else entry["answer"], off,
                 keeps(entry), harm(entry), entry["trials"], seconds(entry["wall_s"]), seconds(entry["as_published_s"])]
        yield f"| {' | '.join(map(str, cells))} |"

def shortcomings(label: str, result: Result) -> Iterable[str]:
    """Of flyball: outside the bounds, or behind another tuner."""
    entry, truth, where = result["tuners"].get("flyball"), result["truth"]["value"], f"- {label}, {result['scenario']}"
    if not entry or truth is None or entry["answer"] != "limit":
        if entry and (truth is None) == (entry["answer"] == "limit"):
            yield f"{where}: {entry['answer']}: {entry['note']}"
        return
    low, high = BOUNDS[result["resource"]]
    if not low <= entry["above"] <= high:
        yield f"{where}: {entry['above']:+.1%} of the optimum, wanted is at most {high:.0%} above, and not below"
    if not entry["retention"]["held"] and not entry["retention"]["busy"]:
        yield f"{where}: with its limit the workload does not keep what it should ({keeps(entry)})"
    for name, other in result["tuners"].items():
        if other["retention"] and other["retention"]["held"] and low <= other["above"] < entry["above"]:
            yield f"{where}: {name} is nearer ({other['above']:+.1%})"

def verdict(label: str, result: Result) -> str:
    """skipped: others kept flyball from an answer, or the workload from what it wanted."""
    if "together" in result:
        return "failed" if complaints(result) else "passed"
    ours = result.get("runs") or list(filter(None, [result.get("tuners", {}).get("flyball")]))
    if not ours or not all(map(understandable, ours)):
        return "skipped" if ours else "failed"
    changed = result["count"]["changed"] > 0.05 * len(ours) if "runs" in result else False
    return "failed" if changed or ("runs" not in result and any(" is nearer " not in line for line in shortcomings(label, result))) else "passed"

def repetition(label: str, result: Result) -> str:
    count, total, limits = result["count"], len(result["runs"]), ", ".join(map(" ".join, result["present"].items()))
    cells = [label, result["scenario"], limits, total, *count.values(), "yes" if count["changed"] <= 0.05 * total else "**no**", f"{result['within']:.0%}"]
    return f"| {' | '.join(map(str, cells))} |"

def four(label: str, result: Result) -> Iterable[str]:
    yield f"All four of one component with default settings ({label}): {seconds(result['wall_s'])} of at most {seconds(MOST_S)}, {result['oom_kills']} OOM kills."
    yield from ["", "| resource | its part needs | answer | limits | trials | time | lost |", "|---" * 7 + "|"]
    for entry in result["together"]:
        limits = ", ".join(f"{file} {text}" for file, text in entry["limits"].items()) or "-"
        cells = [entry["resource"], amount(entry["resource"], entry["needs"]), entry["answer"], limits, entry["trials"], seconds(entry["took_s"]), f"{entry['lost_s']:.1f} s"]
        yield f"| {' | '.join(map(str, cells))} |"
    yield from ["", *(f"- {line}" for line in complaints(result)), ""]

def markdown(found: list[tuple[str, Result]]) -> str:
    compared, repeated = [(label, r) for label, r in found if "tuners" in r], [(label, r) for label, r in found if "runs" in r]
    lines = ["| where | scenario | least sufficient | tuner | answer | from it | kept | harm | trials | time | as published |", "|---" * 11 + "|"]
    lines += [row for label, r in compared for row in rows(label, r)] + ["", "How the least is known:", ""]
    lines += [f"- {label}, {r['scenario']} (`{r['command']}`): {r['truth']['how']}" for label, r in compared]
    lines += ["", "Where flyball is outside its bounds, or another one nearer:", ""]
    lines += [line for label, r in compared for line in shortcomings(label, r)] or ["- nowhere in these runs"]
    lines += ["", "A/A, a cgroup that has its least limit already:", "", "| where | scenario | its limits | runs | same | changed | no answer | 95 % unchanged | within |",
              "|---" * 9 + "|"] + [repetition(label, r) for label, r in repeated]
    lines += [""] + [line for label, r in found if "together" in r for line in four(label, r)]
    ours = sum(r["tuners"].get("flyball", {"oom_kills": 0})["oom_kills"] for _, r in compared) + sum(run["oom_kills"] for _, r in repeated for run in r["runs"])
    ours += sum(r["oom_kills"] for _, r in found if "together" in r)
    others = sum(e["oom_kills"] for _, r in compared for name, e in r["tuners"].items() if name != "flyball")
    loads = [load for _, r in found for load in r.get("load_average", [])]
    stolen = [r["stolen"] for _, r in found if "stolen" in r]
    lines += ["", f"OOM kills while flyball tuned: {ours}; while the others did: {others}."]
    lines += [f"Not finished: {label}, {r['scenario']}." for label, r in found if not r.get("whole")]
    kernels = sorted({f"{label}: {r['kernel']}, cgroup {r['cgroup']}" for label, r in found})
    lines += ["", "Kernels: " + "; ".join(kernels) + (f". Load averages: {min(loads):.1f} to {max(loads):.1f}." if loads else "")
              + (f" Taken by the hypervisor: {min(stolen):.1%} to {max(stolen):.1%}." if stolen else "")]
    return "\n".join(lines) + "\n"
