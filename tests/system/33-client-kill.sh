#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 33-client-kill.sh - clients are killed in mid-flight; others, the pause and the ledger do not care.
#
#	 lwf-inject (killed) >
#	 lwf-inject (lives)  > [ lwfd ] > eth1 ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 50)

sessions() {
	[ "$(show '.stacks[0].sessions | length' eth1)" = "$1" ]
}

bridge_up
client_traffic living --rate 10kpps
sending
wait_for 5 "one session" sessions 1
remember_size

step "$ROUNDS kills"
for ((i = 1; i <= ROUNDS; i++)); do
	PROGRESS="kill $i of $ROUNDS"
	client_traffic victim --topspeed
	wait_for 5 "a second session" sessions 2
	MORE=200 sending
	# In the middle of a pause every fourth time, as a stopped process every third.
	[ $((i % 4)) -ne 0 ] || lwfctl pause eth1
	[ $((i % 3)) -ne 0 ] || kill -STOP "$(pid_of victim)"
	stop victim KILL
	expect_equal "exit code of the victim" 137 "$CODE"
	[ $((i % 4)) -ne 0 ] || lwfctl restart eth1
	wait_for 5 "its session to be gone" sessions 1
done
state_is eth1 Running
expect_exit 0 lwfctl pause eth1
expect_exit 0 lwfctl restart eth1

client_ends living
expect_at_least "frames of the living client" 100 "$(result .completed.SUCCESS)"

step "with frames held by a filter"
expect_exit 0 lwfctl filter insert eth1 hold:frames=50
state_is eth1 Running
client_traffic victim --limit 20 --topspeed
twenty_out() {
	[ "$(show '.stacks[0].modules[] | select(.name == "inject") | .sends_out' eth1)" = 20 ]
}
wait_for 5 "its frames to be held" twenty_out
stop victim KILL
expect_equal "exit code of the victim" 137 "$CODE"
expect_exit 0 lwfctl filter set eth1/hold release=1
wait_for 5 "its session to be gone" sessions 0
expect_exit 0 lwfctl filter remove eth1/hold

adds_up() {
	[ "$(lwfctl ledger --json | jq '.stacks[0] | .clients.sent + .host.sent')" -eq "$(tx_packets eth1)" ]
}
wait_for 5 "the clients' ledger to be tx_packets" adds_up
ledgers_balance
no_growth
stop_lwfd
nothing_left
