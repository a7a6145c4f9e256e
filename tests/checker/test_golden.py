#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_golden.py - the golden traces: recorded anew they are the same, and the checker finds them clean.

usage: test_golden.py RECORDER [--renew]     --renew writes them (look at the difference before a commit)

Also what the checker says about files that are no trace.
"""
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden"


def check(*words, stdin=None):
    """(exit code, stdout, stderr) of the checker."""
    run = subprocess.run([sys.executable, "-B", HERE / "check.py", *words], input=stdin,
                         capture_output=True, text=True, check=False)
    return run.returncode, run.stdout, run.stderr


def record(recorder, *words):
    return subprocess.run([recorder, *words], stdout=subprocess.PIPE, text=True, check=True).stdout


def golden_faults(recorder, renew):
    scenes = [line.split("\t")[0] for line in record(recorder, "--list").splitlines()]
    for path in sorted(GOLDEN.glob("*.ndjson")):
        if path.stem not in scenes:
            yield f"{path.name}: there is no scene of that name"
    for scene in scenes:
        path = GOLDEN / f"{scene}.ndjson"
        told = record(recorder, scene)
        if renew:
            path.write_text(told)
        if not path.is_file():
            yield f"{path.name} is missing; record it with --renew"
            continue
        kept = path.read_text()
        if kept != told:
            pairs = enumerate(zip(kept.splitlines(), told.splitlines()), 1)
            where = next((number for number, (one, other) in pairs if one != other), "the end")
            yield (f"{path.name}: the engine now tells it otherwise from line {where} on; if it is "
                   "meant to, --renew")
        code, out, err = check(path)
        if code:
            yield f"{path.name} is not clean: {out}{err}"


def other_faults():
    """What is no trace is told with 2, and one line that says what to do."""
    first = (GOLDEN / "sleep.ndjson").read_text().splitlines()[0]
    for what, stdin in (("nothing", ""), ("no JSON", "hello\n"), ("no record", '{"schema":1}\n'),
                        ("another schema", first.replace('"schema":1', '"schema":2')),
                        ("a record without its time", first.replace('"t_ns"', '"t"')),
                        ("the same record twice", first + "\n" + first + "\n")):
        code, out, err = check("-", stdin=stdin)
        if code != 2 or out or err.count("\n") != 1:
            yield f"{what}: exit {code}, {out!r}, {err!r}"
    if check("/nowhere/at-all")[0] != 2 or check("--nonsense")[0] != 2 or \
            check("--profile", "kind")[0] != 2:
        yield "wrong use does not end with 2"
    code, out, _ = check("--help")
    if code or "examples:" not in out:
        yield "--help has no examples"
    code, out, _ = check("--rules")
    if code or "not to be seen" not in out:
        yield "--rules does not say which rules it cannot see"


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    faults = list(golden_faults(sys.argv[1], "--renew" in sys.argv)) + list(other_faults())
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
