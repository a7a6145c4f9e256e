#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 25-pause-pending-qdisc.sh - with qdisc=kernel a pause waits for what the kernel still holds.
#
#	 lwf-inject > [ lwfd ] > qdisc tbf 600 kbit/s > eth1 ~~cable~~ eth0 > framecap
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=5

far_host
tc qdisc add dev eth1 root tbf rate 600kbit burst 3kb limit 2mb || skip "the kernel has no tbf"
start_lwfd --lower nic:eth1,qdisc=kernel --upper tap:lwf0
state_is eth1 Running
framegen numbered "$TMP/burst.pcap" 100 1000 >/dev/null
start_capture got far eth0 -w "$TMP/got.pcap"

outstanding() {
	show '.stacks[0].modules[] | select(.name == "inject") | .sends_out' eth1
}

many_out() {
	[ "$(outstanding)" -ge 10 ]
}

background watch lwfctl watch --json --since 1 eth1
for ((i = 1; i <= ROUNDS; i++)); do
	step "pause $i while the kernel holds a backlog"
	before=$(tx_packets eth1)
	background client lwf-inject --json eth1 "$TMP/burst.pcap" --topspeed
	wait_for 10 "a backlog in the kernel" many_out
	expect_exit 0 lwfctl pause eth1
	begin=$(now_ns)
	stands=$(tx_packets eth1)
	expect_equal "frames out after pause returned" 0 "$(outstanding)"
	watch_for 0.1
	expect_equal "tx_packets of eth1 while paused" "$stands" "$(tx_packets eth1)"
	printf '%s %s\n' "$begin" "$(now_ns)" >>"$TMP/silences"
	finish client 20
	result_balances client
	expect_equal "sent, against tx_packets" $(($(tx_packets eth1) - before)) "$(result .sent)"
	expect_equal "submitted" 100 "$(result .submitted)"
	expect_exit 0 lwfctl restart eth1
	state_is eth1 Running
done
stop watch
stop got
while read -r begin end; do
	told=$(framecmp --silent "$begin" "$end" "$TMP/got.pcap") || fail "while paused: $told"
done <"$TMP/silences"

story=$(jq -c 'select(.module == "inject" and .kind == "state")' "$TMP/watch.out")
pending=$(jq -s '[.[] | select(.after == "Pausing" and .status == "PENDING" and .owed and .sends_out > 0)] | length' <<<"$story")
expect_equal "pauses that returned PENDING with frames out" "$ROUNDS" "$pending"
done_by_last=$(jq -s '[.[] | select(.before == "Pausing" and .after == "Paused" and .sends_out == 0 and (.owed | not))] | length' <<<"$story")
expect_equal "pauses completed with none out" "$ROUNDS" "$done_by_last"

step "the link goes down with a backlog: what the kernel flushed is no success"
before=$(tx_packets eth1)
background client lwf-inject --json eth1 "$TMP/burst.pcap" --topspeed
wait_for 10 "a backlog in the kernel" many_out
ip link set eth1 down
state_is eth1 Detached
finish client 20
result_balances client
expect_equal "sent, against tx_packets" $(($(tx_packets eth1) - before)) "$(result .sent)"
expect_at_least "frames that did not leave" 1 "$(result '.submitted - .sent')"
ip link set eth1 up
state_is eth1 Running

ledgers_balance
stop_lwfd
expect_match "the qdisc of the user stays" tbf "$(tc qdisc show dev eth1)"
