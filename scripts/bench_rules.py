#!/usr/bin/env python3
"""bench_rules.py - what the rules cost a frame: the path with them and without, in turn.

Run by `scripts/bench.sh --rules`. Once for the default stack (inject, monitor), once for two modules that are
handed every frame down and home. Differences are taken inside a round, where the two programs ran one after
the other; the table has their medians.
"""
import argparse
import statistics
import subprocess
import sys

def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    stacks = {"default stack": [], "two modules, both ways": ["--two"]}
    programs = ("rules_cost", "rules_cost_none")
    times = {(stack, program): [] for stack in stacks for program in programs}
    for _ in range(options.rounds):
        for stack, program in times:
            out = subprocess.run([f"{options.build}/tests/bin/{program}", *stacks[stack]], check=True,
                                 capture_output=True, text=True, timeout=60).stdout
            times[stack, program].append(float(out))
    print(f"| ns per frame, {options.rounds} rounds | with the rules | without | difference | of it least, most |")
    print("|---|---|---|---|---|")
    for stack in stacks:
        ruled, bare = (times[stack, program] for program in programs)
        cost = [a - b for a, b in zip(ruled, bare)]
        print(f"| {stack} | {statistics.median(ruled):.2f} | {statistics.median(bare):.2f} "
              f"| {statistics.median(cost):.2f} | {min(cost):.2f}, {max(cost):.2f} |")
    return 0


sys.exit(main())
