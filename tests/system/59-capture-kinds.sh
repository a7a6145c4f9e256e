#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 59-capture-kinds.sh - captures of every kind arrive byte for byte and at their times: pcap and pcapng, of any
# resolution and endianness, hex dumps; archives that lie are told.
#
#	 lwf-inject --nic eth1 ~~cable~~ eth0 > framecap
#
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# rewrap KIND IN OUT: the frames of IN, 100 ms apart, as another tool or machine would have written them
rewrap() {
	python3 - "$@" <<-'PY'
		import struct, sys
		kind, source, out = sys.argv[1:]
		data, frames, at = open(source, "rb").read(), [], 24
		while at < len(data):
		    size = struct.unpack_from("=I", data, at + 8)[0]
		    frames.append(data[at + 16:at + 16 + size])
		    at += 16 + size
		order = ">" if "be" in kind.split("-") else "<"
		BASE = 1700000000

		def pack(form, *values):
		    return struct.pack(order + form, *values)

		def pcap(unit):
		    text = pack("IHHiIII", 0xA1B2C3D4 if unit == 10 ** 6 else 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
		    for i, frame in enumerate(frames):
		        text += pack("IIII", BASE + i // 10, i % 10 * unit // 10, len(frame), len(frame)) + frame
		    return text

		def padded(text):
		    return text + bytes(-len(text) % 4)

		def block(number, body):
		    size = 12 + len(body)
		    return pack("II", number, size) + body + pack("I", size)

		def section():
		    return block(0x0A0D0D0A, pack("IHHq", 0x1A2B3C4D, 1, 0, -1))

		def interface(*options):
		    body = pack("HHI", 1, 0, 65535)
		    for code, value in options:
		        body += pack("HH", code, len(value)) + padded(value)
		    return block(1, body + pack("HH", 0, 0))

		def packet(i, units, number=0, offset=0):
		    ticks = (BASE - offset) * units + i * units // 10
		    return block(6, pack("IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frames[i]), len(frames[i])) +
		                 padded(frames[i]))

		def pcapng(units, *options, offset=0):
		    return section() + interface(*options) + b"".join(packet(i, units, 0, offset) for i in range(len(frames)))

		noise = block(4, pack("HH", 0, 0)) + block(0x0BAD, pack("I", 7)) + block(5, pack("III", 0, 0, 0))
		text = {
		    "pcap-le-us": lambda: pcap(10 ** 6), "pcap-be-us": lambda: pcap(10 ** 6),
		    "pcap-le-ns": lambda: pcap(10 ** 9), "pcap-be-ns": lambda: pcap(10 ** 9),
		    "ng-le": lambda: pcapng(10 ** 6), "ng-be": lambda: pcapng(10 ** 6),
		    "ng-le-ns": lambda: pcapng(10 ** 9, (9, b"\x09")), "ng-be-ns": lambda: pcapng(10 ** 9, (9, b"\x09")),
		    "ng-le-ms": lambda: pcapng(10 ** 3, (9, b"\x03")), "ng-le-2^20": lambda: pcapng(2 ** 20, (9, b"\x94")),
		    "ng-be-offset": lambda: pcapng(10 ** 9, (9, b"\x09"), (14, pack("q", 1000)), offset=1000),
		    "ng-le-interfaces": lambda: section() + interface() + interface((9, b"\x09")) + b"".join(
		        packet(i, 10 ** (9 if i % 2 else 6), i % 2) for i in range(len(frames))),
		    "ng-be-noise": lambda: section() + noise + interface() + b"".join(
		        packet(i, 10 ** 6) + noise for i in range(len(frames))),
		    "ng-le-simple": lambda: section() + interface() + b"".join(
		        block(3, pack("I", len(frame)) + padded(frame)) for frame in frames),
		}[kind]()
		open(out, "wb").write(text)
	PY
}

# arrive LEAST-MS MOST-MS CMD...: as in the plain file, and so long between the first and the last
arrive() {
	local least=$1 most=$2 took
	shift 2
	start_capture got far eth0 -w "$TMP/got.pcap" -n 6 -t 20
	expect_exit 0 "$@"
	expect_equal "submitted" 6 "$(tail -n 1 <<<"$OUT" | jq .submitted)"
	captured got
	same_frames "$TMP/plain.pcap" "$TMP/got.pcap"
	took=$(jq '(.last_ns - .first_ns) / 1000000 | floor' <<<"$OUT")
	expect_at_least "milliseconds" "$least" "$took"
	expect_at_most "milliseconds" "$most" "$took"
}

need python3 gzip zstd xz lz4 text2pcap tcpdump
far_host
framegen numbered "$TMP/plain.pcap" 6 301 >/dev/null

for kind in pcap-le-us pcap-be-us pcap-le-ns pcap-be-ns ng-le ng-be ng-le-ns ng-be-ns ng-le-ms ng-le-2^20 \
	ng-be-offset ng-le-interfaces ng-be-noise; do
	step "$kind"
	rewrap "$kind" "$TMP/plain.pcap" "$TMP/$kind"
	arrive 490 2500 lwf-inject --nic eth1 --json "$TMP/$kind"
done
step "simple packets have no time"
rewrap ng-le-simple "$TMP/plain.pcap" "$TMP/simple"
arrive 0 400 lwf-inject --nic eth1 --json "$TMP/simple"

step "the same from a pipe, and unpacked"
# shellcheck disable=SC2016 # the inner shell's
arrive 490 2500 sh -c 'cat "$1" | lwf-inject --nic eth1 --json -' - "$TMP/pcap-be-ns"
# shellcheck disable=SC2016
arrive 490 2500 sh -c 'cat "$1" | lwf-inject --nic eth1 --json -' - "$TMP/ng-be-offset"
for program in gzip zstd xz lz4; do
	$program -c <"$TMP/ng-be-ns" >"$TMP/packed"
	arrive 490 2500 lwf-inject --nic eth1 --json "$TMP/packed"
done

step "a hex dump, by way of text2pcap"
tcpdump -r "$TMP/plain.pcap" -xx -t 2>/dev/null | sed -n 's/^\t0x\([0-9a-f]*\): */\1 /p' |
	sed -E 's/ ([0-9a-f]{2})([0-9a-f]{2})/ \1 \2/g' >"$TMP/dump"
# shellcheck disable=SC2016
arrive 0 400 sh -c 'text2pcap -q - - <"$1" | lwf-inject --nic eth1 --json --topspeed -' - "$TMP/dump"

# lies CODE SUBMITTED REGEX FILE: so much is sent, it is told, and the ledger is printed
lies() {
	expect_exit "$1" lwf-inject --nic eth1 --topspeed --json "$4"
	expect_match "what is told of $(basename "$4")" "$3" "$ERR"
	expect_equal "submitted" "$2" "$(tail -n 1 <<<"$OUT" | jq '.submitted // 0')"
}

step "archives that lie"
framegen numbered "$TMP/many.pcap" 3000 301 >/dev/null
for program in gzip zstd xz lz4; do
	# a record that claims more than there is
	head -c 5000 "$TMP/many.pcap" | $program -c >"$TMP/short.$program"
	lies 2 15 "behind record 15" "$TMP/short.$program"
	# one bit in the middle: its checksum, or its structure, does not hold
	$program -c <"$TMP/many.pcap" >"$TMP/bit.$program"
	python3 - "$TMP/bit.$program" <<-'PY'
		import sys
		data = bytearray(open(sys.argv[1], "rb").read())
		data[len(data) // 2] ^= 0x10
		open(sys.argv[1], "wb").write(data)
	PY
	expect_exit 2 lwf-inject --nic eth1 --topspeed --json "$TMP/bit.$program"
	expect_match "what is told of it" "." "$ERR"
	tail -n 1 <<<"$OUT" | jq -e '.error or .submitted == .completed.SUCCESS + (.completed.INVALID_LENGTH // 0)' >/dev/null ||
		fail "$program: neither a ledger that balances nor an error: $OUT"
done
# a length of 4 GiB
{
	head -c 24 "$TMP/many.pcap"
	printf '\0\0\0\0\0\0\0\0\377\377\377\377\377\377\377\377'
} | gzip -c >"$TMP/huge.gz"
lies 2 0 "huge.gz" "$TMP/huge.gz"

step "a small archive of a large capture is not unpacked into memory"
python3 - <<-'PY' | gzip -1c >"$TMP/bomb.gz"
	import struct, sys
	out, record = sys.stdout.buffer, struct.pack("=IIII", 0, 0, 60000, 60000) + bytes(60000)
	out.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
	for _ in range(5000):
	    out.write(record)
PY
expect_at_most "bytes of the archive" 3000000 "$(stat -c %s "$TMP/bomb.gz")"
expect_error 2 "longer than 256 MiB and cannot be looped" lwf-inject --nic eth1 --topspeed "$TMP/bomb.gz" --loop 2
expect_exit 1 bash -c "ulimit -v 262144; exec lwf-inject --nic eth1 --topspeed --json '$TMP/bomb.gz'"
expect_equal "submitted" 5000 "$(tail -n 1 <<<"$OUT" | jq .submitted)"
