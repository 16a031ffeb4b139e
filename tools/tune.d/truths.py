# SPDX-License-Identifier: Apache-2.0
"""The least sufficient limit of workloads, worked out apart from flyball, or found by a sweep on this kernel."""
import math
import random
from dataclasses import dataclass
from itertools import islice
from typing import Any, Iterator

from cgroups import PERIOD_US, measure

MIB = 1 << 20
IO_MODEL = 280  # random reads a second that iocost lets through, of some 340 that the device does (docs/tune-io.md)

@dataclass
class Truth:
    value: float | None  # CPUs, bytes, tasks or a weight. None: no limit suffices for ever
    how: str

@dataclass(frozen=True)
class Bursts:
    """K threads begin C of CPU time together every T: a job of K C that runs on `wide` CPUs at a time."""
    busy_ms: float
    period_ms: float
    threads: int
    poisson: bool
    wide: int

    def arrivals(self) -> Iterator[float]:
        chance, at = random.Random(1), 0.0
        while True:
            yield at
            at += chance.expovariate(1 / self.period_ms) if self.poisson else self.period_ms

def latencies(load: Bursts, jobs: int, quota: float, phase: float, period: float) -> list[float]:
    """The kernel's rule (__refill_cfs_bandwidth_runtime) as a fluid, burst = quota: first come, first served, exact in time."""
    found: list[float] = []
    now, left, refill = 0.0, 2 * quota, phase
    for due in islice(load.arrivals(), jobs):
        now, work = max(now, due), load.threads * load.busy_ms
        while work > 1e-9:
            while refill <= now:
                left, refill = min(left + quota, 2 * quota), refill + period
            if left > 1e-9:
                step = min(work / load.wide, left / load.wide, refill - now)
                work, left, now = work - step * load.wide, left - step * load.wide, now + step
            else:
                now = refill
        found.append(now - due)
    return sorted(found)

def suffices(load: Bursts, quota: float, bound: float, period: float, free: list[float]) -> bool:
    """Whether p50 and p99 are at most `bound` longer, in whatever phase the periods begin."""
    ranks = [max(1, math.ceil(share * len(free))) - 1 for share in (0.5, 0.99)]
    for phase in range(1 if load.poisson else 20):
        held = latencies(load, len(free), quota, phase * period / 20, period)
        if any(held[rank] > (1 + bound) * free[rank] for rank in ranks):
            return False
    return True

def least_cpu(load: Bursts, bound: float = 0.05) -> Truth:
    """In CPUs. Burst as large as the quota, which is the most that the kernel allows."""
    period, mean = PERIOD_US / 1000, load.threads * load.busy_ms / load.period_ms
    free = latencies(load, 400_000 if load.poisson else 200, 1e12, 0, period)
    low, high = mean * period, load.wide * period
    while high - low > 0.001:
        middle = (low + high) / 2
        low, high = (low, middle) if suffices(load, middle, bound, period, free) else (middle, high)
    how = "400 000 Poisson arrivals" if load.poisson else "worst of 20 phases"
    return Truth(high / period, f"token bucket, {how}; mean demand {mean:.2%}")

def least_memory(verb: list[str], seconds: float, known_mib: int) -> tuple[Truth, list[dict[str, Any]]]:
    """Each level of memory.high, which does not kill, in a fresh cgroup, downwards, until two in a row fail."""
    free, step = measure(verb, seconds, {}), max(1, known_mib // 40)
    levels: list[dict[str, Any]] = []
    for mib in range(known_mib + 8 * step, 0, -step):
        run = measure(verb, seconds, {"memory.high": str(mib * MIB)})
        good = run.finished and run.rate >= 0.8 * free.rate and run.some < 0.01
        levels.append({"mib": mib, "kept": run.rate / free.rate if free.rate else 0, "stalled": run.some, "suffices": good})
        if [level["suffices"] for level in levels[-2:]] == [False, False]:
            break
    least = min((level["mib"] for level in levels if level["suffices"]), default=None)
    return Truth(least and least * MIB, f"sweep of memory.high by {step} MiB, {seconds:g} s each; its set is {known_mib} MiB"), levels
