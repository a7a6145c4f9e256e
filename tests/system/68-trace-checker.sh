#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 68-trace-checker.sh - a daemon under traffic, paused and flapped, is found clean by the checker.
#
#	 rawsend > lwf0 (TAP) >
#	                       [ lwfd ] > eth1 ~~cable~~ eth0 < rawsend
#	       2 lwf-inject  >     |
#	                           +--- lwfctl watch --frames --json > tests/checker/check.py
#
# The checker shares no code with the engine. It has all records from the first on, and none is lost.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ROUNDS=$(times 200)
need python3

bridge_up
background watch lwfctl watch --frames --json --since 1 eth1
wait_for 5 "the first record" test -s "$TMP/watch.out"
host_traffic 300
far_traffic 300
client_traffic waiting --rate 300pps --when-paused wait
client_traffic failing --rate 300pps

step "$ROUNDS pauses, flaps, losses of carrier and changes of modules"
for ((i = 1; i <= ROUNDS; i++)); do
	PROGRESS="round $i of $ROUNDS"
	case $((i % 4)) in
	0) expect_exit 0 lwfctl pause eth1; watch_for 0.01; expect_exit 0 lwfctl restart eth1 ;;
	1) ip link set eth1 down; state_is eth1 Detached; ip link set eth1 up; state_is eth1 Running ;;
	2) expect_exit 0 lwfctl link eth1 carrier off; watch_for 0.01; expect_exit 0 lwfctl link eth1 carrier on ;;
	3) expect_exit 0 lwfctl filter insert eth1 monitor; expect_exit 0 lwfctl filter remove eth1/monitor-2 ;;
	esac
	MORE=5 sending
done

step "the traffic ends"
client_ends failing
client_ends waiting
stop host
stop farhost
stop watch

step "the checker's verdict"
capture "$ROOT/tests/checker/check.py" --json "$TMP/watch.out"
[ "$CODE" -eq 0 ] || fail "$(jq -r '.broken[]? | "\(.rule) broken by record \(.seq): \(.why)"' "$TMP/out")$ERR"
expect_equal "records lost" 0 "$(jq .lost <<<"$OUT")"
expect_at_least "steps of frames" $((ROUNDS * 20)) "$(jq .steps <<<"$OUT")"
expect_at_least "pauses of inject in it" $((ROUNDS / 2)) \
	"$(jq -s '[.[] | select(.kind == "state" and .module == "inject" and .event == "pause")] | length' "$TMP/watch.out")"
note "$(jq -r '"\(.records) records, \(.steps) of frames"' <<<"$OUT")"
ledgers_balance
stop_lwfd
nothing_left
