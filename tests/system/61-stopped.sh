#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 61-stopped.sh - the daemon is stopped while the world goes on; it catches up and is not confused.
#
#	 rawsend > lwf0 (TAP) > [ lwfd: STOP ... CONT ] <> eth1 ~~cable~~ eth0
#	         lwf-inject   >
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 20)

bridge_up
remember_size
client_traffic client --rate 5kpps
for ((i = 1; i <= ROUNDS; i++)); do
	step "stop $i of $ROUNDS"
	sending
	kill -STOP "$LWFD"
	case $((i % 4)) in
	0) ip link set eth1 down; ip link set eth1 up ;;
	1) ip link set eth1 down; ip link set eth1 up; ip -n far link set eth0 down; ip -n far link set eth0 up ;;
	2) ip link del eth1; plug_cable ;;
	3) for ((n = 0; n < 40; n++)); do
		   ip link set eth1 mtu $((1400 + n))
		   ip link set eth1 down
		   ip link set eth1 up
	   done
	   ip link set eth1 mtu 1500 ;;
	esac
	kill -CONT "$LWFD"
	state_is eth1 Running
	wait_for 5 "lwfd to agree with the kernel" kernel_agrees
done
client_ends client
ledgers_balance
no_growth
stop_lwfd
nothing_left
