#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 57-client-many.sh - handles in numbers: 8 of one process, on 2 stacks, from 4 threads; then several such
# processes at once, with a stack that is paused, and detached, under them.
#
#	 manyhandles > [ lwfd ] > eth1 ~~cable~~ eth0
#	             > [ lwfd ] > eth2 ~~cable~~ eth3
#
# Every frame is answered once and in order, each handle's ledger is the daemon's, and what is said to be
# sent is what the kernel counted.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

FRAMES=$(times 20000)
PROCESSES=4

far_host
ip link add eth2 address 02:00:00:00:00:03 type veth peer name eth3 address 02:00:00:00:00:04 netns far
ip -n far link set eth3 up
ip link set eth2 up
start_lwfd --nic eth1 --tap lwf0
other() { # CMD...: of the daemon of eth2
	LWF_CONTROL=$TMP/other "$@"
}
background other lwfd --nic eth2 --tap lwf1 --control "$TMP/other"
wait_for 15 "the other lwfd to answer" other lwfctl show
state_is eth1 Running
other state_is eth2 Running
STACKS=("eth1=$LWF_CONTROL" "eth2=$TMP/other")
remember_size

sum() { # STACK FIELD NAME...: over the outputs of these processes
	local stack=$1 field=$2
	shift 2
	local name
	for name; do cat "$TMP/$name.out"; done | awk -v s="$stack" -v f="$field" '$1 == s { n += $f } END { print n + 0 }'
}

kernel() { # STACK: frames that left towards the cable and the host
	local tap=lwf0
	[ "$1" = eth1 ] || tap=lwf1
	echo $(($(tx_packets "$1") + $(rx_packets "$tap")))
}

kernel_has() { # STACK N
	[ "$(kernel "$1")" -eq "$2" ]
}

# round NAME...: these have ended well, and the kernel counted on each stack what they sent.
round_is_true() {
	local stack
	for stack in eth1 eth2; do
		expect_equal "frames submitted on $stack" $((FRAMES * 4 * $#)) "$(sum "$stack" 2 "$@")"
		wait_for 5 "$stack: what the kernel counts to be what was sent" \
			kernel_has "$stack" $((BEFORE[$stack] + $(sum "$stack" 3 "$@")))
	done
}

declare -A BEFORE
remember_counts() {
	BEFORE[eth1]=$(kernel eth1)
	BEFORE[eth2]=$(kernel eth2)
}

step "8 handles of one process, 2 stacks, 4 threads"
remember_counts
background one manyhandles 4 8 "$FRAMES" "${STACKS[@]}"
finish one 120
expect_equal "exit code ($ERR)" 0 "$CODE"
round_is_true one
expect_equal "sent on eth1" $((FRAMES * 4)) "$(sum eth1 3 one)"
expect_equal "sent on eth2" $((FRAMES * 4)) "$(sum eth2 3 one)"

step "$PROCESSES such processes at once, and eth1 is paused and detached under them"
remember_counts
names=()
for ((i = 0; i < PROCESSES; i++)); do
	background "many$i" manyhandles 4 8 "$FRAMES" "${STACKS[@]}"
	names+=("many$i")
done
all_ended() {
	local name
	for name in "${names[@]}"; do is_gone "$(pid_of "$name")" || return 1; done
}
until all_ended; do
	lwfctl pause eth1 >/dev/null
	lwfctl restart eth1 >/dev/null
	lwfctl detach eth1 >/dev/null
	lwfctl attach eth1 >/dev/null
done
for name in "${names[@]}"; do
	finish "$name" 120
	expect_equal "exit code of $name ($ERR)" 0 "$CODE"
done
round_is_true "${names[@]}"
expect_equal "sent on eth2" $((FRAMES * 4 * PROCESSES)) "$(sum eth2 3 "${names[@]}")"
expect_equal "sessions left" 0 "$(show '.stacks[0].sessions | length')"
expect_equal "sessions left" 0 "$(other show '.stacks[0].sessions | length')"

ledgers_balance
other ledgers_balance
no_growth
stop other
expect_equal "exit code of the other lwfd ($ERR)" 0 "$CODE"
stop_lwfd
nothing_left
nothing_left eth2 lwf1
