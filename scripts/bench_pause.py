#!/usr/bin/env python3
"""bench_pause.py - how long a pause takes when the link goes, at full injection rate.

Run by `scripts/bench.sh --pause`, inside its namespaces. One lwfd on a veth; lwf-inject sends 64-byte frames
through it without a pause; the interface is disabled and enabled again, N times. The latency is what
lwfd's own trace says: from the record of the link event, made when the message was read, to the
record with which the last module is Paused. With qdisc=kernel frames are in flight in the device's queue and the pause
is answered PENDING; without it a veth never has any.
"""
import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import time


def run(command, check=True):
    return subprocess.run(command.split(), check=check, capture_output=True, text=True, timeout=30).stdout


def make_capture(path):
    frame = b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x88\xb5" + bytes(46)
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def flap(ctl, flaps):
    for n in range(flaps):
        run("ip link set phy down")
        run(f"{ctl} wait phy --state detached --timeout 5s")
        run("ip link set phy up")
        run(f"{ctl} wait phy --state running --timeout 5s")
        time.sleep(0.03)  # back to the full rate
        if sys.stderr.isatty():
            print(f"\rflap {n + 1} of {flaps}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)


def latencies(lines):
    """Milliseconds of each pause that a link event began, and how many of them were pending."""
    result, pending, began, paused, owed = [], 0, None, None, False
    for line in lines:
        record = json.loads(line)
        if record["kind"] == "link" and record["event"] == "admin-down":
            began, paused, owed = record["t_ns"], None, False
        elif began and record["kind"] == "state" and record["before"] == "Pausing":
            owed |= record["owed"]
            if record["after"] == "Paused":
                paused = record["t_ns"]
        elif began and record["kind"] == "stack" and record["after"] == "Detached":
            result.append((paused - began) / 1e6)
            pending += owed
            began = None
    return result, pending


def measure(build, directory, mode, flaps):
    control = f"{directory}/control"
    os.environ["LWF_CONTROL"] = control
    ctl = f"{build}/bin/lwfctl"
    trace = f"{directory}/trace"
    children = []
    try:
        run("ip netns add far")
        run("ip link add phy type veth peer name peer netns far")
        run("ip -n far link set peer up")
        run("ip link set phy up")
        with open(trace, "w", encoding="utf-8") as out:
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            children.append(subprocess.Popen([f"{build}/bin/lwfd", "--lower", f"nic:phy{mode}", "--upper",
                                              "tap:side"], **quiet))
            while subprocess.run([ctl, "show"], **quiet, check=False).returncode and children[0].poll() is None:
                time.sleep(0.05)
            run(f"{ctl} wait phy --state running --timeout 5s")
            children.append(subprocess.Popen([ctl, "watch", "--json"], **{**quiet, "stdout": out}))
            children.append(subprocess.Popen([f"{build}/bin/lwf-inject", "phy", f"{directory}/one.pcap", "--loop", "0",
                                              "--topspeed"], **quiet))
            time.sleep(0.5)
            flap(ctl, flaps)
    finally:
        for child in reversed(children):
            child.terminate()
            child.wait(10)
        run("ip link del phy", check=False)
        run("ip netns del far", check=False)
    with open(trace, encoding="utf-8") as file:
        return latencies(file)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--flaps", type=int, default=300)
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        make_capture(f"{directory}/one.pcap")
        for name, mode in (("default", ""), ("qdisc=kernel", ",qdisc=kernel")):
            values, pending = measure(options.build, directory, mode, options.flaps)
            values.sort()
            if len(values) != options.flaps:
                print(f"bench_pause.py: {len(values)} pauses seen, not {options.flaps}", file=sys.stderr)
                return 1
            rows.append({"mode": name, "pauses": len(values), "pending": pending,
                         "p50_ms": values[len(values) // 2], "p99_ms": values[len(values) * 99 // 100],
                         "max_ms": values[-1]})
    print("| mode | pauses | answered PENDING | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {row['mode']} | {row['pauses']} | {row['pending']} | {row['p50_ms']:.3f} | {row['p99_ms']:.3f} "
              f"| {row['max_ms']:.3f} |")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"schema": 1, "rows": rows}, file)
    return 0


sys.exit(main())
