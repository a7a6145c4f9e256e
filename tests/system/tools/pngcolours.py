#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""pngcolours.py - how many pixels of a screenshot have each of the colours asked for, as JSON.

usage: pngcolours.py FILE.png RRGGBB...

Reads what a headless browser writes: 8 bits a channel, RGB or RGBA, not interlaced.
"""
import json
import struct
import sys
import zlib


def chunks(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise SystemExit("pngcolours.py: it is no PNG")
    at = 8
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + size]
        at += size + 12


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def unfilter(kind, line, above, step):
    for i, value in enumerate(line):
        left = line[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            value += left
        elif kind == 2:
            value += above[i]
        elif kind == 3:
            value += (left + above[i]) // 2
        elif kind == 4:
            value += paeth(left, above[i], corner)
        line[i] = value & 255
    return line


def rows(data):
    packed, step, width = b"", 0, 0
    for kind, body in chunks(data):
        if kind == b"IHDR":
            width, _, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            if depth != 8 or colour not in (2, 6) or interlaced:
                raise SystemExit("pngcolours.py: this kind of PNG is not read")
            step = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
    raw, size = zlib.decompress(packed), width * step + 1
    above = bytearray(width * step)
    for at in range(0, len(raw), size):
        above = unfilter(raw[at], bytearray(raw[at + 1:at + size]), above, step)
        yield above, step


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__.splitlines()[2])
    wanted = {bytes.fromhex(colour): colour for colour in sys.argv[2:]}
    counts = dict.fromkeys(sys.argv[2:], 0)
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    for row, step in rows(data):
        for at in range(0, len(row), step):
            colour = wanted.get(bytes(row[at:at + 3]))
            if colour:
                counts[colour] += 1
    print(json.dumps(counts))


main()
