#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 32-tap-delete.sh - the TAP is deleted under the daemon, which makes it again.
#
#	 rawsend > lwf0 (TAP) > [ lwfd ] > eth1 ~~cable~~ eth0 < rawsend
#	           deleted         ^ lwf-inject
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 50)

bridge_up
remember_size
far_traffic 3000
client_traffic client --rate 20kpps
mac=$(link_stat lwf0 address)

new_tap() { # OLD-IFINDEX: another lwf0, up and with carrier
	[ "$(link_stat lwf0 ifindex)" != "$1" ] && link_flag lwf0 UP && link_flag lwf0 LOWER_UP
}

step "$ROUNDS deletions"
for ((i = 1; i <= ROUNDS; i++)); do
	PROGRESS="deletion $i of $ROUNDS"
	old=$(link_stat lwf0 ifindex)
	background host rawsend lwf0 -n 0 -r 3000 -s 200 -i 2
	sending
	ip link del lwf0
	finish host 10
	wait_for 5 "a new TAP" new_tap "$old"
	expect_equal "MAC of the new TAP" "$mac" "$(link_stat lwf0 address)"
	lwfd_alive
	state_is eth1 Running
	sending
	receiving
done

step "no spinning afterwards"
client_ends client
stop farhost
ticks=$(cpu_ticks "$LWFD")
watch_for 1
expect_at_most "clock ticks of lwfd in an idle second" 5 $(($(cpu_ticks "$LWFD") - ticks))

ledgers_balance
no_growth
stop_lwfd
nothing_left

step "a TAP that was there before is adopted, and stays"
ip tuntap add dev lwf0 mode tap
start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
stop_lwfd
has_link lwf0 || fail "lwfd removed a TAP that it had not made"
