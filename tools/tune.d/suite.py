# SPDX-License-Identifier: Apache-2.0
"""The scenarios, and what is done with each of them."""
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Callable

import together
from baselines import Answer, p42, senpai, vpa
from cgroups import FLYBALL, PERIOD_US, V2, WORKLOAD, Cgroup, Run, cpu_ticks, machine_oom_kills, measure
from truths import IO_MODEL, MIB, Bursts, Truth, least_cpu, least_memory

START = 2.0  # times the truth: where each tuner begins, as what somebody has foreseen
RANDOM_RETENTION_S = 300
# Of the lab: requests to its other disks end when the host has done them, which virtual time does not know.
SCAN_DISK, SCAN_DISK_NS = "/dev/nullb1", 200_000
IO_STREAM = ("iostream", "--file", "/dev/nullb0", "--bs", "4096", "--random")

@dataclass(frozen=True)
class Effort:
    """Seconds of each thing, on a host."""
    profile: float = 60  # as by default
    trial: float = 3  # of P4.2, which takes 300
    retention: float = 6
    watch: float = 30  # of VPA and Senpai
    pairs: int = 3
    runs: int = 20  # of A/A
    disturbance: str = "10%"
    warm_up: str = "30s"
    quick: bool = False
    tuners: str = ""  # a regular expression: only those whose names have it

@dataclass(frozen=True)
class Scenario:
    name: str
    resource: str
    verb: tuple[str, ...]  # of flyball-workload, SECONDS left out
    known: int = 0  # MiB, tasks, or operations a second
    where: str = "host lab"
    load: Bursts | None = None
    running: bool = False  # flyball tune --try on a cgroup that runs, instead of -- CMD
    quick: bool = False
    again: int = 0  # A/A: so many times, on a cgroup that has its limit

def bursts(name: str, busy_ms: int, period_ms: int, threads: int = 1, poisson: bool = False) -> Scenario:
    verb = ("bursts", "--busy-us", f"{busy_ms * 1000}", "--period-us", f"{period_ms * 1000}", "--threads", f"{threads}") + ("--poisson",) * poisson
    return Scenario(name, "cpu", verb, load=Bursts(busy_ms, period_ms, threads, poisson, min(threads, os.cpu_count() or 1)))

def scenarios(runs: int) -> list[Scenario]:
    # Two threads at a time are not for virtual time: its CPUs take turns, and each burst uses some per cent more than it asks for.
    even = replace(bursts("cpu-10-100", 10, 100), quick=True)
    pool = Scenario("pids-pool", "pids", ("pool", "--tasks", "30", "--spike", "10"), 41, quick=True)
    workset = Scenario("memory-workset", "memory", ("workset", "--anon", "48", "--think-us", "2000"), 48, "lab", quick=True)
    start = ("workset", "--anon", "48", "--extra", "24", "--think-us", "2000")
    return [
        even, replace(bursts("cpu-40-200", 40, 200), running=True), bursts("cpu-20-170", 20, 170), bursts("cpu-5-20", 5, 20),
        bursts("cpu-40-207", 40, 207), replace(bursts("cpu-2-threads", 10, 100, threads=2), where="host"), bursts("cpu-poisson", 5, 50, poisson=True),
        pool, Scenario("pids-threads", "pids", ("pool", "--tasks", "100", "--threads"), 101),
        workset, Scenario("memory-start", "memory", start, 72, "lab"), Scenario("memory-scan", "memory", ("scan", "--file", SCAN_DISK, "--mib", "32", "--dead", "32", "--think-us", "8000"), 32, "lab"),
        Scenario("memory-leak", "memory", ("leak", "--mib-per-s", "1", "--start", "32"), 0, "lab"),
        Scenario("io-2-streams", "io", (*IO_STREAM, "--rate", "100"), 100, "lab", running=True),
        replace(even, name="aa-cpu", again=runs), replace(pool, name="aa-pids", again=runs),
        replace(workset, name="aa-memory", again=max(1, runs // 2), running=True, quick=False),
        Scenario("all-four", "all", (), where="lab"),
    ]

def limits_of(resource: str, value: float) -> dict[str, str]:
    """As the baselines set it: none of them knows a burst."""
    if resource == "cpu":
        return {"cpu.max": f"{max(1000, int(value * PERIOD_US))} {PERIOD_US}"}
    return {"io.weight": f"default {min(10_000, max(1, round(value)))}"} if resource == "io" else {f"{resource}.max": str(int(value))}

def set_up_io() -> None:
    number, root, fast = Path("/sys/block/nullb0/dev").read_text().strip(), Path("/sys/fs/cgroup"), 1 << 30
    model = " ".join(f"{way}bps={fast} {way}seqiops={IO_MODEL} {way}randiops={IO_MODEL}" for way in "rw")
    (root / "io.cost.model").write_text(f"{number} ctrl=user model=linear {model}")
    (root / "io.cost.qos").write_text(f"{number} enable=1 ctrl=user min=100 max=100")

def set_up_scan() -> None:
    disk = Path("/sys/kernel/config/nullb/nullb1")
    if not disk.exists():
        disk.mkdir()
        for name, value in {"size": 1024, "irqmode": 2, "completion_nsec": SCAN_DISK_NS, "power": 1}.items():
            (disk / name).write_text(str(value))

def contended(s: Scenario, seconds: float, limits: dict[str, str]) -> Run:
    """I/O beside an antagonist such as flyball's: 16 random reads under way, at weight 100."""
    with Cgroup("antagonist") as other:
        with other.start([IO_STREAM[0], f"{seconds + 3:g}", *IO_STREAM[1:], "--depth", "16", "--seed", "9"]):
            time.sleep(1)
            run = measure(list(s.verb), seconds, limits)
    return run

def truth_of(s: Scenario, effort: Effort) -> tuple[Truth, list[dict[str, Any]]]:
    if s.load:
        return least_cpu(s.load), []
    if s.resource == "pids":
        return Truth(s.known, "1 + tasks + spike, by its construction"), []
    if s.resource == "io":
        return Truth(100 * s.known / (IO_MODEL - s.known), f"w / (w + 100) = {s.known} / {IO_MODEL} operations a second of iocost's"), []
    return least_memory(list(s.verb), effort.retention, s.known) if s.known else (Truth(None, "none: it grows for ever"), [])

def understood(s: Scenario, text: str) -> Answer:
    report = json.loads(text)  # the value of cpu.max is a share of its period
    found, value = report["proposals"][0], None
    limits = {v["file"]: ("default " if v["file"] == "io.weight" and v["text"].isdigit() else "") + v["text"] for v in found["values"]}
    first = next((v for v in found["values"] if v["file"] in ("cpu.max", "memory.high", "pids.max", "io.weight", "io.bfq.weight")), None)
    if first and not first["text"].startswith("max"):
        value = first["estimate"] if s.resource != "cpu" else int(first["text"].split()[0]) / int(first["text"].split()[1])
    return Answer(value, limits, found["summary"], found["answer"], len(found["trials"]), report["took_ns"] / 1e9, report["took_ns"] / 1e9,
                  lost_s=found["regret_s"])

def flyball(s: Scenario, effort: Effort, limits: dict[str, str], running: bool) -> Answer:
    """`limits` are what the cgroup begins with. A cgroup that runs and is no scenario for it is only looked at."""
    words = [FLYBALL, "tune", s.resource, "-j", "-q", "-d", f"{max(effort.profile, 45 if s.resource == 'io' else 0):g}s", "--warm-up", effort.warm_up,
             "--disturbance", effort.disturbance] + ["--try"] * s.running
    before, throttled = machine_oom_kills(), 0.0
    with tempfile.NamedTemporaryFile(suffix=".metrics") as told:
        if running:
            with Cgroup("running") as group:
                group.apply(limits)
                with group.start([s.verb[0], "3600", *s.verb[1:]], told.name) as process:
                    time.sleep(3)
                    throttled -= group.throttling()[0]
                    ended = subprocess.run([*words, "--metrics", told.name, group.path], capture_output=True, text=True, check=False)
                    throttled += group.throttling()[0]
                    process.kill()
        else:
            for file in {"cpu.max", "memory.max", "pids.max"} & limits.keys():
                words += ["--" + file.replace(".", "-"), re.sub(r"^(\d+) (\d+)$", r"\1us/\2us", limits[file])]
            words += ["--", WORKLOAD, s.verb[0], "3600", *s.verb[1:]]
            ended = subprocess.run(words, capture_output=True, text=True, check=False)
    answer = understood(s, ended.stdout) if ended.stdout.startswith("{") else Answer(None, {}, ended.stderr.strip()[-200:], "missing")
    answer.oom_kills, answer.throttled_s = machine_oom_kills() - before, throttled
    return answer

def retention(s: Scenario, effort: Effort, limits: dict[str, str]) -> dict[str, Any]:
    """Fresh runs with and without the limits in turn; medians of the pairs' ratios. I/O is contended with its weight, and alone without."""
    run = contended if s.resource == "io" else lambda s, seconds, limits: measure(list(s.verb), seconds, limits)
    if s.load and s.load.poisson:  # one long pair at a time: with the least quota, one in five pairs of a minute has a p99 above its bound
        with ThreadPoolExecutor() as beside:
            free = beside.submit(measure, list(s.verb), RANDOM_RETENTION_S, {}, name="free")
            both = [(measure(list(s.verb), RANDOM_RETENTION_S, limits), free.result())]
    else:
        both = [(run(s, effort.retention, limits), measure(list(s.verb), effort.retention, {})) for _ in range(effort.pairs)]
    bound = 1.1 if s.resource == "io" else 1.25  # as trials of flyball have it
    throughput = statistics.median(a.rate / b.rate if b.rate else 0 for a, b in both)
    p99 = statistics.median([a.p99_ns / b.p99_ns for a, b in both if a.p99_ns and b.p99_ns] or [0]) or None
    found = {"throughput": throughput, "p99": p99, "bound": bound, "oom_kills": sum(a.oom_kills for a, _ in both), "refused_forks": sum(a.refused for a, _ in both)}
    broken = found["oom_kills"] or found["refused_forks"] or not all(a.finished for a, _ in both)
    wanted = s.load.threads * 1000 / s.load.period_ms if s.load else 0  # which others may keep it from, without any limit
    busy = any(b.rate < 0.9 * wanted for _, b in both)
    return {"held": not broken and not busy and throughput >= 0.8 and (p99 is None or p99 <= bound), "busy": busy, **found}

def compare(s: Scenario, effort: Effort, result: dict[str, Any], save: Callable[[], None]) -> None:
    """All tuners on one scenario, from the same limit at the beginning. Goes on with a result that was begun."""
    if "truth" not in result:
        truth, levels = truth_of(s, effort)
        free = measure(list(s.verb), effort.trial, {})
        result |= {"truth": asdict(truth), "sweep": levels, "unlimited": asdict(free), "tuners": {}}
        save()
    least, free, verb = result["truth"]["value"], Run(**result["unlimited"]), list(s.verb)
    start = START * (least or 256 * MIB)  # a leak does not get there meanwhile
    plan: dict[str, Callable[[], Answer]] = {"flyball": lambda: flyball(s, effort, limits_of(s.resource, start), s.running or (effort.quick and s.resource != "memory"))}
    if not effort.quick:
        plan["P4.2"] = lambda: p42(s.resource, verb, start, effort.trial, free, lambda value: limits_of(s.resource, value))
    if s.resource in ("cpu", "memory"):
        plan["VPA"] = lambda: vpa(s.resource, verb, effort.watch, lambda value: limits_of(s.resource, value))
    if s.resource == "memory" and not effort.quick:
        plan["Senpai"] = lambda: senpai(verb, effort.watch, 1)
    for name in [name for name in plan if re.search(effort.tuners, name) and not understandable(result["tuners"].get(name))]:
        a = plan[name]()
        keeps = retention(s, effort, a.limits) if a.limits and a.answer == "limit" else None
        result["tuners"][name] = {**asdict(a), "above": a.value / least - 1 if a.value and least else None, "retention": keeps}
        save()
    result["whole"] = plan.keys() <= result["tuners"].keys()

def again(s: Scenario, effort: Effort, result: dict[str, Any], save: Callable[[], None]) -> None:
    """A/A. Changed: a limit is proposed that is further from the present one than 5 % (CPU) or 10 %, or none where there is one."""
    value = truth_of(s, effort)[0].value or 0
    value = -(-value // 0.775) if s.resource == "pids" else 1.02 * value  # its target of 70 to 85 %; the slices in which CPUs draw quota
    limits = limits_of(s.resource, value) if s.resource != "memory" else {"memory.high": str(int(value))}
    if s.resource == "cpu":  # with the burst with which it is the least
        limits["cpu.max.burst"] = limits["cpu.max"].split()[0]
    near, short = 0.05 if s.resource == "cpu" else 0.10, replace(effort, profile=min(effort.profile, 10), warm_up="0")
    runs = [run for run in result.get("runs", []) if understandable(run)]
    while len(runs) < s.again:
        a = flyball(s, short, limits, True)
        stays = a.answer == "limit" and not limits.keys() & a.limits.keys()  # nothing is proposed for the present limit
        off = 0.0 if stays else a.value / value - 1 if a.value and a.answer == "limit" else None
        state = "changed" if a.answer == "no_limit" or (off is not None and abs(off) > near) else "same" if off is not None else "silent"
        runs.append({"state": state, "off": off, **asdict(a)})
        count = {state: sum(run["state"] == state for run in runs) for state in ("same", "changed", "silent")}
        result |= {"present": limits, "within": near, "count": count, "runs": runs, "whole": len(runs) >= s.again}
        save()

def understandable(entry: dict[str, Any] | None) -> bool:
    """Not what failed, or was stopped or refused since others used the machine: that is worth another attempt."""
    busy = entry is None or (entry.get("retention") or {}).get("busy") or "too busy" in entry["note"]
    return entry is not None and not busy and entry["answer"] not in ("aborted", "missing")

def perform(s: Scenario, effort: Effort, file: Path) -> None:
    """Leaves the result in the file, from time to time; `took_s` is there when it is whole."""
    def save() -> None:
        result["load_average"] = sorted([*result.get("load_average", []), os.getloadavg()[0]])
        file.with_suffix(".partial").write_text(json.dumps(result, indent=1) + "\n")
        file.with_suffix(".partial").replace(file)

    result: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    begin, (stolen, ticks) = time.monotonic() - result.pop("took_s", 0), cpu_ticks()
    result |= {"scenario": s.name, "resource": s.resource, "command": " ".join(s.verb), "kernel": os.uname().release,
               "cgroup": "v2" if V2 else "v1", "effort": asdict(effort)}
    if s.resource in ("io", "all"):
        set_up_io()
    if SCAN_DISK in s.verb:
        set_up_scan()
    if s.resource == "all":
        together.perform(result, save)
    else:
        (again if s.again else compare)(s, effort, result, save)
    result["took_s"] = time.monotonic() - begin
    now_stolen, now_ticks = cpu_ticks()
    result["stolen"] = max(result.get("stolen", 0), (now_stolen - stolen) / max(1, now_ticks - ticks))
    save()
