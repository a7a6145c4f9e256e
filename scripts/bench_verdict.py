#!/usr/bin/env python3
"""bench_verdict.py - verdicts a second, and decided flows while their decider is stopped.

Run by `scripts/bench.sh --verdict`, inside its namespaces. First tests/bench/verdict_rate.c: one decider answers asks as
fast as it can, one verdict a message and up to 64 a message. Then a TCP connection of iperf3 through lwfd, of which a
program of `lwfctl verdict serve` decided that it may pass: every half second that program and serve are stopped
(SIGSTOP), or go on, since a stream by itself drifts by more than what is looked for. What counts is the ratio of both
kinds of half seconds in one connection. The targets: 150,000 and 1,000,000 verdicts a second, and 0.95.
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
from bench_inject import stop  # noqa: E402

WARM_S = 2
PIECE_S = 0.5
EDGE_S = 0.1  # what lies so near a change is of neither kind
DECIDER = """
import json, sys
for line in sys.stdin:
    event = json.loads(line)
    if event["type"] == "ask":
        print(json.dumps({"ask": event["ask"], "verdict": "allow"}), flush=True)
"""


def topology():
    run("ip netns add b")
    run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
    inside("b", "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
    run("ip link add phy type veth peer name peer netns b")
    inside("b", "ip link set peer up")
    run("ip link set phy up")


def rates(build, directory, options):
    path = f"{directory}/rate.json"
    run(f"{build}/tests/bin/verdict_rate --rounds {options.rounds} --seconds {max(1, int(options.seconds))} --json {path}",
        timeout=20 + options.rounds * (options.seconds + 2) * 2)
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def verdicts(build, control):
    told = subprocess.run([f"{build}/bin/lwfctl", "--control", control, "verdict", "show", "--json"], check=True,
                          capture_output=True, text=True, timeout=10).stdout
    return json.loads(told)["verdicts"][0]


def start(build, directory, log):
    """lwfd with the filter, its addresses, and who decides: (daemon, serve, pid of the program)."""
    control = f"{directory}/control"
    daemon = subprocess.Popen([f"{build}/bin/lwfd", "--nic", "phy", "--tap", "side", "--control", control, "--filter",
                               "verdict:default=deny"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                              start_new_session=True)
    ask = f"{build}/bin/lwfctl --control {control} wait phy --state running --timeout 5s"
    wait_for("lwfd", lambda: subprocess.run(ask.split(), capture_output=True, timeout=10, check=False).returncode == 0)
    run("ip addr replace 10.7.0.1/24 dev side")
    inside("b", "ip addr replace 10.7.0.2/24 dev peer")
    with open(f"{directory}/decide.py", "w", encoding="utf-8") as file:
        file.write(DECIDER)
    serve = subprocess.Popen([f"{build}/bin/lwfctl", "--control", control, "verdict", "serve", "--", sys.executable, "-u",
                              f"{directory}/decide.py"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             start_new_session=True)
    wait_for("the decider", lambda: verdicts(build, control)["deciders"])
    return daemon, serve, verdicts(build, control)["deciders"][0]["own_pid"]


def pieces(build, directory, seconds, first_stopped, log):
    """Bits a second of both kinds of pieces of a connection, and what the filter said of it after."""
    daemon, serve, program = start(build, directory, log)
    server = subprocess.Popen(["ip", "netns", "exec", "b", "iperf3", "-s", "-1"], stdin=subprocess.DEVNULL, stdout=log,
                              stderr=log, start_new_session=True)
    talk = None
    try:
        time.sleep(0.3)
        count = 2 * round(seconds / PIECE_S)
        talk = subprocess.Popen(["iperf3", "-c", "10.7.0.2", "-J", "-i", "0.1", "-A", "0,1", "-t",
                                 str(WARM_S + count * PIECE_S)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=log, text=True, start_new_session=True)
        began = time.monotonic()
        for piece in range(count):
            time.sleep(max(0, began + WARM_S + piece * PIECE_S - time.monotonic()))
            for pid in (serve.pid, program):
                os.kill(pid, signal.SIGSTOP if (piece + first_stopped) % 2 else signal.SIGCONT)
        told = json.loads(talk.communicate(timeout=30)[0])
        accounts = verdicts(build, f"{directory}/control")
    finally:
        for pid in (serve.pid, program):
            os.kill(pid, signal.SIGCONT)
        for process in (talk, server, serve, daemon):
            if process and process.poll() is None:
                stop(process)
    found = [[], []]  # running, stopped
    for interval in told["intervals"]:
        begin, end = interval["sum"]["start"] - WARM_S, interval["sum"]["end"] - WARM_S
        piece = int(begin // PIECE_S)
        if piece >= 0 and begin - piece * PIECE_S >= EDGE_S and end <= (piece + 1) * PIECE_S + 0.01:
            found[(piece + first_stopped) % 2].append(interval["sum"]["bits_per_second"])
    means = [statistics.fmean(kind) for kind in found]
    return {"running_bps": means[0], "stopped_bps": means[1], "ratio": means[1] / means[0], "asks": accounts["asks"], "open": accounts["open"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    topology()
    rounds = []
    with tempfile.TemporaryDirectory() as directory, open(f"{options.build}/bench.log", "wb") as log:
        rate = rates(options.build, directory, options)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            rounds.append(pieces(options.build, directory, options.seconds, number % 2, log))
    facts = machine(options.build)
    for key, value in facts.items():
        print(f"{key}: {value}")
    print(f"rounds: {options.rounds} of {options.seconds:g} s each\n")
    single, batched = statistics.median(rate["single"]), statistics.median(rate["batched"])
    print("| what | verdicts a second | least |\n|---|---|---|")
    print(f"| one verdict a message | {single:,.0f} | {min(rate['single']):,.0f} |")
    print(f"| up to 64 a message | {batched:,.0f} | {min(rate['batched']):,.0f} |\n")
    print("| round | decider runs, Gbit/s | stopped, Gbit/s | ratio | asks |\n|---|---|---|---|---|")
    for number, found in enumerate(rounds):
        print(f"| {number + 1} | {found['running_bps'] / 1e9:.2f} | {found['stopped_bps'] / 1e9:.2f} "
              f"| {found['ratio']:.3f} | {found['asks']} |")
    ratio = statistics.median(found["ratio"] for found in rounds)
    print(f"\nMedian ratio {ratio:.3f}.")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"schema": 1, "machine": facts, "rates": rate, "rounds": rounds}, file, indent=1)
            file.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
