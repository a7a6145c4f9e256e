#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 43-roles.sh - who may look, who may inject, who may change: by the credentials of the connection.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need setpriv
is_real_root || skip "other users exist only for real root"

GROUP=games
GID=$(getent group $GROUP | cut -d: -f3) || skip "no group $GROUP"
mkdir "$TMP/bin" "$TMP/open"
cp "$BIN/lwfctl" "$BIN/lwf-inject" "$TMP/bin"
framegen numbered "$TMP/open/one.pcap" 1 60 >/dev/null
chmod -R a+rX "$TMP"
export LWF_CONTROL=$TMP/open/control

# nobody, in a group of his own and in that of --group
STRANGER=(setpriv --reuid 65534 --regid 65534 --clear-groups)
MEMBER=(setpriv --reuid 65534 --regid "$GID" --clear-groups)

step "by default the owner alone"
bridge_up
expect_error 4 "control|permi" "${STRANGER[@]}" "$TMP/bin/lwfctl" show
expect_error 4 "control|permi" "${MEMBER[@]}" "$TMP/bin/lwf-inject" eth1 "$TMP/open/one.pcap"
expect_exit 0 lwfctl pause eth1
expect_exit 0 lwfctl restart eth1
stop_lwfd

step "--group: its members observe and inject, and change nothing"
start_lwfd --nic eth1 --tap lwf0 --group $GROUP
state_is eth1 Running
expect_equal "mode of the socket" "660 $GROUP" "$(stat -c '%a %G' "$LWF_CONTROL")"
expect_exit 0 "${MEMBER[@]}" "$TMP/bin/lwfctl" show
expect_exit 0 "${MEMBER[@]}" "$TMP/bin/lwfctl" ledger
expect_exit 0 "${MEMBER[@]}" "$TMP/bin/lwfctl" oid eth1 mtu
expect_exit 0 "${MEMBER[@]}" "$TMP/bin/lwfctl" wait eth1 --state running --timeout 1s
expect_exit 0 "${MEMBER[@]}" "$TMP/bin/lwf-inject" eth1 "$TMP/open/one.pcap"
for wish in "pause eth1" "restart eth1" "detach eth1" "attach eth1" "filter insert eth1 monitor" \
	"filter remove eth1/monitor" "filter set eth1/monitor x=1" "link eth1 carrier off" \
	"oid eth1 mtu=1400"; do
	# shellcheck disable=SC2086 # words of a command
	expect_error 4 "admin|permi" "${MEMBER[@]}" "$TMP/bin/lwfctl" $wish
done
cp "$TOOLS/clientsh" "$TMP/bin"
expect_exit 0 "${MEMBER[@]}" sh -c "printf '%s\n' 'send 2' take 'oid mtu' 'oid mtu 1400' 'filter 0x80' |
	'$TMP/bin/clientsh' stack=eth1"
expect_match "a member's frames" "^take: SUCCESS/none=2$" "$(sed -n 1p <<<"$OUT")"
expect_equal "a member's question" "oid: 1500" "$(sed -n 2p <<<"$OUT")"
expect_match "a member's setting" "^oid: oid-set: it needs the role admin, .* \(4\)$" "$(sed -n 3p <<<"$OUT")"
expect_match "a member's filter" "^filter: oid-set: it needs the role admin, .* \(4\)$" "$(sed -n 4p <<<"$OUT")"
for ((i = 0; i < 70; i++)); do
	"${MEMBER[@]}" "$TMP/bin/lwfctl" watch >"$TMP/watch.$i" 2>&1 &
	STARTED+=($!)
done
turned_away() {
	grep -qs "connections are open already" "$TMP"/watch.*
}
wait_for 10 "the members' places to be taken" turned_away
expect_exit 0 lwfctl pause eth1
expect_exit 0 lwfctl restart eth1
expect_equal "state" Running "$(show '.stacks[0].state' eth1)"
expect_error 4 "control|permi" "${STRANGER[@]}" "$TMP/bin/lwfctl" show
expect_equal "capabilities" 0000000000003000 "$(awk '/^CapEff/ { print $2 }' "/proc/$LWFD/status")"
stop_lwfd
nothing_left

step "a group that does not exist"
expect_error 2 "nosuchgroup" lwfd --nic eth1 --tap lwf0 --group nosuchgroup
nothing_left
