#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 96-fault-shared.sh - faults on a running stack that is not alone in the world: routes and devices of others, a second
# fault at the same time, a process that has the number of a daemon, a daemon with rights of its own.
#
#	 lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0 (far)		lwf-stress fault eth1 ...
# shellcheck disable=SC2317 # functions that others call
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

is_down() { ! link_flag eth1 UP; }
has_mtu() { mtu_is eth1 1400; }
no_guardian() { ! grep -qsx lwf-stress-undo /proc/[0-9]*/comm; }

IPV6=on far_host
start_lwfd --nic eth1 --tap lwf0 --share
state_is eth1 Running

step "what the interface, and VLANs upon it, lose meanwhile comes back with it"
optional() { "$@" 2>/dev/null || note "this kernel cannot: $*"; }
kept() {
	{ ip route show && ip -6 route show && ip neigh show nud permanent && ip neigh show proxy; } | grep -v fe80: |
		sed 's/ linkdown//g; s/ *$//' | sort
	ip -6 -j addr show dev eth1 | jq -c '[.[0].addr_info[] | select(.scope == "global") | .local]'
}
as_before() { [ "$(kept)" = "$before" ]; }
ip addr add 10.8.0.1/24 dev eth1
ip addr add 10.9.0.1/24 dev lwf0
ip -6 addr add fd08::1/64 dev eth1 nodad
ip neigh add 10.8.0.2 lladdr 02:00:00:00:00:99 dev eth1 nud permanent
ip neigh add proxy 10.8.0.3 dev eth1
ip route add 10.78.0.0/16 nexthop via 10.8.0.2 weight 3 nexthop via 10.8.0.4
ip route add 10.79.0.0/16 nexthop via 10.8.0.2 nexthop via 10.9.0.2
optional ip -6 route add fd79::/64 nexthop via fd08::2 nexthop via fd08::3
before=$(kept)
expect_equal "routes and neighbours" 5 "$(grep -ciE '^10\.7[89]|permanent|proxy|"fd08::1' <<<"$before" || :)"
for words in "link down" "link carrier-off" "device move" "device delete" "link mtu 1000" "device rename other0"; do
	PROGRESS="$words"
	# shellcheck disable=SC2086 # words
	expect_exit 0 lwf-stress fault eth1 $words --for 50ms
	as_before || fail "$(diff <(echo "$before") <(kept))"
	# shellcheck disable=SC2086
	background fault lwf-stress fault eth1 $words
	is_told() { grep -q "undoes it" "$TMP/fault.err"; }
	wait_for 5 "it to be done" is_told
	stop fault KILL
	wait_for 5 "the guardian to end" no_guardian
	as_before || fail "after a kill: $(diff <(echo "$before") <(kept))"
	state_is eth1 Running
done
if ip link add link eth1 name eth1.5 type vlan id 5 2>/dev/null; then
	ip link set eth1.5 up
	ip addr add 10.5.0.1/24 dev eth1.5
	ip route add 10.55.0.0/16 via 10.5.0.2 dev eth1.5
	before=$(kept)
	expect_exit 0 lwf-stress fault eth1 link down --for 50ms
	as_before || fail "$(diff <(echo "$before") <(kept))"
else
	note "this kernel has no VLANs"
fi

step "what could not come back is not taken away"
stays() { # REGEX WORDS...
	local regex=$1
	shift
	before="$(kept) $(ip -br link show | awk '{ print $1 }')"
	expect_error 6 "$regex" lwf-stress fault eth1 "$@" --for 50ms
	[ "$(kept) $(ip -br link show | awk '{ print $1 }')" = "$before" ] || fail "something is gone"
}
if has_link eth1.5; then
	stays "eth1: eth1.5@?.* stands upon it" device delete
	ip link del eth1.5
fi
if ip -n far link add link eth0 name mac1 type macvlan 2>/dev/null; then
	ip netns add third
	ip -n far link set mac1 netns third
	stays "eth0: mac1 stands upon it" device delete
	ip netns del third
	no_macvlan() { ! ip -n far -d link show dev eth0 | grep -q "promiscuity [1-9]" && sleep 0.2; }
	wait_for 5 "the macvlan to be gone" no_macvlan
else
	note "this kernel has no macvlan"
fi
if tc qdisc add dev eth1 root handle 7: pfifo limit 77; then
	stays "eth1: pfifo is its queueing discipline" device delete
	stays "eth1: pfifo is its queueing discipline" device move
	expect_exit 0 lwf-stress fault eth1 link down --for 1ms
	expect_match "its qdisc" "qdisc pfifo 7: .*77p" "$(tc qdisc show dev eth1)"
	tc qdisc del dev eth1 root
fi
if ip nexthop add id 7 via 10.8.0.9 dev eth1 2>/dev/null; then
	ip route add 10.77.0.0/16 nhid 7
	stays "eth1: it is in a nexthop object" link down
	stays "eth1: it is in a nexthop object" device delete
	expect_exit 0 lwf-stress fault eth1 link mtu 1400 --for 1ms
	ip nexthop del id 7
else
	note "this kernel has no nexthop objects"
fi
for i in {0..255}; do
	for k in {0..79}; do
		echo "route add 20.$k.$i.0/24 via 10.8.0.2 dev eth1"
	done
done >"$TMP/routes"
ip -batch "$TMP/routes"
stays "eth1: it has more addresses, routes .*1 MiB" link down
stays "eth1: it has more addresses, routes .*1 MiB" device move
expect_exit 0 lwf-stress fault eth1 link force-off --for 1ms
sed -i s/add/del/ "$TMP/routes"
ip -batch "$TMP/routes"
expect_exit 0 lwf-stress fault eth1 link down --for 1ms
ip addr flush dev eth1

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
