#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 83-scenarios.sh - lwf-stress as users meet it: exit codes, what is printed, the same run again.
#
#	 FILE.scn > lwf-stress > [ inject > monitor ] on simulated devices
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
scenarios=$ROOT/scripts/scenarios
cd "$TMP"

cat >good.scn <<-'END'
	scenario "good" seed 9
	let rounds = 5
	link lan0
	client c1 on lan0
	traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 20kpps
	start t1
	repeat rounds {
	  after 0ms..20ms link lan0.lower down
	  within 200ms expect state(lan0) == detached
	  after 1ms..5ms link lan0.lower up
	  within 200ms expect state(lan0) == running
	}
END
sed 's/== detached/== paused/' good.scn >wrong.scn
sed 's/== detached/== pausd/' good.scn >bad.scn
started_some() {
	local name
	for name in endless typed killed; do
		[ ! -f "$TMP/$name.pid" ] || children=$(cat "/proc/$(pid_of $name)/task/$(pid_of $name)/children" 2>/dev/null) || :
	done
	[ -n "$children" ]
}
started_one() { [ -n "$(cat "/proc/$(pid_of one)/task/$(pid_of one)/children")" ]; }
another_one() { # each run is a process
	local now
	now=$(cat "/proc/$(pid_of one)/task/$(pid_of one)/children")
	first=${first:-$now}
	[ -n "$now" ] && [ "$now" != "$first" ]
}
all_gone() {
	local child
	for child in $children; do ! is_alive "$child" || return 1; done
}
json() { tail -n 1 <<<"$OUT" | jq -r "$1"; }

step "a scenario that holds"
expect_exit 0 lwf-stress check good.scn "$scenarios"/*.scn
expect_exit 0 lwf-stress run good.scn --json
expect_equal "schema, verdict, seed" "1 passed 9" "$(json '"\(.schema) \(.verdict) \(.seed)"')"
expect_equal "flaps, lost, doubled" "5 0 0" "$(json '"\(.flaps) \(.lost) \(.doubled)"')"
expect_equal "lists" "array" "$(json '.ledger | type')"
expect_equal "the ledger" true "$(json '.ledger[0] | .submitted == ([.completed[]] + [.refused[]] | add)')"
digest=$(json .digest)
digest_of_9=$digest

step "the same seed is the same run, another one is not"
expect_exit 0 lwf-stress run good.scn --json
expect_equal "digest again" "$digest" "$(json .digest)"
expect_exit 0 lwf-stress --json replay --seed 9 good.scn
expect_equal "digest of the replay" "$digest" "$(json .digest)"
expect_exit 0 lwf-stress run good.scn --seed 10 --json
[ "$(json .digest)" != "$digest" ] || fail "seed 10 has the digest of seed 9"
expect_exit 0 lwf-stress run good.scn --count 8 --jobs 3 --json
many=$(json .digest)
expect_equal "runs, rounds" "8 40" "$(json '"\(.runs) \(.rounds)"')"
expect_exit 0 lwf-stress run good.scn --count 8 --json
expect_equal "digest of many" "$many" "$(json .digest)"
expect_exit 0 lwf-stress run good.scn --set rounds=2 --json
expect_equal "rounds that were set" 2 "$(json .rounds)"

step "a seed that is drawn: told before the run, another one each time, and enough to have the run again"
expect_exit 0 lwf-stress run good.scn --seed random --json --report drawn.ndjson
drawn=$(json .seed) digest=$(json .digest)
expect_equal "what is told" "lwf-stress: good.scn: seed $drawn" "$ERR"
expect_equal "the report" "$drawn" "$(head -n 1 drawn.ndjson | jq .seed)"
expect_exit 0 lwf-stress replay drawn.ndjson --json
expect_equal "the report again" "$drawn $digest" "$(json '"\(.seed) \(.digest)"')"
expect_exit 0 lwf-stress run good.scn --seed "$drawn" --json
expect_equal "the seed again" "$digest" "$(json .digest)"
expect_exit 0 lwf-stress run good.scn --seed random --count 3 --jobs 2 --json
[ "$(json .first_seed)" != "$drawn" ] || fail "$drawn is drawn again"
expect_equal "what is told" "lwf-stress: good.scn: seed $(json .first_seed)" "$ERR"
first=$(json .first_seed) digest=$(json .digest)
expect_exit 0 lwf-stress run good.scn --seed "$first" --count 3
expect_match "what is printed" "3 runs from seed $first, digest $digest" "$OUT"
expect_exit 2 lwf-stress replay good.scn --seed random
expect_exit 2 lwf-stress shrink good.scn --seed random
expect_exit 2 lwf-stress run good.scn --seed randomly

step "one that expects a wrong thing: 1, and three lines"
expect_exit 1 lwf-stress run wrong.scn --json
expect_equal "verdict" failed "$(json .verdict)"
expect_equal "lines on stderr" 3 "$(wc -l <<<"$ERR")"
expect_match "what is told" 'expected: within 200ms expect state\(lan0\) == paused \(wrong\.scn:9:3\)' "$ERR"
expect_match "what is told" 'state\(lan0\) is detached' "$ERR"
expect_match "what is told" 'seed: 9' "$ERR"
expect_equal "where" wrong.scn:9:3 "$(json .at)"
replay=$(sed -n 's/^replay: //p' <<<"$ERR")
expect_equal "the command to replay" "lwf-stress replay wrong.scn --seed 9" "$replay"
digest=$(json .digest)
# shellcheck disable=SC2086 # a command
expect_exit 1 $replay --json
expect_equal "what it replays" "$digest" "$(json .digest)"

mkdir "it's a tést"
cp wrong.scn "it's a tést"/
expect_exit 1 lwf-stress run "it's a tést/wrong.scn" --set rounds=3 --json --report quoted.ndjson
expect_equal "the command to replay" "'it'\\''s a tést/wrong.scn'" "$(sed -n 's/^replay: lwf-stress replay \(.*\) --seed.*/\1/p' <<<"$ERR")"
quoted=$(json .digest)
expect_exit 1 sh -c "$(sed -n 's/^replay: //p' <<<"$ERR") --json"
expect_equal "what it replays" "$quoted" "$(json .digest)"
expect_exit 1 lwf-stress replay quoted.ndjson --json
expect_equal "what its report replays" "$quoted" "$(json .digest)"

step "one that cannot be read: 2, and the place"
expect_exit 2 lwf-stress run bad.scn
expect_match "what is told" "bad\.scn:9:38: 'pausd' is no quantity, state or variable; did you mean" "$ERR"
expect_equal "the caret" 38 "$(tail -n 1 <<<"$ERR" | awk '{ print index($0, "^") - 1 }')"
expect_exit 2 lwf-stress check good.scn bad.scn
expect_exit 2 lwf-stress run none.scn
expect_exit 2 lwf-stress run .
expect_exit 2 lwf-stress run good.scn --seed -1
expect_exit 2 lwf-stress run good.scn --seed 1000000000000000001
expect_match "what is told" "it is a number from 0 to 1000000000000000000, or 'random'" "$ERR"
expect_exit 0 lwf-stress run good.scn --seed 1000000000000000000 --count 2
expect_exit 2 lwf-stress run good.scn --set frob=1
expect_exit 2 lwf-stress run good.scn --format frob
expect_exit 2 lwf-stress run good.scn --json --format ktap
expect_exit 2 lwf-stress run good.scn --set rounds=1 --set rounds=2
expect_equal "what is told" "lwf-stress: --set rounds: it is given twice; see lwf-stress --help" "$ERR"
expect_exit 2 lwf-stress run good.scn --count 2 --for 3s
expect_exit 2 lwf-stress run
expect_exit 2 lwf-stress frob good.scn
expect_exit 2 lwf-stress check good.scn --seed 3
expect_exit 2 lwf-stress merge good.scn --set rounds=1
expect_match "what is told" "merge.*no such option" "$ERR"
expect_exit 0 lwf-stress --help
expect_match "what is told" 'lwf-stress run' "$OUT"
for command in run check; do
	expect_exit 0 lwf-stress $command --help
	expect_match "$command --help" "^usage: lwf-stress $command " "$OUT"
	page=$(sed -n 's/^the language of scenarios: //p' <<<"$OUT")
	expect_match "where the language is told" '(^|/)docs/scenarios\.md' "$page"
	[ "$BIN" != "$ROOT/build/dev/bin" ] || cmp "$page" "$ROOT/docs/scenarios.md" || fail "$page"
	! grep -q -- --output <<<"$OUT" || fail "an option of another command: $OUT"
done

step "what turns out to be wrong on the way is told with its place, too"
printf 'link lan0\nafter 1ms\n  filter lan0 insert "impair:delay=1"\n' >late.scn
expect_exit 2 lwf-stress run late.scn
expect_match "what is told" "^lwf-stress: late\.scn:3:3: impair:delay=1: option delay: '1' is not a time" "$ERR"
expect_equal "lines on stderr" 1 "$(wc -l <<<"$ERR")"

step "other forms"
expect_exit 1 lwf-stress run wrong.scn --format ktap
expect_match "what is told" 'not ok 1 good' "$OUT"
expect_match "what is told" '# seed: 9' "$OUT"
expect_exit 0 lwf-stress run good.scn --format ktap
expect_equal "KTAP" "KTAP version 1" "$(head -n 1 <<<"$OUT")"
expect_exit 1 lwf-stress run wrong.scn --format junit
python3 -c 'import sys, xml.etree.ElementTree as e
suite = e.fromstring(sys.stdin.read()).find("testsuite")
assert suite.get("failures") == "1" and "paused" in suite.find("testcase/failure").get("message")' <<<"$OUT"

step "of many runs each is a case, named by its seed, in the order of seeds, also when they are joined"
expect_exit 0 lwf-stress run good.scn --count 12 --jobs 3 --format ktap
expect_equal "the plan" "1..12" "$(sed -n 2p <<<"$OUT")"
expect_equal "cases" "$(for i in {1..12}; do echo "ok $i good seed $((8 + i))"; done)" "$(grep '^ok' <<<"$OUT")"
expect_exit 0 lwf-stress run good.scn --count 12 --jobs 3 --report many.xml
expect_exit 0 lwf-stress run good.scn --count 12 --jobs 3 --report many.ndjson
expect_equal "lines of runs" "$(seq -s ' ' 9 20)" "$(jq -r 'select(.kind == "case") | .seed' many.ndjson | paste -sd ' ')"
expect_equal "a run's digest" "\"$digest_of_9\"" "$(jq 'select(.kind == "case" and .seed == 9) | .digest' many.ndjson)"
{ echo "let dice = 0..20" && cat good.scn && echo "expect dice != 7"; } >some.scn # drawn from the seed
capture lwf-stress run some.scn --count 200 --format ktap
expect_equal "exit code" 1 "$CODE"
[ "$(grep -c '^not ok' <<<"$OUT")" = 1 ] || fail "$OUT"
seed=$(sed -n 's/^not ok [0-9]* good seed //p' <<<"$OUT")
expect_match "what is told" "# replay: lwf-stress replay some.scn --seed $seed" "$OUT"
expect_equal "its number" "not ok $((seed - 8)) good seed $seed" "$(grep '^not ok' <<<"$OUT")"
capture lwf-stress run some.scn --count 200 --report some.ndjson --json
alone=$(json '"\(.seed) \(.runs) \(.failed) \(.digest)"')
{ cat some.scn && echo "repeat 1 { expect dice < 15 }"; } >often.scn # so fail most of a few
sed -i 's/repeat rounds {/repeat rounds * dice {/' often.scn # and not all take as long
capture lwf-stress run often.scn --count 40 --json
often=$(json '"\(.seed) \(.runs) \(.failed) \(.digest)"')
for jobs in 2 3 8 30; do
	capture lwf-stress run some.scn --count 200 --jobs $jobs --json
	expect_equal "seed, runs, failed, digest with --jobs $jobs" "$alone" "$(json '"\(.seed) \(.runs) \(.failed) \(.digest)"')"
	capture lwf-stress run often.scn --count 40 --jobs $jobs --json
	expect_equal "likewise, of many that fail" "$often" "$(json '"\(.seed) \(.runs) \(.failed) \(.digest)"')"
done
capture lwf-stress merge many.ndjson some.ndjson --format junit
expect_equal "exit code" 1 "$CODE"
python3 -c 'import sys, xml.etree.ElementTree as e
seed = int(sys.argv[1])
many = e.parse("many.xml").getroot().find("testsuite")
assert many.get("tests") == "12" and [c.get("name") for c in many.iter("testcase")] == [f"good seed {i}" for i in range(9, 21)]
both = e.fromstring(sys.stdin.read()).find("testsuite")
cases = list(both.iter("testcase"))
assert int(both.get("tests")) == len(cases) == 12 + seed - 8, (both.get("tests"), len(cases))
assert both.get("failures") == "1" and cases[-1].find("failure") is not None and cases[-1].get("classname") == "some.scn"
assert f"seed {seed}" in cases[-1].find("failure").text' "$seed" <<<"$OUT" || fail "$OUT"

step "on a terminal, how far it is, how fast, and how long it will take"
script -qec "lwf-stress run $scenarios/linkdown-storm.scn --set flaps=4000 --count 2" tty.txt >script.txt || fail "$(cat script.txt)"
expect_match "what is told" "linkdown-storm\.scn: [01] of 2 runs, +[0-9]+ %, [0-9.]+ k?flaps/s, left: [0-9.]+ (s|ms)" "$(tr '\r' '\n' <tty.txt)"
expect_exit 0 lwf-stress run good.scn --count 2
expect_equal "elsewhere" "" "$ERR"

step "a report is replayed, and joined with others"
expect_exit 1 lwf-stress run wrong.scn --report wrong.ndjson
expect_exit 1 lwf-stress run wrong.scn --report wrong.html
expect_match "a page" '<svg' "$(cat wrong.html)"
expect_exit 1 lwf-stress replay wrong.ndjson --json
expect_equal "digest of the report" "$digest" "$(json .digest)"
expect_exit 0 lwf-stress run good.scn --set rounds=3 --report good.ndjson
expect_exit 0 lwf-stress replay good.ndjson --json
expect_equal "with what was set" 3 "$(json .rounds)"
expect_exit 1 lwf-stress replay good.ndjson --json --set rounds=2
expect_equal "with what is set now" 2 "$(json .rounds)"
sed -i 's/0ms..20ms/0ms..21ms/' good.scn
expect_exit 1 lwf-stress replay good.ndjson
expect_match "what is told" 'this run is another one' "$ERR"
expect_exit 1 lwf-stress merge good.ndjson wrong.ndjson --json
expect_equal "runs, failed, verdict" "2 1 failed" "$(json '"\(.runs) \(.failed) \(.verdict)"')"
head -c 3000 good.ndjson >cut.ndjson
expect_exit 2 lwf-stress merge cut.ndjson
expect_match "what is told" 'cut\.ndjson: line' "$ERR"

step "a long scenario that fails is made short"
{ cat wrong.scn && for i in 1 2 3 4 5 6; do echo "after ${i}ms"; done; } >long.scn
expect_exit 0 lwf-stress shrink long.scn --for 30s --output short.scn
[ "$(wc -l <short.scn)" -le 5 ] || fail "$(cat short.scn)"
seed=$(sed -n 's/.*--seed //p' <<<"$ERR")
expect_exit 1 lwf-stress run short.scn --seed "$seed"
expect_match "what is told" 'expected: within 200ms expect state\(lan0\) == paused' "$ERR"
expect_exit 1 lwf-stress run short.scn # it says its seed itself
expect_match "what is told" 'expected: within 200ms expect state\(lan0\) == paused' "$ERR"
capture lwf-stress run some.scn --count 200
seed=$(sed -n 's/^seed: //p' <<<"$ERR")
expect_exit 0 lwf-stress shrink some.scn --seed "$seed" --output short.scn
expect_exit 1 lwf-stress run short.scn
expect_match "what is told" 'expected: expect dice != 7' "$ERR"
printf 'let most = 5\nlink lan0\nafter 1ms\nexpect epoch(lan0) < most\n' >set.scn
expect_exit 0 lwf-stress shrink set.scn --set most=1 --seed 77 --output short.scn
expect_match "what is told" "it fails with --seed 77 --set most=1" "$ERR"
expect_exit 0 lwf-stress run short.scn
expect_exit 1 lwf-stress run short.scn --set most=1
expect_exit 2 lwf-stress shrink long.scn --output nowhere/short.scn
expect_match "what is told" "^lwf-stress: nowhere/short.scn: No such file or directory; nothing was run; give --output another FILE$" "$ERR"
expect_exit 2 lwf-stress shrink long.scn --output ''
expect_exit 2 lwf-stress run good.scn --report ''
expect_exit 2 lwf-stress run good.scn --report -
expect_match "what is told" "^lwf-stress: --report: '-' is no file" "$ERR"
expect_exit 1 lwf-stress shrink good.scn

step "a run that is interrupted writes its report, and is no success in any form of it"
cat >loops.scn <<-'END'
	scenario "loops"
	link lan0
	repeat 100000 { after 1ms link lan0.lower down; after 1ms link lan0.lower up }
END
for name in loops.xml loops.ndjson; do
	first=
	background one lwf-stress run good.scn --for 100s --report $name
	wait_for 10 "another run than the first" another_one
	stop one INT
	expect_equal "exit code" 1 "$CODE"
	expect_match "what is told" "good.scn: interrupted after [1-9][0-9]* runs" "$ERR"
done
python3 -c 'import xml.etree.ElementTree as e
suite = e.parse("loops.xml").getroot().find("testsuite")
cases = list(suite.iter("testcase"))
assert suite.get("errors") == "1" and suite.get("failures") == "0" and int(suite.get("tests")) == len(cases) > 1
bad = [c.find("error") for c in cases if c.find("error") is not None]
assert len(bad) == 1 and f"interrupted after {len(cases) - 1} runs" in bad[0].text, bad' || fail "$(head -c 500 loops.xml)"
expect_equal "the verdict of the record" broken "$(tail -n 1 loops.ndjson | jq -r .verdict)"
expect_match "what was found" "interrupted after [1-9][0-9]* runs" "$(tail -n 1 loops.ndjson | jq -r .found)"
expect_exit 1 lwf-stress merge loops.ndjson many.ndjson --format ktap
expect_equal "cases that are not ok" 1 "$(grep -c '^not ok' <<<"$OUT")"
background one lwf-stress run loops.scn --format ktap
wait_for 10 "a run" started_one
stop one INT
expect_equal "exit code" 1 "$CODE"
expect_match "what is told" "^not ok 1 loops" "$OUT"

step "nobody can be killed in the middle and leave something behind"
background endless lwf-stress run "$scenarios/soak.scn" --count 1000000 --jobs 2
within 10 started_some || fail "nothing runs"
stop endless
expect_equal "exit code" 1 "$CODE"
expect_match "what is told" "interrupted" "$ERR"
all_gone || fail "children are left: $children"
for jobs in 1 2; do
	# as a terminal does it: the whole group is told
	background typed setsid lwf-stress run "$scenarios/soak.scn" --count 1000000 --jobs $jobs --format junit
	within 10 started_some || fail "nothing runs"
	kill -INT -- "-$(pid_of typed)"
	finish typed
	expect_equal "exit code" 1 "$CODE"
	expect_match "what is told after ^C" "interrupted" "$ERR"
	! grep -Eq 'expected:|replay:' <<<"$ERR" || fail "^C is told as a failure: $ERR"
	expect_match "in JUnit" 'failures="0"' "$OUT"
	all_gone || fail "children are left: $children"
done
background killed lwf-stress run "$scenarios/soak.scn" --count 1000000 --jobs 2
within 10 started_some || fail "nothing runs"
stop killed KILL
within 5 all_gone || fail "children are left: $children"
