#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 52-verify.sh - lwf-inject --verify at the far end finds what was lost, doubled and swapped, and nothing where nothing was.
#
#	 lwf-inject --template "... stamp" > eth1 ~~cable~~ eth0 > lwf-inject --verify
#	 its capture, disturbed by framegen, by rawsend > eth1 ~~cable~~ eth0 > lwf-inject --verify
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
far_host

# listen ARGS...: the far end, listening when this returns.
listen() {
	background verify ip netns exec far lwf-inject --verify eth0 --json "$@"
	wait_for 10 "the far end to listen" grep -q 'listening on eth0' "$TMP/verify.err"
}
# heard CODE: the far end has ended with CODE; JSON is what it tells.
heard() {
	finish verify 30
	expect_equal "exit code of the far end ($OUT $ERR)" "$1" "$CODE"
	JSON=$(tail -n 1 <<<"$OUT")
	expect_equal "schema" 1 "$(result .schema)"
}
counts() { # of the first stream
	result '.streams[0] | "\(.received) \(.lost) \(.duplicated) \(.reordered)"'
}
send() {
	expect_exit 0 lwf-inject --nic eth1 --json "$@"
}
resend() { # FILE FRAMES
	expect_exit 0 rawsend eth1 "$1" -r 10000
	expect_equal "sent again" "$2" "$(jq .sent <<<"$OUT")"
}

step "all of it arrives"
start_capture stamped far eth0 -w "$TMP/stamped.pcap"
listen --limit 1000 --for 30s
send --rate 20kpps --template 'udp 10.0.0.1 > 10.0.0.2 count 1000 seed 7 stamp size 80..300'
heard 0
stop stamped
expect_equal "received lost duplicated reordered" "1000 0 0 0" "$(counts)"
expect_equal "seed, end" "7 limit" "$(result '"\(.streams[0].seed) \(.ended)"')"
result '.streams[0].latency_ns | 0 < .min and .min <= .p50 and .p50 <= .p99 and .p99 <= .max and .negative == 0' |
	grep -qx true || fail "latencies make no sense: $JSON"

step "each fault by itself"
expect_equal "dropped" 100 "$(framegen disturb drop "$TMP/stamped.pcap" "$TMP/drop.pcap" 10)"
listen --idle 1s --for 30s
resend "$TMP/drop.pcap" 900
heard 1
# each tenth; but of the very last nobody here knows that there was one
expect_equal "received lost duplicated reordered" "900 99 0 0" "$(counts)"
expect_equal "end" idle "$(result .ended)"
framegen disturb double "$TMP/stamped.pcap" "$TMP/double.pcap" 20 >/dev/null
listen --limit 1050 --for 30s
resend "$TMP/double.pcap" 1050
heard 1
expect_equal "received lost duplicated reordered" "1050 0 50 0" "$(counts)"
framegen disturb swap "$TMP/stamped.pcap" "$TMP/swap.pcap" 9 >/dev/null
listen --limit 1000 --for 30s
resend "$TMP/swap.pcap" 1000
heard 1
expect_equal "received lost duplicated reordered" "1000 0 0 111" "$(counts)"

step "frames lost behind the last one are seen where a limit says how many there are"
listen --limit 1001 --idle 1s --for 30s
resend "$TMP/stamped.pcap" 1000
heard 1
expect_equal "received lost duplicated reordered" "1000 0 0 0" "$(counts)"

step "two streams, tags, IPv6, and other traffic between"
listen --limit 300 --for 30s
send --template 'udp fd00::1 > fd00::2 vlan 5 count 100 seed 1 stamp size 120'
send --template 'udp 10.0.0.1 > 10.0.0.2 count 100 stamp seed 18446744073709551615'
send --template 'udp 10.0.0.1 > 10.0.0.2 count 50'
send --template 'eth qinq 7 vlan 9 count 100 stamp seed 3'
heard 0
expect_equal "seeds" "1 18446744073709551615 3" "$(result '[.streams[].seed | tostring] | join(" ")')"
expect_equal "frames, stamped" "350 300" "$(result '"\(.frames) \(.stamped)"')"

step "one stream of two"
listen --limit 100 --seed 2 --for 30s
send --template 'eth count 10 stamp seed 1'
send --template 'eth count 100 stamp seed 2'
heard 0
expect_equal "seeds" 2 "$(result '.streams[].seed')"

step "silence, a time, a signal, the table"
expect_exit 1 ip netns exec far lwf-inject --verify eth0 --for 300ms --json
expect_equal "end, streams" "time 0" "$(tail -n 1 <<<"$OUT" | jq -r '"\(.ended) \(.streams | length)"')"
background verify ip netns exec far lwf-inject --verify eth0
wait_for 10 "the far end to listen" grep -q 'listening on eth0' "$TMP/verify.err"
send --template 'eth count 50 stamp seed 5'
stop verify INT
expect_equal "exit code" 0 "$CODE"
expect_match "table" '^5 +50 +0 +0 +0 ' "$OUT"
expect_match "table" '\(signal\): 50 stamped of 50 frames' "$OUT"

step "what cannot be"
expect_error 5 "no such interface" lwf-inject --verify nowhere0
expect_error 2 "goes with --verify only" lwf-inject --nic eth1 --template eth --seed 5
expect_error 2 "does not go with --verify" lwf-inject --verify eth1 --loop 5
