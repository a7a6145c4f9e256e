#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 96-odd-scenarios.sh - what lwf-stress makes of files that are no text, without end, or oddly named.
#
#	 FILE.scn > lwf-stress > [ inject > monitor ] on simulated devices
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$TMP"

json() { tail -n 1 <<<"$OUT" | jq -r "$1"; }

step "text that is no UTF-8 is refused, with its place, also as JSON"
printf 'scenario "caf\351"\nlink lan0\n' >latin.scn
printf 'link lan0\nnote "a\0b"\n' >zero.scn
printf 'include "latin.scn"\n' >around.scn
printf 'link lan0\n\303\251\n' >accent.scn
expect_exit 2 lwf-stress run latin.scn
expect_match "what is told" 'latin\.scn:1:14: byte 0xe9 is no text in UTF-8; save it as UTF-8' "$ERR"
expect_exit 2 lwf-stress run zero.scn
expect_match "what is told" 'zero\.scn:2:8: byte 0x00' "$ERR"
expect_exit 2 lwf-stress run around.scn
expect_match "what is told" 'latin\.scn:1:14: ' "$ERR"
expect_exit 2 lwf-stress run accent.scn --json
expect_match "what is told" "accent\.scn:2:1: a statement is wanted, not 'é'" "$(json .error.why)"
expect_exit 2 lwf-stress check accent.scn latin.scn --json
expect_equal "files" "accent.scn latin.scn" "$(json '[.files[].file] | join(" ")')"

step "text in UTF-8 passes, and comes back from all reports"
printf 'scenario "café"\nlink lan0\nnote "a € b"\nexpect state(lan0) == running\n' >euro.scn
expect_exit 0 lwf-stress run euro.scn --json --report euro.ndjson
expect_equal "its name" "passed café" "$(json '"\(.verdict) \(.scenario)"')"
expect_equal "the note" "a € b" "$(jq -r 'select(.kind == "note") | .text' euro.ndjson)"

step "a text without end is no try without end"
cat >endless.scn <<-'END'
	scenario "endless"
	link lan0
	note "a"
	note "b"
	repeat 1000000000 as n {
	  after 1ms
	  expect n != 5
	  note "c"
	}
END
LIMIT=60 expect_exit 0 lwf-stress shrink endless.scn --for 4s --output small.scn
expect_match "what is told" "lines of 9 are left" "$ERR"
expect_equal "notes that are left" 0 "$(grep -c note small.scn || :)"
expect_exit 1 lwf-stress run small.scn
expect_match "as before" "expect n != 5" "$ERR"
sed -i 's/n != 5/n > 0/' endless.scn
LIMIT=60 expect_error 1 'endless\.scn: .*not come to its end.*--for' lwf-stress shrink endless.scn --for 1s

step "a file's name may be anything"
odd=$(printf 'caf\351.scn')
sed 's/running/paused/' euro.scn >"$odd"
expect_exit 0 lwf-stress check "$odd" --json
expect_equal "its name" 'caf?.scn' "$(json '.files[0].file')"
expect_exit 1 lwf-stress run "$odd" --json --report odd.ndjson
expect_equal "what is told" "failed caf?.scn expect state(lan0) == paused" "$(json '"\(.verdict) \(.file) \(.expected)"')"
expect_match "where" '^caf\?\.scn:4:' "$(json .at)"
expect_equal "the report" "failed" "$(tail -n 1 odd.ndjson | jq -r .verdict)"

step "the command to replay is one for a shell, whatever the name"
{ echo 'let n = 1'; echo 'let why = 1'; cat "$odd"; } >plain.scn
long=$(printf 'long%.0s/' {1..80})
mkdir -p "$long"
for name in 'a b.scn' 'q;touch pwned.scn' "it's.scn" 'café.scn' "$odd" $'tab\tand\nline\\'"'"'.scn' ./-seed "$long"x.scn; do
	cp plain.scn "$name"
	expect_exit 1 lwf-stress run "$name" --set n=2 --set why="$(printf '1+%.0s' {1..150})1" --json
	replay=$(sed -n 's/^replay: //p' <<<"$ERR")
	first=$(json '"\(.verdict) \(.digest) \(.at)"')
	expect_exit 1 bash -c "${replay/lwf-stress replay/lwf-stress --json replay}"
	expect_equal "what '$replay' replays" "$first" "$(json '"\(.verdict) \(.digest) \(.at)"')"
	expect_equal "and tells" "$replay" "$(sed -n 's/^replay: //p' <<<"$ERR")"
done
[ ! -e pwned.scn ] || fail "a name was run"
expect_exit 1 lwf-stress run "$long"x.scn --set n=2 --report long.ndjson
expect_exit 1 lwf-stress replay long.ndjson
expect_match "where" "expected: .* \\($long""x\\.scn:6:1\\)" "$ERR"

expect_exit 3 lwf-stress run plain.scn --on eth0 --control "$TMP/no body" --i-know --set n=2 --json
expect_equal "of a stack" "lwf-stress replay plain.scn --seed 1 --live --on eth0 --control '$TMP/no body' --i-know --set n=2" "$(json .replay)"

step "what could not be replayed is not run"
expect_error 2 'FILE: its name has [0-9]+ bytes' lwf-stress run "$(printf './%.0s' {1..520})plain.scn"
expect_error 2 'plain\.scn: the command to replay it' lwf-stress run plain.scn --set why="$(printf '%4090s' 1)"
