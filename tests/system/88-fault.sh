#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 88-fault.sh - one fault on a running stack by one shell command: it happens, and all is as it was
# when it is over, interrupted or killed.
#
#	 lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0 (far)		lwf-stress fault eth1 ...
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

DAEMON=	# pid of the daemon by now; a fault may have started another one
find_daemon() {
	DAEMON=$(show .pid)
}
# What must be as it was, of both ends of the cable: all but indexes, counters, and what the kernel
# tells a second later (carriers; they are waited for).
belongings() {
	local run
	for run in "-n far" ""; do
		# shellcheck disable=SC2086 # none or two words
		ip $run -j -d addr show | jq -c '.[] | select(.ifname != "lo" and .ifname != "lwf0") |
			[.ifname, .mtu, .address, (.flags - ["NO-CARRIER", "LOWER_UP"] | sort), .master // "", .ifalias // "",
			.promiscuity, [.addr_info[] | select(.scope == "global") | .local]]' | sort
		# shellcheck disable=SC2086
		{ ip $run route show && ip $run -6 route show; } | grep -v fe80: | sed 's/ *$//' | grep -v lwf0 || :
	done
}
as_before() {
	[ "$(belongings)" = "$before" ]
}
has_mtu() { mtu_is eth1 1400; }
has_mac() { [ "$(link_stat eth1 address)" = 02:00:00:00:00:77 ]; }
is_down() { ! link_flag eth1 UP; }
has_no_carrier() { ! link_flag eth1 LOWER_UP; }
is_forced() { [ "$(show '.stacks[0].no_carrier_forced' eth1)" = true ] && link_flag eth1 LOWER_UP; }
is_gone_here() { ! has_link eth1; }
is_renamed() { has_link other0; }
not_forced() { [ "$(show '.stacks[0].no_carrier_forced' eth1)" = false ]; }
is_stopped() { [ "$(awk '{ print $3 }' "/proc/${1:-$DAEMON}/stat")" = T ]; }
is_awake() { ! is_stopped "$@"; }
soft_limit() { awk '/Max open files/ { print $4 }' "/proc/$DAEMON/limits"; }
is_limited() { [ "$(soft_limit)" -lt 64 ]; }
is_unlimited() { [ "$(soft_limit)" = "$limit" ]; }
no_guardian() { ! grep -qsx lwf-stress-undo /proc/[0-9]*/comm; }

# undoes SEEN WORDS...: while it lasts the kernel shows SEEN; afterwards all is as before, whatever
# ended it: its time, an interrupt, a kill in the middle.
undoes() {
	local seen=$1 signal words
	shift
	words=("$@")
	PROGRESS="$* --for"
	background fault lwf-stress fault eth1 "${words[@]}" --for 400ms
	wait_for 5 "$*, seen from outside" "$seen"
	finish fault 20
	expect_equal "exit code of $*" 0 "$CODE"
	expect_match "what is told" "^eth1: ${words[0]} ${words[1]}, .*undone" "$OUT"
	as_before || fail "after $*: $(diff <(echo "$before") <(belongings))"
	wait_for 5 "the carrier of eth1" link_flag eth1 LOWER_UP
	state_is eth1 Running
	for signal in INT TERM KILL; do
		PROGRESS="$*, ended by $signal"
		background fault lwf-stress fault eth1 "${words[@]}"
		wait_for 5 "$*, seen from outside" "$seen"
		stop fault "$signal"
		[ "$signal" = KILL ] || expect_equal "exit code of $* after $signal" 0 "$CODE"
		[ "$signal" = KILL ] || as_before || fail "after $* and $signal: $(diff <(echo "$before") <(belongings))"
		wait_for 5 "all to be as before" as_before
		wait_for 5 "the guardian to end" no_guardian
		state_is eth1 Running
	done
}

IPV6=on far_host
ip -n far addr add 10.9.0.2/24 dev eth0
ip -n far route add 10.77.0.0/16 via 10.9.0.1 dev eth0
ip addr add 10.8.0.1/24 dev eth1
ip -6 addr add fd08::1/64 dev eth1 nodad
ip route add 10.78.0.0/16 via 10.8.0.2 dev eth1
ip -6 route add fd78::/64 via fd08::2 dev eth1
start_lwfd --nic eth1 --tap lwf0 --share
state_is eth1 Running
ip addr add 10.9.0.1/24 dev lwf0
find_daemon
limit=$(soft_limit)
within 5 ping -qc 1 -W 1 10.9.0.2 || fail "the far host does not answer"
before=$(belongings)

step "links and devices, from a shell, undone however it ends"
undoes is_down link down
undoes has_no_carrier link carrier-off
undoes is_forced link force-off
wait_for 5 "the carrier not to be forced" not_forced
undoes has_mtu link mtu 1400
undoes has_mac link mac 02:00:00:00:00:77
undoes is_renamed device rename other0
undoes is_gone_here device delete
undoes is_gone_here device move
within 5 ping -qc 1 -W 1 10.9.0.2 || fail "the far host does not answer after all that"

step "a far end that is a port of a bridge is one again"
if ip -n far link add br0 type bridge 2>/dev/null; then
	ip -n far link set eth0 master br0
	ip -n far link set br0 up
	before=$(belongings)
	expect_exit 0 lwf-stress fault eth1 device delete --for 100ms
	as_before || fail "$(diff <(echo "$before") <(belongings))"
	ip -n far link set eth0 nomaster
	ip -n far link del br0
	state_is eth1 Running
	before=$(belongings)
else
	note "this kernel has no bridge"
fi

step "what gives something back is done, and that is all"
ip link set eth1 down
expect_exit 0 lwf-stress fault eth1 link up
link_flag eth1 UP || fail "eth1 is down"
state_is eth1 Running
expect_match "what is told" '^eth1: link up, [0-9.]+ s$' "$OUT"

step "the TAP"
tap_is_down() { ! link_flag lwf0 UP; }
background fault lwf-stress fault eth1.upper link down --for 300ms
wait_for 5 "lwf0 to be down" tap_is_down
finish fault
expect_equal "exit code" 0 "$CODE"
link_flag lwf0 UP || fail "lwf0 is down"
expect_equal "the address of lwf0" 10.9.0.1 "$(ip -j addr show dev lwf0 | jq -r '.[0].addr_info[] | select(.family == "inet").local')"
old=$(link_stat lwf0 ifindex)
expect_exit 0 lwf-stress fault eth1.upper device delete --for 200ms
[ "$(link_stat lwf0 ifindex)" != "$old" ] || fail "lwf0 was not deleted"
expect_equal "the address of lwf0" 10.9.0.1 "$(ip -j addr show dev lwf0 | jq -r '.[0].addr_info[] | select(.family == "inet").local')"

step "the daemon: stopped, without descriptors, behind with its link messages"
for signal in TERM KILL; do
	background fault lwf-stress fault eth1 daemon stop
	wait_for 5 "the daemon to be stopped" is_stopped
	stop fault $signal
	wait_for 5 "the daemon to go on" is_awake
	background fault lwf-stress fault eth1 descriptors exhaust
	wait_for 5 "the daemon to have no descriptors" is_limited
	stop fault $signal
	wait_for 5 "its limit to be as before" is_unlimited
done
state_is eth1 Running
queue=$(link_stat lo txqlen)
overruns=$(show '.stacks[0].lower.info.overrun' eth1)
expect_exit 0 lwf-stress fault eth1 netlink overrun
[ "$(show '.stacks[0].lower.info.overrun' eth1)" -gt "$overruns" ] || fail "no message was lost"
expect_equal "queue of lo" "$queue" "$(link_stat lo txqlen)"
state_is eth1 Running

step "the daemon: killed, and started again as it was"
another_daemon() {
	local pid
	pid=$(show .pid) && [ "$pid" != "$DAEMON" ]
}
command=$(tr '\0' ' ' <"/proc/$DAEMON/cmdline")
expect_exit 0 lwf-stress fault eth1 daemon kill --for 300ms
wait_for 10 "another daemon" another_daemon
find_daemon
STARTED+=("$DAEMON")
expect_equal "its command line" "$command" "$(tr '\0' ' ' <"/proc/$DAEMON/cmdline")"
state_is eth1 Running
ip addr replace 10.9.0.1/24 dev lwf0
background fault lwf-stress fault eth1 daemon kill
dead() { ! is_alive "$DAEMON"; }
wait_for 5 "the daemon to be dead" dead
stop fault KILL
wait_for 10 "another daemon" another_daemon
find_daemon
STARTED+=("$DAEMON")
state_is eth1 Running
expect_exit 0 lwf-stress fault eth1 daemon restart
another_daemon || fail "it is the same daemon"
find_daemon
STARTED+=("$DAEMON")
state_is eth1 Running
ip addr replace 10.9.0.1/24 dev lwf0
within 5 ping -qc 1 -W 1 10.9.0.2 || fail "the far host does not answer"

step "clients: by name and by number"
client_traffic one --rate 2kpps
client_traffic two --rate 2kpps
sessions() { [ "$(show '.stacks[0].sessions | length' eth1)" = "$1" ]; }
wait_for 5 "two clients" sessions 2
expect_error 2 "lwf-inject: .*several" lwf-stress fault eth1 client lwf-inject stop
id=$(show ".stacks[0].sessions[] | select(.pid == $(pid_of one)).id" eth1)
for signal in TERM KILL; do
	background fault lwf-stress fault eth1 client "$id" stop
	wait_for 5 "the client to be stopped" is_stopped "$(pid_of one)"
	is_awake "$(pid_of two)" || fail "the other one is stopped, too"
	stop fault $signal
	wait_for 5 "the client to go on" is_awake "$(pid_of one)"
done
expect_exit 0 lwf-stress fault eth1 client kill "$(pid_of one)"
finish one 5
expect_equal "exit code of the killed" 137 "$CODE"
wait_for 5 "one client" sessions 1
expect_exit 0 lwf-stress fault eth1 client kill --json
expect_equal "what is told" "1 eth1 client kill false" "$(jq -r '"\(.schema) \(.stack) \(.fault) \(.undone)"' <<<"$OUT")"
finish two 5
sent=$(tx_packets eth1)
expect_exit 0 lwf-stress fault eth1 client flood --for 300ms --json
expect_at_least "frames that the flood sent" 1000 "$(jq .succeeded <<<"$OUT")"
expect_at_least "frames that eth1 sent" "$((sent + $(jq .succeeded <<<"$OUT")))" "$(tx_packets eth1)"
expect_exit 0 lwf-stress fault eth1 client deaf --for 200ms
expect_exit 0 lwf-stress fault eth1 client crowd 200
wait_for 5 "no client" sessions 0
ledgers_balance

step "--help lists the faults that a running stack can have, and no other"
expect_exit 0 lwf-stress fault --help
faults=$(sed -n '/^  WORDS/,/^$/p' <<<"$OUT" | sed '1d; /^$/d')
for words in "link down +link up " "link mtu N +all is as it was " "device delete +all is as it was " "send error ERRNO \* +send ok" \
	"client kill \[CLIENT\] +by nothing" "clock jump \[\+\|-\]TIME \*" "daemon restart"; do
	expect_match "the table" "^  $words" "$faults"
done
while read -r one two _; do # each is one that the command knows
	parameter=
	case "$one $two" in
	"link mtu" | "client crowd" | "memory fail") parameter=100 ;;
	"link mac") parameter=02:00:00:00:00:77 ;;
	"device rename") parameter=other0 ;;
	"send error") parameter=EIO ;;
	"send slow" | "clock jump") parameter=1s ;;
	esac
	expect_error 5 "eth7" lwf-stress fault eth7 "$one" "$two" ${parameter:+"$parameter"}
done <<<"$faults"
expect_at_least "faults" 30 "$(wc -l <<<"$faults")"
for words in "netlink stale" "netlink fresh" "device create" "device return" "device namespace-delete" "daemon start" "client start" \
	"client calm" "client hears" "client cancel" "client garble 3"; do
	! grep -q "^  ${words% [0-9]*} " <<<"$faults" || fail "$words is listed"
	# shellcheck disable=SC2086
	expect_error 6 "[a-z]+ [a-z-]+: .*|eth1: .*" lwf-stress fault eth1 $words
done

step "what is wrong is told, and nothing is done"
before=$(belongings)
for words in "send error ENOBUFS" "send stuck" "memory exhaust" "clock jump 1h"; do
	# shellcheck disable=SC2086
	expect_error 6 "library.*lwf-stress run" lwf-stress fault eth1 $words
done
expect_error 6 "namespace" lwf-stress fault eth1 device namespace-delete
expect_error 2 "did you mean" lwf-stress fault eth1 link dwon
expect_error 2 "MTU" lwf-stress fault eth1 link mtu 20
expect_error 2 "MAC" lwf-stress fault eth1 link mac 03:00:00:00:00:01
expect_error 2 "too many" lwf-stress fault eth1 link down now
expect_error 2 "nothing undoes" lwf-stress fault eth1 client kill --for 2s
expect_error 2 "unit" lwf-stress fault eth1 link down --for 2
expect_error 2 "side" lwf-stress fault eth1.upper device move
expect_error 6 "called so" lwf-stress fault eth1 device rename lwf0
expect_error 5 "eth7" lwf-stress fault eth7 link down
expect_error 5 "no such client" lwf-stress fault eth1 client nobody stop
expect_error 3 "nobody" lwf-stress fault --control "$TMP/nobody" eth1 link down
expect_exit 2 lwf-stress fault eth1
as_before || fail "$(diff <(echo "$before") <(belongings))"

step "the interface of the default route is left alone, but for --i-know"
ip route add default via 10.8.0.2 dev eth1
expect_error 6 "eth1: .*default route.*--i-know" lwf-stress fault eth1 link down --for 1s
expect_error 6 "eth1: .*default route" lwf-stress fault eth1 daemon kill --for 1s
if ip link add link eth1 name mac1 type macvlan 2>/dev/null; then
	ip link set mac1 up
	ip route replace default dev mac1
	expect_error 6 "mac1: .*default route" lwf-stress fault eth1 device delete
	ip link del mac1
else
	note "this kernel has no macvlan"
fi
ip route replace default via 10.9.0.2 dev lwf0
expect_error 6 "lwf0: .*default route" lwf-stress fault eth1 link carrier-off
ip route del default
ip route add default via 10.8.0.2 dev eth1
before=$(belongings)
link_flag eth1 UP || fail "eth1 is down"
expect_exit 0 lwf-stress fault eth1 link down --for 100ms --i-know
as_before || fail "$(diff <(echo "$before") <(belongings))"
ip route del default

step "a NIC in another namespace, and the other end of its cable in a third"
kill "$DAEMON"
wait_for 5 "the daemon to end" dead
ip netns add mid
ip link set eth1 netns mid
ip -n mid link set eth1 up
ip -n mid addr add 10.8.0.1/24 dev eth1
start_lwfd --lower nic:eth1,netns=mid --upper tap:lwf0 --stack s1 --share
state_is s1 Running
of_mid() { ip -n mid -j -d addr show dev eth1 | jq -c '.[] | [.ifname, .mtu, (.flags | sort), [.addr_info[].local]]'; }
before=$(of_mid)
for words in "link down" "link carrier-off" "device delete" "device move" "link mtu 1400"; do
	# shellcheck disable=SC2086
	expect_exit 0 lwf-stress fault s1 $words --for 50ms
	mid_as_before() { [ "$(of_mid)" = "$before" ]; }
	wait_for 5 "all to be as before $words" mid_as_before
	state_is s1 Running
done
expect_exit 0 lwf-stress fault s1 netlink overrun
expect_equal "overruns" 1 "$(show '.stacks[0].lower.info.overrun' s1)"
stop_lwfd
ip netns del mid
no_far_end() { ! has_link eth0 far; }
wait_for 10 "the kernel to clear the namespace away" no_far_end

step "other devices: one that is made again, and one that cannot be"
plug_cable
no_carrier() { ! link_flag nic2 LOWER_UP; }
others=0
for kind in tap dummy; do
	case $kind in
	tap) ip tuntap add nic2 mode tap user 0 && ip link set nic2 up ;;
	dummy) ip link add nic2 type dummy 2>/dev/null && ip link set nic2 up ;;
	esac || { note "this kernel has no $kind" && continue; }
	others=$((others + 1))
	start_lwfd --nic nic2 --tap lwf1
	state_is nic2 Running
	before=$(belongings)
	for signal in TERM KILL; do
		PROGRESS="$kind: carrier, ended by $signal"
		if [ "$kind" = dummy ]; then
			background fault lwf-stress fault nic2 link carrier-off
			wait_for 5 "nic2 without carrier" no_carrier
			stop fault $signal
			wait_for 5 "the carrier of nic2" link_flag nic2 LOWER_UP
		else
			expect_error 6 "nic2: .*link force-off" lwf-stress fault nic2 link carrier-off
		fi
		PROGRESS="$kind: deleted, ended by $signal"
		old=$(link_stat nic2 ifindex)
		gone() { ! has_link nic2; }
		background fault lwf-stress fault nic2 device delete
		wait_for 5 "nic2 to be gone" gone
		stop fault $signal
		wait_for 5 "all to be as before" as_before
		[ "$(link_stat nic2 ifindex)" != "$old" ] || fail "nic2 was not deleted"
		[ "$kind" != tap ] || expect_match "who may use the TAP" "nic2: tap .*persist user 0" "$(ip tuntap show dev nic2)"
		wait_for 5 "the guardian to end" no_guardian
		state_is nic2 Running
	done
	stop_lwfd
	ip link del nic2
done
[ "$others" -gt 0 ] || fail "nothing was shown"
if ip link add nic3 link eth1 type macvlan 2>/dev/null; then
	ip link set nic3 up
	start_lwfd --nic nic3 --tap lwf1
	state_is nic3 Running
	expect_error 6 "macvlan.*link down" lwf-stress fault nic3 device delete
	expect_error 6 "nic3: .*link force-off" lwf-stress fault nic3 link carrier-off
	has_link nic3 || fail "nic3 is gone"
	stop_lwfd
fi
