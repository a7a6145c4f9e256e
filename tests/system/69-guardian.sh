#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 69-guardian.sh - the watchdog child is killed, or stopped, while the daemon lives: the daemon says
# so, goes on, and leaves nothing behind when it ends in order.
#
#	 lwf0 (TAP) - [ lwfd with its child ] - eth1 ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

belongings() {
	ip -o addr show dev "$1" scope global | awk '{ print $3, $4 }'
	ip route show dev "$1" | sed 's/ *$//'
}

guardian() {
	local children
	children=$(cat "/proc/$LWFD"/task/*/children)
	expect_equal "name of the child" lwfd-guardian "$(cat "/proc/${children%% *}/comm")"
	GUARDIAN=${children%% *}
}

says() {
	grep -q "$1" "$TMP/lwfd.log"
}

far_host
ip addr add 10.9.0.1/24 dev eth1
ip route add default via 10.9.0.2 dev eth1
before=$(belongings eth1)

step "killed: the log says what that means, and the daemon goes on"
start_lwfd --nic eth1 --tap lwf0 --takeover
state_is eth1 Running
guardian
kill -KILL "$GUARDIAN"
wait_for 5 "a word in the log" says "lwfd-guardian: it has ended.*lwfctl cleanup"
ip link set eth1 down
state_is eth1 Detached
ip link set eth1 up
state_is eth1 Running
stop_lwfd
expect_equal "addresses and routes of eth1" "$before" "$(belongings eth1)"
nothing_left

step "stopped: the loop waits for it once, ends it, and goes on"
rm "$TMP/lwfd.log"
start_lwfd --nic eth1 --tap lwf0 --takeover
state_is eth1 Running
guardian
kill -STOP "$GUARDIAN"
renewed() {
	[ "$(link_stat lwf0 ifindex)" != "$old" ] && [ "$(belongings lwf0)" = "$moved" ]
}
moved=$(belongings lwf0)
for ((i = 1; i <= 600; i++)); do # the child is told of each new TAP
	PROGRESS="TAP $i"
	old=$(link_stat lwf0 ifindex)
	ip link del lwf0
	wait_for 5 "a new TAP with the addresses" renewed
	says "lwfd-guardian: it does not listen" && break
done
says "lwfd-guardian: it does not listen" || fail "$i TAPs did not fill its socket; the test shows nothing"
[ ! -e "/proc/$GUARDIAN" ] || fail "the child is still there"
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"
stop_lwfd
expect_equal "addresses and routes of eth1" "$before" "$(belongings eth1)"
nothing_left

step "stopped, and the daemon ends: it does not wait for ever"
start_lwfd --nic eth1 --tap lwf0 --takeover
state_is eth1 Running
guardian
kill -STOP "$GUARDIAN"
stop_lwfd
expect_equal "addresses and routes of eth1" "$before" "$(belongings eth1)"
nothing_left
