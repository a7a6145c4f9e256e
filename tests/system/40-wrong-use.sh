#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 40-wrong-use.sh - every wrong use gets its exit code and one line that names the thing.
#
#	 lwf0 (TAP) - [ lwfd ] - eth1 ~~cable~~ eth0;  eth2 - eth3 besides
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

ten=$TMP/ten.pcap
framegen numbered "$ten" 10 100 >/dev/null

step "help and version, of all"
for program in lwfd lwfctl lwf-inject; do
	expect_exit 0 $program --help
	expect_match "$program --help" "[Ee]xample" "$OUT"
	expect_equal "stderr of $program --help" "" "$ERR"
	expect_exit 0 $program --version
	expect_match "$program --version" "^$program [0-9]+\.[0-9]+" "$OUT"
	expect_error 2 "nonsense" $program --nonsense
done

step "no daemon"
for command in show "pause eth1" "restart eth1" "attach eth1" "detach eth1" ledger watch \
	"wait eth1 --state running --timeout 1s" "filter insert eth1 monitor" \
	"filter remove eth1/monitor" "filter set eth1/hold release=1" "link eth1 carrier off"; do
	# shellcheck disable=SC2086 # words of a command
	expect_error 3 "$LWF_CONTROL|lwfd" lwfctl $command
done
expect_error 3 "$LWF_CONTROL|lwfd" lwf-inject eth1 "$ten"
expect_error 3 "/nowhere/at/all" lwfctl show --control /nowhere/at/all
expect_error '2|3' "control" lwfctl show --control "/$(printf 'x%.0s' {1..200})"

step "lwfd: edges"
far_host
ip link add eth2 type veth peer name eth3
ip link set eth2 up
expect_error 2 "nic|lower" lwfd
expect_error 2 "tap|upper" lwfd --nic eth1
expect_error 2 "nic|lower" lwfd --tap lwf0
expect_error 5 "nosuch0" lwfd --nic nosuch0 --tap lwf0
expect_error '2|5' "a-name-much-too-long" lwfd --nic a-name-much-too-long --tap lwf0
expect_error 2 "a-name-much-too-long" lwfd --nic eth1 --tap a-name-much-too-long
expect_error 2 "eth2" lwfd --nic eth1 --tap eth2
expect_error 2 "eth1" lwfd --nic eth1 --tap eth1
expect_error 2 "wire" lwfd --lower wire:eth1 --upper tap:lwf0
expect_error 2 "nic" lwfd --lower nic: --upper tap:lwf0
expect_error 2 "colour" lwfd --lower nic:eth1,colour=red --upper tap:lwf0
expect_error 2 "qdisc" lwfd --lower nic:eth1,qdisc=fast --upper tap:lwf0
expect_error 5 "nowhere" lwfd --lower nic:eth1,netns=nowhere --upper tap:lwf0
expect_error 2 "nic|lower" lwfd --nic eth1 --lower nic:eth2 --tap lwf0
expect_error '2|5' "none.pcap" lwfd --lower "pcap:$TMP/none.pcap" --upper tap:lwf0
expect_error 2 "argument|nic" lwfd --tap lwf0 --nic
expect_error 2 "extra" lwfd --nic eth1 --tap lwf0 extra
expect_error 2 "stack" lwfd --nic eth1 --tap lwf0 --stack "two words/"
expect_error 2 "loud" lwfd --nic eth1 --tap lwf0 --log-level loud

step "lwfd: filters"
expect_error '2|5' "nosuch" lwfd --nic eth1 --tap lwf0 --filter nosuch
expect_error 2 "colour" lwfd --nic eth1 --tap lwf0 --filter hold:colour=red
expect_error 2 "frames" lwfd --nic eth1 --tap lwf0 --filter hold:frames=many
expect_error 2 "frames" lwfd --nic eth1 --tap lwf0 --filter hold:frames=99999999
expect_error 2 "frames" lwfd --nic eth1 --tap lwf0 --filter hold:frames
expect_error 2 "" lwfd --nic eth1 --tap lwf0 --filter ""
nothing_left

step "lwfd: where the socket cannot be"
expect_error '2|4|6' "nowhere" lwfd --nic eth1 --tap lwf0 --control /proc/nowhere/control
nothing_left

start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running

step "lwfctl: words"
expect_error 2 "command|usage|help" lwfctl
expect_error 2 "frobnicate" lwfctl frobnicate
expect_error 2 "stack|operand|argument" lwfctl pause
expect_error 2 "extra|operand" lwfctl pause eth1 extra
expect_error 2 "happy" lwfctl wait eth1 --state happy --timeout 1s
expect_error 2 "timeout|unit" lwfctl wait eth1 --state running --timeout 5
expect_error 2 "timeout|soon" lwfctl wait eth1 --state running --timeout soon
expect_error 2 "timeout|-1s" lwfctl wait eth1 --state running --timeout -1s
expect_error 2 "state" lwfctl wait eth1 --timeout 1s
expect_error 2 "sideways" lwfctl link eth1 carrier sideways
expect_error 2 "colour" lwfctl link eth1 colour off
expect_error 2 "for|unit" lwfctl link eth1 carrier off --for 3
expect_error 2 "frobnicate" lwfctl filter frobnicate eth1
expect_error 2 "lwfctl: --frames: it does not go with show" lwfctl show --frames

step "lwfctl: things that are not there"
for command in "show" "pause" "restart" "attach" "detach" "ledger" "watch" \
	"wait --state running --timeout 1s" "link"; do
	# shellcheck disable=SC2086 # words of a command
	case $command in
	link) expect_error 5 "eth9" lwfctl link eth9 carrier off ;;
	*) expect_error 5 "eth9" lwfctl $command eth9 ;;
	esac
done
expect_error 5 "nosuch" lwfctl wait eth1/nosuch --state running --timeout 1s
expect_error 5 "nosuch" lwfctl filter remove eth1/nosuch
expect_error 5 "nosuch" lwfctl filter set eth1/nosuch a=b
expect_error 5 "nosuch" lwfctl filter insert eth1 monitor --above nosuch
expect_error 5 "nosuch" lwfctl filter insert eth1 monitor --below nosuch
expect_error 5 "eth9" lwfctl filter insert eth9 monitor
expect_error '2|5' "nosuch" lwfctl filter insert eth1 nosuch
expect_error 2 "colour" lwfctl filter insert eth1 hold:colour=red
expect_error 2 "frames" lwfctl filter insert eth1 hold:frames=-1
expect_exit 0 lwfctl filter insert eth1 hold:frames=0
expect_error 2 "colour" lwfctl filter set eth1/hold colour=red
expect_error 2 "release" lwfctl filter set eth1/hold release=perhaps
expect_exit 0 lwfctl filter remove eth1/hold

step "lwfctl: outcomes"
expect_exit 124 lwfctl wait eth1 --state detached --timeout 100ms
expect_equal "lines on stderr" 1 "$(wc -l <"$TMP/err")"
code=0
lwfctl show >/dev/full 2>"$TMP/err" || code=$?
expect_equal "exit code with a full disk" 1 "$code"
expect_exit 0 lwfctl show eth1 --json
expect_equal "lines of show --json" 1 "$(wc -l <<<"$OUT")"
expect_equal "schema, pid" "1 $LWFD" "$(jq -r '"\(.schema) \(.pid)"' <<<"$OUT")"
expect_exit 0 lwfctl --json show eth1
expect_equal "options before operands" 1 "$(jq .schema <<<"$OUT")"

step "errors as JSON: one object, whatever the program"
for command in "5 lwfctl show eth9" "124 lwfctl wait eth1 --state paused --timeout 1ms" "2 lwfctl frobnicate" \
	"5 lwf-inject eth9 $ten" "2 lwf-inject eth1" "5 lwfd --nic nosuch0 --tap lwf9 --control $TMP/other" "2 lwfd"; do
	# shellcheck disable=SC2086 # words of a command
	expect_exit "${command%% *}" ${command#* } --json
	expect_equal "lines of '$command' on stdout, stderr" "1 1" "$(wc -l <"$TMP/out") $(wc -l <"$TMP/err")"
	expect_equal "error of '$command'" "1 ${command%% *} true" \
		"$(jq -r '"\(.schema) \(.error.exit) \(.error | .what != "" and .why != "")"' <<<"$OUT")"
done

step "lwf-inject: words"
expect_error 2 "file|operand|stack" lwf-inject
expect_error 2 "file|operand" lwf-inject eth1
expect_error 2 "extra|operand" lwf-inject eth1 "$ten" extra
expect_error 2 "sideways" lwf-inject eth1 "$ten" --direction sideways
expect_error 2 "rate" lwf-inject eth1 "$ten" --rate 5
expect_error 2 "rate" lwf-inject eth1 "$ten" --rate 0kpps
expect_error 2 "speed" lwf-inject eth1 "$ten" --speed fast
expect_error 2 "loop" lwf-inject eth1 "$ten" --loop -1
expect_error 2 "limit" lwf-inject eth1 "$ten" --limit some
expect_error 2 "when-paused|sulk" lwf-inject eth1 "$ten" --when-paused sulk
expect_error 5 "eth9" lwf-inject eth9 "$ten"

step "lwf-inject: files"
expect_error 2 "none.pcap" lwf-inject eth1 "$TMP/none.pcap"
expect_error 2 "$TMP" lwf-inject eth1 "$TMP"
: >"$TMP/empty"
expect_error 2 "empty" lwf-inject eth1 "$TMP/empty"
head -c 10 "$ten" >"$TMP/stump"
expect_error 2 "stump" lwf-inject eth1 "$TMP/stump"
head -c 4096 /dev/urandom >"$TMP/noise"
printf 'NOISE' | dd of="$TMP/noise" conv=notrunc status=none
expect_error 2 "noise" lwf-inject eth1 "$TMP/noise"
printf '\x0a\x0d\x0d\x0a\xff\xff\xff\xff\x4d\x3c\x2b\x1a' >"$TMP/lying.pcapng"
expect_error 2 "lying" lwf-inject eth1 "$TMP/lying.pcapng"
for kind in truncated-head truncated-record lying-length lying-negative; do
	framegen broken $kind "$TMP/$kind.pcap" >/dev/null
	before=$(tx_packets eth1)
	expect_error 2 "$kind" lwf-inject eth1 "$TMP/$kind.pcap" --topspeed --json
	JSON=$(tail -n 1 <<<"$OUT")
	expect_equal "$kind: frames before the fault, with their ledger" "3 3" \
		"$(result '"\(.submitted) \(.completed.SUCCESS)"')"
	expect_equal "$kind: tx_packets" $((before + 3)) "$(tx_packets eth1)"
done
framegen broken empty "$TMP/none-in-it.pcap" >/dev/null
inject eth1 "$TMP/none-in-it.pcap"
expect_equal "a capture of no frames: exit code, submitted" "0 0" "$CODE $(result .submitted)"

step "the daemon has noticed nothing of all that"
inject eth1 "$ten" --topspeed
expect_equal "SUCCESS" 10 "$(result .completed.SUCCESS)"
lwfd_alive
ledgers_balance
stop_lwfd
nothing_left
