#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 82-report.sh - the report of lwf-stress, as a browser shows it and as other programs read it.
#
# No network: the simulated world. The witness is a headless browser, which shares nothing with what
# made the page: the colours of the states are counted in its screenshot, wide and on a phone.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need chromium python3 jq

cat >"$TMP/good.scn" <<-'END'
	scenario "good <one>" seed 5
	link lan0 upper tap mtu 1500 lower veth
	client c1 on lan0
	traffic t1 from c1 udp 10.9.0.1:9 -> 10.9.0.2:9 size 60..1514 rate 20kpps
	start t1
	repeat 5 {
	  after 100ms link lan0.lower down
	  within 200ms expect state(lan0) == detached
	  after 100ms link lan0.lower up
	  within 500ms expect state(lan0) == running
	}
	stop t1
	drain within 1s
END
cat >"$TMP/bad.scn" <<-'END'
	scenario "bad one" seed 6
	link lan0 upper tap mtu 1500 lower veth
	after 50ms link lan0.lower down
	after 50ms note "now it should run"
	within 200ms expect state(lan0) == running
END

shot() { # PAGE WIDTH: its pixels of each colour, in SEEN
	timeout 90 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$TMP/browser" \
		--window-size="$2,1300" --screenshot="$TMP/shot.png" "file://$1" >"$TMP/browser.log" 2>&1 ||
		fail "the browser: $(tail -n 3 "$TMP/browser.log")"
	SEEN=$(python3 "$ROOT/tests/system/tools/pngcolours.py" "$TMP/shot.png" "${colours[@]}")
}

pixels() { # COLOUR
	jq ".\"$1\"" <<<"$SEEN"
}

passed=1a7f37 failed=c6262e running=2da44e detached=8c959f fault=8250df
colours=("$passed" "$failed" "$running" "$detached" "$fault")

step "a run that passes"
expect_exit 0 lwf-stress run "$TMP/good.scn" --report "$TMP/good.html"
for width in 1200 400; do
	shot "$TMP/good.html" "$width"
	expect_at_least "pixels of the verdict at $width" 500 "$(pixels "$passed")"
	expect_equal "pixels of a failure at $width" 0 "$(pixels "$failed")"
	expect_at_least "pixels of Running at $width" 3000 "$(pixels "$running")"
	expect_at_least "pixels of Detached at $width" 3000 "$(pixels "$detached")"
	expect_at_least "pixels of faults at $width" 1000 "$(pixels "$fault")"
done

step "it needs nothing from outside"
for word in "http" "<script" "src=" "url(" "@import" "<link"; do
	! grep -qiF "$word" "$TMP/good.html" || fail "the page has '$word' in it"
done

step "what it says"
for words in "good &lt;one&gt;" "seed" "PAUSED" "SUCCESS" "lan0.lower sent" "agree" "lwf-stress run" "c1"; do
	grep -qF "$words" "$TMP/good.html" || fail "'$words' is not in the page"
done

step "a run that fails"
expect_exit 1 lwf-stress run "$TMP/bad.scn" --report "$TMP/bad.html"
shot "$TMP/bad.html" 1200
expect_equal "pixels of a passed verdict" 0 "$(pixels "$passed")"
expect_at_least "pixels of the failure" 500 "$(pixels "$failed")"
for words in "state(lan0) == running" "bad.scn:5:" "lwf-stress replay" "now it should run"; do
	grep -qF "$words" "$TMP/bad.html" || fail "'$words' is not in the page"
done

step "the name of the file says the form"
lwf-stress run "$TMP/good.scn" --report "$TMP/run.ndjson" --json >"$TMP/run.json"
expect_equal "kinds of the first and last line" "run end" \
	"$(sed -n '1p;$p' "$TMP/run.ndjson" | jq -r .kind | paste -sd ' ')"
expect_equal "digest of the simulation" "$(tail -n 1 "$TMP/run.json" | jq -r .digest)" "$(tail -n 1 "$TMP/run.ndjson" | jq -r .digest)"
capture lwf-stress run "$TMP/bad.scn" --report "$TMP/run.xml" --format ktap
expect_match "KTAP" "^KTAP version 1.*not ok 1 bad one" "$(tr '\n' ' ' <<<"$OUT")"
expect_equal "JUnit's verdict" "1 1 bad one" "$(python3 -c '
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot()[0]
print(suite.get("tests"), suite.get("failures"), suite[0].get("name"))' "$TMP/run.xml")"

step "the picture comes back from the record"
expect_exit 0 lwf-stress merge "$TMP/run.ndjson" --report "$TMP/again.html"
shot "$TMP/again.html" 1200
expect_at_least "pixels of the verdict" 500 "$(pixels "$passed")"

step "a place that cannot be written to"
expect_error 2 "nowhere.*nothing was run" lwf-stress run "$TMP/good.scn" --for 20s --report "$TMP/nowhere/run.html"
expect_equal "what was run" "" "$OUT"
expect_error 2 "is a directory" lwf-stress run "$TMP/good.scn" --report "$TMP"
ln -s /dev/full "$TMP/full.html"
expect_error 1 "no space left" lwf-stress run "$TMP/good.scn" --report "$TMP/full.html"
