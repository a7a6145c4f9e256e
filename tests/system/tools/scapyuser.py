#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""scapyuser.py - a scapy program that knows nothing of us: sendp() and sniff() on a device.

usage: scapyuser.py DEV send FILE.pcap PPS               each frame of the file, until INT
       scapyuser.py DEV receive OUT.pcap COUNT SECONDS   what DEV hands to the host, until COUNT or SECONDS

Prints "listening" when no frame can be missed any more; at the end {"sent":N} or {"frames":N}.
"""
import json
import signal
import socket
import sys

from scapy.all import PcapWriter, RawPcapReader, conf, sendp, sniff


def send(dev, path, pps):
    # Bytes are handed over as they are: scapy would build some of the odder frames anew.
    frames = [conf.raw_layer(data) for data, _ in RawPcapReader(path, )]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
    link = conf.L2socket(iface=dev)
    sent = sendp(frames, socket=link, inter=1 / int(pps), verbose=0, return_packets=True)
    link.close()
    print(json.dumps({"sent": len(sent)}))


def receive(dev, path, count, seconds):
    link = conf.L2socket(iface=dev)
    link.ins.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    print("listening", flush=True)
    got = sniff(opened_socket=link, count=int(count), timeout=int(seconds), store=True)
    link.close()
    with PcapWriter(path, linktype=1) as out:
        out.write_header(None)
        for packet in got:
            out.write_packet(packet.original)
    print(json.dumps({"frames": len(got)}))


if __name__ == "__main__":
    {"send": send, "receive": receive}[sys.argv[2]](sys.argv[1], *sys.argv[3:])
