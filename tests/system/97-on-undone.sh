#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 97-on-undone.sh - what a scenario does to a real stack, and what is left of it: orders are undone, one
# fault's end is no other's, the library of faults outlives its daemon, a run ends when it is told to.
#
#	client process > lwf0 (TAP) - [ lwf-stress start lwfd ] - eth1 ~~cable~~ eth0 (far)
# shellcheck disable=SC2317 # functions that others call
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$TMP"
export LIMIT=60

# The daemon of this test. In the background it is the process that the shell has started.
lwfd() {
	exec lwf-stress start "$LWF_BIN/lwfd" "$@"
}

no_guardian() { ! grep -qsx lwf-stress-undo /proc/[0-9]*/comm; }
modules() { show '[.stacks[0].modules[] | .name] | join(" ")' eth1; }
holds() { show '.stacks[0].holds | join(" ")' eth1; }
as_before() { [ "$(modules): $(holds)" = "$before" ]; }
other() { ! as_before; }
scenario() { # LINES...: of one client, whose frames go either way
	printf '%s\n' 'scenario "undone" seed 1' 'link l' 'client c1 on l' \
		'traffic t1 from c1 udp 10.9.0.1:9 -> 10.9.0.2:9 rate 1kpps' \
		'traffic up from c1 udp 10.9.0.2:9 -> 10.9.0.1:9 rate 1kpps direction receive' "$@" >one.scn
}
on=(lwf-stress run one.scn --on eth1)

another_daemon() { # it is this one now
	DAEMON=$(show .pid)
	STARTED+=("$DAEMON")
	state_is eth1 Running
}
send_some() { inject eth1 "$TMP/numbered.pcap" --topspeed; }

far_host
framegen numbered "$TMP/numbered.pcap" 20 60 >/dev/null
start_lwfd --nic eth1 --tap lwf0 --filter impair:delay=0ms --share
state_is eth1 Running
before="$(modules): $(holds)"

step "orders are undone at the end: the user's pause, a filter, a detach"
orders=("stack l pause" "stack l detach" 'filter l insert "impair:loss=50%"'
	$'filter l insert "impair:loss=50%"\nfilter l insert "impair:loss=20%"\nfilter l/impair-2 remove\nstack l pause')
for order in "${orders[@]}"; do
	PROGRESS=$order
	scenario "$order" "after 100ms"
	expect_exit 0 "${on[@]}"
	expect_equal "modules and holds" "$before" "$(modules): $(holds)"
	state_is eth1 Running
	scenario "$order" "after 200s"
	for signal in TERM KILL; do
		PROGRESS="$order, ended by $signal"
		background long "${on[@]}"
		wait_for 10 "$order" other
		stop long "$signal"
		wait_for 10 "the guardian to end" no_guardian
		expect_equal "modules and holds" "$before" "$(modules): $(holds)"
		state_is eth1 Running
	done
done

step "what a user has done before stays: a pause, a filter"
lwfctl pause eth1 >/dev/null
lwfctl filter insert eth1 impair:loss=1% >/dev/null
before="$(modules): $(holds)"
scenario "stack l restart" "within 20s expect state(l) == running" 'filter l insert "impair:loss=50%"' \
	"after 10ms expect state(l/impair-3) == running" "filter l/impair-3 set \"loss=20%\""
expect_exit 0 "${on[@]}"
expect_equal "modules and holds" "$before" "$(modules): $(holds)"
state_is eth1 Paused
lwfctl filter remove eth1/impair-2 >/dev/null
lwfctl restart eth1 >/dev/null
before="$(modules): $(holds)"

step "a module that was there before the run is left alone: 6, before anything is done"
for words in "filter l/impair remove" 'filter l/impair set "loss=50%"'; do
	scenario "stack l pause" "after 1ms" "only live { $words; }"
	expect_error 6 "impair: .*before the run.*filter LINK insert" "${on[@]}"
	expect_equal "modules and holds" "$before" "$(modules): $(holds)"
	expect_equal "loss" 0% "$(show '.stacks[0].modules[] | select(.name == "impair") | .options.loss' eth1)"
done
expect_equal "pauses by a user" 0 "$(lwfctl show --json | jq '[.. | .holds? // empty | .[] | select(. == "user")] | length')"
ledgers_balance

step "an MTU that the device cannot have is told before anything is done: 2, 6"
most=$(ip -d -j link show dev lwf0 | jq '.[0].max_mtu')
[ "$most" -lt 65535 ] || fail "a TAP of this kernel has any MTU"
for words in "6 link l.upper mtu $((most + 1))" "6 link l.upper mtu 1400..$((most + 1))" "2 link l.upper mtu 70000"; do
	scenario "stack l pause" "after 1ms" "${words#* }"
	expect_exit "${words%% *}" "${on[@]}"
	expect_match "what is told" "takes an MTU of 68 to $most|an MTU is 68 to 65535" "$ERR"
	expect_equal "modules and holds" "$before" "$(modules): $(holds)"
	mtu_is lwf0 1500 || fail "lwf0 has another MTU"
done

step "the end of a fault is the end of no other one"
ends=(
	"link l.lower down for 100s; within 20s expect state(l) == detached; device l.lower rename eth9 for 200ms; after 400ms expect state(l) == detached"
	"link l.lower down for 100s; within 20s expect state(l) == detached; link l.lower mac 02:00:00:00:00:07 for 200ms; after 400ms expect state(l) == detached"
	"link l.lower mtu 900 for 100s; device l.lower move for 200ms; after 400ms; within 20s expect state(l) == running and mtu(l.lower) == 900"
	"link l.lower mtu 900 for 100s; device l.lower delete for 200ms; after 400ms; within 20s expect state(l) == running and mtu(l.lower) == 900"
	"link l.lower mtu 900 for 100ms; device l.lower delete for 300ms; after 500ms; within 20s expect state(l) == running and mtu(l.lower) == 1500"
	"device l.lower rename eth9 for 100s; device l.lower delete for 200ms; after 400ms; device l.lower rename eth8 for 50ms; after 100ms"
	"link l.lower down for 100s; device l.lower delete; within 20s expect present(l.lower) == 0; device l.lower create; within 20s expect state(l) == running"
	"fault l.upper send error EIO for 200ms; start up; after 400ms; remember n = completed(c1, SUCCESS); after 200ms expect completed(c1, SUCCESS) > n"
	"fault l.upper send error EIO for 100s; fault l.lower send error EIO for 200ms; after 300ms; start all; after 200ms; expect completed(c1, FAILURE) > 0 and sent(l.upper) == 0 and kernel_tx(l.lower) > 0"
	"fault l.lower send error EIO for 100s; fault descriptors deny for 100ms; after 300ms; start t1; after 200ms; expect completed(c1, FAILURE) > 0 and kernel_tx(l.lower) == 0"
	"fault l.lower send error EIO for 100s; fault memory fail 1000000 for 100ms; after 300ms; start t1; after 200ms; expect completed(c1, FAILURE) > 0 and kernel_tx(l.lower) == 0"
	"fault l.lower send error EIO rate 50%; start t1; within 20s expect completed(c1, FAILURE) > 20 and completed(c1, SUCCESS) > 20"
	"fault l.lower send error EIO rate 0%; start t1; within 20s expect completed(c1, SUCCESS) > 20; expect completed(c1, FAILURE) == 0"
)
link_as_before() { [ "$(link_now)" = "$link_before" ]; }
link_now() { ip -j link show dev eth1 | jq -c '.[0] | [.ifname, .mtu, .address, .flags]'; }
link_before=$(link_now)
for words in "${ends[@]}"; do
	! { is_sanitized && [[ $words = *memory* ]]; } || continue
	PROGRESS=$words
	scenario "only live { $words; }"
	expect_exit 0 "${on[@]}"
	wait_for 5 "eth1 to be as before" link_as_before
	state_is eth1 Running
done
scenario start\ t1 "fault l.lower send error EIO" "after 200s"
background long "${on[@]}"
fails() { [ "$(lwfctl ledger --json | jq '.stacks[0].clients.completed.FAILURE // 0')" -gt "$failed" ]; }
failed=$(lwfctl ledger --json | jq '.stacks[0].clients.completed.FAILURE // 0')
wait_for 5 "sends to fail" fails
stop long KILL
wait_for 5 "the guardian to end" no_guardian
send_some
expect_equal "frames that left" 20 "$(result .completed.SUCCESS)"

step "the interface of the default route is left alone, but for --i-know, whatever would cut it"
ip addr add 10.9.0.1/24 dev lwf0
ip route add default via 10.9.0.2 dev lwf0
for words in "client c1 flood for 50ms" "client c1 deaf for 50ms" "stack l pause" "stack l detach" \
	'filter l insert "impair:loss=50%"' "link l.lower down for 50ms"; do
	scenario "after 1ms" "repeat 2 { $words; }" "after 100ms"
	expect_error 6 "lwf0: .*default route.*--i-know" "${on[@]}"
	expect_equal "modules and holds" "$before" "$(modules): $(holds)"
done
scenario "stack l pause" "within 20s expect state(l) == paused"
expect_exit 0 "${on[@]}" --i-know
scenario "start t1" "client c1 stop for 10ms" "stack l restart" "after 50ms"
expect_exit 0 "${on[@]}"
ip route del default
ip addr del 10.9.0.1/24 dev lwf0
state_is eth1 Running

step "the library of faults is in the daemon that is started again, too: in a run, and from a shell"
scenario "start t1" "within 20s expect sent(l.lower) > 10" "fault memory exhaust" "daemon kill" "daemon start" \
	"within 20s expect state(l) == running" "fault l.lower send error EIO" "after 100ms" "stop t1" "drain within 20s" \
	"remember before = kernel_tx(l.lower)" "start t1" "after 200ms" "expect kernel_tx(l.lower) == before" \
	"expect completed(c1, FAILURE) > 0"
is_sanitized && sed -i '/memory exhaust/d' one.scn
another_daemon
expect_exit 0 "${on[@]}"
another_daemon
expect_exit 0 lwf-stress fault eth1 daemon restart
another_daemon
background fault lwf-stress fault eth1 send error EIO
is_told() { grep -q "undoes it" "$TMP/fault.err"; }
wait_for 5 "sends to fail" is_told
send_some
expect_equal "frames that failed" 20 "$(result .completed.FAILURE)"
stop fault KILL
wait_for 5 "the guardian to end" no_guardian
send_some
expect_equal "frames that left" 20 "$(result .completed.SUCCESS)"

step "a run that never waits ends when it is told to, and undoes what it did"
link_before=$(link_now)
for words in 'repeat 10000000000 { note "x"; }' 'repeat 10000000000 { expect epoch(l) > 0; }'; do
	PROGRESS=$words
	scenario "link l.lower mtu 900" "$words"
	background long "${on[@]}"
	has_mtu() { [ "$(link_stat eth1 mtu)" = 900 ]; }
	wait_for 10 "the MTU to be another one" has_mtu
	stop long TERM
	expect_equal "exit code" 1 "$CODE"
	expect_match "what is told" interrupted "$ERR"
	expect_equal "eth1" "$link_before" "$(link_now)"
done

step "a second daemon writes nothing into /dev"
devices=$(ls /dev/null*)
scenario "only live { expect second_daemon(l) != 0; }"
expect_exit 0 "${on[@]}"
expect_equal "what is in /dev" "$devices" "$(ls /dev/null*)"

ledgers_balance
kill "$DAEMON"
dead() { is_gone "$DAEMON"; }
wait_for 10 "the daemon to end" dead
LWFD=
nothing_left
