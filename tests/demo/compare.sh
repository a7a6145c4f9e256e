#!/usr/bin/env bash
# compare.sh - what lwf-one-pause prints is what docs/one-pause.md shows, and it ends with 0.
#
# usage: compare.sh PROGRAM
set -eu
page=$(cd "$(dirname "$0")/../.." && pwd)/docs/one-pause.md
printed=$("$1") || { echo "$printed" && exit 1; }
shown=$(sed -n '/<!-- output/,/<!-- end -->/p' "$page" | sed '/^<!--/d; /^```/d')
if [ "$printed" != "$shown" ]; then
	diff <(echo "$shown") <(echo "$printed") || true
	echo "docs/one-pause.md shows something else; copy the output there when the change is meant" >&2
	exit 1
fi
