#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 75-impair-pause.sh - what filter impair keeps, while its options change, a pause comes, the link goes.
#
#	 rawsend, stream 2 > lwf0 (TAP) >
#	                                  [ inject > monitor > impair ] > eth1 ~~cable~~ eth0 > framecap
#	 lwf-inject                     >
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 200)

counter() { # NAME: what impair reports
	show ".stacks[0].modules[] | select(.name == \"impair\") | .report[\"$1\"]" eth1
}
holds() { # N
	[ "$(counter send-held)" = "$1" ]
}

bridge_up --filter impair:delay=5ms
framegen numbered "$TMP/three.pcap" 3 100 >/dev/null
framegen numbered "$TMP/long.pcap" 1000000 100 5 >/dev/null

step "$ROUNDS changes under traffic lose and reorder nothing"
values=(delay=0 delay=20ms "jitter=5ms,dist=normal" delay=1ms rate=100Mbps rate=20Mbps dist=pareto
	rate=0 jitter=0 "match=ether proto 0x88b5" match= direction=both seed=3 direction=send)
start_capture got far eth0
host_traffic 2000
background client lwf-inject --json eth1 "$TMP/long.pcap" --rate 2kpps
sending
for ((i = 0; i < ROUNDS; i++)); do
	PROGRESS="change $i of $ROUNDS"
	expect_exit 0 lwfctl filter set eth1/impair "${values[i % ${#values[@]}]}"
	MORE=5 sending
done
stop host
client_ends client
hosts=$(jq .sent "$TMP/host.out")
clients=$(result .sent)
expect_equal "all of the client's" "$(result .submitted)" "$clients"
all_there() {
	[ "$(rx_packets eth0 far)" -ge $((hosts + clients)) ]
}
wait_for 10 "the last frames" all_there
stop got
OUT=$(tail -n 1 <<<"$OUT")
expect_equal "numbered lost doubled reordered damaged" "$((hosts + clients)) 0 0 0 0" \
	"$(jq -r '"\(.numbered) \(.lost) \(.doubled) \(.reordered) \(.damaged)"' <<<"$OUT")"
ledgers_balance

step "a pause waits for what is kept, and loses none of it"
expect_exit 0 lwfctl filter set eth1/impair delay=2s,jitter=0,rate=0,match=
start_capture got far eth0 -w "$TMP/got.pcap"
before=$(tx_packets eth1)
background watch lwfctl watch --json --since 1 eth1
background client lwf-inject --json eth1 "$TMP/three.pcap" --topspeed
wait_for 10 "three frames to be kept" holds 3
background pause lwfctl pause eth1
state_is eth1/inject Pausing
expect_equal "state of impair" Running "$(show '.stacks[0].modules[] | select(.name == "impair") | .state' eth1)"
expect_equal "tx_packets of eth1" "$before" "$(tx_packets eth1)"
wait_for 5 "the watchdog to name what it waits for" grep -q '3 frames of inject at impair' "$TMP/watch.out"
is_alive "$(pid_of pause)" || fail "lwfctl pause returned while three frames were kept"
finish pause 10
expect_equal "exit code of lwfctl pause ($ERR)" 0 "$CODE"
finish client 10
result_balances client
expect_equal "SUCCESS" 3 "$(result .completed.SUCCESS)"
expect_equal "tx_packets of eth1" $((before + 3)) "$(tx_packets eth1)"
expect_equal "state" Paused "$(show '.stacks[0].state' eth1)"
stop watch
stop got
same_frames "$TMP/three.pcap" "$TMP/got.pcap"
story=$(jq -sr '[.[] | select(.module == "inject" and .kind == "state")] |
	.[(map(.event) | rindex("pause")):] | [.[].event] | join(" ")' "$TMP/watch.out")
expect_equal "records of inject" "pause pending done" "$story"
expect_exit 0 lwfctl restart eth1
state_is eth1 Running
ledgers_balance

# kept_three: a client's three frames are kept for 5 s.
kept_three() {
	background client lwf-inject --json eth1 "$TMP/three.pcap" --topspeed
	wait_for 10 "three frames to be kept" holds 3
	before=$(tx_packets eth1)
}
# answered STATUS: all three so, and none has left.
answered() {
	finish client 3
	result_balances client
	expect_equal "answered $1: $JSON" 3 "$(result ".completed.$1")"
	expect_equal "tx_packets of eth1" "$before" "$(tx_packets eth1)"
	ledgers_balance
}
expect_exit 0 lwfctl filter set eth1/impair delay=5s

step "the carrier goes: what is kept is answered at once"
kept_three
expect_exit 0 lwfctl link eth1 carrier off
answered MEDIA_DISCONNECTED
expect_exit 0 lwfctl link eth1 carrier on

step "the link is taken down: likewise, and the stack is Detached"
kept_three
ip link set eth1 down
answered PAUSED
state_is eth1 Detached 2
ip link set eth1 up
state_is eth1 Running

step "the interface is deleted"
kept_three
background gone ip link del eth1
finish client 3
result_balances client
# the kernel takes it down first, and says so
expect_equal "answered PAUSED or ADAPTER_REMOVED: $JSON" 3 \
	"$(result '(.completed.PAUSED // 0) + (.completed.ADAPTER_REMOVED // 0)')"
finish gone
state_is eth1 Detached
plug_cable
state_is eth1 Running

step "taken out while it keeps: first all of it leaves"
expect_exit 0 lwfctl filter set eth1/impair delay=1s
background client lwf-inject --json eth1 "$TMP/three.pcap" --topspeed
wait_for 10 "three frames to be kept" holds 3
expect_exit 0 lwfctl filter remove eth1/impair
finish client 10
result_balances client
expect_equal "SUCCESS" 3 "$(result .completed.SUCCESS)"
ledgers_balance

stop_lwfd
nothing_left
