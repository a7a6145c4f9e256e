#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 58-client-adapter.sh - the adapter behind a handle: what a program finds, asks and sets; and that a handle
# stays with its adapter through a new name, a deletion and a new interface of the same name or address.
#
#	 clientsh > [ lwfd: stack lab ] > eth1 ~~cable~~ eth0
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# client OPTIONS...: runs the commands of its input with one handle; OUT has what it said.
client() {
	local code=0
	timeout 60 clientsh "$@" >"$TMP/client.out" 2>"$TMP/client.err" || code=$?
	OUT=$(cat "$TMP/client.out")
	expect_equal "exit code of clientsh $* ($(cat "$TMP/client.err"))" 0 "$code"
}

said() { # LINE...: just these lines
	expect_equal "what the client said" "$(printf '%s\n' "$@")" "$OUT"
}

far_host
ip link set eth1 mtu 1400
start_lwfd --nic eth1 --tap lwf0 --stack lab
state_is lab Running
index=$(ip -j link show eth1 | jq '.[0].ifindex')

step "what there is"
client nic=eth1 <<-'END'
	adapters
	run lwfctl pause lab
	run ip link set eth1 down
	run lwfctl wait lab --state Detached --timeout 5s
	adapters
	run ip link set eth1 up
	run lwfctl restart lab
END
said "adapter: lab nic:eth1 lwf0 Running mac 02:00:00:00:00:01 mtu 1400 index $index sessions 1 present up carrier" \
	"adapter: lab nic:eth1 lwf0 Detached mac 02:00:00:00:00:01 mtu 1400 index $index sessions 1 present"

step "OIDs: asked, set, refused"
client nic=eth1 <<-'END'
	oid mtu
	oid OID_802_3_CURRENT_ADDRESS
	oid mtu 1450
	oid GEN_MAXIMUM_FRAME_SIZE
	oid nothing
	oid link-speed 5
	oid mtu many
	oid permanent-mac
END
expect_equal "what it said" "oid: 1400
oid: 02:00:00:00:00:01
oid: 1450
oid: 1450" "$(head -n 4 <<<"$OUT")"
expect_match "no such OID" "^oid: nothing: there is no such OID; .* \(5\)$" "$(sed -n 5p <<<"$OUT")"
expect_match "one that cannot be set" "^oid: OID_GEN_LINK_SPEED: it cannot be set; .* \(6\)$" "$(sed -n 6p <<<"$OUT")"
expect_match "no such value" "^oid: OID_GEN_MAXIMUM_FRAME_SIZE: 'many' is no value of it; .* \(2\)$" "$(sed -n 7p <<<"$OUT")"
expect_equal "the MTU in the kernel" 1450 "$(link_stat eth1 mtu)"

step "the packet filter: ALL_LOCAL is directed, multicast and broadcast"
client nic=eth1 <<-'END'
	filter 0x80
	oid packet-filter
	filter 0x1
	oid packet-filter
	oid packet-filter all-local,promiscuous
	filter 0x40
	filter 0x2b
	oid packet-filter
END
expect_equal "what it said" "filter: ok
oid: directed,multicast,broadcast
filter: ok
oid: directed
oid: directed,multicast,broadcast,promiscuous" "$(head -n 5 <<<"$OUT")"
expect_match "a bit that there is not" "^filter: OID_GEN_CURRENT_PACKET_FILTER: .* \((2|6)\)$" "$(sed -n 6p <<<"$OUT")"
expect_equal "at last" "oid: directed,multicast,broadcast,promiscuous" "$(tail -n 1 <<<"$OUT")"

step "one handle, through a new name, a deletion, and new interfaces"
client nic=eth1 states <<-END
	send 2
	take
	run ip link set eth1 name wan1
	run until lwfctl show --json | jq -e '.stacks[0].lower.name == "wan1"'; do sleep 0.02; done
	send 3
	take
	run ip link set wan1 name eth1
	run until lwfctl show --json | jq -e '.stacks[0].lower.name == "eth1"'; do sleep 0.02; done
	run ip link del eth1
	run until lwfctl show --json | jq -e '.stacks[0].link.present == false'; do sleep 0.02; done
	send 2
	take
	run ip link add eth1 address 02:00:00:00:00:09 type veth peer name eth0 address 02:00:00:00:00:02 netns far
	run ip -n far link set eth0 up
	run ip link set eth1 up
	run lwfctl wait lab --state Running --timeout 10s
	send 4
	take
	run [ \$(ip -s -j link show eth1 | jq '.[0].stats64.tx.packets') = 4 ]
	stats
	ledger
END
grep -v '^state' <<<"$OUT" >"$TMP/told"
expect_equal "answers" "take: SUCCESS/none=2
take: SUCCESS/none=3
take: ADAPTER_REMOVED/adapter-removed/refused=2
take: SUCCESS/none=4" "$(head -n 4 "$TMP/told")"
expect_equal "the two ledgers" "$(sed -n 's/^ledger: //p' "$TMP/told")" "$(sed -n 's/^stats: //p' "$TMP/told")"

step "whose sessions there are, as the kernel knows it"
expect_equal "pid, name and user" "true" \
	"$(clientsh nic=eth1 <<<"run lwfctl show lab --json | tee $TMP/shown" &&
		jq '.stacks[0].sessions[0] | .pid > 0 and .comm == "clientsh" and .uid == 0' "$TMP/shown")"

ledgers_balance
stop_lwfd
nothing_left
