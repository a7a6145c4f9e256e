#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 96-fault-shared.sh - faults on a running stack that is not alone in the world: a second fault at the same time.
#
#	 lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0 (far)		lwf-stress fault eth1 ...
# shellcheck disable=SC2317 # functions that others call
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

is_down() { ! link_flag eth1 UP; }
has_mtu() { mtu_is eth1 1400; }
no_guardian() { ! grep -qsx lwf-stress-undo /proc/[0-9]*/comm; }

far_host
start_lwfd --nic eth1 --tap lwf0 --share
state_is eth1 Running

step "a second fault on the stack is refused, so it cannot take the first one for what was there"
background fault lwf-stress fault eth1 link down
wait_for 5 "eth1 to be down" is_down
expect_error 6 "eth1: process $(pid_of fault) does a fault.*--on" lwf-stress fault eth1 link down --for 100ms
expect_error 6 "eth1: process $(pid_of fault) does" lwf-stress fault eth1 link up --for 100ms
expect_error 6 "eth1: process $(pid_of fault) does" lwf-stress fault eth1.upper link mtu 900 --for 100ms
expect_error 6 "eth1: process $(pid_of fault) does" lwf-stress fault eth1 daemon restart
printf 'scenario "s"\nlink lan0\nafter 1ms expect epoch(lan0) == 1\n' >"$TMP/s.scn"
expect_exit 6 lwf-stress run "$TMP/s.scn" --on eth1
expect_match "what a run says" "process $(pid_of fault) does a fault" "$ERR"
expect_exit 0 lwf-stress fault eth1 client crowd 3
stop fault TERM
link_flag eth1 UP || fail "eth1 stays down"

step "after a kill the next one waits until all is undone"
for _ in 1 2 3 4 5; do
	background fault lwf-stress fault eth1 link mtu 1400
	wait_for 5 "the MTU to be another one" has_mtu
	stop fault KILL
	expect_exit 0 lwf-stress fault eth1 link mtu 1300 --for 1ms
	expect_equal "MTU of eth1" 1500 "$(link_stat eth1 mtu)"
done

step "a run has its stack to itself"
printf 'scenario "s"\nlink lan0\nafter 30s expect epoch(lan0) == 1\n' >"$TMP/s.scn"
background run lwf-stress run "$TMP/s.scn" --on eth1
busy() { ! lwf-stress fault eth1 link mtu 1400 --for 1ms 2>"$TMP/err" && grep -q "does a fault" "$TMP/err"; }
wait_for 10 "the run to have the stack" busy
expect_equal "MTU of eth1" 1500 "$(link_stat eth1 mtu)"
stop run TERM
expect_exit 0 lwf-stress fault eth1 link mtu 1400 --for 1ms
wait_for 5 "the guardian to end" no_guardian
stop_lwfd
nothing_left
