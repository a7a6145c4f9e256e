#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 96-fault-shared.sh - faults on a running stack that is not alone in the world: a second fault at the same time, a
# process that has the number of a daemon, a daemon with rights of its own.
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
guardian() { ! no_guardian; }
wait_for 10 "the run to have the stack" guardian
expect_error 6 "process [0-9]+ does a fault" lwf-stress fault eth1 link mtu 1400 --for 1ms
expect_equal "MTU of eth1" 1500 "$(link_stat eth1 mtu)"
stop run TERM
expect_exit 0 lwf-stress fault eth1 link mtu 1400 --for 1ms
wait_for 5 "the guardian to end" no_guardian
stop_lwfd
nothing_left

step "who has the number of a daemon that ended keeps its limits"
# takes_number PID: a new process, OTHER, has that number, if it can be had.
takes_number() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid || return 1
		(ulimit -Sn 777 && exec sleep 60) &
		OTHER=$!
		STARTED+=("$OTHER")
		[ "$OTHER" != "$1" ] || return 0
	done
	return 1
}
if [ -w /proc/sys/kernel/ns_last_pid ]; then
	start_lwfd --nic eth1 --tap lwf0
	state_is eth1 Running
	old=$LWFD
	background fault lwf-stress fault eth1 descriptors exhaust
	is_told() { grep -q "undoes it" "$TMP/fault.err"; }
	wait_for 5 "descriptors to be out" is_told
	kill -KILL "$old"
	wait "$old" || :
	forget "$old"
	LWFD=
	takes_number "$old" || fail "its number cannot be had"
	stop fault TERM
	expect_equal "exit code" 0 "$CODE"
	expect_match "the limit of a stranger" "Max open files +777 " "$(cat "/proc/$old/limits")"
	kill "$OTHER"
else
	note "numbers of processes cannot be chosen here"
fi

step "a daemon is started again with its groups, umask and limits"
lwfd() { # in the background: the process that the shell has started
	umask 0137
	ulimit -Sn 4000 && ulimit -Hc 0
	! is_real_root || exec setpriv --regid 7 --groups 7,8 "$BIN/lwfd" "$@"
	exec "$BIN/lwfd" "$@"
}
DAEMON=	# pid of the one by now
rights() {
	DAEMON=$(show .pid)
	grep -E '^(Uid|Gid|Groups|Umask|CapPrm|CapBnd|Seccomp):' "/proc/$DAEMON/status"
	cat "/proc/$DAEMON/limits"
}
restarts() { # WORDS...: and the daemon has the rights that it had
	local old
	rights >"$TMP/rights"
	old=$DAEMON
	expect_exit 0 lwf-stress fault eth1 "$@"
	state_is eth1 Running
	rights >"$TMP/now"
	STARTED+=("$DAEMON")
	[ "$DAEMON" != "$old" ] || fail "it is the same daemon"
	diff "$TMP/rights" "$TMP/now" || fail "it has other rights"
}
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
restarts daemon kill --for 10ms
restarts daemon restart
if is_real_root; then
	expect_error 6 "capabilities" setpriv --bounding-set -net_raw lwf-stress fault eth1 daemon restart
fi
ends() { kill "$DAEMON" && within 5 is_gone "$DAEMON"; }
ends || fail "the daemon does not end"

step "one with rights that it could not be given again is left alone"
if is_real_root; then
	chmod 777 "$TMP"
	lwfd() {
		exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +net_admin,+net_raw \
			--ambient-caps +net_admin,+net_raw "$BIN/lwfd" "$@"
	}
	start_lwfd --lower nic:eth1 --upper none --stack eth1
	state_is eth1 Running
	rights >"$TMP/rights"
	for fault in "daemon restart" "daemon kill --for 10ms"; do
		# shellcheck disable=SC2086 # words
		expect_error 6 "eth1: .*not be started again as it was.*another user" lwf-stress fault eth1 $fault
	done
	expect_exit 0 lwf-stress fault eth1 daemon stop --for 10ms
	rights | diff "$TMP/rights" - || fail "it has other rights"
	stop_lwfd
else
	note "no other users here"
fi
