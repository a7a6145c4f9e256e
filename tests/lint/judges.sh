#!/usr/bin/env bash
# judges.sh - shows that what judges a run can say no: scripts/tally.py and the account of demo.py.
set -u
scripts=$(cd "$(dirname "$0")/../../scripts" && pwd)
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
faults=0

expect() { # WHAT EXPECTED GOT
	[ "$2" = "$3" ] && return
	echo "$1: expected '$2', got '$3'"
	faults=$((faults + 1))
}

# ---- tally.py: one test of each outcome ----

cat >list.json <<'END'
{"tests": [{"name": "good"}, {"name": "bad"}, {"name": "skip/allowed"}, {"name": "skip/other"},
           {"name": "norun"}, {"name": "lost"}, {"name": "off"}, {"name": "part/allowed"},
           {"name": "part/other"}]}
END
cat >result.xml <<'END'
<testsuite>
<testcase name="good" status="run"/>
<testcase name="bad" status="fail"><failure message=""/></testcase>
<testcase name="skip/allowed" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
<testcase name="skip/other" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
<testcase name="norun" status="notrun"><skipped message="Unable to find executable"/></testcase>
<testcase name="off" status="disabled"/>
<testcase name="part/allowed" status="run"><system-out>[  SKIPPED ] x</system-out></testcase>
<testcase name="part/other" status="run"><system-out>[  SKIPPED ] x</system-out></testcase>
</testsuite>
END
printf '# a comment\nskip/allowed  the kernel has none\nskip/other\npart/all* a reason\n' >skips
expect "tally" "2 6 1" "$(python3 "$scripts/tally.py" list.json result.xml skips 2>/dev/null)"
expect "tally without results" "0 9 0" "$(python3 "$scripts/tally.py" list.json none.xml skips 2>/dev/null)"
expect "tally without tests" "0 0 0" "$(echo '{"tests": []}' >none.json && python3 "$scripts/tally.py" none.json none.xml none)"

# ---- demo.py account ----

ledger() { # SENT SUCCESS
	local half="{\"submitted\":10,\"outstanding\":0,\"completed\":{\"SUCCESS\":$2},\"refused\":{\"PAUSED\":2},\"sent\":$1}"
	echo "{\"schema\":1,\"stacks\":[{\"name\":\"eth1\",\"balanced\":true,\"host\":$half,\"clients\":$half}]}"
}
account() { # BROKEN-RULES KERNEL
	echo "{\"rules_broken\":$1}" >show.json
	python3 "$scripts/demo.py" account before.json after.json show.json inject.json "$2" >report.txt
	echo $?
}
echo '{"submitted":3,"completed":{"SUCCESS":2},"refused":{"PAUSED":1}}' >inject.json
ledger 0 8 >before.json
ledger 8 8 >after.json
expect "account that is right" 0 "$(account 0 16)"
expect "account with a foreign sender" 1 "$(account 0 17)"
expect "account with a broken rule" 1 "$(account 1 16)"
ledger 8 7 >after.json
expect "ledger out of balance" 1 "$(account 0 16)"
ledger 8 8 >after.json
echo '{"submitted":3,"completed":{"SUCCESS":1},"refused":{"PAUSED":1}}' >inject.json
expect "a frame without an answer" 1 "$(account 0 16)"

[ $faults -eq 0 ] || exit 1
echo "the judges can say no"
