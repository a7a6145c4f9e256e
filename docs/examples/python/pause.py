#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""pause.py - sends 1000 frames with scapy while the stack is paused and restarted, and tells of each.

usage: pause.py [STACK]      (default: eth1; wants lwfctl in the PATH and the role admin)

A socket of the kernel would call all of them sent. Here each has an answer: in the end there is a line
for every run of frames with the same one.
"""
import itertools
import subprocess
import sys
import threading
import time

from scapy.all import IP, UDP, Ether, Raw

import lwf


def pause_for_a_moment(stack):
    time.sleep(0.3)
    subprocess.run(["lwfctl", "pause", stack], check=True)
    time.sleep(0.3)
    subprocess.run(["lwfctl", "restart", stack], check=True)


def main(stack="eth1"):
    packet = Ether(dst="ff:ff:ff:ff:ff:ff") / IP(dst="10.9.0.2") / UDP(dport=9) / Raw(bytes(40))
    try:
        link = lwf.LwfSocket(stack, iface=False)  # for sending alone
    except lwf.Error as error:
        print(error, file=sys.stderr)
        return error.exit
    with link:
        pauser = threading.Thread(target=pause_for_a_moment, args=(stack,))
        pauser.start()
        tickets = []
        for _ in range(1000):
            tickets.append(link.send(packet))
            time.sleep(0.001)
        pauser.join()
        link.flush(5.0)
    first = 0
    for said, run in itertools.groupby(str(ticket.answer) for ticket in tickets):
        count = len(list(run))
        print(f"frames {first} to {first + count - 1}: {said}")
        first += count
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
