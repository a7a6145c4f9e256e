#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 39-stop-under-load.sh - SIGTERM under full traffic: drained, 0 within 2 s, every frame answered.
#
#	 rawsend > lwf0 (TAP) >
#	                       [ lwfd, told to end ] <> eth1 ~~cable~~ eth0 < rawsend
#	         2 lwf-inject  >
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 100)

# Each round the stack is in another situation when the signal comes.
situation() {
	case $1 in
	0) ;;
	1) lwfctl pause eth1 >/dev/null ;;
	2) lwfctl filter insert eth1 hold:frames=100 >/dev/null ;;
	3) ip link set eth1 down ;;
	4) ip -n far link set eth0 down ;;
	5) lwfctl detach eth1 >/dev/null ;;
	6) lwfctl filter insert eth1 hold:frames=100 >/dev/null
	   background pause lwfctl pause eth1 ;;
	esac
}

far_host
for ((i = 1; i <= ROUNDS; i++)); do
	step "stop $i of $ROUNDS, situation $((i % 7))"
	start_lwfd --nic eth1 --tap lwf0
	state_is eth1 Running
	before=$(tx_packets eth1)
	far_traffic 5000
	client_traffic failing --topspeed
	client_traffic waiting --rate 5kpps --when-paused wait
	MORE=500 sending
	situation $((i % 7))
	background watch lwfctl watch --json
	stop_lwfd
	sent=0
	for client in failing waiting; do
		finish "$client" 10
		result_balances "$client"
		[ "$CODE" -eq 1 ] || [ "$CODE" -eq 3 ] || fail "exit code of lwf-inject: $CODE: $ERR"
		sent=$((sent + $(result .sent)))
		# It said goodbye, so it knows of every frame.
		expect_equal "frames of $client that nobody knows of" 0 "$(result '.completed.UNKNOWN // 0')"
	done
	expect_equal "sent by both, against tx_packets" $(($(tx_packets eth1) - before)) "$sent"
	finish watch 5
	[ ! -e "$TMP/pause.pid" ] || { finish pause 5; rm "$TMP/pause.pid"; }
	stop farhost
	nothing_left
	ip link set eth1 up
	ip -n far link set eth0 up
done

step "with a backlog in a slow qdisc"
tc qdisc add dev eth1 root tbf rate 200kbit burst 3kb limit 2mb || skip "the kernel has no tbf"
start_lwfd --lower nic:eth1,qdisc=kernel --upper tap:lwf0
state_is eth1 Running
client_traffic client --rate 5kpps
many_out() {
	[ "$(show '.stacks[0].modules[] | select(.name == "inject") | .sends_out' eth1)" -ge 50 ]
}
wait_for 10 "a backlog in the kernel" many_out
stop_lwfd
finish client 10
result_balances client
tc qdisc del dev eth1 root
nothing_left
