#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""check.py - judges a trace by NDIS's rules for filters, from outside.

usage: check.py [--profile strict|lenient|npcap] [--json] [--all] [--quiet] [FILE|-]...
       check.py --rules

Reads JSON lines as `lwfctl watch --frames --json` prints them (docs/trace.md), from files or from
standard input, and names each rule that is broken, the record (seq) that breaks it, and why. It
shares no code with the engine: it replays the records against its own statement of the rules.

  --profile P  which reading holds where pages of NDIS disagree, as in lwfd --profile; without it
               that which the trace names, or strict
  --json       one JSON object: {"schema":1,"clean":...,"broken":[...],...}
  --all        every case of a broken rule, not only the first of each module
  --quiet      no word about a trace that is clean
  --rules      lists the rules: which are judged, and why the others cannot be
  --help       this

exit codes: 0 clean; 1 a rule is broken; 2 wrong use, or a file that is no trace

examples:
  lwfctl watch --frames --json --since 1 eth1 | check.py
  check.py trace.ndjson
  check.py --json trace.ndjson | jq '.broken[].rule'
  lwf-sim --seed 7 --trace-json trace.ndjson && check.py trace.ndjson
"""
import getopt
import json
import signal
import sys

from replay import Replay, Unusable
from statements import RULES, SENTENCE

PROFILES = ("strict", "lenient", "npcap")


def usage(why):
    print(f"check.py: {why}; see check.py --help", file=sys.stderr)
    return 2


def print_rules(as_json):
    judged = [rule for rule, _, why in RULES if why is None]
    if as_json:
        rows = [{"rule": rule, "sentence": sentence, "judged": why is None, "reason": why or ""}
                for rule, sentence, why in RULES]
        print(json.dumps({"schema": 1, "rules": rows}, separators=(",", ":")))
        return 0
    print(f"judged ({len(judged)} of {len(RULES)}):")
    for rule, sentence, why in RULES:
        if why is None:
            print(f"  {rule}  {sentence}")
    print("not to be seen in a trace:")
    for rule, sentence, why in RULES:
        if why is not None:
            print(f"  {rule}  {sentence}\n       ({why})")
    return 0


def judge(lines, profile):
    """A Replay that has seen all of @lines."""
    replay = Replay(profile)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise Unusable(f"line {number} is not JSON: {error}") from error
        if not isinstance(record, dict) or record.get("schema") != 1 or "kind" not in record:
            raise Unusable(f"line {number} is no record of a trace (schema 1)")
        replay.feed(record)
    if not replay.records:
        raise Unusable("it has no records")
    replay.finish()
    return replay


def first_of_each(findings):
    seen = set()
    for finding in findings:
        key = (finding.rule, finding.stack, finding.module)
        if key not in seen:
            seen.add(key)
            yield finding


def report_json(name, replay, findings):
    print(json.dumps({
        "schema": 1, "trace": name, "clean": not replay.findings, "records": replay.records,
        "steps": replay.steps, "lost": replay.lost, "profile": replay.profile,
        "engine": replay.engine, "count": len(replay.findings),
        "broken": [{"rule": one.rule, "seq": one.seq, "t_ns": one.t_ns, "stack": one.stack,
                    "module": one.module, "why": one.why, "sentence": SENTENCE[one.rule]}
                   for one in findings]}, separators=(",", ":")))


def report_text(name, replay, findings, quiet):
    for one in findings:
        who = f"{one.stack}/{one.module}" if one.module else one.stack
        print(f"{name}: {one.rule} broken by record {one.seq} ({who}): {one.why}\n"
              f"    {one.rule}: {SENTENCE[one.rule]}")
    if quiet and not replay.findings:
        return
    told = f", {replay.lost} lost" if replay.lost else ""
    told += ", no steps of frames: states alone were judged" if not replay.steps else ""
    if replay.engine:
        told += "; the engine itself reported " + \
            ", ".join(f"{rule} x{count}" for rule, count in sorted(replay.engine.items()))
    verdict = f"{len(replay.findings)} cases" if replay.findings else "clean"
    print(f"{name}: {verdict} ({replay.records} records, {replay.steps} of frames{told})")


def check_file(name, options):
    try:
        if name == "-":
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # ends the writer; then comes the verdict
            replay = judge(sys.stdin, options["profile"])
        else:
            with open(name, encoding="utf-8") as lines:
                replay = judge(lines, options["profile"])
    except (OSError, UnicodeDecodeError, Unusable) as error:
        why = error.strerror if isinstance(error, OSError) else error
        print(f"check.py: {name}: {why}; record it with lwfctl watch --frames --json",
              file=sys.stderr)
        return 2
    findings = replay.findings if options["all"] else list(first_of_each(replay.findings))
    if options["json"]:
        report_json(name, replay, findings)
    else:
        report_text(name, replay, findings, options["quiet"])
    return 1 if replay.findings else 0


def main(words):
    options = {"profile": None, "json": False, "all": False, "quiet": False, "rules": False}
    try:
        given, files = getopt.gnu_getopt(words, "", ["profile=", "json", "all", "quiet", "rules",
                                                     "help"])
    except getopt.GetoptError as error:
        return usage(error)
    for option, value in given:
        if option == "--help":
            print(__doc__.split("\n", 2)[2].rstrip())
            return 0
        options[option[2:]] = value or True
    if options["profile"] not in (None, *PROFILES):
        return usage(f"there is no profile {options['profile']}")
    if options["rules"]:
        return print_rules(options["json"])
    return max(check_file(name, options) for name in files or ["-"])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except BrokenPipeError:
        sys.exit(1)
