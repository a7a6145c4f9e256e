#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 67-oid.sh - OIDs: what lwfctl asks for is what the kernel has, and what it sets the kernel has then.
#
#	 lwfctl oid > [ lwfd ] > eth1 ~~cable~~ eth0 < rawsend
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

oid() { # NAME JQ: of the one that is asked for
	lwfctl oid eth1 "$1" --json | jq -cr ".oids[0].${2:-value}"
}

promiscuity() {
	ip -d -j link show dev eth1 | jq '.[0] | [.promiscuity, .allmulti // 0] | join(" ")' -r
}

bridge_up
framegen numbered "$TMP/full.pcap" 10 1514 >/dev/null

step "the list, for people and for programs"
expect_exit 0 lwfctl oid eth1
expect_match "mtu" "^OID_GEN_MAXIMUM_FRAME_SIZE +mtu += 1500$" "$OUT"
expect_exit 0 lwfctl oid eth1 --json
expect_equal "lines with --json" 1 "$(wc -l <"$TMP/out")"
expect_equal "schema, stack" "1 eth1" "$(jq -r '"\(.schema) \(.stack)"' <<<"$OUT")"
expect_equal "mtu" 1500 "$(jq '.oids[] | select(.name == "mtu").value' <<<"$OUT")"
expect_equal "its number" 65798 "$(jq '.oids[] | select(.name == "mtu").number' <<<"$OUT")"
expect_equal "what can be set" "mtu packet-filter mac" \
	"$(jq -r '[.oids[] | select(.settable).name] | join(" ")' <<<"$OUT")"
expect_equal "mac" "$(link_stat eth1 address)" "$(oid OID_802_3_CURRENT_ADDRESS)"
expect_equal "media" connected "$(oid media)"
expect_equal "link state" true "$(oid link-state value.connected)"
inject eth1 "$TMP/full.pcap" --topspeed
expect_equal "frames sent" "$(show '.stacks[0].lower.tx.frames' eth1)" "$(oid xmit-ok)"

step "MTU: the kernel has it when the command is back, and the TAP follows"
for mtu in 1400 9000 1500 1280; do
	expect_exit 0 lwfctl oid eth1 mtu=$mtu --json
	expect_equal "answer" "SUCCESS $mtu" "$(jq -r '.oids[0] | "\(.status) \(.value)"' <<<"$OUT")"
	expect_equal "MTU of the kernel" $mtu "$(link_stat eth1 mtu)"
	wait_for 5 "the MTU of the TAP" mtu_is lwf0 $mtu
	expect_equal "asked for" $mtu "$(oid mtu)"
	expect_equal "with the header" $((mtu + 14)) "$(oid total-size)"
done
inject eth1 "$TMP/full.pcap" --topspeed
expect_equal "frames that are too long now" 10 "$(result '(.completed.INVALID_LENGTH // 0) + (.refused.INVALID_LENGTH // 0)')"
expect_exit 0 lwfctl oid eth1 mtu=1500

step "MAC: likewise"
expect_exit 0 lwfctl oid eth1 mac=02:00:00:00:00:77
expect_equal "MAC of the kernel" 02:00:00:00:00:77 "$(link_stat eth1 address)"
mac_is() {
	[ "$(link_stat lwf0 address)" = "$1" ]
}
wait_for 5 "the MAC of the TAP" mac_is 02:00:00:00:00:77
expect_equal "asked for" 02:00:00:00:00:77 "$(oid mac)"
wait_for 5 "lwfd to agree with the kernel" kernel_agrees

step "packet filter: the device is told, and what is not wanted is dropped by name"
# the device is promiscuous while lwfd receives so
expect_equal "promiscuity, all-multicast" "1 0" "$(promiscuity)"
expect_exit 0 lwfctl oid eth1 packet-filter=directed,all-multicast,broadcast
expect_equal "promiscuity, all-multicast" "0 1" "$(promiscuity)"
expect_exit 0 lwfctl oid eth1 packet-filter=directed,broadcast
expect_equal "promiscuity, all-multicast" "0 0" "$(promiscuity)"
expect_equal "asked for" '["directed","broadcast"]' "$(oid packet-filter)"
timeout 1 lwfctl watch eth1 --since 1 --json >"$TMP/watch" || :
expect_equal "indications that it changed" 2 "$(jq -r 'select(.kind == "status" and .event == "packet-filter").event' "$TMP/watch" | wc -l)"
dropped() {
	[ "$(show '.stacks[0].lower.drops."packet-filter" // 0' eth1)" -ge "$1" ]
}
before=$(rx_packets lwf0)
far rawsend eth0 "$TMP/full.pcap" >/dev/null # to nobody's address
wait_for 5 "the drops to be counted" dropped 10
expect_equal "frames that reached the host" "$before" "$(rx_packets lwf0)"
expect_exit 0 lwfctl oid eth1 packet-filter=directed,multicast,all-multicast,broadcast,promiscuous
expect_equal "promiscuity, all-multicast" "1 0" "$(promiscuity)"
far rawsend eth0 "$TMP/full.pcap" >/dev/null
wait_for 5 "the frames to reach the host" rx_over lwf0 $((before + 9))

step "in every state with an adapter, and not without one"
expect_exit 0 lwfctl pause eth1
expect_exit 0 lwfctl oid eth1 mtu=1450
expect_equal "MTU of the kernel" 1450 "$(link_stat eth1 mtu)"
expect_exit 0 lwfctl restart eth1
expect_exit 0 lwfctl detach eth1
expect_error 6 "ADAPTER_NOT_READY" lwfctl oid eth1
expect_error 6 "ADAPTER_NOT_READY" lwfctl oid eth1 mtu=1400
expect_equal "MTU of the kernel" 1450 "$(link_stat eth1 mtu)"
expect_exit 0 lwfctl attach eth1

step "a filter set survives the interface being made anew"
expect_exit 0 lwfctl oid eth1 packet-filter=directed,broadcast
ip link set eth1 down
state_is eth1 Detached
ip link set eth1 up
state_is eth1 Running
expect_equal "asked for" '["directed","broadcast"]' "$(oid packet-filter)"
ip link del eth1
state_is eth1 Detached
expect_error 6 "ADAPTER_REMOVED" lwfctl oid eth1 mtu
plug_cable
state_is eth1 Running
expect_equal "asked for" '["directed","broadcast"]' "$(oid packet-filter)"
expect_equal "promiscuity, all-multicast" "0 0" "$(promiscuity)"

step "wrong use"
expect_error 5 "no such OID" lwfctl oid eth1 OID_GEN_NONSENSE
expect_error 5 "no such stack" lwfctl oid eth9
expect_error 6 "cannot be set" lwfctl oid eth1 media=connected
expect_error 2 "no value" lwfctl oid eth1 mtu=lots
expect_error 2 "OID_802_3_CURRENT_ADDRESS: '02:00' is no value" lwfctl oid eth1 mac=02:00
expect_error 2 "OID_GEN_MAXIMUM_FRAME_SIZE: '' is no value" lwfctl oid eth1 mtu=
expect_error 2 "INVALID_DATA" lwfctl oid eth1 mtu=20
expect_error 2 "INVALID_DATA" lwfctl oid eth1 mac=01:00:00:00:00:01
expect_error 2 "NAME=VALUE" lwfctl oid eth1 =5
expect_error 2 "operand" lwfctl oid
expect_error 6 "NOT_SUPPORTED" lwfctl oid eth1 permanent-mac # a veth was made without one
timeout 1 lwfctl watch eth1 --since 1 >"$TMP/watch" || :
expect_match "what a person sees of it" "oid +answered +NOT_SUPPORTED +OID_802_3_PERMANENT_ADDRESS query" "$(cat "$TMP/watch")"
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"
expect_equal "broken rules" 0 "$(show '.rules_broken' eth1)"

ledgers_balance
stop_lwfd
nothing_left
