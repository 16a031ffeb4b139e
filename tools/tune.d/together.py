# SPDX-License-Identifier: Apache-2.0
"""All four resources of one component, with default settings: how long it takes, and what comes out."""
import json
import subprocess
import time
from typing import Any, Callable

from cgroups import FLYBALL, WORKLOAD, machine_oom_kills
from truths import IO_MODEL, MIB

MOST_S = 20 * 60  # issue 5
RESOURCES = ("cpu", "memory", "io", "pids")
# Four processes in one cgroup. What each of them needs is in NEEDS; what the others use of it comes on top.
VERBS = (("bursts", "3600", "--busy-us", "20000", "--period-us", "200000"), ("workset", "3600", "--anon", "48", "--think-us", "50000"),
         ("pool", "3600", "--tasks", "10", "--spike", "4"), ("iostream", "3600", "--file", "/dev/nullb0", "--bs", "4096", "--random", "--rate", "60"))
NEEDS = {"cpu": 0.1, "memory": 48 * MIB, "io": 100 * 60 / (IO_MODEL - 60), "pids": 1 + 1 + 1 + (1 + 10 + 4) + 32}  # a shell, bursts, workset, the pool and its tasks, a stream's threads

def perform(result: dict[str, Any], save: Callable[[], None]) -> None:
    command = " & ".join(" ".join([WORKLOAD, *verb]) for verb in VERBS) + " & wait"
    before, begin = machine_oom_kills(), time.monotonic()
    ended = subprocess.run([FLYBALL, "tune", ",".join(RESOURCES), "--try", "-j", "--", "sh", "-c", command], stdout=subprocess.PIPE, text=True, check=False)
    result |= {"together": [], "wall_s": time.monotonic() - begin, "oom_kills": machine_oom_kills() - before, "whole": True}
    if ended.stdout.startswith("{"):
        report = json.loads(ended.stdout)
        for found in report["proposals"]:
            limits = {v["file"]: v["text"] for v in found["values"]}
            result["together"].append({"resource": found["resource"], "needs": NEEDS[found["resource"]], "answer": found["answer"], "limits": limits,
                                       "note": found["summary"], "trials": len(found["trials"]), "took_s": found["took_ns"] / 1e9, "lost_s": found["regret_s"]})
    save()

def complaints(result: dict[str, Any]) -> list[str]:
    found = [f"{entry['resource']}: {entry['answer']}: {entry['note']}" for entry in result["together"] if entry["answer"] not in ("limit", "no_limit")]
    if len(result["together"]) != len(RESOURCES):
        found.append(f"{len(result['together'])} of {len(RESOURCES)} resources were told of")
    if result["wall_s"] > MOST_S:
        found.append(f"it took {result['wall_s']:.0f} s, {MOST_S} are the most")
    return found + [f"{result['oom_kills']} OOM kills"] * (result["oom_kills"] > 0)
