#!/usr/bin/env python3
"""bench_inject.py - how many 64-byte frames a second lwf-inject sends, beside other senders.

Run by `scripts/bench.sh --inject`, inside its namespaces:

    a: candidate > phy  ----veth----  b: peer, where they are counted and dropped

Every candidate sends the same frame, of an EtherType that no stack knows, from the same capture, at its best
setting. On a veth the sender's processor does the receiver's work too, so each has processor 0 for itself (trafgen chooses that),
and whatever else there is (this script, and lwfd for the way through it) has the others. Candidates take turns
within a round, and each round begins with another one. What counts are packets that the receiving kernel
took within the window, when the sender has run warm; ratios are taken inside a round.

Ledgers are held against the same witness: what lwf-inject says it sent must be what arrived, to the frame.
"""
import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from bench import inside, machine, run, wait_for  # noqa: E402

FRAME = b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x88\xb5" + bytes(50)
RIVALS = ("tcpreplay", "trafgen", "pcap_inject")
OURS = ("lwf-inject --nic", "lwf-inject STACK")
FLOORS = ("send loop", "vnet loop", "sendmmsg loop", "ring loop")
WARM_S = 0.3


def make_capture(path, records=1000):
    import struct
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for _ in range(records):
            file.write(struct.pack("<IIII", 0, 0, len(FRAME), len(FRAME)) + FRAME)


def command(name, build, directory):
    capture, control = f"{directory}/frames.pcap", f"{directory}/control"
    inject = [f"{build}/bin/lwf-inject"]
    endless = [capture, "--topspeed", "--loop", "0", "--json"]
    loop = [f"{build}/tests/bin/sendloop", "phy"]
    return {
        "lwf-inject --nic": inject + ["--nic", "phy"] + endless,
        "lwf-inject STACK": inject + ["phy", "--control", control] + endless,
        "tcpreplay": ["tcpreplay", "-q", "--preload-pcap", "--topspeed", "--loop=0", "-i", "phy", capture],
        "trafgen": ["trafgen", "-o", "phy", "-c", f"{directory}/frames.cfg", "-P", "1", "-C"],
        "pcap_inject": loop + ["pcap", capture],
        "send loop": loop + ["send", capture],
        "vnet loop": loop + ["vnet", capture],
        "sendmmsg loop": loop + ["mmsg", capture],
        "ring loop": loop + ["ring", capture],
    }[name]


def received():
    """Packets and when they were read, by the clock of the reading."""
    text = inside("b", "ip -s -j link show dev peer")
    return json.loads(text)[0]["stats64"]["rx"]["packets"], time.monotonic()


def topology():
    for space in "ab":
        run(f"ip netns add {space}")
        inside(space, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
    run("ip link add phy netns a type veth peer name peer netns b")
    inside("b", "ip link set peer up")
    inside("a", "ip link set phy up")


def pinned(cpu, words):
    return ["ip", "netns", "exec", "a"] + (["taskset", "-c", str(cpu)] if os.cpu_count() > 1 else []) + words


def stop(process):
    os.killpg(process.pid, signal.SIGTERM)  # trafgen has children
    try:
        return process.communicate(timeout=10)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0]


def start_daemon(build, directory, log):
    control = f"{directory}/control"
    daemon = subprocess.Popen(pinned(1, [f"{build}/bin/lwfd", "--nic", "phy", "--tap", "side", "--control", control]),
                              stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    ask = f"{build}/bin/lwfctl --control {control} wait phy --state running --timeout 5s"
    wait_for("lwfd", lambda: subprocess.run(ask.split(), capture_output=True, timeout=10, check=False).returncode == 0)
    return daemon


def check_ledger(name, text, arrived):
    ledger = json.loads(text.splitlines()[-1])
    answered = sum(ledger["completed"].values()) + sum(ledger["refused"].values())
    if ledger["submitted"] != answered or ledger["sent"] != arrived:
        raise RuntimeError(f"{name}: {arrived} frames arrived; its ledger says {ledger}")


def measure(name, build, directory, seconds, log):
    daemon = start_daemon(build, directory, log) if name == "lwf-inject STACK" else None
    before = received()[0]
    process = subprocess.Popen(pinned(0, command(name, build, directory)), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
    try:
        time.sleep(WARM_S)
        first, start = received()
        time.sleep(seconds)
        last, end = received()
        if process.poll() is not None:
            raise RuntimeError(f"{name}: it ended by itself with {process.returncode}")
    finally:
        told = stop(process)
        if daemon:
            stop(daemon)
    if name in OURS:
        check_ledger(name, told, received()[0] - before)
    return (last - first) / (end - start) / 1e3


def summary(records, names):
    rounds = {}
    for record in records:
        rounds.setdefault(record["round"], {})[record["name"]] = record["kpps"]
    whole = [r for r in rounds.values() if all(name in r for name in RIVALS)]
    # The best rival is one program, the one with the best median: the best of each round would be luck.
    best = max(RIVALS, key=lambda name: statistics.median(r[name] for r in whole))
    rows = []
    for name in names:
        mine = [r for r in whole if name in r]
        rows.append({"name": name, "kpps": statistics.median(r[name] for r in mine),
                     "least": min(r[name] for r in mine), "most": max(r[name] for r in mine),
                     "ratio": statistics.median(r[name] / r[best] for r in mine)})
    return best, rows


def show(facts, best, rows, options):
    for key, value in facts.items():
        print(f"{key}: {value}")
    print(f"rounds: {options.rounds} of {options.seconds:g} s each\n")
    print(f"| sender | kpps | least, most | to {best} |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['name']} | {row['kpps']:.0f} | {row['least']:.0f}, {row['most']:.0f} | {row['ratio']:.2f} |")
    print(f"\nMedians; the ratio is the median of those to {best}, the best of the others, in the same round.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--only", help="names of candidates, with commas")
    parser.add_argument("--json")
    options = parser.parse_args()
    names = OURS + RIVALS + FLOORS
    if options.only:
        names = tuple(options.only.split(","))
    records, failures = [], 0
    topology()
    with tempfile.TemporaryDirectory() as directory, open(f"{options.build}/bench.log", "wb") as log:
        make_capture(f"{directory}/frames.pcap")
        with open(f"{directory}/frames.cfg", "w", encoding="ascii") as file:
            file.write("{ " + ", ".join(f"0x{byte:02x}" for byte in FRAME) + " }\n")
        for number in range(options.rounds):
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr)
                try:
                    kpps = measure(name, options.build, directory, options.seconds, log)
                    records.append({"name": name, "round": number, "kpps": kpps})
                except (RuntimeError, subprocess.SubprocessError, OSError, ValueError) as error:
                    failures += 1
                    print(f"bench_inject.py: {name}: {error}", file=sys.stderr)
    facts = machine(options.build)
    best, rows = summary(records, names)
    show(facts, best, rows, options)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"schema": 1, "machine": facts, "best": best, "records": records, "rows": rows}, file, indent=1)
            file.write("\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
