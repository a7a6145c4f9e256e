#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 86-live-processes.sh - clients and daemons that die, stop and come back on real devices, and their accounts.
#
#	client processes > [ inject > monitor > impair ] > nic0 ~ far0		each in namespaces of the run
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
scenarios=$ROOT/scripts/scenarios
cd "$TMP"
export LIMIT=200

cat >head.inc <<-'END'
	link lan0 upper tap filter "impair:delay=2ms"
	client c1 on lan0
	client c2 on lan0
	traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 5kpps
	traffic t2 from c2 udp 10.0.0.1:8 -> 10.0.0.2:9 size 60 rate 2kpps
	start all
	within 2s expect completed(c1, SUCCESS) > 10 and completed(c2, SUCCESS) > 10
END
cat >clients.scn <<-'END'
	scenario "clients" seed 3
	include "head.inc"
	expect alive(c1) == 1 and completed(c1, SEND_ABORTED) == 0
	client c1 kill
	expect alive(c1) == 0 and alive(c2) == 1 and outstanding(c1) == 0
	expect completed(c1, SEND_ABORTED) > 0
	client c1 start
	within 2s expect outstanding(c1) > 0
	client c1 stop
	stop t1
	expect alive(c1) == 1
	after 100ms expect outstanding(c1) > 0
	client c1 continue
	within 2s expect outstanding(c1) == 0
	start t1
	filter lan0/impair set "delay=100ms"
	within 2s expect outstanding(c2) > 20
	client c2 cancel
	within 2s expect completed(c2, SEND_ABORTED) > 5
	filter lan0/impair set "delay=2ms"
	within 2s expect outstanding(c1) < 64
	client c1 flood
	within 2s expect outstanding(c1) > 300
	client c1 calm
	within 2s expect outstanding(c1) < 64
	client c1 deaf
	within 2s expect outstanding(c1) > 500
	after 200ms client c1 hears
	within 2s expect outstanding(c1) < 64
	client c2 crowd 30
	expect alive(main) == 1 and state(lan0) == running
	within 2s expect outstanding(c1) > 0
	stop all
	drain within 2s
	expect lost(lan0) == 0 and doubled(lan0) == 0
	expect sent(lan0.lower) == kernel_tx(lan0.lower)
END
cat >daemon.scn <<-'END'
	scenario "daemon" seed 4
	include "head.inc"
	only live {
	expect epoch(lan0) == 1 and completed(lan0, UNKNOWN) == 0
	daemon kill
	expect alive(main) == 0 and state(lan0) == detached and descriptors(main) == 0
	expect submitted(lan0) == submitted(c1) + submitted(c2)
	expect completed(lan0, UNKNOWN) == completed(c1, UNKNOWN) + completed(c2, UNKNOWN)
	expect completed(c1, UNKNOWN) > 0 and outstanding(c1) == 0
	after 20ms expect alive(main) == 0
	daemon start
	within 5s expect state(lan0) == running and epoch(lan0) == 2
	within 2s expect outstanding(c1) > 0 and outstanding(c2) > 0
	client c2 stop
	daemon kill
	expect completed(lan0, UNKNOWN) > completed(c2, UNKNOWN)
	client c2 continue
	within 2s expect outstanding(c2) == 0
	daemon start
	within 5s expect state(lan0) == running and epoch(lan0) == 3
	within 2s expect outstanding(c1) > 0
	daemon terminate
	expect alive(main) == 0 and outstanding(c1) == 0
	daemon start
	within 5s expect state(lan0) == running and epoch(lan0) == 4
	expect second_daemon(lan0) == 6
	within 2s expect outstanding(c1) > 0 and cpu(main) > 0%
	daemon stop
	expect alive(main) == 1 and state(lan0) == running
	within 2s expect outstanding(c1) > 0
	stop all
	after 1200ms expect cpu(main) < 1% and outstanding(c1) > 0
	daemon continue
	expect logged(main, "control socket") == 4 and logged(main) > 8 and logged(main, "is Frob") == 0
	expect memory(main) > 1M and memory(main) < 300M
	expect descriptors(main) > 5 and descriptors(main) < 60
	drain within 2s
	expect lost(lan0) == 0 and doubled(lan0) == 0
	expect sent(lan0.lower) <= kernel_tx(lan0.lower)
	expect kernel_tx(lan0.lower) <= sent(lan0.lower) + completed(lan0, UNKNOWN)
	}
END
cat >both.scn <<-'END'
	scenario "both" seed 5
	include "head.inc"
	client c3 on lan0
	traffic up from c3 udp 10.0.0.2:9 -> 10.0.0.1:9 size 60..1514 rate 5kpps direction receive
	traffic net from lan0.lower udp 10.0.0.2:8 -> 10.0.0.1:9 size 60 rate 1kpps
	only live {
	repeat 3 as n {
	  start all
	  within 2s expect sent(lan0.lower) > 200 * n and sent(lan0.upper) > 200 * n
	  stop all
	  drain within 2s
	  after 50ms expect sent(lan0.lower) == kernel_tx(lan0.lower) and sent(lan0.upper) == kernel_tx(lan0.upper)
	  expect sent(lan0.upper) > completed(c3, SUCCESS) and kernel_tx(lan0.lower) < completed(lan0, SUCCESS)
	  daemon kill
	  daemon start
	  within 5s expect state(lan0) == running
	}
	start all
	within 2s expect completed(c3, SUCCESS) > 1000
	daemon kill
	daemon start
	within 5s expect state(lan0) == running
	stop all
	drain within 2s
	expect sent(lan0.lower) <= kernel_tx(lan0.lower)
	expect kernel_tx(lan0.lower) <= sent(lan0.lower) + completed(lan0, UNKNOWN)
	expect sent(lan0.upper) <= kernel_tx(lan0.upper)
	}
END
sed 's/^expect alive(main) == 0 and state(lan0) == detached.*/expect alive(main) == 1/' daemon.scn >wrong.scn
{ cat head.inc && echo 'client c1 stop; only live { daemon stop }; after 60s'; } >stopped.scn
{ cat head.inc && echo 'after 60s'; } >long.scn
{ grep -v traffic head.inc | sed '/^start/,$d' && echo 'client c1 flood'; } >idle.scn

links=$(ip -br link | awk '{ print $1 }')
pids() { # COMM...
	ps -e -o pid=,comm= | awk -v names=" $* " 'index(names, " " $2 " ") { print $1 }'
}
nothing_is_left() {
	[ -z "$(pids lwfd lwf-stress lwf-stress-init c1 c2)" ] && [ "$(ip -br link | awk '{ print $1 }')" = "$links" ]
}
clients_run() {
	[ "$(pids c1 c2 | wc -l)" = 2 ] && [ "$(pids lwfd | wc -l)" -ge 1 ]
}
# One of the clients, and the daemon.
some_stopped() {
	[ "$(ps -e -o state=,comm= | awk '$1 == "T" && ($2 == "c1" || $2 == "lwfd") { n++ } END { print n + 0 }')" -ge 2 ]
}
json() { tail -n 1 <<<"$OUT" | jq -r "$1"; }
# Every frame has its one answer: in the clients' accounts, and in the links' over all lives.
accounts_balance() {
	expect_equal "world, lost, doubled, rules" "live 0 0 0" "$(json '"\(.world) \(.lost) \(.doubled) \(.rules_broken)"')"
	expect_equal "the ledger" true "$(json 'all(.ledger[]; .submitted == ([.completed[]] + [.refused[]] | add // 0))')"
}
of() { # NAME KIND COLUMN
	json ".ledger[] | select(.name == \"$1\" and .of == \"$2\") | .completed.$3 // 0"
}

step "clients that die, stop, flood, never listen, cancel"
expect_exit 0 lwf-stress run --live clients.scn --json
accounts_balance
expect_equal "a digest" null "$(json .digest)"
nothing_is_left || fail "left: $(ps -e -o pid,comm) $(ip -br link)"

step "a daemon that is killed, told to end, stopped, and started again"
expect_exit 0 lwf-stress run --live daemon.scn --json --report daemon.ndjson
accounts_balance
expect_equal "a witness that differs" 0 "$(jq -s '[.[] | select(.kind == "witness" and .inside != .outside)] | length' daemon.ndjson)"
expect_equal "a digest in the record" null "$(tail -n 1 daemon.ndjson | jq .digest)"
expect_at_least "frames that died with it" 1 "$(of lan0 clients UNKNOWN)"

step "what is sent towards the host, over several daemons, is no frame of the NIC"
expect_exit 0 lwf-stress run --live both.scn --json --report both.ndjson
accounts_balance
expect_equal "c3: sent, of these towards the host" true "$(json '.ledger[] | select(.name == "c3") | .sent == .indicated and .indicated > 1000')"
expect_equal "c1: towards the host" 0 "$(json '.ledger[] | select(.name == "c1") | .indicated')"
expect_equal "a witness that differs" 0 "$(jq -s '[.[] | select(.kind == "witness" and .inside != .outside)] | length' both.ndjson)"

step "what is expected of them and does not hold is told"
expect_exit 1 lwf-stress run --live wrong.scn
expect_match "what is told" 'alive\(main\) is 0' "$ERR"
expect_exit 2 lwf-stress run --live idle.scn
expect_match "what is told" 'c1: it has no traffic' "$ERR"

step "a client that dies by itself is a run that failed"
background long lwf-stress run --live long.scn
within 10 clients_run || fail "nothing runs: $(cat long.err)"
kill -KILL "$(pids c1)"
finish long 15
expect_equal "exit code" 1 "$CODE"
expect_match "what is told" 'no process ends by itself.*the process of c1 ended with signal 9' "$ERR"

step "a daemon that hangs is a run that failed: silence answers nothing"
{ cat head.inc && echo 'after 60s expect state(lan0) == detached and outstanding(c1) == 0'; } >hangs.scn
background hangs lwf-stress run --live hangs.scn
within 10 clients_run || fail "nothing runs: $(cat hangs.err)"
kill -STOP "$(pids lwfd | head -n 1)"
finish hangs 40
expect_equal "exit code" 1 "$CODE"
expect_match "what is told" 'a daemon that runs answers.*no answer in time' "$ERR"
within 5 nothing_is_left || fail "left: $(ps -e -o pid,comm) $(ip -br link)"

step "who is stopped goes with the run, too"
background stopped lwf-stress run --live stopped.scn
within 10 some_stopped || fail "nothing is stopped: $(ps -e -o pid,state,comm) $(cat stopped.err)"
stop stopped KILL
within 5 nothing_is_left || fail "left: $(ps -e -o pid,comm) $(ip -br link)"

step "several at a time, each in namespaces of its own; and one of them again"
expect_exit 0 lwf-stress run --live clients.scn --count 4 --jobs 2 --json
expect_equal "runs, lost, doubled" "4 0 0" "$(json '"\(.runs) \(.lost) \(.doubled)"')"
expect_exit 0 lwf-stress replay daemon.ndjson --json
expect_equal "its world" live "$(json .world)"

for name in crossed-orders client-massacre two-daemons; do
	step "$name.scn"
	expect_exit 0 lwf-stress run --live "$scenarios/$name.scn" --json
	accounts_balance
	note "$(json '"\(.frames) frames, \(.faults) faults, \(.expectations) expectations in \(.took_seconds) s"')"
done
expect_equal "what c1 was not told" "$(of c1 client UNKNOWN)" "$(of left clients UNKNOWN)"
nothing_is_left || fail "left: $(ps -e -o pid,comm) $(ip -br link)"
