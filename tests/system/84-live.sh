#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 84-live.sh - scenarios on real devices: what they find, what they refuse, and what they leave behind.
#
#	client process > [ inject > monitor ] > nic0 ~ far0		each in namespaces of the run
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
scenarios=$ROOT/scripts/scenarios
cd "$TMP"
export LIMIT=200

cat >small.scn <<-'END'
	scenario "small" seed 3
	link lan0
	client c1 on lan0
	traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 5kpps
	start t1
	within 2s expect sent(lan0.lower) > 100
	link lan0.lower carrier-off
	within 1s expect completed(c1, MEDIA_DISCONNECTED) > 0 and carrier(lan0.lower) == 0
	expect state(lan0) == running
	link lan0.lower carrier-on
	within 1s expect carrier(lan0.lower) == 1
	link lan0.lower force-off for 20ms
	within 1s expect carrier(lan0.lower) == 0
	within 1s expect carrier(lan0.lower) == 1
	stack lan0 pause
	within 1s expect state(lan0) == paused and held(lan0, user) == 1
	after 10ms expect outstanding(lan0) == 0
	stack lan0 restart
	within 1s expect state(lan0) == running
	stop t1
	drain within 2s
	expect lost(c1) == 0 and doubled(c1) == 0 and submitted(c1) == submitted(lan0)
	expect sent(lan0.lower) == kernel_tx(lan0.lower)
END
sed 's/held(lan0, user) == 1/held(lan0, user) == 0/' small.scn >wrong.scn
sed 's/^link lan0$/&\nlink lan1 peer lan0\ntraffic n from lan1.lower udp 10.0.0.1:9 -> 10.0.0.2:9 size 60 rate 1kpps/' small.scn >later.scn
{ head -n 6 small.scn && echo "after 60s"; } >long.scn

# No link of this namespace, and no process that a run started.
links=$(ip -br link | awk '{ print $1 }')
processes() {
	ps -e -o comm= | awk '/^(lwfd|lwf-stress|c1)/ { n++ } END { print n + 0 }'
}
nothing_is_left() {
	[ "$(processes)" = 0 ] && [ "$(ip -br link | awk '{ print $1 }')" = "$links" ]
}
json() { tail -n 1 <<<"$OUT" | jq -r "$1"; }

step "a link that goes down under traffic, again and again"
flaps=$(times 10000)
expect_exit 0 lwf-stress run --live "$scenarios/linkdown-storm.scn" --set "flaps=$flaps" --report storm.ndjson --json
expect_equal "world, flaps, lost, doubled, rules" "live $flaps 0 0 0" \
	"$(json '"\(.world) \(.flaps) \(.lost) \(.doubled) \(.rules_broken)"')"
expect_equal "pauses: each module's, each time" $((2 * flaps)) "$(json .pauses)"
expect_equal "the ledger" true "$(json 'all(.ledger[]; .submitted == ([.completed[]] + [.refused[]] | add // 0))')"
expect_at_least "frames" "$flaps" "$(json .frames)"
note "pause p99 $(json .pause_p99_ns) ns over $(json .pauses) pauses, $(json .frames) frames"
expect_equal "the witness" 1 "$(jq -s '[.[] | select(.kind == "witness" and .inside == .outside and .inside > 0)] | length' storm.ndjson)"
nothing_is_left || fail "left: $(ps -e -o pid,comm) $(ip -br link)"

step "carrier, a carrier that is forced, and a user's pause"
expect_exit 0 lwf-stress run --live small.scn --json
expect_equal "verdict, lost" "passed 0" "$(json '"\(.verdict) \(.lost)"')"

step "what does not hold is told: 1, with the command to see it again"
expect_exit 1 lwf-stress run --live wrong.scn
expect_match "what is told" 'held\(lan0, user\) is 1' "$ERR"
expect_match "what is told" 'replay: lwf-stress replay wrong\.scn --seed 3 --live' "$ERR"

step "a failure finds frames on their way, and these are not lost"
cat >early.scn <<-'END'
	scenario "early"
	link lan0 filter "impair:delay=100ms"
	client c1 on lan0
	traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60 rate 1kpps
	start t1
	within 2s expect outstanding(c1) > 20
	expect outstanding(c1) == 0
END
expect_exit 1 lwf-stress run --live early.scn --json
expect_equal "lost" 0 "$(json .lost)"
expect_at_least "answered" 20 "$(json '.ledger[0].completed.SUCCESS')"

step "there is no lwfd"
mkdir alone
cp "$(command -v lwf-stress)" alone/
expect_exit 3 env PATH=/usr/bin:/bin alone/lwf-stress run --live small.scn
expect_match "what is told" 'lwfd cannot be run: No such file' "$ERR"

step "what a live run cannot do is no success: 77"
expect_exit 77 lwf-stress run --live later.scn
expect_match "what is told" 'n: .*live run' "$ERR"
for cut in 0..13 13 13..60; do
	sed "s/^client.*/&\ntraffic runts from lan0.upper arp 10.0.0.1 > 10.0.0.2 cut $cut rate 1kpps/" small.scn >runts.scn
	expect_exit 0 lwf-stress run --live runts.scn # which starts none
	{ cat runts.scn && echo "only sim { start runts; }"; } >some.scn
	expect_exit 0 lwf-stress run --live some.scn
	{ cat runts.scn && echo "start runts"; } >some.scn
	expect_exit 77 lwf-stress run --live some.scn
	expect_match "what is told" 'runts: .*less than 14 bytes' "$ERR"
	expect_exit 0 lwf-stress run --sim some.scn
done
expect_exit 2 lwf-stress run --live --sim small.scn

step "a daemon that does not start: 3, and 4 where it is not permitted"
mkdir other
cp "$BIN/lwf-stress" other
for code in 3 4; do
	printf '#!/bin/sh\necho "lwfd: tap0: so it is" >&2\nexit %s\n' "$((code == 4 ? 4 : 1))" >other/lwfd
	chmod +x other/lwfd
	expect_exit "$code" other/lwf-stress run --live small.scn
	expect_match "what is told" 'it does not start: lwfd: tap0: so it is' "$ERR"
done

step "a daemon that dies by itself is a run that failed"
runs() { # its client is there, so its daemon is
	[ "$(ps -e -o comm= | awk '$1 == "c1" { n++ } END { print n + 0 }')" -ge 1 ]
}
background long lwf-stress run --live long.scn
within 10 runs || fail "nothing runs: $(cat long.err)"
watch_for 0.5 # in which it connects
kill -KILL "$(ps -e -o pid=,comm= | awk '$2 == "lwfd" { print $1; exit }')"
finish long 15
expect_equal "exit code" 1 "$CODE"
expect_match "what is told" 'no process ends by itself.*' "$ERR"

step "nothing is left, however the run ends"
for signal in TERM INT KILL; do
	background long lwf-stress run --live long.scn
	within 10 runs || fail "nothing runs: $(cat long.err)"
	stop long "$signal"
	within 5 nothing_is_left || fail "after $signal: $(ps -e -o pid,comm) $(ip -br link)"
done
