#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 30-link-flaps.sh - a thousand flaps of every sort, with traffic from all sides.
#
#	 rawsend > lwf0 (TAP) >
#	                       [ lwfd ] <> eth1 ~~cable~~ eth0 < rawsend
#	         2 lwf-inject  >              down, up    pulled, plugged
#
# Sorts: disabled; disabled and enabled before anybody settles; pulled; pulled while disabled; three
# in a row; held off by lwfctl. The end state is the kernel's, nothing leaks, every answer is given.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

FLAPS=$(times 1000)

bridge_up
remember_size
before=$(tx_packets eth1)
host_traffic 3000
far_traffic 3000
client_traffic failing --rate 20kpps
client_traffic waiting --rate 5kpps --when-paused wait

flap() {
	case $1 in
	0) ip link set eth1 down; state_is eth1 Detached; ip link set eth1 up ;;
	1) ip link set eth1 down; ip link set eth1 up ;;
	2) ip -n far link set eth0 down; ip -n far link set eth0 up ;;
	3) ip -n far link set eth0 down; wait_for 5 "no carrier" carrier_is false; ip -n far link set eth0 up ;;
	4) ip link set eth1 down; ip -n far link set eth0 down; ip link set eth1 up; ip -n far link set eth0 up ;;
	5) ip link set eth1 down; ip link set eth1 up; ip link set eth1 down; ip link set eth1 up
	   ip link set eth1 down; ip link set eth1 up ;;
	6) lwfctl link eth1 carrier off; lwfctl link eth1 carrier on ;;
	esac
}

step "$FLAPS flaps"
for ((i = 1; i <= FLAPS; i++)); do
	PROGRESS="flap $i of $FLAPS, sort $((i % 7))"
	flap $((i % 7)) >/dev/null
	lwfd_alive
	if [ $((i % 25)) -eq 0 ]; then
		state_is eth1 Running
		sending
		receiving
	fi
done

step "the end of it"
state_is eth1 Running
wait_for 5 "lwfd to agree with the kernel" kernel_agrees
wait_for 5 "the carrier of the TAP to be back" link_flag lwf0 LOWER_UP
sending
receiving
client_ends failing
sent=$(result .sent)
client_ends waiting
sent=$((sent + $(result .sent)))
expect_equal "frames refused to the client that waits for the stack" 0 "$(result '.refused.PAUSED // 0')"
stop host
stop farhost
hosts() {
	lwfctl ledger --json | jq '.stacks[0].host.sent'
}
adds_up() {
	[ $(($(tx_packets eth1) - before)) -eq $((sent + $(hosts))) ]
}
wait_for 5 "tx_packets ($(tx_packets eth1) - $before) to be the clients' $sent and the host's $(hosts)" adds_up
ledgers_balance
no_growth
stop_lwfd
nothing_left
