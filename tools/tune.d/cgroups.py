# SPDX-License-Identifier: Apache-2.0
"""A cgroup of this suite on v1 or v2, and one run of flyball-workload within it."""
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
V2 = (ROOT / "cgroup.controllers").exists()
CONTROLLERS = {"cpu": "cpu", "memory": "memory", "pids": "pids", "io": "blkio", "cpuacct": "cpuacct"}  # and their names on v1
PERIOD_US = 100_000
FLYBALL = os.environ.get("FLYBALL_BIN", "build/release/flyball")
WORKLOAD = os.environ.get("FLYBALL_WORKLOAD", "build/release/flyball-workload")

def pairs(text: str) -> dict[str, int]:
    """Of lines `key value`, as in cpu.stat."""
    return {words[0]: int(words[1]) for words in map(str.split, text.splitlines()) if len(words) == 2 and words[1].isdigit()}

def machine_oom_kills() -> int:
    return pairs(Path("/proc/vmstat").read_text()).get("oom_kill", 0)

def cpu_ticks() -> tuple[int, int]:
    """Of all CPUs: what the hypervisor took, and all."""
    ticks = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return ticks[7], sum(ticks)

class Cgroup:
    """Made at once; with all that is in it, it is gone at the end of the with block."""

    def __init__(self, name: str) -> None:
        self.path = f"/tune-truth-{os.getpid()}-{name}"
        for directory in self.directories():
            directory.mkdir()
    def __enter__(self) -> "Cgroup":
        return self

    def __exit__(self, *_: object) -> None:
        for directory in self.directories():
            for _attempt in range(250):
                try:
                    for pid in (directory / "cgroup.procs").read_text().split():
                        os.kill(int(pid), signal.SIGKILL)
                    directory.rmdir()
                    break
                except OSError:
                    time.sleep(0.02)

    def directory(self, controller: str) -> Path:
        return (ROOT if V2 else ROOT / CONTROLLERS[controller]) / self.path[1:]
    def directories(self) -> list[Path]:
        return sorted({self.directory(controller) for controller in CONTROLLERS})
    def write(self, file: str, value: object) -> None:
        (self.directory(file.split(".")[0]) / file).write_text(str(value))
    def read(self, file: str) -> str:
        try:
            return (self.directory(file.split(".")[0]) / file).read_text()
        except OSError:
            return ""
    def apply(self, limits: dict[str, str]) -> None:
        """Limits by the names of cgroup v2's files. The burst goes to 0 first: the kernel refuses a quota below it."""
        rest = dict(limits)
        quota, burst = rest.pop("cpu.max", "max 0").split(), rest.pop("cpu.max.burst", "0")
        v1 = [("burst", "0"), ("period", quota[1]), ("quota", quota[0]), ("burst", burst)]
        cpu = [("cpu.max.burst", "0"), ("cpu.max", " ".join(quota)), ("cpu.max.burst", burst)] if V2 else [(f"cpu.cfs_{f}_us", v) for f, v in v1]
        for file, value in (cpu if quota[0] != "max" else []) + list(rest.items()):
            self.write(file, value)
    def throttling(self) -> tuple[float, float]:  # seconds, and the share of the periods
        stat = pairs(self.read("cpu.stat"))
        held = stat.get("throttled_usec", 0) / 1e6 if V2 else stat.get("throttled_time", 0) / 1e9
        return held, stat.get("nr_throttled", 0) / max(1, stat.get("nr_periods", 0))
    def used_s(self) -> float:
        return pairs(self.read("cpu.stat")).get("usage_usec", 0) / 1e6 if V2 else int(self.read("cpuacct.usage") or 0) / 1e9
    def oom_kills(self) -> int:
        return pairs(self.read("memory.events" if V2 else "memory.oom_control")).get("oom_kill", 0)
    def stall_s(self, kind: str) -> float:
        """Total of memory.pressure; kind is some or full. 0 on v1, which has none."""
        lines = [line for line in self.read("memory.pressure").splitlines() if line.startswith(kind)]
        return int(lines[0].rsplit("total=", 1)[1]) / 1e6 if lines else 0.0

    def start(self, verb: list[str], metrics: str = "/dev/null") -> subprocess.Popen[str]:
        words = [WORKLOAD] + [w for d in self.directories() for w in ("--cgroup", str(d))]
        with open(metrics, "a", encoding="ascii") as told:
            environment = {**os.environ, "FLYBALL_METRICS_FD": str(told.fileno())}
            return subprocess.Popen(words + verb, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, pass_fds=(told.fileno(),))

@dataclass
class Run:
    """How one run of a workload did. rate: work a second, of a pool the share of the tasks that it got. Shares of CPU time, periods, time."""
    finished: bool = False
    rate: float = 0
    p99_ns: int | None = None
    oom_kills: int = 0
    refused: int = 0
    throttled_s: float = 0
    throttled_share: float = 0
    throttled_periods: float = 0
    some: float = 0
    full: float = 0
    peak_bytes: int = 0
    most_tasks: int = 0
    usage: list[float] = field(default_factory=list)  # samples, in CPUs

def wait(process: subprocess.Popen[str], group: Cgroup, run: Run, limit_s: float, every_s: float) -> str:
    """Until it ends; takes samples meanwhile, and ends it where it hangs (memory.high without swap does that)."""
    begin = last = time.monotonic()
    used = group.used_s()
    while time.monotonic() < begin + limit_s:
        try:
            return process.communicate(timeout=every_s)[0]
        except subprocess.TimeoutExpired:
            now, use = time.monotonic(), group.used_s()
            run.usage, used, last = [*run.usage, (use - used) / (now - last)], use, now
            run.most_tasks = max(run.most_tasks, int(group.read("pids.current") or 0))
    process.kill()
    return process.communicate()[0]

def measure(verb: list[str], seconds: float, limits: dict[str, str], every_s: float = 1.0, name: str = "run") -> Run:
    """One fresh run of `verb` (its SECONDS left out) in a cgroup with these limits."""
    run = Run()
    with Cgroup(name) as group:
        group.apply(limits)
        begin = time.monotonic()
        process = group.start([verb[0], f"{seconds:g}", *verb[1:]])
        out = wait(process, group, run, 3 * seconds + 10, every_s)
        wall_s = time.monotonic() - begin
        if process.returncode == 0 and out.startswith("{"):
            told = json.loads(out)
            run.finished, run.p99_ns, run.refused = True, told.get("latency_p99_ns"), told.get("refused", 0)
            work = next((told[unit] for unit in ("jobs", "touched_mib", "read_mib", "reads", "bytes") if unit in told), 0)
            run.rate = 1 - run.refused / max(1, told["made"] + run.refused) if "made" in told else work / (told["wall_ns"] / 1e9)
        run.throttled_s, run.throttled_periods = group.throttling()
        run.throttled_share = run.throttled_s / max(group.used_s(), 1e-9)
        run.some, run.full = group.stall_s("some") / wall_s, group.stall_s("full") / wall_s
        run.oom_kills, run.peak_bytes = group.oom_kills(), int(group.read("memory.peak" if V2 else "memory.max_usage_in_bytes") or 0)
    return run
