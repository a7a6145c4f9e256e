#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 24-pause-pending-hold.sh - a pause that is really PENDING, and is completed by the last frame.
#
#	 lwf-inject > [ inject > monitor > hold ] > eth1 ~~cable~~ eth0 > framecap
#	                                   keeps 3
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

bridge_up
framegen numbered "$TMP/three.pcap" 3 100 >/dev/null
expect_exit 0 lwfctl filter insert eth1 hold:frames=3
state_is eth1 Running
start_capture got far eth0 -w "$TMP/got.pcap"

held() { # N: frames of inject that are out
	[ "$(show '.stacks[0].modules[] | select(.name == "inject") | .sends_out' eth1)" = "$1" ]
}

step "three frames are kept"
before=$(tx_packets eth1)
background client lwf-inject --json eth1 "$TMP/three.pcap" --topspeed
wait_for 10 "three frames to be out" held 3
expect_equal "tx_packets of eth1" "$before" "$(tx_packets eth1)"
expect_equal "who keeps what" "inject hold 3 true" \
	"$(show '.stacks[0].pending[] | "\(.origin) \(.holder) \(.frames) \(.oldest_ns > 0)"' eth1)"
expect_match "the same for people" "pending +3 frames of inject at hold, oldest [0-9.]+ (u|m)?s$" "$(lwfctl show eth1)"

step "the pause cannot end yet"
background watch lwfctl watch --json --since 1 eth1
background pause lwfctl pause eth1
state_is eth1/inject Pausing
state_is eth1 Pausing
wait_for 5 "the watchdog to name what it waits for" grep -q '"kind":"watchdog"' "$TMP/watch.out"
is_alive "$(pid_of pause)" || fail "lwfctl pause returned while three frames were out"
expect_match "what the stack waits for" "3 " "$(show '.stacks[0].waiting' eth1)"
expect_equal "settled" false "$(show '.stacks[0].settled' eth1)"
expect_equal "tx_packets of eth1" "$before" "$(tx_packets eth1)"

step "a second client is refused at once meanwhile"
inject eth1 "$TMP/three.pcap" --topspeed
expect_equal "refused as PAUSED" 3 "$(result .refused.PAUSED)"

step "the last frame ends it"
expect_exit 0 lwfctl filter set eth1/hold release=1
finish pause 10
expect_equal "exit code of lwfctl pause ($ERR)" 0 "$CODE"
expect_equal "frames kept" 0 "$(show '.stacks[0].pending | length' eth1)"
finish client 10
result_balances client
expect_equal "SUCCESS" 3 "$(result .completed.SUCCESS)"
expect_equal "tx_packets of eth1" $((before + 3)) "$(tx_packets eth1)"
expect_equal "state" Paused "$(show '.stacks[0].state' eth1)"
stop watch
# Its last pause is the one.
story=$(jq -sc '[.[] | select(.module == "inject" and .kind == "state")] |
	.[(map(.event) | rindex("pause")):] | .[]' "$TMP/watch.out")
expect_equal "records of inject" "pause pending done" "$(jq -rs '[.[].event] | join(" ")' <<<"$story")"
expect_equal "pending: status, owed, sends_out" "PENDING true 3" \
	"$(jq -rs '.[1] | "\(.status) \(.owed) \(.sends_out)"' <<<"$story")"
expect_equal "done: state, owed, sends_out" "Paused false 0" \
	"$(jq -rs '.[2] | "\(.after) \(.owed) \(.sends_out)"' <<<"$story")"
expect_match "who completed it" "last frame" "$(jq -rs '.[2].text' <<<"$story")"
expect_at_least "its latency in ns" 1000000000 "$(jq -s '.[2].latency_ns' <<<"$story")"
watched=$(jq -s '[.[].seq] | . == sort and (.[-1] - .[0] + 1 >= length)' "$TMP/watch.out")
expect_equal "records in order" true "$watched"

step "and up again"
expect_exit 0 lwfctl restart eth1
state_is eth1 Running
stop got
expect_equal "frames at the far device" 3 "$(tail -n 1 <<<"$OUT" | jq .numbered)"
same_frames "$TMP/three.pcap" "$TMP/got.pcap"

ledgers_balance
stop_lwfd
nothing_left
