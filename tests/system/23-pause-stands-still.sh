#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 23-pause-stands-still.sh - once `lwfctl pause` has returned, nothing leaves until the restart.
#
#	 rawsend > lwf0 (TAP) >
#	                       [ lwfd ] > eth1 ~~cable~~ eth0 > framecap, with the kernel's stamps
#	          lwf-inject   >
#
# Two witnesses: the NIC's tx counter, and the stamps of what arrived at the far device.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 200)

bridge_up
start_capture got far eth0 -w "$TMP/got.pcap"
host_traffic 5000
client_traffic waiting --rate 5kpps --when-paused wait
client_traffic failing --topspeed

step "$ROUNDS pauses under load"
for ((i = 1; i <= ROUNDS; i++)); do
	PROGRESS="pause $i of $ROUNDS"
	MORE=50 sending
	expect_exit 0 lwfctl pause eth1
	begin=$(now_ns)
	stands=$(tx_packets eth1)
	expect_equal "state after pause returned" Paused "$(show '.stacks[0].state' eth1)"
	watch_for 0.05
	expect_equal "tx_packets of eth1 while paused" "$stands" "$(tx_packets eth1)"
	printf '%s %s\n' "$begin" "$(now_ns)" >>"$TMP/silences"
	expect_exit 0 lwfctl restart eth1
done

step "the far capture stood still too"
client_ends failing
sent=$(result .sent)
expect_at_least "frames refused as PAUSED" 1 "$(result '.refused.PAUSED // 0')"
client_ends waiting
expect_at_least "frames of the client that waits" 1 "$(result .completed.SUCCESS)"
stop host
stop got
expect_at_least "frames at the far device" "$sent" "$(tail -n 1 <<<"$OUT" | jq '.frames + .missed')"
while read -r begin end; do
	told=$(framecmp --silent "$begin" "$end" "$TMP/got.pcap") || fail "while paused: $told"
done <"$TMP/silences"

ledgers_balance
stop_lwfd
nothing_left
