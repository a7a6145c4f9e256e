#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 89-on-stack.sh - a scenario on the stack of a daemon that runs already: what it does, what it counts,
# what it leaves alone, and that all is as it was, however the run ends.
#
#	client process > lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0 (far)
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$TMP"
export LIMIT=60

belongings() {
	local run
	for run in "-n far" ""; do
		# shellcheck disable=SC2086 # none or two words
		ip $run -j -d addr show | jq -c '.[] | select(.ifname != "lo" and .ifname != "lwf0") |
			[.ifname, .mtu, .address, (.flags - ["NO-CARRIER", "LOWER_UP"] | sort), .promiscuity,
			[.addr_info[] | select(.scope == "global") | .local]]'
		# shellcheck disable=SC2086
		ip $run route show | sed 's/ *$//'
	done
}
as_before() { [ "$(belongings)" = "$before" ]; }
no_guardian() { ! grep -qsx lwf-stress-undo /proc/[0-9]*/comm; }
json() { tail -n 1 <<<"$OUT" | jq -r "$1"; }
no_run() { ! pgrep_comm 'lwf-stress*' && ! pgrep_comm c1; }
pgrep_comm() {
	local comm
	for comm in /proc/[0-9]*/comm; do
		# shellcheck disable=SC2053 # a pattern
		[[ $(cat "$comm" 2>/dev/null) != $1 ]] || is_gone "$(basename "$(dirname "$comm")")" || return 0
	done
	return 1
}

head='scenario "on" seed 5
link lan0
client c1 on lan0
traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 5kpps
traffic up from c1 udp 10.0.0.2:9 -> 10.0.0.1:9 size 60 rate 1kpps direction receive'

{ echo "$head" && cat <<-'END'; } >all.scn
	expect epoch(lan0) == 1 and submitted(lan0) == 0 and kernel_tx(lan0.lower) == 0 and state(lan0) == running
	start all
	within 2s expect sent(lan0.lower) > 100 and sent(lan0.upper) > 20
	repeat 20 {
	  always expect outstanding(lan0) == 0 while state(lan0) == detached
	  after 0ms..10ms link lan0.lower down
	  within 500ms expect state(lan0) == detached
	  after 1ms..5ms link lan0.lower up
	  within 500ms expect state(lan0) == running
	}
	expect epoch(lan0) == 21
	link lan0.lower carrier-off
	within 2s expect carrier(lan0.lower) == 0 and completed(c1, MEDIA_DISCONNECTED) > 0
	link lan0.lower carrier-on
	within 2s expect carrier(lan0.lower) == 1
	link lan0.lower force-off for 20ms
	within 1s expect carrier(lan0.lower) == 0
	within 1s expect carrier(lan0.lower) == 1
	link lan0.lower mtu 576 for 300ms
	within 1s expect mtu(lan0.lower) == 576
	within 1s expect completed(c1, INVALID_LENGTH) + refused(c1, INVALID_LENGTH) > 0
	within 1s expect mtu(lan0.lower) == 1500
	link lan0.lower mac 02:00:00:00:00:07 for 50ms
	only live { device lan0.lower rename other0 for 100ms; }
	after 200ms expect state(lan0) == running
	device lan0.lower delete
	within 1s expect state(lan0) == detached and present(lan0.lower) == 0
	device lan0.lower create
	within 2s expect state(lan0) == running
	device lan0.lower move
	within 1s expect state(lan0) == detached
	device lan0.lower return
	within 2s expect state(lan0) == running
	stack lan0 pause
	within 1s expect state(lan0) == paused and held(lan0, user) == 1
	stack lan0 restart
	within 1s expect state(lan0) == running
	client c1 kill
	client c1 start
	within 1s expect alive(c1) == 1
	stop all
	drain within 2s
	expect doubled(c1) == 0 and rules_broken() == 0
	expect sent(lan0.lower) == kernel_tx(lan0.lower)
END
{ echo "$head" && cat <<-'END'; } >daemon.scn
	start t1
	within 2s expect sent(lan0.lower) > 100
	only live {
	  daemon stop for 100ms
	  after 200ms expect state(lan0) == running
	  fault descriptors exhaust for 50ms
	  fault netlink overrun
	  after 100ms expect resyncs() > 0
	}
	daemon kill
	expect alive(main) == 0
	within 1s expect completed(c1, UNKNOWN) + refused(c1, UNKNOWN) >= 0
	daemon start
	within 5s expect state(lan0) == running and alive(main) == 1
	daemon terminate for 100ms
	within 5s expect alive(main) == 1
	within 5s expect state(lan0) == running
	stop t1
	drain within 2s
	expect doubled(c1) == 0
END

far_host
ip -n far addr add 10.9.0.2/24 dev eth0
ip addr add 10.8.0.1/24 dev eth1
ip route add 10.78.0.0/16 via 10.8.0.2 dev eth1
start_lwfd --nic eth1 --tap lwf0 --share
state_is eth1 Running
ip addr add 10.9.0.1/24 dev lwf0
within 5 ping -qc 1 -W 1 10.9.0.2 || fail "the far host does not answer"
inject_some() { inject eth1 "$TMP/numbered.pcap" --limit 100 --topspeed; }
framegen numbered "$TMP/numbered.pcap" 100 200 4 >/dev/null
inject_some # what was before the run does not count
before=$(belongings)

step "links and devices of a real stack, under the traffic of the run"
received=$(rx_packets eth0 far)
expect_exit 0 lwf-stress run all.scn --on eth1 --report all.ndjson --json
expect_equal "world, verdict, doubled, rules" "live passed 0 0" "$(json '"\(.world) \(.verdict) \(.doubled) \(.rules_broken)"')"
expect_at_least "pauses" 40 "$(json .pauses)"
as_before || fail "$(diff <(echo "$before") <(belongings))"
state_is eth1 Running
ledgers_balance
within 5 ping -qc 1 -W 1 10.9.0.2 || fail "the far host does not answer"
[ "$(rx_packets eth0 far)" != "$received" ] || fail "nothing arrived at the far end"
no_guardian || fail "the guardian is still there"

step "others go on: their frames are in the stack's counts, not in those of the clients"
head -n 4 all.scn >others.scn
cat >>others.scn <<-'END'
	start t1
	within 2s expect submitted(lan0) > submitted(c1)
	after 50ms
	stop t1
	drain within 2s
	expect lost(c1) == 0 and submitted(c1) == completed(c1) + refused(c1)
END
client_traffic other --rate 1kpps
sending
expect_exit 0 lwf-stress run others.scn --on eth1
client_ends other

step "its daemon: stopped, killed, told to end, started again as it was"
find_daemon() { DAEMON=$(show .pid); }
find_daemon
first=$DAEMON
expect_exit 0 lwf-stress run daemon.scn --on eth1 --json
expect_equal "verdict" passed "$(json .verdict)"
find_daemon
STARTED+=("$DAEMON")
[ "$DAEMON" != "$first" ] || fail "it is the same daemon"
state_is eth1 Running
ip addr replace 10.9.0.1/24 dev lwf0
as_before || fail "$(diff <(echo "$before") <(belongings))"
within 5 ping -qc 1 -W 1 10.9.0.2 || fail "the far host does not answer"

step "what lasts is undone, however the run ends"
for words in "link lan0.lower down" "link lan0.lower carrier-off" "link lan0.lower mtu 576" \
	"link lan0.lower mac 02:00:00:00:00:07" "device lan0.lower delete" "device lan0.lower move" \
	"device lan0.lower rename other0"; do
	{ echo "$head" && echo "start t1" && echo "only live { $words; }" && echo "after 60s"; } >long.scn
	other() { ! as_before || ! link_flag eth1 LOWER_UP; }
	for signal in TERM KILL; do
		PROGRESS="$words, ended by $signal"
		background long lwf-stress run long.scn --on eth1
		wait_for 10 "$words" other
		stop long $signal
		[ "$signal" = KILL ] || expect_equal "exit code" 1 "$CODE"
		[ "$signal" = KILL ] || as_before || fail "$(diff <(echo "$before") <(belongings))"
		wait_for 5 "all to be as before" as_before
		wait_for 5 "the carrier of eth1" link_flag eth1 LOWER_UP
		wait_for 5 "the run to be gone" no_run
		state_is eth1 Running
	done
done
step "the process of the run itself is killed"
{ echo "$head" && echo "only live { device lan0.lower delete; }" && echo "after 60s"; } >long.scn
background long lwf-stress run long.scn --on eth1
wait_for 10 "the device to be gone" other
run=$(cat "/proc/$(pid_of long)/task/$(pid_of long)/children")
kill -KILL "${run%% *}"
finish long
expect_equal "exit code" 1 "$CODE"
wait_for 5 "all to be as before" as_before
wait_for 5 "the run to be gone" no_run
state_is eth1 Running

step "what --on cannot have is told before anything is done: 2, 5, 6"
bad() { # CODE WHAT REGEX LINES...
	local code=$1 regex=$2
	shift 2
	printf '%s\n' "$@" >bad.scn
	expect_exit "$code" lwf-stress run bad.scn --on eth1
	expect_match "what is told" "$regex" "$ERR"
	as_before || fail "$(diff <(echo "$before") <(belongings))"
}
bad 2 'lan1: .*another link' 'link lan0' 'link lan1'
bad 2 'second: .*daemon of its own' 'daemon second' 'link lan0 daemon second'
bad 2 'hold.*filter LINK insert' 'link lan0 filter "hold:frames=0"'
bad 2 'MTU 9000, and eth1 has 1500' 'link lan0 mtu 9000'
bad 2 'qdisc' 'link lan0 qdisc kernel'
bad 2 'lan0: .*interface takes' 'link lan0 offload none'
bad 2 'net: .*theirs' 'link lan0' 'traffic net from lan0.lower udp 10.0.0.1:9 -> 10.0.0.2:9 rate 1kpps' 'start net'
bad 6 'library.*lwf-stress run' 'link lan0' 'link lan0.lower down' 'fault lan0.lower send stuck for 1s'
bad 6 'namespace' 'link lan0' 'link lan0.lower down' 'repeat 3 { only live { device lan0.lower namespace-delete; } }'
expect_exit 5 lwf-stress run all.scn --on eth7
expect_exit 3 lwf-stress run all.scn --on eth1 --control "$TMP/nobody"
expect_error 2 '--sim' lwf-stress run all.scn --on eth1 --sim
expect_error 2 '--on' lwf-stress run all.scn --i-know
expect_error 2 'one at a time' lwf-stress run all.scn --on eth1 --jobs 2

step "the interface of the default route is left alone, but for --i-know"
ip route add default via 10.8.0.2 dev eth1
before=$(belongings)
bad 6 'eth1: .*default route.*--i-know' 'link lan0' 'after 1ms' 'repeat 2 { link lan0.lower down for 1ms; }'
expect_exit 0 lwf-stress run bad.scn --on eth1 --i-know
as_before || fail "$(diff <(echo "$before") <(belongings))"
printf '%s\n' 'link lan0' 'stack lan0 pause' 'after 10ms' 'stack lan0 restart' 'within 1s expect state(lan0) == running' >quiet.scn
expect_error 6 'eth1: .*default route.*--i-know' lwf-stress run quiet.scn --on eth1
expect_exit 0 lwf-stress run quiet.scn --on eth1 --i-know
kill "$DAEMON"
dead() { ! is_alive "$DAEMON"; }
wait_for 5 "the daemon to end" dead
