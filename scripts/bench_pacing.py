#!/usr/bin/env python3
"""bench_pacing.py - how exactly lwf-inject keeps a rate, beside tcpreplay and trafgen.

Run by `scripts/bench.sh --pacing`, inside its namespaces:

    a: candidate > phy  ----veth----  b: peer, where the kernel stamps them

The witness is the receiving kernel: a packet socket with a mapped ring and SO_TIMESTAMPNS on peer, which
nobody reads before the end, so that it takes no processor meanwhile. The error of a gap is how far the time between
two neighbours is from the one that was asked for, either way. Candidates take turns within a round, and
each round begins with another one. The first 100 frames of a run are not counted: a process begins.
CPU is that of the sender, and of lwfd where the frames go through it.
"""
import argparse
import ctypes
import json
import mmap
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from bench import cpu_ns, machine, wait_for  # noqa: E402
from bench_inject import FRAME, make_capture, stop, topology  # noqa: E402

CANDIDATES = ("lwf-inject --nic", "lwf-inject STACK", "tcpreplay", "trafgen")
RATES = (1000, 10000)
BEGIN = 100
SLOT_BYTES, SLOTS = 256, 1 << 17
# linux/if_packet.h, which Python's socket module does not carry
SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION = 263, 5, 6, 10
SO_TIMESTAMPNS, TPACKET_V2, STATUS_USER = 35, 1, 1


def receive():
    """In namespace b: takes stamps until standard input ends, and prints them."""
    peer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    peer.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
    peer.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    block = 1 << 20
    peer.setsockopt(SOL_PACKET, PACKET_RX_RING,
                    struct.pack("IIII", block, SLOTS * SLOT_BYTES // block, SLOT_BYTES, SLOTS))
    ring = mmap.mmap(peer.fileno(), SLOTS * SLOT_BYTES)
    ctypes.CDLL(None).mlockall(1)  # not a page fault in the witness
    peer.bind(("peer", 0x88B5))
    print("listening", flush=True)
    sys.stdin.read()
    stamps = []
    for slot in range(SLOTS):
        status, _, _, _, _, seconds, ns = struct.unpack_from("=IIIHHII", ring, slot * SLOT_BYTES)
        if not status & STATUS_USER:
            break
        stamps.append(seconds * 10 ** 9 + ns)
    lost = struct.unpack("II", peer.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
    print(json.dumps({"stamps": stamps, "lost": lost}))


def command(name, build, directory, rate, frames):
    capture = f"{directory}/frames.pcap"
    ours = [capture, "--rate", f"{rate}pps", "--loop", "0", "--limit", str(frames), "--json"]
    return {
        "lwf-inject --nic": [f"{build}/bin/lwf-inject", "--nic", "phy"] + ours,
        "lwf-inject STACK": [f"{build}/bin/lwf-inject", "phy", "--control", f"{directory}/control"] + ours,
        "tcpreplay": ["tcpreplay", "-q", "-K", f"--pps={rate}", "--loop=0", f"--limit={frames}", "-i", "phy", capture],
        "trafgen": ["trafgen", "-q", "-o", "phy", "-c", f"{directory}/frames.cfg", "-P", "1", "-n", str(frames),
                    "-t", f"{1000000 // rate}us"],
    }[name]


def start(space, words, **options):
    return subprocess.Popen(["ip", "netns", "exec", space] + words, start_new_session=True, **options)


def start_daemon(build, directory, log):
    control = f"{directory}/control"
    daemon = start("a", [f"{build}/bin/lwfd", "--nic", "phy", "--tap", "side", "--control", control],
                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    ask = f"{build}/bin/lwfctl --control {control} wait phy --state running --timeout 5s"
    wait_for("lwfd", lambda: subprocess.run(ask.split(), capture_output=True, timeout=10, check=False).returncode == 0)
    return daemon


def told_of_itself(text):
    try:
        return json.loads(text.splitlines()[-1])["pacing"]
    except (ValueError, IndexError, KeyError, TypeError):
        return None


def measure(name, build, directory, rate, seconds, log):
    frames = int(rate * seconds) + BEGIN
    daemon = start_daemon(build, directory, log) if name == "lwf-inject STACK" else None
    witness = start("b", [sys.executable, os.path.abspath(__file__), "--receive"], stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, text=True)
    try:
        if witness.stdout.readline().strip() != "listening":
            raise RuntimeError("the witness does not listen")
        before = cpu_ns(daemon.pid) if daemon else 0
        with tempfile.TemporaryFile("w+") as out:
            sender = start("a", command(name, build, directory, rate, frames), stdin=subprocess.DEVNULL, stdout=out,
                           stderr=log)
            begin = time.monotonic()
            sender.returncode, usage = os.wait4(sender.pid, 0)[1:]
            took = time.monotonic() - begin
            out.seek(0)
            told = told_of_itself(out.read())
        busy = usage.ru_utime + usage.ru_stime + ((cpu_ns(daemon.pid) - before) / 1e9 if daemon else 0)
        time.sleep(0.1)
        heard = json.loads(witness.communicate(timeout=30)[0])
    finally:
        if witness.poll() is None:
            witness.kill()
            witness.wait()
        if daemon:
            stop(daemon)
    stamps = heard["stamps"]
    if heard["lost"] or len(stamps) < frames or len(stamps) == SLOTS:
        raise RuntimeError(f"{len(stamps)} frames of {frames} seen, {heard['lost']} not")
    stamps = stamps[BEGIN:frames]
    gap_ns = 1e9 / rate
    errors = sorted(abs(b - a - gap_ns) / 1e3 for a, b in zip(stamps, stamps[1:]))
    return {"name": name, "rate": rate, "p50_us": errors[len(errors) // 2], "p99_us": errors[len(errors) * 99 // 100],
            "max_us": errors[-1], "pps": (len(stamps) - 1) * 1e9 / (stamps[-1] - stamps[0]),
            "cpu_percent": 100 * busy / took, "own": told}


def summary(records):
    rows = []
    for rate in RATES:
        for name in CANDIDATES:
            mine = [r for r in records if r["name"] == name and r["rate"] == rate]
            if not mine:
                continue
            row = {key: statistics.median(r[key] for r in mine)
                   for key in ("p50_us", "p99_us", "max_us", "pps", "cpu_percent")}
            own = [r["own"]["p99_us"] for r in mine if r["own"]]
            row |= {"name": name, "rate": rate, "least_p99_us": min(r["p99_us"] for r in mine),
                    "most_p99_us": max(r["p99_us"] for r in mine), "own_p99_us": statistics.median(own) if own else None}
            rows.append(row)
    return rows


def show(facts, rows, options):
    for key, value in facts.items():
        print(f"{key}: {value}")
    print(f"rounds: {options.rounds} of {options.seconds:g} s each\n")
    print("| rate | sender | gap error p50 us | p99 us (least, most) | max us | rate kept | CPU % | its own p99 us |")
    print("|---" * 8 + "|")
    for row in rows:
        own = "-" if row["own_p99_us"] is None else f"{row['own_p99_us']:.1f}"
        print(f"| {row['rate'] / 1000:g} kpps | {row['name']} | {row['p50_us']:.1f} | {row['p99_us']:.1f} "
              f"({row['least_p99_us']:.1f}, {row['most_p99_us']:.1f}) | {row['max_us']:.0f} | {row['pps'] / 1000:.3f} kpps "
              f"| {row['cpu_percent']:.0f} | {own} |")
    print("\nMedians of the rounds; the errors are those of gaps at the receiving kernel.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--receive", action="store_true")
    parser.add_argument("--build")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--json")
    options = parser.parse_args()
    if options.receive:
        return receive()
    records, failures = [], 0
    topology()
    with tempfile.TemporaryDirectory() as directory, open(f"{options.build}/bench.log", "wb") as log:
        make_capture(f"{directory}/frames.pcap")
        with open(f"{directory}/frames.cfg", "w", encoding="ascii") as file:
            file.write("{ " + ", ".join(f"0x{byte:02x}" for byte in FRAME) + " }\n")
        for number in range(options.rounds):
            shift = number % len(CANDIDATES)
            for rate in RATES:
                for name in CANDIDATES[shift:] + CANDIDATES[:shift]:
                    print(f"round {number + 1} of {options.rounds}: {rate / 1000:g} kpps, {name}", file=sys.stderr)
                    try:
                        records.append(measure(name, options.build, directory, rate, options.seconds, log))
                    except (RuntimeError, subprocess.SubprocessError, OSError, ValueError) as error:
                        failures += 1
                        print(f"bench_pacing.py: {name}: {error}", file=sys.stderr)
    facts, rows = machine(options.build), summary(records)
    show(facts, rows, options)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"schema": 1, "machine": facts, "records": records, "rows": rows}, file, indent=1)
            file.write("\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
