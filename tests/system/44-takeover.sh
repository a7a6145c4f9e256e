#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 44-takeover.sh - addresses and routes move to the TAP and come back, also after a SIGKILL.
#
#	 10.9.0.1/24, fd09::1/64, default routes
#	 eth1, or lwf0 (TAP) - [ lwfd ] - eth1, ~~cable~~ eth0 10.9.0.2, fd09::2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need ping

IPV6=on
ROUNDS=$(times 20)

dress() {
	ip addr replace 10.9.0.1/24 dev eth1
	ip addr replace 10.9.0.7/24 dev eth1
	ip addr replace fd09::1/64 dev eth1 nodad
	ip route replace default via 10.9.0.2 dev eth1 metric 50
	ip route replace 192.0.2.0/24 via 10.9.0.2 dev eth1
	ip -6 route replace 2001:db8::/32 via fd09::2 dev eth1
	ip -n far addr replace 10.9.0.2/24 dev eth0
	ip -n far addr replace fd09::2/64 dev eth0 nodad
}

belongings() { # DEV: its addresses and routes, as text
	ip -o addr show dev "$1" scope global | awk '{ print $3, $4 }' | sort
	ip route show dev "$1" | sed 's/ *$//' | sort
	ip -6 route show dev "$1" | grep -v '^fe80\|^multicast' | sed 's/ pref [a-z]*//; s/ *$//' | sort
}

owns() { # DEV: it has exactly what eth1 had
	[ "$(belongings "$1")" = "$BEFORE" ]
}

reaches() {
	timeout 3 ping -c 1 -W 1 10.9.0.2 && timeout 3 ping -6 -c 1 -W 1 fd09::2
}

far_host
dress
BEFORE=$(belongings eth1)

step "a NIC with addresses is refused, with the choices named"
expect_error 6 "takeover.*share" lwfd --nic eth1 --tap lwf0
nothing_left
owns eth1 || fail "eth1 has lost something: $(belongings eth1)"

step "--takeover"
wait_for 10 "the far host" reaches
background ping ping -i 0.1 10.9.0.2
start_lwfd --nic eth1 --tap lwf0 --takeover
state_is eth1 Running
owns lwf0 || fail "lwf0 has $(belongings lwf0), and eth1 had $BEFORE"
expect_equal "addresses and routes of eth1" "" "$(ip -4 -o addr show dev eth1)$(ip route show dev eth1)"
wait_for 10 "the far host through the TAP" reaches
ledgers_balance
stop_lwfd
owns eth1 || fail "eth1 has $(belongings eth1), and had $BEFORE"
wait_for 10 "the far host" reaches
stop ping INT
lost=$(grep -Eo '[0-9.]+% packet loss' <<<"$OUT" | cut -d. -f1 | cut -d% -f1)
expect_at_most "percent of pings lost on the way there and back" 40 "$lost"
nothing_left

step "$ROUNDS kills: the watchdog child restores within a second"
for ((i = 1; i <= ROUNDS; i++)); do
	PROGRESS="kill $i of $ROUNDS"
	start_lwfd --nic eth1 --tap lwf0 --takeover
	state_is eth1 Running
	owns lwf0 || fail "lwf0 has $(belongings lwf0), and eth1 had $BEFORE"
	killed=$(now_ns)
	kill_lwfd
	within 5 owns eth1 || fail "eth1 has $(belongings eth1), and had $BEFORE"
	expect_at_most "milliseconds until all was back" 1200 $((($(now_ns) - killed) / 1000000))
	wait_for 5 "the TAP to be gone" no_link lwf0
	wait_for 5 "the watchdog child to be gone" no_own_processes
done
wait_for 10 "the far host" reaches

step "started without standard descriptors: what it prints goes nowhere, least of all to the child"
lwfd --nic eth1 --tap lwf0 --takeover <&- >&- 2>&- &
LWFD=$!
STARTED+=("$LWFD")
answers() {
	lwfctl show
}
wait_for 10 "lwfd without standard descriptors" answers
state_is eth1 Running
owns lwf0 || fail "lwf0 has $(belongings lwf0), and eth1 had $BEFORE"
stop_lwfd
owns eth1 || fail "eth1 has $(belongings eth1), and had $BEFORE"
nothing_left

step "the NIC's link flaps, and the TAP is deleted, during a takeover"
start_lwfd --nic eth1 --tap lwf0 --takeover
state_is eth1 Running
ip link set eth1 down
state_is eth1 Detached
ip link set eth1 up
state_is eth1 Running
wait_for 10 "the far host through the TAP" reaches
old=$(link_stat lwf0 ifindex)
ip link del lwf0
renewed() {
	[ "$(link_stat lwf0 ifindex)" != "$old" ] && owns lwf0
}
wait_for 5 "addresses and routes on the new TAP" renewed
wait_for 10 "the far host through the new TAP" reaches
stop_lwfd
owns eth1 || fail "eth1 has $(belongings eth1), and had $BEFORE"
nothing_left

step "another daemon of the same stack name leaves the journal alone"
ip link add eth2 type veth peer name eth3
ip addr add 10.8.0.1/24 dev eth2
ip link set eth2 up
ip link set eth3 up
start_lwfd --nic eth1 --tap lwf0 --takeover
state_is eth1 Running
expect_error 6 "journal" lwfd --control "$TMP/other" --stack eth1 --nic eth2 --tap lwf1 --takeover
[ -e "$(dirname "$LWF_CONTROL")/eth1.takeover" ] || fail "the journal of the first one is gone"
stop_lwfd
owns eth1 || fail "eth1 has $(belongings eth1), and had $BEFORE"
ip link del eth2
nothing_left

step "--share: everything stays where it is, and the NIC's own stack is open"
start_lwfd --nic eth1 --tap lwf0 --share
state_is eth1 Running
owns eth1 || fail "eth1 has $(belongings eth1), and had $BEFORE"
[ "$(link_stat lwf0 address)" != "$(link_stat eth1 address)" ] || fail "the MAC was mirrored"
wait_for 10 "the far host through the NIC's own stack" reaches
far ping -c 2 -i 0.2 -W 2 10.9.0.1 >/dev/null || fail "the far host does not reach eth1"
before=$(tx_packets eth1)
framegen numbered "$TMP/ten.pcap" 10 100 >/dev/null
inject eth1 "$TMP/ten.pcap" --topspeed
expect_equal "SUCCESS" 10 "$(result .completed.SUCCESS)"
expect_at_least "tx_packets of eth1" $((before + 10)) "$(tx_packets eth1)"
stop_lwfd
owns eth1 || fail "eth1 has $(belongings eth1), and had $BEFORE"
nothing_left

step "both is a contradiction"
expect_error 2 "takeover|share" lwfd --nic eth1 --tap lwf0 --takeover --share
