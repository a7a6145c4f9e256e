#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 71-python.sh - injector/python/lwf.py as it is installed, with and without scapy.
#
#	 lwf.Handle, lwf.LwfSocket > [ lwfd ] > eth1 ~~cable~~ eth0 > framecap, ping, ARP
#	                               lwf0 (TAP): where LwfSocket receives
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need cmake pkg-config
! is_sanitized || skip "Python does not bring the runtime of a sanitizer with it"
PYTHON=$(python_with scapy) || PYTHON=$(python_with ctypes) || skip "python3 is not installed"

step "install"
cmake --install "$BIN/.." --prefix "$TMP/installed" >"$TMP/install.log" || fail "$(cat "$TMP/install.log")"
PKG_CONFIG_PATH=$(dirname "$(find "$TMP/installed" -name lwf-client.pc)")
export PKG_CONFIG_PATH HOME=$TMP PYTHONDONTWRITEBYTECODE=1 # scapy keeps files in HOME
PYTHONPATH=$(pkg-config --variable=pythondir lwf-client)
[ -s "$PYTHONPATH/lwf.py" ] || fail "no lwf.py in $PYTHONPATH"
export PYTHONPATH
unset LD_LIBRARY_PATH

step "it finds the library that was installed with it, and says so where there is no daemon"
expect_exit 3 "$PYTHON" -c 'import sys, lwf
try: lwf.Handle("eth1")
except lwf.Error as error: sys.exit(print(error) or error.exit)'
expect_match "what it says" "control: .*start lwfd" "$OUT"
expect_exit 0 "$PYTHON" -c 'import sys, lwf; sys.exit("scapy" in sys.modules)'

# tests MODULE[.CLASS]...: by unittest, with its own account of what ran
tests() {
	PYTHONPATH=$PYTHONPATH:$ROOT/tests/python LIMIT=300 capture "$PYTHON" -m unittest "$@"
	[ "$CODE" -eq 0 ] || fail "$ERR"
	expect_match "$*: tests that ran" '^Ran [1-9][0-9]* tests? in' "$ERR"
	expect_equal "$*: tests that were skipped" "" "$(grep -o 'skipped=.*' <<<"$ERR" || :)"
}

bridge_up
addresses
LWF_CLIENT_LIBRARY=$(find "$TMP/installed" -name liblwf-client.so.0)
export LWF_CLIENT_LIBRARY LWF_TEST_LWFD=$LWFD
step "handles"
tests test_handle.Frames test_handle.States test_handle.Calls test_handle.Waiting test_handle.Errors
ledgers_balance

if "$PYTHON" -c 'import scapy' 2>/dev/null; then
	step "scapy's calls on a LwfSocket"
	tests test_scapy
	ledgers_balance

	step "the example: 1000 frames through a pause"
	before=$(tx_packets eth1)
	expect_exit 0 "$PYTHON" "$ROOT/docs/examples/python/pause.py" eth1
	runs=$(grep '^frames' <<<"$OUT")
	total=0 sent=0 paused=0
	while read -r _ first _ last said; do
		expect_equal "first frame of a run" "$total" "$first"
		last=${last%:}
		total=$((last + 1))
		case $said in
		SUCCESS) sent=$((sent + last - first + 1)) ;;
		PAUSED:*) paused=$((paused + last - first + 1)) ;;
		*) fail "an answer that nobody expects: $said" ;;
		esac
	done <<<"$runs"
	expect_equal "frames that it tells of" 1000 "$total"
	expect_equal "frames that it calls SUCCESS, against tx_packets of eth1" $(($(tx_packets eth1) - before)) "$sent"
	expect_at_least "frames that it calls PAUSED" 1 "$paused"
	expect_error 5 "^gone0: " "$PYTHON" "$ROOT/docs/examples/python/pause.py" gone0
else
	note "python3-scapy is not installed: handles only"
fi

step "a daemon that is killed"
tests test_handle.Death
wait "$LWFD" 2>/dev/null || :
forget "$LWFD"
