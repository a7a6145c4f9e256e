#!/usr/bin/env python3
"""check.py - runs the verifier on stack.pml, with the lifecycle table as the engine has it now.

usage: check.py WHAT DUMP-PROGRAM [--full]

  safety  every assertion, in every reachable state of 2 clients and 3 frames
  live    what must happen at last does, under weak fairness (1 frame; --full: 2)
  rows    each cell of the table, changed to each other value, makes the verifier fail
  gates   each gate, and each order of the stack, that is wrong on purpose makes the verifier fail

Prints what it found, with the number of states. Exit 0: as it should be. 1: not so. 77: spin or a
compiler is not there. --full is also understood as LWF_TEST_FULL=1 in the environment.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import table

HERE = Path(__file__).resolve().parent
LIMIT_S = 1500
PROPERTIES = ["top_pause_ends", "bottom_pause_ends", "frames_come_home", "dead_clients_go",
              "running_is_reached", "paused_is_reached", "detached_is_reached"]
GATES = {1: "tests, then counts (R1)", 2: "the last one out always signals",
         3: "closes only when something is in flight", 4: "owes in a second step (R3)",
         5: "signals and leaves owed set", 6: "answers SUCCESS with frames in flight",
         7: "leaves before the frame is in its pool (R7)", 8: "touches the module after the signal (R5)"}
ORDERS = {9: "pauses from the bottom up (T01)", 10: "restarts from the top down (T01)",
          11: "detaches from the bottom up (T02)", 12: "does not wait for the host's own sends (T01)"}


class Verifier:
    """One pan, made in a folder of its own."""

    def __init__(self, folder, dump, defines, flags, is_open=False):
        self.folder = Path(folder)
        self.folder.mkdir()
        for name in ("stack.pml", "gate.pml"):
            shutil.copy(HERE / name, self.folder)
        (self.folder / "table.pml").write_text(table.promela(dump, is_open))
        self.call(["spin", *(f"-D{define}" for define in defines), "-a", "stack.pml"])
        self.call(["gcc", "-w", *flags, "-o", "pan", "pan.c"])

    def call(self, command):
        run = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=LIMIT_S,
                             check=False)
        if run.returncode or "Error" in run.stdout + run.stderr:
            sys.exit(f"{' '.join(command)}\n{run.stdout}{run.stderr}")

    def run(self, *options, cell=None):
        environment = dict(os.environ)
        environment.pop("LWF_MODEL_CELL", None)
        if cell:
            environment["LWF_MODEL_CELL"] = ",".join(map(str, cell))
        run = subprocess.run(["./pan", *options], cwd=self.folder, capture_output=True, text=True,
                             timeout=LIMIT_S, env=environment, check=False)
        return Result(run.stdout + run.stderr)


class Result:
    def __init__(self, output):
        self.output = output
        found = re.search(r"errors: (\d+)", output)
        stored = re.search(r"(\S+) states, stored", output)
        depth = re.search(r"depth reached (\d+)", output)
        self.errors = int(found[1]) if found else None
        memory = re.search(r"(\S+)\ttotal actual memory", output)
        self.megabytes = int(float(memory[1])) if memory else 0
        self.states = int(float(stored[1])) if stored else 0
        self.depth = int(depth[1]) if depth else 0
        broken = re.search(r"^pan:\d*:? *(.*?) *\(at depth", output, re.M)
        self.broken = " ".join(broken[1].split())[:100] if broken else ""
        self.rows = [int(taken) for taken in re.findall(r"^row \d+ taken (\d+)", output, re.M)]
        self.is_whole = not re.search(r"not completed|search depth too small|out of memory", output)

    def holds(self):
        return self.errors == 0 and self.is_whole

    def fails(self):
        return bool(self.errors) and ("violated" in self.broken or "acceptance cycle" in self.broken)


def unreached(output):
    """Places of the model that no run came to; the ends of endless processes are none."""
    return [line.strip() for line in re.findall(r"^\t\S+:\d+, state \d+, .*", output, re.M)
            if '"-end-"' not in line]


def check_safety(folder, dump, _full):
    result = Verifier(folder / "safety", dump, ["FRAMES=3", "CLIENTS=2"],
                      ["-O2", "-DSAFETY", "-DCOLLAPSE"]).run("-m6000000", "-w25")
    print(f"2 clients, 3 frames: {result.states} states, depth {result.depth}, "
          f"{result.megabytes} MB")
    faults = [] if result.holds() else [f"does not hold: {result.broken}\n{result.output}"]
    for row, taken in enumerate(result.rows):
        if taken == 0 and not faults:
            faults.append(f"no run takes row {row}: {' '.join(dump.rows[row])}")
    if len(result.rows) != len(dump.rows):
        faults.append("the rows were not counted")
    return faults + [f"never reached: {place}" for place in unreached(result.output)]


def check_live(folder, dump, full):
    faults = []
    frames = 2 if full else 1
    verifier = Verifier(folder / "live", dump, ["LIVE=1", f"FRAMES={frames}", "CLIENTS=1"],
                        ["-O2", "-DCOLLAPSE", "-DNFAIR=3"])
    for name in PROPERTIES:
        result = verifier.run("-a", "-f", "-N", name, "-m4000000", "-w24")
        print(f"{name}, 1 client, {frames} frames: {result.states} states")
        if not result.holds():
            faults.append(f"{name} does not hold: {result.broken}\n{result.output}")
    return faults


def check_rows(folder, dump, _full):
    verifier = Verifier(folder / "rows", dump, ["FRAMES=2", "CLIENTS=1"],
                        ["-O1", "-DSAFETY", "-DCOLLAPSE"], is_open=True)
    options = ("-m1000000", "-w20")
    faults = [] if verifier.run(*options).holds() else ["the unchanged table does not hold"]
    changes = 0
    for row, cells in enumerate(dump.cells()):
        for column, is_now in enumerate(cells):
            for value, name in dump.values(column).items():
                if value == is_now:
                    continue
                changes += 1
                result = verifier.run(*options, cell=(row, column, value))
                if not result.fails():
                    faults.append(f"row '{' '.join(dump.rows[row])}', column {column} changed to {name}: "
                                  f"not noticed ({result.states} states)")
    print(f"{changes} changes of {len(dump.rows)} rows, {changes - len(faults)} noticed")
    dump.rows.append(["Pausing", "restart", "FilterRestart", "Restarting"])
    result = Verifier(folder / "more", dump, ["FRAMES=1", "CLIENTS=1"], ["-O0", "-DSAFETY"]).run(*options)
    print(f"a row more: taken {result.rows[-1]} times in {result.states} states")
    if not result.holds() or 0 not in result.rows:
        faults.append("a row that nobody needs is not noticed")
    return faults


def check_gates(folder, dump, _full):
    faults = []
    for number, what in (GATES | ORDERS).items():
        result = Verifier(folder / f"gate{number}", dump, [f"BREAK={number}", "FRAMES=2", "CLIENTS=2"],
                          ["-O0", "-DSAFETY"]).run("-m1000000", "-w20")
        print(f"{what}: {result.broken[:60] or 'not noticed'} ({result.states} states)")
        if not result.fails():
            faults.append(f"one that {what} is not noticed\n{result.output}")
    # Without its assertions the model must still see that such a pause never ends.
    result = Verifier(folder / "lost", dump, ["BREAK=4", "LIVE=1", "FRAMES=1", "CLIENTS=1"],
                      ["-O1", "-DNFAIR=3"]).run("-A", "-a", "-f", "-N", PROPERTIES[0], "-m1000000", "-w20")
    print(f"{PROPERTIES[0]} with a lost wake-up: {result.broken or 'not noticed'} ({result.states} states)")
    if not result.fails():
        faults.append(f"a lost wake-up is not noticed as a pause that never ends\n{result.output}")
    return faults


def main():
    check = globals().get("check_" + sys.argv[1]) if len(sys.argv) >= 3 else None
    if not check:
        print(__doc__, file=sys.stderr)
        return 2
    for tool in ("spin", "gcc"):
        if not shutil.which(tool):
            print(f"{tool} is not there (scripts/deps.sh installs it)", file=sys.stderr)
            return 77
    full = "--full" in sys.argv or bool(os.environ.get("LWF_TEST_FULL"))
    dump = table.Table(subprocess.run([sys.argv[2]], capture_output=True, text=True, timeout=20,
                                      check=True).stdout.splitlines())
    with tempfile.TemporaryDirectory(prefix="lwf-model-") as folder:
        faults = check(Path(folder), dump, full)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
