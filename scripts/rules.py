#!/usr/bin/env python3
"""rules.py - writes docs/rules.md: every rule with its sentence, source, judge and tests.

usage: scripts/rules.py [--check] [ROOT]

Reads lwf/core/rules.def and lwf/core/conflicts.def, and looks for where each rule is judged (LWF_RULE_ID
in lwf/core) and tested (a test function whose name has the id in it, in tests/unit). With --check
nothing is written; ends with 1 when docs/rules.md is not what would be written, or when a rule has no judge
or no test.
"""
import re
import sys
from pathlib import Path

GROUPS = {"S": "States", "P": "Pause and receive", "O": "Ownership of frames", "T": "The stack", "F": "From the field"}

HEAD = """# The rules

Written by `scripts/rules.py` from `lwf/core/rules.def`, `lwf/core/conflicts.def` and the tests; do not edit.

Each rule is judged while the engine runs, in every build. A broken one is counted and told (`lwfctl show`, `lwfctl
watch`) with the module and what it did; in tests it ends the program. A rule counts as tested when one
trace breaks it and is reported under its id, while its legal neighbour is not.

Sources: *C* is a page of the concept documents on NDIS filter drivers, *D* one of the API reference
(`ndis/` unless it says otherwise), *V* one on Driver Verifier, each by its slug. The others say what they are.
"""


def entries(path, fields):
    """Rows X(id, "...", ...) of a .def file."""
    text = re.sub(r"/\*.*?\*/", " ", path.read_text(encoding="utf-8"), flags=re.S)
    string = r'((?:"(?:\\.|[^"\\])*"\s*)+)'
    for match in re.finditer(r"X\((\w+),\s*" + r",\s*".join([string] * fields), text):
        yield match.group(1), [re.sub(r'"\s*"|^"|"\s*$', "", part.strip()) for part in match.groups()[1:]]


def files_with(folder, pattern, root):
    paths = sorted(root.glob(f"{folder}/*.c"))
    return [path.name for path in paths if re.search(pattern, path.read_text(encoding="utf-8"))]


def row(cells):
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def rules(root, faults):
    yield HEAD
    listed = list(entries(root / "lwf/core/rules.def", 2))
    yield f"{len(listed)} rules.\n"
    for letter, title in GROUPS.items():
        yield f"## {title}\n"
        yield row(["id", "rule", "source", "judged in", "tested in"]) + "\n|---|---|---|---|---|"
        for rule, (sentence, source) in sorted(listed):
            if rule[0] != letter:
                continue
            judges = files_with("lwf/core", rf"\bLWF_RULE_{rule}\b", root)
            tests = files_with("tests/unit", rf"\btest_\w*{rule}\w*\(", root)
            for what, found in (("judge", judges), ("test", tests)):
                if not found:
                    faults.append(f"lwf/core/rules.def:1: rule {rule} has no {what}")
            yield row([rule, sentence, source, " ".join(judges), " ".join(tests)])
        yield ""


def conflicts(root, faults):
    """The register of contradictions, and the tests of their readings."""
    text = (root / "lwf/core/conflicts.def").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    string = r'((?:"(?:\\.|[^"\\])*"\s*)+)'
    names = {"N": "narrow", "W": "wide"}
    yield "## Where the documents contradict each other\n"
    yield ("The profile (`lwfd --profile`) says which reading holds. Where all three take the same one, the\n"
           "other is a slip of a page that nothing can be built on. Each reading has a test.\n")
    yield row(["id", "about", "narrow reading", "wide reading", "strict", "lenient", "npcap", "tested in"])
    yield "|---|---|---|---|---|---|---|---|"
    pattern = r"X\((C\d+),\s*" + r",\s*".join([string] * 5) + r",\s*([NW]),\s*([NW]),\s*([NW])\)"
    for match in re.finditer(pattern, text):
        cells = [re.sub(r'"\s*"|^"|"\s*$', "", part.strip()) for part in match.groups()[1:6]]
        topic, narrow, narrow_source, wide, wide_source = cells
        tests = files_with("tests/unit", rf"\btest_\w*{match.group(1)}(?!\d)\w*\(", root)
        if not tests:
            faults.append(f"lwf/core/conflicts.def:1: {match.group(1)} has no test")
        yield row([match.group(1), topic, f"{narrow} ({narrow_source})", f"{wide} ({wide_source})",
                   *(names[reading] for reading in match.groups()[6:]), " ".join(tests)])


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--check"]
    check = "--check" in sys.argv[1:]
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    page, faults = root / "docs/rules.md", []
    lines = [*rules(root, faults), *conflicts(root, faults)]
    written = "\n".join(lines).rstrip("\n") + "\n"
    if not check:
        page.write_text(written, encoding="utf-8")
    elif not page.exists() or page.read_text(encoding="utf-8") != written:
        faults.append("docs/rules.md:1: is not what scripts/rules.py writes; run it")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


sys.exit(main())
