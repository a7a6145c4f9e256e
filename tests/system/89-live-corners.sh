#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 89-live-corners.sh - what happens rarely, on real devices: corners.scn, offload.scn, and clients that talk nonsense.
#
#	client process > [ inject > monitor ] > nic0 ~ far0	nonsense > control socket of lwfd
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
scenarios=$ROOT/scripts/scenarios
cd "$TMP"
export LIMIT=200
json() { tail -n 1 <<<"$OUT" | jq -r "$1"; }

step "flaps faster than a drain, orders that meet, nonsense, signals, no memory"
rounds=$(times 200)
expect_exit 0 lwf-stress run --live "$scenarios/corners.scn" --set "rounds=$rounds" --json
expect_equal "verdict, lost, doubled, rules" "passed 0 0 0" "$(json '"\(.verdict) \(.lost) \(.doubled) \(.rules_broken)"')"
expect_equal "the ledger" true "$(json 'all(.ledger[]; .submitted == ([.completed[]] + [.refused[]] | add // 0))')"

step "super-frames, and checksums that are not there yet, to devices that take them and to those that do not"
flaps=$(times 200)
expect_exit 0 lwf-stress run --live "$scenarios/offload.scn" --set "flaps=$flaps" --report offload.ndjson --json
expect_equal "verdict, rules" "passed 0" "$(json '"\(.verdict) \(.rules_broken)"')"
sed 's/8 \* kernel_rx(plain/9 * kernel_rx(plain/' "$scenarios/offload.scn" >wrong.scn
expect_exit 1 lwf-stress run --live wrong.scn
expect_match "what is told" 'kernel_tx\(plain.lower\) is' "$ERR"

step "each message that is none gets its error, and the third one is the last: 1,000 of them, while another client sends"
cat >nonsense.scn <<-'END'
	scenario "nonsense" seed 4
	link lan0
	client good on lan0
	client bad on lan0
	traffic t1 from good udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 2kpps
	start t1
	within 1s expect completed(good, SUCCESS) > 10
	client bad garble 1000
	expect rejected(bad) == 1000 and hung_up(bad) == 333
	expect alive(main) == 1 and state(lan0) == running and epoch(lan0) == 1
	only live { within 1s expect descriptors() < 60 }
	stop t1
	drain within 1s
	expect completed(good, SUCCESS) == submitted(good)
	expect sent(lan0.lower) == kernel_tx(lan0.lower)
END
expect_exit 0 lwf-stress run --live nonsense.scn --json
sed 's/hung_up(bad) == 333/hung_up(bad) == 334/' nonsense.scn >wrong.scn
expect_exit 1 lwf-stress run --live wrong.scn
expect_match "what is told" 'hung_up\(bad\) is 333' "$ERR"
expect_exit 0 lwf-stress run --sim nonsense.scn
expect_exit 1 lwf-stress run --sim wrong.scn
