#!/usr/bin/env python3
"""demo.py - the capture, the account and the picture of scripts/demo.sh.

usage: demo.py record INTERFACE FILE.pcap FRAMES SECONDS
       demo.py account BEFORE.json AFTER.json SHOW.json INJECT.json KERNEL
       demo.py lanes WATCH.jsonl

record writes the next FRAMES frames that the interface receives, for SECONDS at most.
account compares two answers of `lwfctl ledger --json` with what the kernel counted on the interface
in between, and the last line of `lwf-inject --json` with itself. Ends with 1 when something differs.
lanes draws what `lwfctl watch --json` told, one line per module, time from left to right.
"""
import json
import socket
import struct
import sys
import time

COLUMNS = 72
MARKS = {"Running": "=", "Paused": "-", "Pausing": "~", "Restarting": "+", "Attaching": "+", "Detached": "."}
# When several states share a column the rarest to be seen is drawn.
RANK = ["Pausing", "Restarting", "Attaching", "Paused", "Detached", "Running"]


ETH_P_ALL, SNAPLEN, LINKTYPE_ETHERNET = 3, 65535, 1


def record(interface, path, frames, seconds):
    limit, count = time.monotonic() + float(seconds), 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock, open(path, "wb") as file:
        sock.bind((interface, ETH_P_ALL))
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, SNAPLEN, LINKTYPE_ETHERNET))
        while count < int(frames) and time.monotonic() < limit:
            sock.settimeout(max(0.01, limit - time.monotonic()))
            try:
                data, address = sock.recvfrom(SNAPLEN)
            except TimeoutError:
                break
            if address[2] == socket.PACKET_OUTGOING:
                continue
            now = time.time()
            file.write(struct.pack("=IIII", int(now), int(now % 1 * 1e6), len(data), len(data)) + data)
            count += 1
    print(f"   {count} frames received on {interface} are in {path}")
    return 0 if count else 1


def last_object(path):
    with open(path, encoding="utf-8") as file:
        return json.loads(file.read().strip().splitlines()[-1])


def balanced(ledger):
    return ledger["submitted"] == (sum(ledger["completed"].values()) + sum(ledger["refused"].values())
                                   + ledger.get("outstanding", 0))


def words(answers):
    return ", ".join(f"{count} {name}" for name, count in answers.items()) or "none"


def check(good, text):
    print(f"   {'ok ' if good else 'NOT'} {text}")
    return good


def account(before_path, after_path, show_path, inject_path, kernel):
    before, after = (last_object(path)["stacks"][0] for path in (before_path, after_path))
    inject, show = last_object(inject_path), last_object(show_path)
    sent = sum(after[who]["sent"] - before[who]["sent"] for who in ("host", "clients"))
    kernel = int(kernel)
    print(f"   lwf-inject, while the link was pulled: {inject['submitted']} submitted;")
    print(f"       completed: {words(inject['completed'])}")
    print(f"       refused:   {words(inject['refused'])}")
    results = [
        check(balanced(inject), "every frame of lwf-inject has one answer"),
        check(after["balanced"] and balanced(after["host"]) and balanced(after["clients"]),
              "the stack's ledger balances"),
        check(after["host"]["outstanding"] + after["clients"]["outstanding"] == 0, "nothing is in flight"),
        check(sent == kernel, f"sent by the ledger {sent}, by the kernel's counter of eth1 {kernel}"),
        check(show["rules_broken"] == 0, "no rule of the protocol was broken"),
    ]
    return 0 if all(results) else 1


class Lane:
    """One name and what it was from when on."""

    def __init__(self, name, first):
        self.name, self.changes = name, [(float("-inf"), first)]

    def add(self, time, what):
        self.changes.append((time, what))

    def between(self, begin, end):
        seen = [what for time, what in self.changes if begin <= time < end]
        before = [what for time, what in self.changes if time < begin]
        return seen + before[-1:]


def link_word(text):
    """The text of a link record: "present, up, carrier on, mtu 1500"."""
    if "carrier on" in text:
        return "carrier"
    return "no carrier" if ", up" in text else "down"


def read_lanes(path):
    begin, end = None, 0
    lanes = {"link": Lane("eth1 link", "carrier"), "stack": Lane("stack", "Running")}
    with open(path, encoding="utf-8") as file:
        records = [json.loads(line) for line in file if line.strip()]
    for record in records:
        time = record["t_ns"] / 1e9
        begin = time if begin is None else begin
        end = max(end, time)
        if record["kind"] == "link":
            lanes["link"].add(time, link_word(record["text"]))
        elif record["kind"] in ("state", "stack"):
            name = record["module"] or "stack"
            lane = lanes.setdefault(name, Lane(name, record["before"]))
            lane.add(time, record["after"])
    return lanes, begin or 0, end


def mark(lane, seen):
    if lane == "link":
        return "." if "down" in seen else "x" if "no carrier" in seen else "="
    return MARKS.get(next((state for state in RANK if state in seen), ""), "?")


def lanes(path):
    rows, begin, end = read_lanes(path)
    end += max(1.0, (end - begin) * 0.05)
    step = (end - begin) / COLUMNS
    for key, lane in rows.items():
        drawn = "".join(mark(key, lane.between(begin + i * step, begin + (i + 1) * step))
                        for i in range(COLUMNS))
        print(f"   {lane.name:>12} {drawn}")
    print(f"   {'':>12} 0 s{'':{COLUMNS - 10}}{end - begin:5.1f} s")
    print("   = Running, carrier   ~ Pausing   - Paused   . Detached, down   + Attaching, Restarting"
          "   x no carrier")
    return 0


def main():
    if len(sys.argv) == 6 and sys.argv[1] == "record":
        return record(*sys.argv[2:])
    if len(sys.argv) == 7 and sys.argv[1] == "account":
        return account(*sys.argv[2:])
    if len(sys.argv) == 3 and sys.argv[1] == "lanes":
        return lanes(sys.argv[2])
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main())
