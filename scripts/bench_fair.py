#!/usr/bin/env python3
"""bench_fair.py - four clients that flood a stack, and a fifth that wants 2,000 frames a second.

Run by `scripts/bench.sh --fair`, inside its namespaces: five lwf-inject on one lwfd, each with a source address of
its own. The far side's kernel counts by address (tests/bench/sources.c); beside it stand lwfd's ledgers of
the five sessions, read before and after. lwfd has a processor, the clients share another one. Exit 1: the four are
more than 10 % apart in some round, or the fifth is off its rate by more than 2 %.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from bench import inside, machine  # noqa: E402
from bench_inject import make_capture, pinned, start_daemon, stop, topology  # noqa: E402

FLOODERS, RATE = 4, 2000
MACS = [f"02:00:00:00:01:{number:02x}" for number in range(1, FLOODERS + 2)]  # the last is the paced one's
WARM_S = 0.7


def sent(build, control):
    """Frames sent so far, by process."""
    told = subprocess.run([f"{build}/bin/lwfctl", "--control", control, "ledger", "phy", "--json"], check=True,
                          capture_output=True, text=True, timeout=10).stdout
    found = {}

    def look(thing):
        if isinstance(thing, dict):
            if "pid" in thing and "sent" in thing.get("ledger", thing):
                found[thing["pid"]] = thing.get("ledger", thing)["sent"]
            thing = list(thing.values())
        for part in thing if isinstance(thing, list) else ():
            look(part)
    look(json.loads(told.splitlines()[-1]))
    return found


def measure(build, directory, seconds, log):
    control, clients = f"{directory}/control", []
    daemon = start_daemon(build, directory, log)
    try:
        for mac in MACS:
            speed = ["--topspeed"] if mac != MACS[-1] else ["--rate", f"{RATE}pps"]
            clients.append(subprocess.Popen(pinned(0, [
                f"{build}/bin/lwf-inject", "phy", f"{directory}/frames.pcap", "--loop", "0", "--src-mac", mac,
                "--control", control, "--json", *speed]), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True))
        time.sleep(WARM_S)
        before = sent(build, control)
        far = json.loads(inside("b", f"{build}/tests/bin/sources peer {seconds:g} " + " ".join(MACS), timeout=seconds + 10))
        after = sent(build, control)
        ledger = [after[client.pid] - before[client.pid] for client in clients]
    finally:
        for client in clients:
            stop(client)
        stop(daemon)
    rates = [far["frames"][mac] / far["seconds"] for mac in MACS]
    return {"far_pps": rates, "ledger": ledger, "share": min(rates[:-1]) / max(rates[:-1]),
            "ledger_share": min(ledger[:-1]) / max(ledger[:-1]), "paced": rates[-1] / RATE}


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
        make_capture(f"{directory}/frames.pcap")
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
            rounds.append(measure(options.build, directory, options.seconds, log))
    facts = machine(options.build)
    for key, value in facts.items():
        print(f"{key}: {value}")
    print(f"rounds: {options.rounds} of {options.seconds:g} s each; the paced one wants {RATE} frames a second\n")
    heads = [f"flood {number + 1} kpps" for number in range(FLOODERS)]
    print("| round | " + " | ".join(heads) + " | least / most | by the ledgers | paced pps |\n|---" + "|---" * 7 + "|")
    for number, found in enumerate(rounds):
        floods = " | ".join(f"{rate / 1e3:.1f}" for rate in found["far_pps"][:-1])
        print(f"| {number + 1} | {floods} | {found['share']:.3f} | {found['ledger_share']:.3f} "
              f"| {found['far_pps'][-1]:.1f} |")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"schema": 1, "machine": facts, "rounds": rounds}, file, indent=1)
            file.write("\n")
    fair = all(found["share"] >= 0.9 and abs(found["paced"] - 1) <= 0.02 for found in rounds)
    print("\nWithin 10 % and 2 %." if fair else "\nNot within 10 % and 2 %.")
    return 0 if fair else 1


if __name__ == "__main__":
    sys.exit(main())
