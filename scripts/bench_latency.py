#!/usr/bin/env python3
"""bench_latency.py - how long a client of lwfd waits for the answer to a frame.

Run by `scripts/bench.sh --latency`, inside its namespaces: tests/bench/latency.c is the client, of a real lwfd on a
veth. The time goes from before the submit to after the poll that had the answer. Client and lwfd have a
processor each. The table holds medians over the rounds.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from bench import machine  # noqa: E402
from bench_inject import pinned, start_daemon, stop, topology  # noqa: E402

CASES = (  # words of the table, words for the program
    ("1, client looks again and again", "poll 1 0"), ("1, client sleeps until rung", "wait 1 0"),
    ("64, client looks again and again", "poll 64 0"), ("64, client sleeps until rung", "wait 64 0"),
    ("1, a millisecond apart, client looks", "poll 1 1000"), ("1, a millisecond apart, client sleeps", "wait 1 1000"),
)


def measure(build, control, words, seconds):
    program = pinned(0, [f"{build}/tests/bin/latency", "phy", *words.split(), f"{seconds:g}"])
    done = subprocess.run(program, capture_output=True, text=True, timeout=seconds + 20, check=False,
                          env={**os.environ, "LWF_CONTROL": control})
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or done.stdout.strip())
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--json")
    options = parser.parse_args()
    results = {words: [] for _, words in CASES}
    topology()
    with tempfile.TemporaryDirectory() as directory, open(f"{options.build}/bench.log", "wb") as log:
        daemon = start_daemon(options.build, directory, log)
        try:
            for number in range(options.rounds):
                print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
                for words, values in results.items():
                    values.append(measure(options.build, f"{directory}/control", words, options.seconds))
        finally:
            stop(daemon)
    facts = machine(options.build)
    for key, value in facts.items():
        print(f"{key}: {value}")
    print(f"rounds: {options.rounds} of {options.seconds:g} s each\n")
    print("| frames under way | p50 us | p99 us | thousand answers a second |\n|---|---|---|---|")
    for title, words in CASES:
        p50, p99, rate = (statistics.median(values) for values in zip(*(
            (r["p50_us"], r["p99_us"], r["frames"] / r["seconds"] / 1e3) for r in results[words])))
        print(f"| {title} | {p50:.1f} | {p99:.1f} | {rate:.1f} |")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"schema": 1, "machine": facts, "results": results}, file, indent=1)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
