#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 26-modify-no-loss.sh - filters come and go under traffic, and not a frame is lost or reordered.
#
#	 rawsend, stream 2 > lwf0 (TAP) >
#	                                 [ lwfd, changing ] > eth1 ~~cable~~ eth0 > framecap
#	 lwf-inject --when-paused wait  >
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 100)

bridge_up
framegen numbered "$TMP/long.pcap" 1000000 100 5 >/dev/null
start_capture got far eth0
host_traffic 2000
background client lwf-inject --json eth1 "$TMP/long.pcap" --rate 2kpps --when-paused wait
sending

step "$ROUNDS filters in and out"
for ((i = 1; i <= ROUNDS; i++)); do
	PROGRESS="filter $i of $ROUNDS"
	expect_exit 0 lwfctl filter insert eth1 monitor
	expect_exit 0 lwfctl wait eth1/monitor-2 --state running --timeout 5s
	expect_exit 0 lwfctl filter insert eth1 monitor --above monitor-2
	expect_equal "modules from the top" "inject monitor monitor-3 monitor-2" \
		"$(show '[.stacks[0].modules[].name] | join(" ")' eth1)"
	MORE=5 sending
	expect_exit 0 lwfctl filter remove eth1/monitor-2
	expect_exit 0 lwfctl filter remove eth1/monitor-3
	state_is eth1 Running
done
expect_equal "modules at the end" "inject monitor" "$(show '[.stacks[0].modules[].name] | join(" ")' eth1)"

stop host
client_ends client
hosts=$(jq .sent "$TMP/host.out")
clients=$(result .sent)
all_there() {
	[ "$(rx_packets eth0 far)" -ge $((hosts + clients)) ]
}
wait_for 10 "the last frames" all_there
stop got
OUT=$(tail -n 1 <<<"$OUT")
expect_equal "frames at the far device" $((hosts + clients)) "$(jq .numbered <<<"$OUT")"
expect_equal "lost, doubled, reordered, damaged" "0 0 0 0" \
	"$(jq -r '"\(.lost) \(.doubled) \(.reordered) \(.damaged)"' <<<"$OUT")"
ledgers_balance
stop_lwfd
nothing_left
