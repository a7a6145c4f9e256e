#!/usr/bin/env python3
"""tally.py - counts what one ctest run did; scripts/test.sh adds the counts up.

usage: tally.py LIST.json RESULT.xml SKIPS

LIST.json is what `ctest --show-only=json-v1` promised, RESULT.xml what `ctest --output-junit`
reported, SKIPS the file of allowed skips (test name, blanks, reason; a name may end in *).
Prints "PASSED FAILED SKIPPED". A promised test without a result, a test that could not be run and a
skip that is not allowed are failures; each is named on stderr. A test that skipped only parts of
itself counts as passed, if that is allowed.
"""
import fnmatch
import json
import sys
import xml.etree.ElementTree as ET

PART_SKIPPED = "[  SKIPPED ]"  # as cmocka prints it


def promised(path):
    with open(path, encoding="utf-8") as file:
        return [test["name"] for test in json.load(file)["tests"]]


def results(path):
    """name -> "passed", "skipped" or the reason of a failure."""
    try:
        cases = ET.parse(path).getroot().iter("testcase")
    except (OSError, ET.ParseError) as error:
        print(f"tally.py: {path}: {error}", file=sys.stderr)
        return {}
    found = {}
    for case in cases:
        skip = case.find("skipped")
        status = case.get("status")
        if status == "run":
            parts = PART_SKIPPED in (case.findtext("system-out") or "")
            found[case.get("name")] = "parts of it were skipped" if parts else "passed"
        elif status == "disabled":
            found[case.get("name")] = "skipped"
        elif skip is not None and skip.get("message", "").startswith("SKIP_"):
            found[case.get("name")] = "skipped"
        elif skip is not None:
            found[case.get("name")] = "not run: " + skip.get("message", "")
        else:
            found[case.get("name")] = "failed"
    return found


def allowed(path):
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.split(None, 1) for line in file if line.strip() and line[0] != "#"]
    except FileNotFoundError:
        return []
    for words in lines:
        if len(words) < 2:
            print(f"tally.py: {path}: '{words[0]}' has no reason", file=sys.stderr)
    return [words[0] for words in lines if len(words) == 2]


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    tests, skips = promised(sys.argv[1]), allowed(sys.argv[3])
    found = results(sys.argv[2]) if tests else {}
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for name in tests:
        result = found.get(name, "no result")
        if "skipped" in result:
            if not any(fnmatch.fnmatchcase(name, skip) for skip in skips):
                result += ", which tests/skips does not allow"
            elif result != "skipped":
                result = "passed"
        if result in count and result != "failed":
            count[result] += 1
        else:
            count["failed"] += 1
            print(f"FAILED: {name}: {result}", file=sys.stderr)
    print(count["passed"], count["failed"], count["skipped"])
    return 0


sys.exit(main())
