#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 85-live-devices.sh - scenarios on real devices that end, move, change, and come again.
#
#	client process > [ inject > monitor ] > nic0 ~ far0		each in namespaces of the run
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$TMP"
export LIMIT=200
rounds=$(times 100)
json() { tail -n 1 <<<"$OUT" | jq -r "$1"; }

# The last counters of a device come with the news of its end: none of a hundred lives is lost.
cat >lives.scn <<-'END'
	scenario "lives" seed 3
	let rounds = 100
	link lan0
	client c1 on lan0
	traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 5kpps
	start t1
	repeat rounds {
	  always expect outstanding(lan0) == 0 while state(lan0) == detached
	  after 0ms..10ms device lan0.lower delete
	  within 1s expect state(lan0) == detached and present(lan0.lower) == 0 and held(lan0, removed) == 1
	  after 1ms..10ms device lan0.lower create
	  within 2s expect state(lan0) == running and present(lan0.lower) == 1
	}
	expect epoch(lan0) == rounds + 1 and sent(lan0.lower) > rounds
	repeat rounds {
	  after 1ms..5ms device lan0.lower move
	  within 1s expect state(lan0) == detached and present(lan0.lower) == 0
	  after 1ms..5ms device lan0.lower return
	  within 2s expect state(lan0) == running
	}
	repeat 10 {
	  after 1ms..5ms device lan0.lower namespace-delete
	  within 1s expect state(lan0) == detached and present(lan0.lower) == 0
	  after 1ms..5ms device lan0.lower create
	  within 5s expect state(lan0) == running
	}
	device lan0.lower move
	within 1s expect state(lan0) == detached
	device lan0.lower delete
	device lan0.lower create
	within 2s expect state(lan0) == running
	stop t1
	drain within 2s
	expect lost(c1) == 0 and doubled(c1) == 0
	expect sent(lan0.lower) == kernel_tx(lan0.lower)
END

cat >changes.scn <<-'END'
	scenario "changes" seed 4
	link lan0
	client c1 on lan0
	traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 5kpps
	traffic huge from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 4000..9014 rate 1kpps
	start t1
	link lan0.lower mtu 1400 for 2s
	link lan0.lower mac 02:00:00:00:00:07 for 300ms
	within 1s expect mtu(lan0.lower) == 1400 and mtu(lan0.upper) == 1400
	within 1s expect refused(c1, INVALID_LENGTH) + completed(c1, INVALID_LENGTH) > 0
	within 5s expect mtu(lan0.lower) == 1500 and mtu(lan0.upper) == 1500
	device lan0.lower rename other0 for 100ms
	after 50ms expect present(lan0.lower) == 1
	within 1s expect state(lan0) == running
	after 200ms expect state(lan0) == running
	link lan0.lower mtu 9000
	within 1s expect mtu(lan0.lower) == 9000
	stop t1
	start huge
	after 200ms stop huge
	drain within 1s
	expect sent(lan0.lower) == kernel_tx(lan0.lower) and completed(c1, RESOURCES) == 0
	device lan0.lower rename other1
	device lan0.lower delete
	within 1s expect present(lan0.lower) == 0
	device lan0.lower create
	within 2s expect state(lan0) == running and mtu(lan0.lower) == 9000
	start t1
	repeat 5 {
	  device lan0.upper delete for 50ms
	  after 100ms expect state(lan0) == running
	  within 1s expect present(lan0.upper) == 1 and up(lan0.upper) == 1
	}
	stop t1
	drain within 1s
	expect sent(lan0.lower) == kernel_tx(lan0.lower) and lost(c1) == 0
END

# What one end of a pair suffers, the other suffers too; both are made again together.
cat >pair.scn <<-'END'
	scenario "pair" seed 5
	link one
	link two peer one
	client a on one
	client b on two
	traffic ta from a udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 2kpps
	traffic tb from b udp 10.0.0.2:9 -> 10.0.0.1:9 size 60..1514 rate 1kpps
	start all
	repeat 10 {
	  after 1ms..10ms device two.lower delete
	  within 1s expect present(one.lower) == 0 and present(two.lower) == 0
	  after 1ms..5ms device one.lower create
	  within 2s expect state(one) == running and state(two) == running
	}
	stop all
	drain within 1s
	after 50ms expect sent(one.lower) == kernel_tx(one.lower) and sent(two.lower) == kernel_tx(two.lower)
	expect kernel_rx(one.lower) == kernel_tx(two.lower) and kernel_rx(two.lower) == kernel_tx(one.lower)
END

step "$rounds deletions, $rounds moves, ten namespaces deleted, under traffic"
expect_exit 0 lwf-stress run --live lives.scn --set "rounds=$rounds" --report lives.ndjson --json
expect_equal "lost, doubled, rules" "0 0 0" "$(json '"\(.lost) \(.doubled) \(.rules_broken)"')"
expect_at_least "frames answered ADAPTER_REMOVED" 1 \
	"$(json '[.ledger[] | select(.of == "client") | (.completed.ADAPTER_REMOVED // 0) + (.refused.ADAPTER_REMOVED // 0)] | add')"
expect_equal "the witness" 1 "$(jq -s '[.[] | select(.kind == "witness" and .inside == .outside and .inside > 0)] | length' lives.ndjson)"

step "MTU, MAC, name, the TAP deleted"
expect_exit 0 lwf-stress run --live changes.scn --json
expect_equal "lost, rules" "0 0" "$(json '"\(.lost) \(.rules_broken)"')"

step "two stacks on one wire"
expect_exit 0 lwf-stress run --live pair.scn --json
expect_equal "lost, rules" "0 0" "$(json '"\(.lost) \(.rules_broken)"')"

# With the kernel's queue, a veth whose other end is down tells of a frame and drops it all the same.
step "the carrier comes and goes under a queue of the kernel"
cat >queue.scn <<-'END'
	scenario "queue" seed 65
	link lan0 qdisc kernel
	client c1 on lan0
	traffic t1 from c1 udp 10.9.0.1:1 -> 10.9.0.2:9 size 60..1514 rate 3kpps burst 8
	start t1
	repeat 30 {
	  after 0ms..5ms link lan0.lower carrier-off
	  within 1s expect carrier(lan0.lower) == 0
	  after 0ms..5ms link lan0.lower carrier-on
	  within 1s expect carrier(lan0.lower) == 1
	}
	stop t1
	drain within 2s
	expect lost(c1) == 0 and sent(lan0.lower) == kernel_tx(lan0.lower)
END
expect_exit 0 lwf-stress run --live queue.scn

step "hosts and networks send"
cat >sources.scn <<-'END'
	scenario "sources" seed 6
	link lan0
	traffic host from lan0.upper udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1500 rate 5kpps burst 4 count 2000
	traffic net from lan0.lower udp 10.0.0.2:9 -> 10.0.0.1:9 size 60..1500 rate 2kpps count 1000
	traffic more from lan0.lower udp 10.0.0.2:9 -> 10.0.0.1:9 size 60 rate 1Mbps
	traffic dark from lan0.upper udp 10.0.0.1:9 -> 10.0.0.2:9 size 60 rate 1kpps
	start host; start net
	after 20ms expect kernel_rx(lan0.upper) < 2000
	within 5s expect kernel_rx(lan0.upper) == 2000 and sent(lan0.lower) == 2000
	within 5s expect kernel_rx(lan0.lower) == 1000 and kernel_tx(lan0.upper) == 1000
	after 50ms expect kernel_tx(lan0.lower) == 2000
	start more
	repeat 10 {
	  after 10ms device lan0.lower delete
	  within 1s expect state(lan0) == detached
	  device lan0.lower create
	  within 2s expect state(lan0) == running
	}
	within 5s expect kernel_rx(lan0.lower) > 1100
	stop all
	after 50ms expect sent(lan0.lower) == kernel_tx(lan0.lower)
	note "without its carrier the TAP takes nothing from the host; to the host it still gives"
	link lan0.upper carrier-off
	after 1500ms start dark
	after 50ms expect kernel_rx(lan0.upper) == 2000 and state(lan0) == running
	link lan0.upper carrier-on
	within 2s expect kernel_rx(lan0.upper) > 2000
END
expect_exit 0 lwf-stress run --live sources.scn --json

step "killed while the NIC is elsewhere and hosts and networks send: nothing is left"
cat >away.scn <<-'END'
	scenario "away"
	link lan0
	traffic host from lan0.upper udp 10.0.0.1:9 -> 10.0.0.2:9 size 60 rate 1kpps
	traffic net from lan0.lower udp 10.0.0.2:9 -> 10.0.0.1:9 size 60 rate 1kpps
	start all
	device lan0.lower move
	after 60s
END
links=$(ip -br link | awk '{ print $1 }')
processes() {
	ps -e -o comm= | awk '/^(lwfd|lwf-stress)/ { n++ } END { print n + 0 }'
}
both_send() {
	[ "$(ps -e -o comm= | awk '/^lwf-stress-(host|net)/ { n++ } END { print n + 0 }')" = 2 ]
}
nothing_is_left() {
	[ "$(processes)" = 0 ] && [ "$(ip -br link | awk '{ print $1 }')" = "$links" ]
}
background away lwf-stress run --live away.scn
within 10 both_send || fail "nobody sends: $(cat away.err)"
watch_for 0.2
stop away KILL
within 5 nothing_is_left || fail "left: $(ps -e -o pid,comm) $(ip -br link)"

step "a host that ends by itself is a run that failed"
background away lwf-stress run --live away.scn
within 10 both_send || fail "nobody sends: $(cat away.err)"
watch_for 0.2
kill -KILL "$(ps -e -o pid=,comm= | awk '$2 == "lwf-stress-host" { print $1 }')"
finish away 15
expect_equal "exit code" 1 "$CODE"
expect_match "what is told" 'the host of lan0 ended' "$ERR"

step "the shipped scenarios of devices"
for name in device-replug hlk; do
	expect_exit 0 lwf-stress run --live "$ROOT/scripts/scenarios/$name.scn" --json
	expect_equal "$name: lost, doubled, rules" "0 0 0" "$(json '"\(.lost) \(.doubled) \(.rules_broken)"')"
done
expect_exit 0 lwf-stress run --live "$ROOT/scripts/scenarios/soak.scn" --set length=10s --json

step "what cannot be done so is told"
refused() { # CODE REGEX FAULT
	{ echo 'scenario "r"' && echo 'link lan0' && echo "$3"; } >refused.scn
	expect_exit "$1" lwf-stress run --live refused.scn
	expect_match "what is told" "$2" "$ERR"
}
refused 2 'an MTU is 68 to 65535' 'link lan0.lower mtu 10'
refused 2 '15 letters' 'device lan0.lower rename a-name-that-is-too-long'
refused 1 'kernel refuses it: File exists' 'device lan0.lower rename tap0'
