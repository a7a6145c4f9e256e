#!/usr/bin/env python3
"""bench_storm.py - how many link flaps the simulation does in an hour on one core.

Run by `scripts/bench.sh --storm`. Each round runs scripts/scenarios/linkdown-storm.scn with fresh seeds, one run at a
time, pinned to one processor: traffic of 20 kpps, every flap a whole detach and attach, all rules judged, all ledgers
balanced after each step. The same scenario with little traffic shows what the frames cost.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

SCENARIO = Path(__file__).resolve().parent / "scenarios/linkdown-storm.scn"


def flaps_an_hour(program, seed, seconds, settings):
    began = time.monotonic()
    out = subprocess.run([program, "run", "--sim", SCENARIO, "--seed", str(seed), "--for", f"{seconds}s", "--json",
                          *settings], check=True, capture_output=True, text=True, timeout=300).stdout
    result = json.loads(out.splitlines()[-1])
    if result["verdict"] != "passed" or result["rules_broken"] or result["lost"] or result["doubled"]:
        sys.exit(f"bench_storm.py: {result['verdict']}: {result}")
    return result["flaps"] / (time.monotonic() - began) * 3600, result["frames"] / result["flaps"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    program = f"{options.build}/bin/lwf-stress"
    print(f"| {options.rounds} rounds of {options.seconds:g} s | million flaps an hour and core | least, most | frames a flap |")
    print("|---|---|---|---|")
    for name, settings in (("20 kpps", []), ("1 kpps", ["--set", "speed=1kpps"])):
        rounds = [flaps_an_hour(program, 1000 * i + 1, options.seconds, settings) for i in range(options.rounds)]
        flaps = [flaps / 1e6 for flaps, _ in rounds]
        print(f"| {name} | {statistics.median(flaps):.1f} | {min(flaps):.1f}, {max(flaps):.1f} | {rounds[0][1]:.0f} |")
    return 0


sys.exit(main())
