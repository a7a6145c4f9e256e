#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 95-witness.sh - the witness that looks at frames: it tells what is changed, overtaken and sent back, in both worlds, nothing where
# nothing is wrong, and says so when it did not see all.
#
#	client process > [ inject > monitor > impair ] > nic0 ~ far0 < witness		each in namespaces of the run
#	                                                 nic1 ~ nic2 > [ inject > monitor ] > tap2 < witness
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$TMP"
export LIMIT=100

both() { # CODE FILE: in both worlds
	expect_exit "$1" lwf-stress run --sim "$2"
	expect_exit "$1" lwf-stress run --live "$2"
}

step "all kinds of frames, whole and in order: below, at the host, and behind a wire"
cat >right.scn <<-'END'
	scenario "right" seed 3
	link lan0 mtu 9000
	link lan1
	link lan2 peer lan1
	client c1 on lan0
	client c2 on lan1
	traffic t1 from c1 udp 10.9.0.1:9 -> 10.9.0.2:9 size 60..1514 rate 5kpps burst 4
	traffic t2 from c1 tcp 10.9.0.1:9 -> 10.9.0.2:9 size 60..61 payload random rate 2kpps
	traffic t3 from c1 udp [fd00::1]:9 -> [fd00::2]:9 size 68..80 payload ascii rate 2kpps
	traffic t4 from c1 udp 10.9.0.1:9 -> 10.9.0.2:9 vlan 7 size 60..1518 rate 2kpps
	traffic t5 from c1 udp 10.9.0.1:9 -> 10.9.0.2:9 qinq 100 vlan 7 size 60..1514 rate 2kpps
	traffic t6 from c1 tcp [fd00::1]:9 -> [fd00::2]:9 size 3000..9014 rate 1kpps
	traffic t7 from c1 udp 10.9.0.2:9 -> 10.9.0.1:9 size 60..1514 rate 2kpps direction receive
	traffic t8 from lan0.upper udp 10.9.0.1:9 -> 10.9.0.2:9 size 60..1514 rate 1kpps
	traffic t9 from lan0.lower udp 10.9.0.2:9 -> 10.9.0.1:9 size 60..1514 rate 1kpps
	traffic p1 from c2 udp 10.9.1.1:9 -> 10.9.1.2:9 size 60..1514 rate 2kpps
	always expect altered(lan0.lower) + disordered(lan0.lower) + echoed(lan0.lower) + bad_sums(lan0.lower) == 0
	start all
	after 500ms stop all
	drain within 2s
	expect altered(lan0.upper) + disordered(lan0.upper) + echoed(lan0.upper) + bad_sums(lan0.upper) == 0
	expect altered(lan1.lower) + disordered(lan1.lower) + echoed(lan1.lower) + bad_sums(lan1.lower) == 0
	within 1s expect altered(lan2.upper) + disordered(lan2.upper) + echoed(lan2.upper) + bad_sums(lan2.upper) == 0
	within 1s expect seen(lan0.lower) > 400 and seen(lan0.lower) == kernel_tx(lan0.lower)
	within 1s expect seen(lan0.upper) > 80 and seen(lan0.upper) == kernel_tx(lan0.upper)
	within 1s expect seen(lan1.lower) > 50 and seen(lan1.lower) == kernel_tx(lan1.lower)
	within 1s expect seen(lan2.upper) == seen(lan1.lower) and seen(lan1.upper) == 0
END
both 0 right.scn

head='link lan0
client c1 on lan0
traffic t1 from c1 udp 10.9.0.1:9 -> 10.9.0.2:9 size 60..1514 rate 10kpps'
# impaired OPTIONS COND: runs with this impairment, in which then COND is true.
impaired() {
	cat >impaired.scn <<-END
		$head
		filter lan0 insert "impair:$1"
		start t1
		after 500ms stop t1
		drain within 2s
		within 1s expect seen(lan0.lower) > 1500 and seen(lan0.lower) == kernel_tx(lan0.lower)
		expect $2
	END
	both 0 impaired.scn
}

step "what is wrong with them is told as what it is"
impaired "corrupt=5%" "altered(lan0.lower) > 50 and bad_sums(lan0.lower) > 50 and disordered(lan0.lower) == 0"
impaired "reorder=5%,reorder-by=3ms" \
	"disordered(lan0.lower) > 50 and altered(lan0.lower) == 0 and bad_sums(lan0.lower) == 0"
impaired "dup=5%" "altered(lan0.lower) == 0 and bad_sums(lan0.lower) == 0 and seen(lan0.lower) > submitted(c1) + 50"
impaired "loss=5%" "altered(lan0.lower) + disordered(lan0.lower) + bad_sums(lan0.lower) == 0"

step "and a scenario that expects otherwise fails"
cat >wrong.scn <<-END
	$head
	filter lan0 insert "impair:reorder=5%,reorder-by=3ms"
	start t1
	after 500ms expect disordered(lan0.lower) == 0
END
both 1 wrong.scn
expect_match "what is told" 'disordered\(lan0\.lower\) is [1-9]' "$ERR"

step "frames without room for a number have no order"
cat >short.scn <<-END
	link lan0
	client c1 on lan0
	traffic t1 from c1 tcp 10.9.0.1:9 -> 10.9.0.2:9 size 54..59 rate 1kpps
	start t1
	after 100ms stop t1
	drain within 1s
	expect altered(lan0.lower) == 0 and bad_sums(lan0.lower) == 0 and seen(lan0.lower) > 50
	expect disordered(lan0.lower) == 0
END
both 2 short.scn
expect_match "what is told" 't1: its frames have no room for numbers' "$ERR"

step "a witness that has not seen all is no witness"
cat >blind.scn <<-END
	$head
	start t1
	client c1 flood
	after 8s client c1 calm
	stop t1
	drain within 2s
	expect altered(lan0.lower) == 0
END
witness() { ps -e -o pid=,comm= | awk '$2 == "lwf-stress-look" { print $1; exit }'; }
looks() { [ -n "$(witness)" ]; }
# its client is there, and so all else is
runs() { [ -n "$(ps -e -o comm= | awk '$1 == "c1"')" ]; }
background blind lwf-stress run --live blind.scn
within 10 runs || fail "nobody looks: $(cat blind.err)"
pid=$(witness)
kill -STOP "$pid"
watch_for 4 # in which its ring, room for ten thousand frames, is full
kill -CONT "$pid"
finish blind 30
expect_equal "exit code" 1 "$CODE"
expect_match "what is told" 'lan0\.lower: its witness has not seen [0-9]+ frames' "$ERR"

step "one that is gone is noticed"
background gone lwf-stress run --live blind.scn
within 10 runs || fail "nobody looks: $(cat gone.err)"
kill -KILL "$(witness)"
finish gone 30
expect_equal "exit code" 1 "$CODE"
expect_match "what is told" 'the witness of lan0\.lower ended' "$ERR"
within 5 eval '! looks' || fail "a witness is left"

step "who does not ask has none, and on somebody's stack nobody looks"
sed 's/^expect altered.*/after 100ms/; s/8s/1s/' blind.scn >plain.scn
background plain lwf-stress run --live plain.scn
finish plain 30
expect_equal "exit code" 0 "$CODE"
bridge_up
sed 's/8s/200ms/' blind.scn >on.scn
expect_exit 77 lwf-stress run on.scn --on eth1
expect_match "what is told" 'on a stack that is there already' "$ERR"
sed -n '/^link/,/^traffic/p' on.scn >plain.scn # and one that does not ask is run there
expect_exit 0 lwf-stress run plain.scn --on eth1
stop_lwfd
nothing_left
