#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 49-inject-pace.sh - gaps, rates, loops and limits of lwf-inject, measured by the far device's stamps.
#
#	 lwf-inject > [ lwfd ] > eth1 ~~cable~~ eth0 > framecap
#
# Too early is an error of ours; too late may be the machine's, so that bound is wide.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# eleven frames, 100 ms apart
gaps() {
	framegen numbered "$TMP/plain.pcap" 11 100 >/dev/null
	python3 - "$TMP/plain.pcap" "$1" <<-'PY'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		for i in range(11):
		    struct.pack_into("=II", data, 24 + i * 116, i // 10, i % 10 * 100000000)
		open(sys.argv[2], "wb").write(data)
	PY
}

paced() { # FRAMES LEAST-MS MOST-MS ARGS...
	local frames=$1 least=$2 most=$3 took
	shift 3
	start_capture got far eth0 -n "$frames" -t 30
	inject eth1 "$@"
	captured got 40
	expect_equal "frames of lwf-inject $*" "$frames" "$(jq .numbered <<<"$OUT")"
	took=$(jq '(.last_ns - .first_ns) / 1000000 | floor' <<<"$OUT")
	expect_at_least "milliseconds of lwf-inject $*" "$least" "$took"
	expect_at_most "milliseconds of lwf-inject $*" "$most" "$took"
}

need python3
bridge_up
gaps "$TMP/gaps.pcap"
framegen numbered "$TMP/many.pcap" 1000 100 >/dev/null

step "original gaps, and faster"
paced 11 990 2500 "$TMP/gaps.pcap"
paced 11 490 2000 "$TMP/gaps.pcap" --speed 2x
paced 11 0 500 "$TMP/gaps.pcap" --topspeed

has_session() {
	[ "$(show '.stacks[0].sessions | length' eth1)" -gt 0 ]
}

step "the schedule begins with the first frame that left"
lwfctl pause eth1
start_capture got far eth0 -n 11 -t 30
background client lwf-inject --json eth1 "$TMP/gaps.pcap" --speed 2x --when-paused wait
wait_for 10 "the client to be there" has_session
sleep 0.15
lwfctl restart eth1
finish client
result_balances client
expect_equal "exit code" 0 "$CODE"
captured got
expect_equal "frames" 11 "$(jq .numbered <<<"$OUT")"
expect_at_least "milliseconds behind the first" 490 "$(jq '(.last_ns - .first_ns) / 1000000 | floor' <<<"$OUT")"

step "rates"
paced 101 990 2500 "$TMP/many.pcap" --rate 100pps --limit 101
paced 1000 490 2000 "$TMP/many.pcap" --rate 2kpps
# 1000 frames of 100 bytes are 800,000 bits
paced 1000 780 2500 "$TMP/many.pcap" --rate 1Mbps

step "the error of the pacing is told, and nothing of it without a schedule"
inject eth1 "$TMP/many.pcap" --rate 1kpps --limit 50
expect_equal "what is told" '["max_us","p50_us","p99_us","slipped_ms"]' "$(result '.pacing | keys' | jq -c .)"
expect_equal "in their order" true "$(result '.pacing | .p50_us <= .p99_us and .p99_us <= .max_us and .max_us > 0')"
inject eth1 "$TMP/many.pcap" --topspeed --limit 50
expect_equal "without a schedule" null "$(result .pacing)"
expect_exit 0 lwf-inject eth1 "$TMP/many.pcap" --rate 1kpps --limit 50
expect_match "in the table" "pacing +late by [0-9.]+ us \\(p50\\), [0-9.]+ us \\(p99\\), [0-9.]+ us \\(most\\)" "$OUT"

stopped_for_a_while() { # NAME ARGS...: it loses 700 ms, of which 500 are caught up
	local name=$1
	shift
	background "$name" lwf-inject --json "$@" --loop 0 --limit 1500 --rate 1kpps
	sending
	kill -STOP "$(pid_of "$name")"
	sleep 0.7
	kill -CONT "$(pid_of "$name")"
	finish "$name"
	result_balances "$name"
	expect_equal "exit code" 0 "$CODE"
	expect_at_least "microseconds, the most" 490000 "$(result '.pacing.max_us | floor')"
	expect_at_least "milliseconds of slip" 150 "$(result '.pacing.slipped_ms | floor')"
}

stopped_for_a_while client eth1 "$TMP/many.pcap"

# stamped FILE MS...: a frame at each of these times
stamped() {
	local file=$1
	shift
	framegen numbered "$TMP/plain.pcap" $# 100 >/dev/null
	python3 - "$TMP/plain.pcap" "$file" "$@" <<-'PY'
		import struct, sys
		data = bytearray(open(sys.argv[1], "rb").read())
		for i, ms in enumerate(sys.argv[3:]):
		    struct.pack_into("=II", data, 24 + i * 116, int(ms) // 1000, int(ms) % 1000 * 1000000)
		open(sys.argv[2], "wb").write(data)
	PY
}

step "Npcap's send queues"
stamped "$TMP/queue.pcap" 0 200 1800 2000
paced 4 1990 4000 "$TMP/queue.pcap" --timing npcap
expect_equal "gaps of more than 1 s" 1 "$(result .pacing.splits)"
paced 8 0 1500 "$TMP/queue.pcap" --timing npcap-nosync --loop 2
expect_equal "what is told without times" null "$(result .pacing)"
stamped "$TMP/back.pcap" 100 300 299 297 400
expect_exit 2 lwf-inject --json eth1 "$TMP/back.pcap" --timing npcap
expect_match "what is told" "record 4 lies 2000 us before .*ERROR_INVALID_TIME" "$ERR"
expect_equal "what had gone" 3 "$(tail -n 1 <<<"$OUT" | jq '.submitted')"
expect_equal "and is answered" 3 "$(tail -n 1 <<<"$OUT" | jq '.completed.SUCCESS')"
inject eth1 "$TMP/back.pcap" --timing npcap-nosync
expect_equal "without times" 5 "$(result .submitted)"

step "long gaps shortened, and a duration"
stamped "$TMP/night.pcap" 0 30000000 30000100
paced 3 590 2500 "$TMP/night.pcap" --max-gap 500ms
for_a_while() { # ARGS...
	local begin
	inject "$@" "$TMP/many.pcap" --rate 1kpps --loop 0 --duration 1s
	expect_at_least "frames in a second" 100 "$(result .submitted)"
	expect_at_most "frames in a second" 1000 "$(result .submitted)"
	expect_equal "of them SUCCESS" "$(result .submitted)" "$(result .completed.SUCCESS)"
	# a pipe that goes silent does not keep it
	begin=$(now_ns)
	rm -f "$TMP/fifo"
	mkfifo "$TMP/fifo"
	# shellcheck disable=SC2016 # the inner shell's
	background writer bash -c 'exec >"$1"; cat "$2"; exec sleep 20' - "$TMP/fifo" "$TMP/gaps.pcap"
	expect_exit 0 lwf-inject --json --topspeed --duration 1s "$@" "$TMP/fifo"
	expect_at_most "milliseconds" 15000 $((($(now_ns) - begin) / 1000000))
	stop writer
}

for_a_while eth1

step "loops and limits"
paced 33 0 2000 "$TMP/gaps.pcap" --topspeed --loop 3
paced 25 0 2000 "$TMP/gaps.pcap" --topspeed --loop 0 --limit 25
paced 11 0 2000 "$TMP/gaps.pcap" --topspeed --loop 1 --limit 25
expect_equal "submitted" 11 "$(result .submitted)"

step "a signal: stop, drain, ledger, exit 1"
for signal in TERM INT; do
	background client lwf-inject --json eth1 "$TMP/many.pcap" --loop 0 --rate 1kpps
	sending
	begin=$(now_ns)
	stop client $signal
	expect_at_most "milliseconds to stop" 2000 $((($(now_ns) - begin) / 1000000))
	expect_equal "exit code after $signal" 1 "$CODE"
	result_balances client
done
ledgers_balance
stop_lwfd
nothing_left

step "the same without a daemon"
inject_here() {
	start_capture got far eth0 -n "$1" -t 30
	shift
	inject --nic eth1 "$@"
	captured got 40
	jq '(.last_ns - .first_ns) / 1000000 | floor' <<<"$OUT"
}
expect_at_least "milliseconds of gaps" 490 "$(inject_here 11 "$TMP/gaps.pcap" --speed 2x)"
expect_at_least "milliseconds of a rate" 490 "$(inject_here 1000 "$TMP/many.pcap" --rate 2kpps)"
stopped_for_a_while client --nic eth1 "$TMP/many.pcap"
expect_at_least "milliseconds of a send queue" 1990 "$(inject_here 4 "$TMP/queue.pcap" --timing npcap)"
expect_exit 2 lwf-inject --json --nic eth1 "$TMP/back.pcap" --timing npcap
expect_equal "what had gone" 3 "$(tail -n 1 <<<"$OUT" | jq '.completed.SUCCESS')"
inject --nic eth1 "$TMP/queue.pcap" --timing npcap-nosync --loop 100
expect_equal "submitted" 400 "$(result .submitted)"
for_a_while --nic eth1
