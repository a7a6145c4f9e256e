#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_sim.py - the checker judges traces of the simulator: sound ones clean, a broken gate's P01.

usage: test_sim.py LWF_SIM LWF_SIM_BROKEN_GATE [FIRST-SEED [SEEDS]]

The simulation ends with 1 in a world of the broken gate; its trace up to there is what is judged.
In a sound world a device may answer too late for a limit of time: then the engine and the checker
must both say so.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECK = Path(__file__).resolve().parent / "check.py"


def judged(program, seed, folder):
    """(exit code of the simulation, exit code of the checker, what it said)"""
    trace = Path(folder) / "trace.ndjson"
    run = subprocess.run([program, "--seed", str(seed), "--trace-json", trace], capture_output=True,
                         check=False)
    verdict = subprocess.run([sys.executable, "-B", CHECK, trace], capture_output=True, text=True,
                             check=False)
    return run.returncode, verdict.returncode, verdict.stdout + verdict.stderr


def is_limit(told):
    """Only P17 (a pause over 10 s) was found, and the engine has reported it, too."""
    found = set(re.findall(r": ([A-Z]\d\d) broken by record", told))
    return found == {"P17"} and re.search(r"engine itself reported P17 x\d+\)", told)


def main():
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    first, seeds = (int(word) for word in (sys.argv[3:] + ["1", "12"][len(sys.argv) - 3:]))
    faults = named = 0
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + seeds):
            ended, code, told = judged(sys.argv[1], seed, folder)
            if ended or (code and not is_limit(told)):
                print(f"seed {seed}: the simulation ended with {ended}, the checker with {code}: {told}")
                faults += 1
        for seed in range(first, first + seeds):
            ended, code, told = judged(sys.argv[2], seed, folder)
            if ended == 1 and (code != 1 or not any(rule in told for rule in ("P01", "P02"))):
                print(f"seed {seed} with a broken gate: the checker ended with {code}: {told}")
                faults += 1
            named += ended == 1
    print(f"{seeds} worlds, {named} of {seeds} with a broken gate went wrong")
    if not named:
        print("no world shows the broken gate")
    return 1 if faults or not named else 0


sys.exit(main())
