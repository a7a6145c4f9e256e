#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 48-holds.sh - reasons to be down add up: a flap does not undo a user's pause, nor a user a link.
#
#	 lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

holds() {
	show '.stacks[0].holds | sort | join(" ")' eth1
}

# A stack on its way up is Paused for a moment too; this one must stay.
stays_paused() {
	state_is eth1 Paused
	watch_for 0.3
	expect_equal "state" Paused "$(show '.stacks[0].state' eth1)"
	expect_equal "holds" user "$(holds)"
}

bridge_up
framegen numbered "$TMP/ten.pcap" 10 100 >/dev/null
expect_equal "holds" "" "$(holds)"

step "repeats are no errors"
expect_exit 0 lwfctl restart eth1
expect_exit 0 lwfctl attach eth1
expect_exit 0 lwfctl pause eth1
expect_exit 0 lwfctl pause eth1
expect_equal "holds" user "$(holds)"
expect_exit 0 lwfctl restart eth1
expect_exit 0 lwfctl restart eth1
expect_exit 0 lwfctl detach eth1
expect_exit 0 lwfctl detach eth1
expect_equal "holds" user-detach "$(holds)"
expect_equal "state" Detached "$(show '.stacks[0].state' eth1)"
inject eth1 "$TMP/ten.pcap" --topspeed
expect_equal "refused as PAUSED while a user detached it" 10 "$(result .refused.PAUSED)"
expect_exit 0 lwfctl attach eth1
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"

step "a user's pause outlives a link flap"
expect_exit 0 lwfctl pause eth1
ip link set eth1 down
state_is eth1 Detached
expect_equal "holds" "link user" "$(holds)"
ip link set eth1 up
stays_paused
ip link del eth1
state_is eth1 Detached
plug_cable
stays_paused
expect_exit 0 lwfctl restart eth1
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"

step "a user does not undo the link: exit 6 names what remains"
expect_exit 0 lwfctl pause eth1
ip link set eth1 down
state_is eth1 Detached
expect_error 6 "link" lwfctl restart eth1
expect_equal "holds" link "$(holds)"
expect_error 6 "link" lwfctl attach eth1
expect_exit 0 lwfctl detach eth1
expect_error 6 "link" lwfctl attach eth1
ip link set eth1 up
state_is eth1 Running

step "a user's two holds"
expect_exit 0 lwfctl pause eth1
expect_exit 0 lwfctl detach eth1
expect_error 6 "user" lwfctl attach eth1
expect_equal "state" Paused "$(show '.stacks[0].state' eth1)"
expect_exit 0 lwfctl restart eth1
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"

step "a filter inserted while paused does not bring the stack up"
expect_exit 0 lwfctl pause eth1
expect_exit 0 lwfctl filter insert eth1 monitor
expect_equal "state" Paused "$(show '.stacks[0].state' eth1)"
expect_exit 0 lwfctl restart eth1
expect_exit 0 lwfctl wait eth1/monitor-2 --state running --timeout 2s

step "wait tells the truth"
expect_exit 124 lwfctl wait eth1 --state paused --timeout 200ms
expect_exit 0 lwfctl wait eth1 --state RUNNING --timeout 200ms
ledgers_balance
stop_lwfd
nothing_left
