# SPDX-License-Identifier: BSD-2-Clause
"""live.py - what the tests of lwf.py share: a stack eth1 that runs, steered and watched from outside.

tests/system/71-python.sh has made it: TAP lwf0, NIC eth1 with the far host's eth0 at its other end. The
witnesses are the kernel's counters and framecap at the far host.
"""
import json
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
import lwf  # noqa: E402

STACK = "eth1"
PATIENCE = 20.0  # seconds; what has to come comes sooner


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=60).stdout


def lwfctl(*words):
    return run("lwfctl", *words)


def tx_packets(dev="eth1"):
    return json.loads(run("ip", "-s", "-j", "link", "show", "dev", dev))[0]["stats64"]["tx"]["packets"]


def rx_packets(dev):
    return json.loads(run("ip", "-s", "-j", "link", "show", "dev", dev))[0]["stats64"]["rx"]["packets"]


def frame(number, size=60):
    """A numbered frame of an EtherType for experiments."""
    head = bytes.fromhex("0200000000020200000000" "0188b5") + number.to_bytes(4, "big")
    return head + bytes(size - len(head))


class Capture:
    """framecap at the far host; frames() ends it and gives what arrived there."""

    def __init__(self, path):
        self.path = path
        self.process = subprocess.Popen(["ip", "netns", "exec", "far", "framecap", "eth0", "-w", path, "-t", "60"],
                                        stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline().startswith("listening")

    def frames(self):
        time.sleep(0.3)  # a frame too many would come now
        self.process.terminate()
        self.process.communicate(timeout=20)
        with open(self.path, "rb") as file:
            data = file.read()
        found, at = [], 24
        while at < len(data):
            length = int.from_bytes(data[at + 8:at + 12], sys.byteorder)
            found.append(data[at + 16:at + 16 + length])
            at += 16 + length
        return found


class LiveTest(unittest.TestCase):
    """Begins and ends with a stack that runs."""

    def setUp(self):
        lwfctl("wait", STACK, "--state", "running", "--timeout", "10s")
        self.before = tx_packets()

    def tearDown(self):
        subprocess.run(["lwfctl", "restart", STACK], check=False, capture_output=True, timeout=60)

    def pause(self):
        lwfctl("pause", STACK)

    def restart(self):
        lwfctl("restart", STACK)

    def left(self):
        return tx_packets() - self.before

    def answers(self, handle, count):
        """Exactly so many, and no more to come."""
        found = []
        deadline = time.monotonic() + PATIENCE
        while len(found) < count and time.monotonic() < deadline:
            if handle.wait(1.0):
                found += handle.poll()
        self.assertEqual(len(found), count)
        self.assertFalse(handle.wait(0.05))
        self.assertEqual(handle.outstanding, 0)
        return found

    def open(self, **options):
        handle = lwf.Handle(STACK, **options)
        self.addCleanup(handle.close)
        return handle
