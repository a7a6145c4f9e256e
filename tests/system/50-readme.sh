#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 50-readme.sh - the recipes of README.md run as printed.
#
#	 eth1, up, no address ~~cable~~ eth0 10.9.0.2/24; capture.pcap and scripts in the working folder
#
# A recipe is a shell block after a line <!-- recipe: NAME -->.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need ping

unset LWF_CONTROL
cd "$TMP"
ln -s "$ROOT/scripts" scripts

recipes() {
	sed -n 's/^<!-- recipe: \([a-z-]*\) -->$/\1/p' "$ROOT/README.md"
}

block() { # NAME
	awk -v mark="<!-- recipe: $1 -->" '
		$0 == mark { found = 1; next }
		found && /^```sh$/ { inside = 1; next }
		inside && /^```$/ { exit }
		inside { print }' "$ROOT/README.md"
}

names=$(recipes)
expect_at_least "recipes" 3 "$(wc -l <<<"$names")"
for name in $names; do
	step "recipe $name"
	text=$(block "$name")
	expect_at_least "lines of $name" 2 "$(wc -l <<<"$text")"
	expect_at_most "lines of $name" 10 "$(wc -l <<<"$text")"
	far_host
	ip -n far addr add 10.9.0.2/24 dev eth0
	framegen numbered capture.pcap 50 200 >/dev/null
	code=0
	timeout 60 bash -e -o pipefail -c "$text" >"$TMP/recipe.out" 2>&1 </dev/null || code=$?
	[ "$code" -eq 0 ] || fail "recipe $name ended with $code: $(cat "$TMP/recipe.out")"
	within 5 no_own_processes || fail "recipe $name left $(own_processes)"
	within 5 no_link lwf0 || fail "recipe $name left a TAP"
	[ ! -e /run/lwf/control ] || fail "recipe $name left a socket"
	ip link del eth1
done
