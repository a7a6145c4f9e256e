#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 70-own-filter.sh - the filter of docs/writing-a-filter.md, built outside of the tree, in a running lwfd.
#
#	 [ inject > monitor > beacon ] > eth1 ~~cable~~ eth0
#	                       makes frames every 10 ms
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need cmake pkg-config cc tshark

step "the filter is built against what an installation has"
cmake --install "$BIN/.." --prefix "$TMP/installed" >"$TMP/install.log" || fail "$(cat "$TMP/install.log")"
cp -r "$ROOT/docs/examples/beacon" "$TMP/beacon"
{
	cmake -S "$TMP/beacon" -B "$TMP/beacon/build" -DCMAKE_PREFIX_PATH="$TMP/installed" \
		-DCMAKE_C_FLAGS=-Werror && cmake --build "$TMP/beacon/build"
} >"$TMP/build.log" 2>&1 || fail "$(cat "$TMP/build.log")"
beacon=$TMP/beacon/build/beacon.so

step "an installed lwf-stress finds the page of its language, and the scenarios beside it"
page=$("$TMP/installed/bin/lwf-stress" run --help | sed -n 's/^the language of scenarios: //p')
[[ $page = "$TMP/installed/"* ]] || fail "$page"
cmp "$page" "$ROOT/docs/scenarios.md"
"$TMP/installed/bin/lwf-stress" check "$(dirname "$page")"/scenarios/*.scn >/dev/null

step "what is no filter is refused by name"
far_host
refused() { # REGEX FILE...
	local regex=$1 load=()
	shift
	for file; do load+=(--load "$file"); done
	expect_error 2 "$regex" lwfd "${load[@]}" --nic eth1 --tap lwf0
}
refused "gone.so: cannot be loaded" "$TMP/gone.so"
refused "build.log: cannot be loaded" "$TMP/build.log"
mkfifo "$TMP/fifo"
refused "fifo: cannot be loaded .it is no regular file" "$TMP/fifo"
head -c 3000 "$beacon" >"$TMP/cut.so"
refused "cut.so: cannot be loaded .the file is cut off" "$TMP/cut.so"
echo 'int nothing;' | cc -shared -fPIC -x c -o "$TMP/empty.so" -
refused "holds no filters" "$TMP/empty.so"
sed 's/LWF_FILTER_ABI, sizeof/LWF_FILTER_ABI + 1, sizeof/' "$TMP/installed/include/lwf/filter.h" >"$TMP/filter.h"
mkdir -p "$TMP/other/lwf" && cp "$TMP/installed/include/lwf/"*.h "$TMP/other/lwf" && mv "$TMP/filter.h" "$TMP/other/lwf"
cc -shared -fPIC -I"$TMP/other" -o "$TMP/other.so" "$TMP/beacon/beacon.c"
refused "another version" "$TMP/other.so"
refused "'beacon' exists already" "$beacon" "$beacon"

step "it runs, and its frames arrive"
start_lwfd --load "$beacon" --nic eth1 --tap lwf0 --filter beacon:every=10ms
state_is eth1/beacon Running
before=$(tx_packets eth1)
arrived() { [ "$(tx_packets eth1)" -ge $((before + 20)) ]; }
wait_for 10 "twenty beacons" arrived

step "a pause stops them, a restart starts them again"
expect_exit 0 lwfctl pause eth1
before=$(tx_packets eth1)
sleep 0.5
expect_equal "tx_packets of eth1 while Paused" "$before" "$(tx_packets eth1)"
expect_exit 0 lwfctl restart eth1
wait_for 10 "twenty more" arrived

step "a second one, with another interval, inserted while it runs"
expect_exit 0 lwfctl filter insert eth1 beacon:every=5ms
state_is eth1/beacon-2 Running
expect_exit 0 lwfctl filter remove eth1/beacon-2

step "it drops what it is told to, with a reason"
framegen numbered "$TMP/ten.pcap" 10 100 >/dev/null
type=$((16#$(dissect "$TMP/ten.pcap" -T fields -e eth.type | head -n 1 | sed 's/0x//')))
expect_exit 0 lwfctl filter set eth1/beacon drop=$type
expect_exit 0 ip netns exec far lwf-inject --nic eth0 "$TMP/ten.pcap" --topspeed
dropped_ten() { [ "$(show '.stacks[0].modules[] | select(.name == "beacon") | .dropped' eth1)" -ge 10 ]; }
wait_for 5 "ten frames to be dropped" dropped_ten

ledgers_balance
expect_equal "rules broken" 0 "$(show .rules_broken)"
stop_lwfd
nothing_left
