# SPDX-License-Identifier: Apache-2.0
"""What flyball is compared with, each from its published rules: the loop of P4.2, section 3; VPA's recommender; Senpai's rule."""
import math
import time
from dataclasses import dataclass
from typing import Callable

from cgroups import Cgroup, Run, measure, wait

P42_REPETITIONS, P42_MOST_STEPS, P42_TRIAL_S = 3, 10, 300.0
SENPAI_INTERVAL_S, SENPAI_TARGET_US = 6.0, 10_000.0
LimitsOf = Callable[[float], dict[str, str]]

@dataclass
class Answer:
    """`value` in the resource's unit; `limits` by the names of cgroup v2's files, as it would set them."""
    value: float | None
    limits: dict[str, str]
    note: str
    answer: str = "limit"
    trials: int = 0
    wall_s: float = 0
    as_published_s: float | None = None  # with the durations of its document
    oom_kills: int = 0
    throttled_s: float = 0
    refused_forks: int = 0
    lost_s: float = 0  # work that was not done meanwhile, in seconds of the workload without a limit

def p42_factor(resource: str, runs: list[Run], limit: float, free: Run, start: float) -> float:
    """One decision of its flow charts. Its efficiency is throughput / limit, against 80 % of the one at the start. A trial is shorter
    than a minute here, so the share of it that was lost stands in for avg60 of pressure."""
    def mean(what: str) -> float:
        return sum(getattr(run, what) for run in runs) / len(runs)

    if resource == "pids":
        used = max(run.most_tasks for run in runs) / limit
        return 0.9 if used < 0.8 else 1.2 if used > 0.9 else 1.0
    if resource == "io":  # 3.4.2: throughput alone decides
        return 0.9 if mean("rate") >= 0.8 * free.rate else 1.2
    if mean("rate") / limit < 0.8 * free.rate / start:
        return 1.2
    if resource == "cpu":
        return 0.9 if mean("throttled_periods") < 0.01 else 0.95 if mean("throttled_share") < 0.01 else 1.0
    return 0.9 if mean("some") < 0.01 else 0.95 if mean("full") < 0.001 else 1.0

def p42(resource: str, verb: list[str], start: float, trial_s: float, free: Run, limits_of: LimitsOf) -> Answer:
    """Its convergence, a step within 5 %, is left as it is: its own step of 5 % meets it, and so does keeping the limit. What
    comes out last was never tried."""
    limit, begin, steps, factor = start, time.monotonic(), 0, 0.0
    answer = Answer(None, {}, "")
    while steps < P42_MOST_STEPS and abs(factor - 1) > 0.05 + 1e-9:
        steps += 1
        runs = [measure(verb, trial_s, limits_of(limit)) for _ in range(P42_REPETITIONS)]
        for run in runs:
            answer.oom_kills, answer.refused_forks = answer.oom_kills + run.oom_kills, answer.refused_forks + run.refused
            answer.throttled_s += run.throttled_s
            answer.lost_s += trial_s * max(0.0, 1 - run.rate / free.rate) if free.rate else 0
        factor = p42_factor(resource, runs, limit, free, start)
        limit *= factor
    answer.value, answer.limits, answer.trials = limit, limits_of(limit), steps * P42_REPETITIONS
    answer.wall_s, answer.as_published_s = time.monotonic() - begin, answer.trials * P42_TRIAL_S
    answer.note = f"{steps} steps of {P42_REPETITIONS} x {trial_s:g} s, a {P42_TRIAL_S / trial_s:.0f}th of what is published"
    return answer

def vpa_bucket(value: float, first: float) -> float:
    """The end of the bucket of its histogram (widths grow by 1.05) in which the value lies: what a percentile of it gives."""
    end = width = first
    while end <= value:
        width *= 1.05
        end += width
    return end

def vpa(resource: str, verb: list[str], seconds: float, limits_of: LimitsOf) -> Answer:
    """CPU: p90 of usage samples; memory: the peak; both + 15 %. Without its floors of 25 m and 250 MiB, which would hide the rule."""
    begin, run = time.monotonic(), measure(verb, seconds, {}, 0.5)
    samples = sorted(run.usage)
    if resource == "cpu" and not samples:
        return Answer(None, {}, "no samples", "missing")
    value = vpa_bucket(samples[math.ceil(0.9 * len(samples)) - 1], 0.01) if resource == "cpu" else vpa_bucket(run.peak_bytes, 1e7)
    return Answer(1.15 * value, limits_of(1.15 * value), "p90 of 0.5 s" if resource == "cpu" else "peak", wall_s=time.monotonic() - begin, as_published_s=8 * 86_400.0)

def senpai_step(limit: float, stalled_us: float, interval_s: float) -> float:
    """err = integral / target: above 1 back off by (err / 20)^2 at once, else tighten by (1 / err / 10)^2 of 1 % at most."""
    err = max(stalled_us, 1) / (SENPAI_TARGET_US * interval_s / SENPAI_INTERVAL_S)
    return limit * (1 + min((err / 20) ** 2, 1)) if err > 1 else limit * (1 - 0.01 * min((1 / err / 10) ** 2, 1))

def senpai(verb: list[str], seconds: float, interval_s: float) -> Answer:
    """memory.high of a running cgroup, from what it has. With an interval of less than 6 s, its target is in proportion."""
    begin, answer = time.monotonic(), Answer(None, {}, "")
    with Cgroup("senpai") as group:
        process = group.start([verb[0], f"{seconds + 5:g}", *verb[1:]])
        time.sleep(5)
        limit = float(group.read("memory.current") or 0)
        while process.poll() is None and time.monotonic() < begin + seconds:
            group.write("memory.high", int(limit))
            before = group.stall_s("some")
            time.sleep(interval_s)
            limit = senpai_step(limit, (group.stall_s("some") - before) * 1e6, interval_s)
            answer.trials += 1
        group.write("memory.high", "max")
        wait(process, group, Run(), seconds + 30, 1)
        answer.oom_kills, answer.lost_s = group.oom_kills(), group.stall_s("full")
    answer.value, answer.limits = limit, {"memory.high": str(int(limit))}
    answer.wall_s, answer.as_published_s = time.monotonic() - begin, answer.trials * SENPAI_INTERVAL_S
    return answer
