#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 65-broken-gate.sh - a build whose gate always admits: the test of the pause must find it out.
#
# The build is a private one with -DLWF_BREAK_GATE=ON; it is the only thing that this option is for.
# ctest: TIMEOUT 900
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need cmake ninja

BUILD=${BIN%/bin}/broken-gate
[ -w "${BIN%/bin}" ] || BUILD=$TMP/broken-gate

step "build"
unset CFLAGS
cmake -G Ninja -S "$ROOT" -B "$BUILD" -DLWF_BREAK_GATE=ON -DBUILD_TESTING=OFF \
	-DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS="-Og -g" >"$TMP/build.log" 2>&1 &&
	ninja -C "$BUILD" lwfd lwfctl lwf-inject >>"$TMP/build.log" 2>&1 ||
	fail "the build: $(tail -n 20 "$TMP/build.log")"

broken() { # SCRIPT: runs it with the broken build; CODE, and its output in $TMP/broken.out
	CODE=0
	env -u LWF_TEST_INSIDE -u LWF_TEST_MARK -u LWF_CONTROL LWF_BIN="$BUILD/bin" LWF_TOOLS="$TOOLS" \
		timeout 300 bash "$ROOT/tests/system/$1" >"$TMP/broken.out" 2>&1 || CODE=$?
}

step "the pause does not stand still, and the test says so"
broken 23-pause-stands-still.sh
expect_equal "exit code of 23-pause-stands-still with an open gate" 1 "$CODE"
expect_match "its message" "tx_packets of eth1 while paused|while paused: frame" "$(cat "$TMP/broken.out")"

step "the checker, from outside, names the rule"
broken 68-trace-checker.sh
expect_equal "exit code of 68-trace-checker with an open gate" 1 "$CODE"
expect_match "its message" "P01 broken by record" "$(cat "$TMP/broken.out")"
