#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 87-live-exhaustion.sh - daemons of a live run that are denied what they ask for.
#
#	client process > [ inject > monitor ] > nic0 ~ far0		lwf-faults.so stands between lwfd and its C library
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
scenarios=$ROOT/scripts/scenarios
cd "$TMP"
export LIMIT=200

json() { tail -n 1 <<<"$OUT" | jq -r "$1"; }
# denied WHAT: how many sends, allocations or descriptors the library says that it denied.
denied() {
	jq -r 'select(.kind == "note") | .text | capture("denied (?<sends>[0-9]+) sends, (?<allocations>[0-9]+) allocations and (?<descriptors>[0-9]+) ") | .'"$1" report.ndjson
}

step "each error of a send has its status, and the frames that it hit never left"
cat >errors.scn <<-'END'
	scenario "errors" seed 5
	link lan0
	client c1 on lan0
	traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 5kpps burst 16
	start t1
	within 1s expect completed(c1, SUCCESS) > 100
	expect completed(c1) == completed(c1, SUCCESS)
	fault lan0.lower send error EIO rate 30%
	within 2s expect completed(c1, FAILURE) > 10
	fault lan0.lower send error EPERM for 20ms
	after 30ms fault lan0.lower send error ENETDOWN
	within 2s expect completed(c1, PAUSED) > 10
	fault lan0.lower send error ENODEV
	within 2s expect completed(c1, ADAPTER_REMOVED) > 10
	fault lan0.lower send error EMSGSIZE
	within 2s expect completed(c1, INVALID_LENGTH) > 10
	fault lan0.lower send error ENOBUFS
	within 2s expect completed(c1, RESOURCES) > 10
	fault lan0.lower send ok
	after 100ms fault lan0.lower send error EAGAIN rate 20% for 50ms
	after 100ms expect state(lan0) == running and epoch(lan0) == 1
	stop t1
	drain within 1s
	expect lost(c1) == 0 and doubled(c1) == 0
	expect submitted(c1) == completed(c1) + refused(c1)
	expect sent(lan0.lower) == kernel_tx(lan0.lower) and sent(lan0.lower) == completed(c1, SUCCESS)
END
expect_exit 0 lwf-stress run --live errors.scn --report report.ndjson --json
expect_at_least "sends that were denied" 50 "$(denied sends)"
expect_equal "allocations that were denied" 0 "$(denied allocations)"
expect_equal "the witness" 1 "$(jq -s '[.[] | select(.kind == "witness" and .inside == .outside and .inside > 0)] | length' report.ndjson)"

step "a device that refuses, has no room, is stuck; descriptors, link messages, the clock"
expect_exit 0 lwf-stress run --live "$scenarios/send-errors.scn" --json
expect_equal "verdict, lost, doubled, rules" "passed 0 0 0" "$(json '"\(.verdict) \(.lost) \(.doubled) \(.rules_broken)"')"

step "what befalls a device befalls the next one of its name; each daemon is denied descriptors anew"
cat >again.scn <<-'END'
	scenario "again" seed 5
	link lan0 upper tap lower veth qdisc kernel
	client c1 on lan0
	traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 1000..1500 rate 1kpps
	link lan0.lower mtu 1000 for 500ms
	link lan0.lower mtu 900 for 200ms
	expect mtu(lan0.lower) == 900
	within 400ms expect mtu(lan0.lower) == 1000
	within 600ms expect mtu(lan0.lower) == 1500
	fault lan0 send stuck for 20s
	device lan0.lower delete
	within 1s expect state(lan0) == detached
	device lan0.lower create
	within 5s expect state(lan0) == running
	start t1
	after 300ms expect kernel_tx(lan0.lower) <= 2 and outstanding(c1) > 100
	stop t1
	fault lan0 send ok
	drain within 2s
	expect completed(c1) > 100
	only live {
	repeat 2 as n {
	  fault descriptors exhaust
	  client c1 crowd 30
	  within 2s expect logged(main, "no descriptors are left") == n
	  daemon kill
	  daemon start
	  within 5s expect state(lan0) == running
	}
	}
END
expect_exit 0 lwf-stress run --live again.scn --json

step "a pause that really waits for a device that is slow, and stuck"
expect_exit 0 lwf-stress run --live "$scenarios/slow-drain.scn" --json
expect_equal "verdict, lost, doubled, rules" "passed 0 0 0" "$(json '"\(.verdict) \(.lost) \(.doubled) \(.rules_broken)"')"
expect_at_least "pauses that were answered PENDING" 20 "$(json .pended)"
note "$(json .pended) of $(json .pauses) pauses pended, the longest for $(json .pause_max_ns) ns"

step "nothing is there any more: memory, descriptors, messages, the right time"
if is_sanitized; then
	expect_exit 77 lwf-stress run --live "$scenarios/exhaustion.scn"
	expect_match "what is told" 'sanitizer' "$ERR"
else
	expect_exit 0 lwf-stress run --live "$scenarios/exhaustion.scn" --report report.ndjson --json
	expect_equal "verdict, lost, doubled, rules" "passed 0 0 0" "$(json '"\(.verdict) \(.lost) \(.doubled) \(.rules_broken)"')"
	expect_at_least "allocations that were denied" 100 "$(denied allocations)"
	expect_at_least "descriptors that were denied" 5 "$(denied descriptors)"
	note "denied: $(denied sends) sends, $(denied allocations) allocations, $(denied descriptors) descriptors"

	step "of a daemon without memory nothing is asked, and that is said"
	cat >asks.scn <<-'END'
		scenario "asks" seed 5
		link lan0
		fault memory exhaust
		expect state(lan0) == running
	END
	expect_exit 2 lwf-stress run --live asks.scn
	expect_match "what is told" "memory answers nothing.*memory ok" "$ERR"
fi

step "the library is there for those that need it, and is said to be missing"
mkdir alone
cp "$BIN/lwf-stress" "$BIN/lwfd" alone
expect_exit 77 alone/lwf-stress run --live errors.scn
expect_match "what is told" 'lwf-faults\.so.*not *installed' "$ERR"
sed '/fault/d; /expect completed/d' errors.scn >plain.scn
expect_exit 0 alone/lwf-stress run --live plain.scn
