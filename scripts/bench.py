#!/usr/bin/env python3
"""bench.py - the measuring of scripts/bench.sh; runs as root of namespaces of its own.

Topology, made anew for each measurement (the far host is always "peer" in namespace b):

    lwfd, socat:  a: side (TAP) = candidate = phy  ----veth----  b: peer
    bridge:       a: side  --veth--  e: br0  --veth--            b: peer

A>B is from side to peer. TCP is one iperf3 stream; small frames are counted by the device at which
they arrive. Candidates take turns round by round, because a machine drifts: a ratio is taken
inside a round, and the median of the ratios is what counts.
"""
import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time

MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
IP_A, IP_B = "10.9.0.1", "10.9.0.2"
OFFLOADS = "tx off sg off tso off gso off gro off"
WARM_UP = 2  # seconds of a TCP stream
CANDIDATES = ("bridge", "lwfd", "bare", "socat")  # bare: tests/bench/bareloop.c
MEASURES = {  # key: (column, unit, decimals)
    "tcp_ab": ("TCP A>B", "Gbit/s", 2), "tcp_ba": ("TCP B>A", "Gbit/s", 2),
    "small_ab": ("64 B A>B", "kpps", 0), "small_ba": ("64 B B>A", "kpps", 0),
}


def run(command, check=True, timeout=30):
    done = subprocess.run(command.split(), capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def inside(space, command, **options):
    return run(f"ip netns exec {space} {command}", **options)


def wait_for(what, question, seconds=5.0):
    limit = time.monotonic() + seconds
    while not question():
        if time.monotonic() > limit:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Topology:
    """One candidate between side and peer; to be used in a with statement."""

    def __init__(self, name, build, log):
        self.name, self.build, self.log = name, build, log
        self.processes = []
        self.engine = None  # the process that carries frames; None: the kernel does

    def start(self, space, command):
        process = subprocess.Popen(["ip", "netns", "exec", space] + command.split(), stdin=subprocess.DEVNULL,
                                   stdout=self.log, stderr=self.log)
        self.processes.append(process)
        return process

    def __enter__(self):
        try:
            for space in "abe":
                run(f"ip netns add {space}")
                inside(space, "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 "
                              "net.ipv6.conf.default.disable_ipv6=1")
                inside(space, "ip link set lo up")
            if self.name == "bridge":
                self.bridge()
            else:
                self.tap()
            inside("a", f"ip link set side address {MAC_A} up", check=self.name == "bridge")
            inside("a", f"ip addr add {IP_A}/24 dev side")
            inside("a", f"ip neigh replace {IP_B} lladdr {MAC_B} dev side nud permanent")
            self.start("b", "iperf3 -s")
            wait_for("iperf3", lambda: "LISTEN" in inside("b", "ss -Hltn sport = :5201", check=False))
            inside("a", f"ping -q -c 2 -i 0.2 -w 5 {IP_B}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def peer(self, offloads):
        inside("b", f"ip link set peer address {MAC_B} up")
        inside("b", f"ip addr add {IP_B}/24 dev peer")
        if not offloads:
            inside("b", f"ethtool -K peer {OFFLOADS}", check=False)

    def bridge(self):
        run("ip link add side netns a type veth peer name s2 netns e")
        run("ip link add phy netns e type veth peer name peer netns b")
        inside("e", "ip link add br0 type bridge stp_state 0")
        for port in ("s2", "phy"):
            inside("e", f"ip link set {port} master br0 up")
        inside("e", "ip link set br0 up")
        self.peer(True)
        inside("b", f"ip neigh replace {IP_A} lladdr {MAC_A} dev peer nud permanent")

    def tap(self):
        run("ip link add phy netns a type veth peer name peer netns b")
        inside("a", f"ip link set phy address {MAC_A} up")
        self.peer(self.name != "socat")
        if self.name == "lwfd":
            self.engine = self.start("a", f"{self.build}/bin/lwfd --nic phy --tap side "
                                          f"--control /run/bench.control")
        elif self.name == "bare":
            inside("a", "tc qdisc add dev phy clsact")
            subprocess.run(["ip", "netns", "exec", "a", "tc", "filter", "add", "dev", "phy", "ingress",
                            "bpf", "da", "bytecode", "1,6 0 0 2"], check=True, timeout=30)
            self.engine = self.start("a", f"{self.build}/tests/bin/bareloop side phy")
        else:  # it knows nothing of offloads: without this it would lose what it cannot carry
            inside("a", f"ethtool -K phy {OFFLOADS}", check=False)
            inside("a", "sysctl -qw net.ipv4.conf.phy.arp_ignore=8")
            self.engine = self.start("a", "socat TUN,tun-name=side,tun-type=tap,iff-no-pi,iff-up "
                                          "INTERFACE:phy")
        wait_for("side", lambda: '"UP"' in inside("a", "ip -j link show dev side", check=False))
        inside("b", f"ip neigh replace {IP_A} lladdr {MAC_A} dev peer nud permanent")

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for space in "abe":
            run(f"ip netns del {space}", check=False)

    def engine_pid(self):
        """`ip netns exec` becomes the program, so its process is the engine's."""
        return self.engine.pid if self.engine else None


def tcp(seconds, reverse):
    """Both ends have a processor of their own: left to the scheduler they share one in some rounds and
    not in others, and every candidate, the bridge too, has then two speeds. The first seconds do not count:
    the stream grows, and on a virtual machine each page of memory is got from the host once more."""
    pinned = " -A 0,1" if os.cpu_count() > 1 else ""
    text = inside("a", f"iperf3 -J -c {IP_B} -O {WARM_UP} -t {seconds:g}" + pinned + (" -R" if reverse else ""),
                  timeout=seconds + WARM_UP + 20)
    return json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e9


def received(space, device):
    return json.loads(inside(space, f"ip -s -j link show dev {device}"))[0]["stats64"]["rx"]["packets"]


def small(build, seconds, reverse):
    sender, receiver = (("b", "peer", MAC_A), ("a", "side")) if reverse else (("a", "side", MAC_B), ("b", "peer"))
    before = received(*receiver)
    told = json.loads(inside(sender[0], f"{build}/tests/bin/pgen {sender[1]} {seconds:g} {sender[2]} 64",
                             timeout=seconds + 20))
    time.sleep(0.1)
    return (received(*receiver) - before) / told["seconds"] / 1e3


def cpu_ns(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def measure(name, build, seconds, log):
    result = {"name": name}
    with Topology(name, build, log) as topology:
        pid = topology.engine_pid()
        if pid:
            time.sleep(0.5)
            before = cpu_ns(pid)
            time.sleep(seconds)
            result["idle_cpu_percent"] = round((cpu_ns(pid) - before) / seconds / 1e7, 3)
        result["tcp_ab"] = tcp(seconds, False)
        result["tcp_ba"] = tcp(seconds, True)
        result["small_ab"] = small(build, seconds, False)
        result["small_ba"] = small(build, seconds, True)
        if pid:
            result["memory_mib"] = round(memory_kib(pid) / 1024, 1)
    return result


def machine(build):
    def first(command):
        try:
            return run(command, check=False).splitlines()[0].strip()
        except (OSError, IndexError):
            return "unknown"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    cache = {}
    with open(f"{build}/CMakeCache.txt", encoding="utf-8") as file:
        for line in file:
            key, _, value = line.strip().partition("=")
            cache[key.split(":")[0]] = value
    return {
        "commit": first("git describe --always --dirty"), "kernel": platform.release(),
        "cpu": models[0] if models else platform.machine(), "cpus": os.cpu_count(),
        "compiler": first(f"{cache.get('CMAKE_C_COMPILER', 'cc')} --version"),
        "build_type": cache.get("CMAKE_BUILD_TYPE", ""), "iperf3": first("iperf3 --version"),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def summary(records):
    """name -> key -> {median, ratio, spread}; a ratio is to the bridge of the same round."""
    rounds = {}
    for record in records:
        rounds.setdefault(record["round"], {})[record["name"]] = record
    table = {}
    for name in CANDIDATES:
        for key in MEASURES:
            values = [r[name][key] for r in rounds.values() if name in r]
            ratios = [r[name][key] / r["bridge"][key] for r in rounds.values()
                      if name in r and "bridge" in r and r["bridge"][key]]
            if values:
                table.setdefault(name, {})[key] = {
                    "median": statistics.median(values), "least": min(values), "most": max(values),
                    "ratio": statistics.median(ratios) if ratios else None}
        for key in ("idle_cpu_percent", "memory_mib"):
            values = [r[name][key] for r in rounds.values() if key in r.get(name, {})]
            if values:
                table[name][key] = max(values)
    return table


def show(table, facts, rounds, seconds):
    for key, value in facts.items():
        print(f"{key}: {value}")
    print(f"rounds: {rounds} of {seconds:g} s each\n")
    heads = [f"{column} {unit}" for column, unit, _ in MEASURES.values()]
    print("| candidate | " + " | ".join(heads) + " | idle CPU % | memory MiB |")
    print("|---" * (len(heads) + 3) + "|")
    for name, row in table.items():
        cells = []
        for key, (_, _, decimals) in MEASURES.items():
            ratio = row[key]["ratio"]
            cells.append(f"{row[key]['median']:.{decimals}f}" + (f" ({ratio:.2f})" if ratio else ""))
        cells += [str(row.get("idle_cpu_percent", "-")), str(row.get("memory_mib", "-"))]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print("\nMedians; in brackets the median of the per-round ratios to the bridge.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    output = options.json or f"{options.build}/bench.json"
    facts, records, failures = machine(options.build), [], 0
    with open(f"{options.build}/bench.log", "wb") as log:
        for number in range(options.rounds):
            for name in CANDIDATES:
                print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr)
                try:
                    records.append(measure(name, options.build, options.seconds, log) | {"round": number})
                except (RuntimeError, subprocess.SubprocessError, OSError, KeyError, ValueError) as error:
                    failures += 1
                    print(f"bench.py: {name}: {error}", file=sys.stderr)
    table = summary(records)
    with open(output, "w", encoding="utf-8") as file:
        json.dump({"schema": 1, "machine": facts, "seconds": options.seconds, "records": records,
                   "summary": table}, file, indent=1)
        file.write("\n")
    show(table, facts, options.rounds, options.seconds)
    print(f"All figures: {output}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
