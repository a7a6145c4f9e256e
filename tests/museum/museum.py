#!/usr/bin/env python3
"""museum.py - what the museum promises, beside what lwf-museum --check judges by itself.

usage: museum.py TEST PROGRAM ROOT      TEST is a function below without its test_

hunks    each piece and its fixed twin are one file with one hunk between them, and each has its story
matrix   the table in docs/museum.md is what the program prints
replay   the museum is as it should be; a failing seed plays again from the command line, to the last event; the twin passes it
stories  the seeds that docs/museum.md names break the rule that it says
checker  the independent checker, reading the traces, finds the rules that the oracle finds, and no fault in a twin
usage    wrong use ends with 2

Prints what is wrong, and ends with 1 when something is.
"""
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKER_SEEDS = 12  # of each piece
# What leaves no record: memory, and who waits for which lock.
UNSEEN = {"touch", "P16"}

HUNK_LINES_MAX = 60
PIECE_LINES_MAX = 160

PROGRAM = ""
ROOT = Path(".")


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=300, check=False)


def pieces():
    return json.loads(run("--list", "--json").stdout)["pieces"]


def variants(path):
    """The lines with and without MUSEUM_FIXED, how many lines stand in hunks, and how many hunks there are."""
    fixed, broken, hunks, inside, inside_lines = [], [], 0, None, 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if line == "#ifdef MUSEUM_FIXED" and inside is None:
            hunks, inside = hunks + 1, True
        elif line == "#else" and inside:
            inside = False
        elif line == "#endif" and inside is not None:
            inside = None
        elif "MUSEUM_FIXED" in line or line.startswith(("#if", "#el", "#endif")):
            return fixed, broken, inside_lines, -1
        else:
            inside_lines += inside is not None
            if inside is not False:
                fixed.append(line)
            if inside is not True:
                broken.append(line)
    return fixed, broken, inside_lines, hunks


def test_hunks():
    folder = ROOT / "tests/museum/pieces"
    files = {path.stem: path for path in sorted(folder.glob("*.c"))}
    names = [piece["name"] for piece in pieces()]
    if sorted(names) != sorted(files):
        yield f"pieces.def and pieces/ do not agree: {sorted(set(names) ^ set(files))}"
    stories = re.findall(r"^### ([\w-]+)", (ROOT / "docs/museum.md").read_text(encoding="utf-8"), flags=re.M)
    if stories != names:
        yield f"docs/museum.md does not tell the pieces in their order: {stories}"
    for name, path in files.items():
        fixed, broken, lines, hunks = variants(path)
        if hunks != 1 or fixed == broken:
            yield f"{name}: {hunks} hunks; one is what is promised"
        if lines > HUNK_LINES_MAX or len(fixed) > PIECE_LINES_MAX:
            yield f"{name}: {len(fixed)} lines, {lines} of them in the hunk"
    for path in (ROOT / "tests/museum").glob("*.c"):
        if "MUSEUM_FIXED" in path.read_text(encoding="utf-8"):
            yield f"{path.name} knows which twin it runs"


def test_matrix():
    text = (ROOT / "docs/museum.md").read_text(encoding="utf-8")
    match = re.search(r"<!-- matrix:[^>]*-->\n(.*?)<!-- end -->", text, flags=re.S)
    done = run("--matrix")
    if done.returncode:
        yield f"lwf-museum --matrix ends with {done.returncode}"
    if not match or match[1] != done.stdout:
        yield "the table in docs/museum.md is not what lwf-museum --matrix prints:"
        yield done.stdout


def test_replay():
    done = run("--check")
    if done.returncode:
        yield f"lwf-museum --check ends with {done.returncode}:\n{done.stdout}"
    for piece in pieces():
        name = piece["name"]
        seed = re.search(rf"--piece {name} --seed (\d+)", done.stdout)
        if not seed:
            yield f"{name}: no command to see it again:\n{done.stdout}"
            continue
        one = ["--piece", name, "--seed", seed[1]]
        plays = [run(*one, "--trace") for _ in range(2)]
        if plays[0].returncode != 1 or plays[0].stdout != plays[1].stdout:
            yield f"{name}: seed {seed[1]} does not play again"
        first = json.loads(run(*one, "--json").stdout.splitlines()[-1])
        if not first["rules"] or first["digest"] not in plays[0].stdout:
            yield f"{name}: the object says something else: {first}"
        twin = run(*one, "--fixed")
        if twin.returncode != 0:
            yield f"{name}: the fixed twin fails with seed {seed[1]}:\n{twin.stdout}"


def test_stories():
    text = (ROOT / "docs/museum.md").read_text(encoding="utf-8")
    told = re.findall(r"`--piece ([\w-]+) --seed (\d+)`: (\w+)", text)
    if [name for name, _, _ in told] != [piece["name"] for piece in pieces()]:
        yield "docs/museum.md does not name a seed of each piece"
    for name, seed, rule in told:
        done = run("--piece", name, "--seed", seed, "--json")
        if rule not in json.loads(done.stdout.splitlines()[-1])["rules"]:
            yield f"{name}: seed {seed} does not break {rule}: {done.stdout}"


def checked(runs, folder):
    """For each of @runs (arguments), the rules that the checker finds broken in its trace."""
    paths = []
    for number, arguments in enumerate(runs):
        paths.append(Path(folder) / f"{number}.ndjson")
        paths[-1].write_text(run(*arguments, "--trace", "--json").stdout, encoding="utf-8")
    # A send may go out inside of FilterRestart, behind its back: the lenient reading of C3.
    command = [sys.executable, "-B", ROOT / "tests/checker/check.py", "--profile", "lenient", "--json"]
    done = subprocess.run([*command, *paths], capture_output=True, text=True, timeout=120, check=False)
    verdicts = [json.loads(line) for line in done.stdout.splitlines()]
    if len(verdicts) != len(runs):
        sys.exit(f"the checker refuses a trace: {done.stderr}")
    return [{one["rule"] for one in verdict["broken"]} for verdict in verdicts]


def test_checker():
    text = (ROOT / "docs/museum.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        for name in [piece["name"] for piece in pieces()]:
            told = re.search(rf"`--piece {name} --seed (\d+)`", text)[1]
            runs = [["--piece", name, "--seed", str(seed)] for seed in [told, *range(1, CHECKER_SEEDS + 1)]]
            for one, theirs in zip(runs, checked(runs, folder)):
                own = set(json.loads(run(*one, "--json").stdout)["rules"]) - UNSEEN
                if own - theirs:
                    yield f"{' '.join(one)} breaks {sorted(own)}, and the checker finds {sorted(theirs)}"
            twins = [[*one, "--fixed"] for one in runs]
            for one, theirs in zip(twins, checked(twins, folder)):
                if theirs:
                    yield f"{' '.join(one)}: the checker finds {sorted(theirs)}"


def test_usage():
    for arguments in (["--seeds", "0"], ["--seed", "x"], ["--piece", "nothing"], ["--time", "-1"], ["x"], ["--no"]):
        done = run(*arguments)
        if done.returncode != 2 or done.stdout:
            yield f"{arguments} ends with {done.returncode}"
    if run("--help").returncode or "--seed" not in run("--help").stdout:
        yield "--help does not help"


def main():
    global PROGRAM, ROOT
    test = globals().get("test_" + sys.argv[1]) if len(sys.argv) == 4 else None
    if not test:
        print(__doc__, file=sys.stderr)
        return 2
    PROGRAM, ROOT = sys.argv[2], Path(sys.argv[3])
    faults = list(test())
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
