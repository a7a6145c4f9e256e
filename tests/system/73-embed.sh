#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 73-embed.sh - the programs of docs/examples/embed, built outside of the tree against an installation.
#
# They are built four times: with CMake and with pkg-config, against the shared libraries and the static
# ones. Then each runs: the simulation, the bridge with a far host, the clients with a lwfd, the decider with the
# filter verdict, real programs and a default of deny. What the libraries export is what their version scripts
# list, and nothing but lwf_*.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=verdicts.sh
. "$(dirname "$0")/verdicts.sh"
need cmake pkg-config cc c++ nm readelf python3 jq

cached() { # NAME: of the build that is tested
	sed -n "s/^$1:[A-Z]*=//p" "$BIN/../CMakeCache.txt"
}

step "install"
prefix=$TMP/installed
cmake --install "$BIN/.." --prefix "$prefix" >"$TMP/install.log" || fail "$(cat "$TMP/install.log")"
pc=$(dirname "$(find "$prefix" -name lwf.pc)")
lib=$(dirname "$pc")
export PKG_CONFIG_PATH=$pc
CC=$(cached CMAKE_C_COMPILER)
CXX=$(cached CMAKE_CXX_COMPILER)
case $(basename "$CC") in clang*) CXX=${CXX:-clang++} ;; *) CXX=${CXX:-c++} ;; esac
sanitize=$(cached LWF_SANITIZE)
flags="-Wall -Wextra -Werror${sanitize:+ -fsanitize=$sanitize}"
export CC CXX

step "the libraries export what their version scripts list"
for name in lwf lwf-client; do
	version=$(grep -o '^LWF_[A-Z_]*[0-9.]*' "$ROOT/cmake/$name.map")
	listed=$(sed -n "s/^\t\(lwf_[a-z0-9_]*\);\$/\1@@$version/p" "$ROOT/cmake/$name.map" | sort)
	nm -D --defined-only "$lib/lib$name.so" | awk '$2 != "A" { print $3 }' | sort >"$TMP/exported"
	expect_equal "what lib$name.so exports" "$listed" "$(cat "$TMP/exported")"
	expect_match "SONAME" "\[lib$name\.so\.0\]" "$(readelf -d "$lib/lib$name.so" | grep SONAME)"
	nm -g --defined-only "$lib/lib$name.a" 2>/dev/null | awk 'NF == 3 && $2 ~ /[TDRB]/ { print $3 }' |
		{ grep -vE '^(lwf_|__(a|t|ub)san|__odr_asan|\.)' || :; } >"$TMP/exported"
	expect_equal "what else lib$name.a has" "" "$(cat "$TMP/exported")"
done

cp -r "$ROOT/docs/examples/embed" "$TMP/embed"
with_cmake() { # FOLDER ARGS...
	local to=$TMP/$1
	shift
	{
		cmake -S "$TMP/embed" -B "$to" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_FLAGS="$flags" \
			-DCMAKE_CXX_FLAGS="$flags" "$@" && cmake --build "$to"
	} >"$TMP/build.log" 2>&1 || fail "$(cat "$TMP/build.log")"
}

with_pkg_config() { # FOLDER [SUFFIX]
	local to=$TMP/$1 source name package compile libs
	mkdir "$to"
	for source in "$TMP"/embed/*.c "$TMP"/embed/*.cc; do
		name=$(basename "${source%.*}")
		package=lwf-client
		compile="$CC -std=c11"
		case $name in embed-*) package=lwf ;; esac
		case $source in *.cc) compile="$CXX -std=c++17" ;; esac
		libs=$(pkg-config --cflags --libs "$package${2:-}")
		# shellcheck disable=SC2086 # lists of options
		$compile $flags -o "$to/$name" "$source" $libs >"$TMP/build.log" 2>&1 ||
			fail "$name with $libs: $(cat "$TMP/build.log")"
	done
}

step "built with CMake, shared"
with_cmake cmake-shared
step "built with CMake, static"
with_cmake cmake-static -DSTATIC=ON
step "built with pkg-config, shared"
with_pkg_config pkg-shared
step "built with pkg-config, static"
with_pkg_config pkg-static -static

step "a version, or a component, that there is not, is refused"
sed -i 's/find_package(lwf 0.1 REQUIRED)/find_package(lwf 0.2 REQUIRED)/' "$TMP/embed/CMakeLists.txt"
expect_exit 1 cmake -S "$TMP/embed" -B "$TMP/refused" -DCMAKE_PREFIX_PATH="$prefix"
sed -i 's/find_package(lwf 0.2 REQUIRED)/find_package(lwf 0.1 REQUIRED COMPONENTS gone)/' "$TMP/embed/CMakeLists.txt"
expect_exit 1 cmake -S "$TMP/embed" -B "$TMP/refused" -DCMAKE_PREFIX_PATH="$prefix"

export LD_LIBRARY_PATH=$lib
builds="cmake-shared cmake-static pkg-shared pkg-static"
for build in $builds; do
	for name in embed-sim embed-bridge client-submit client-wait decider cxx-client; do
		needed=$(readelf -d "$TMP/$build/$name" | grep -c 'NEEDED.*liblwf' || :)
		case $build in
		*shared) expect_equal "shared libraries of lwf that $build/$name wants" 1 "$needed" ;;
		*) expect_equal "shared libraries of lwf that $build/$name wants" 0 "$needed" ;;
		esac
	done
	step "$build: the simulation"
	expect_exit 0 "$TMP/$build/embed-sim"
	expect_equal "what it says" "the stack is Running
low0 was handed 60 bytes, answer SUCCESS
rules broken: 0" "$OUT"
done

far_host
ip -n far addr replace 10.9.0.2/24 dev eth0
for build in $builds; do
	step "$build: the bridge carries pings"
	background bridge "$TMP/$build/embed-bridge" eth1 lwf0
	carries() { has_link lwf0 && link_flag lwf0 LOWER_UP; }
	wait_for 10 "the TAP of the bridge to have a carrier" carries
	addresses
	expect_exit 0 ping -c 3 -i 0.1 -W 5 10.9.0.2
	stop bridge
	expect_equal "its exit code ($ERR)" 0 "$CODE"
	expect_match "its account" "^sent [1-9][0-9]* frames, received [1-9]" "$OUT"
	wait_for 5 "the TAP to be gone" no_link lwf0
done

step "without a daemon, clients say so"
for name in client-submit decider; do
	expect_exit 3 "$TMP/pkg-shared/$name" eth1
	expect_match "what $name says" "lwfd" "$ERR"
done

start_lwfd --nic eth1 --tap lwf0
state_is eth1 Running
for build in $builds; do
	step "$build: the clients"
	before=$(tx_packets eth1)
	expect_exit 0 "$TMP/$build/client-submit" eth1
	expect_equal "frames with SUCCESS" 3 "$(grep -c SUCCESS <<<"$OUT")"
	expect_exit 0 "$TMP/$build/cxx-client" eth1
	expect_equal "what the one in C++ says" SUCCESS "$OUT"
	left_four() { [ "$(tx_packets eth1)" -ge $((before + 4)) ]; }
	wait_for 5 "four frames to leave eth1" left_four

	mkfifo "$TMP/lines"
	"$TMP/$build/client-wait" eth1 <"$TMP/lines" >"$TMP/waits" &
	STARTED+=($!)
	waiting=$!
	exec 9>"$TMP/lines"
	echo one >&9
	wait_for 5 "an answer" grep -q 'answer SUCCESS' "$TMP/waits"
	expect_exit 0 lwfctl pause eth1
	wait_for 5 "the state" grep -q 'state Paused' "$TMP/waits"
	echo two >&9
	wait_for 5 "an answer while Paused" grep -q 'answer PAUSED' "$TMP/waits"
	expect_exit 0 lwfctl restart eth1
	exec 9>&-
	within 5 is_gone "$waiting" || fail "client-wait did not end with its input"
	wait "$waiting" || fail "client-wait ended with $?"
	forget "$waiting"
	rm "$TMP/lines"
done
expect_exit 0 lwfctl pause eth1
expect_exit 1 "$TMP/pkg-shared/client-submit" eth1
expect_equal "frames that are PAUSED" 3 "$(grep -c PAUSED <<<"$OUT")"

expect_exit 0 lwfctl restart eth1
state_is eth1 Running

# example_of PAGE: compiles its example, as printed, to $TMP/PAGE.
example_of() {
	# shellcheck disable=SC2016 # the marks of scdoc, not a command
	sed -n '/^# EXAMPLE/,/^# SEE/p' "$ROOT/docs/man/$1.3.scd" | sed -n '/^```/,/^```/p' |
		sed '/^```/d; s/\\\\/\\/g' >"$TMP/$1.c"
	# shellcheck disable=SC2046,SC2086 # lists of options
	$CC -std=c11 $flags -o "$TMP/$1" "$TMP/$1.c" $(pkg-config --cflags --libs lwf-client) \
		>"$TMP/build.log" 2>&1 || fail "$(cat "$TMP/build.log")"
}

ledgers_balance

# Only an answer lets anybody talk: the default is deny, and comes after 5 s.
expect_exit 0 lwfctl filter insert eth1 verdict:default=deny,timeout=5s
state_is eth1 Running
addresses
servers
for build in $builds; do
	step "$build: the decider"
	background decider "$TMP/$build/decider" eth1 8000 8001
	wait_for 10 "the decider" decides decider
	before=$(verdicts .settled.verdict)
	talks 8000
	refused 8002
	talks 8001
	expect_at_least "asks that it answered" 3 $(($(verdicts .settled.verdict) - before))
	conserved
	stop decider TERM
	for line in "allow port 8000" "reject port 8002" "allow port 8001"; do
		expect_equal "lines that say '$line'" 1 "$(grep -c "^$line, protocol 6, " <<<"$OUT")"
	done
	vanishes 8000 # nobody decides
done

step "the example of lwf-verdict(3)"
example_of lwf-verdict
background decider "$TMP/lwf-verdict" eth1
wait_for 10 "the decider" decides decider
talks 8000
vanishes 25
stop decider TERM
expect_equal "what it printed" "denied: port 25" "$OUT"
stop_servers
expect_exit 0 lwfctl filter remove eth1/verdict
state_is eth1 Running

step "the example of lwf-client(3)"
example_of lwf-client
background lwf-client "$TMP/lwf-client" eth1
sending
expect_exit 0 lwfctl pause eth1
wait_for 5 "a frame to be told" grep -q '^frame [1-9][0-9]*: PAUSED, ' "$TMP/lwf-client.out"
expect_match "what it says of the stack" "^the stack is Paused" "$(cat "$TMP/lwf-client.out")"

ledgers_balance
stop_lwfd
finish lwf-client
expect_equal "exit code of the example once there is no daemon" 3 "$CODE"
expect_match "what it says" "^eth1: ." "$ERR"
nothing_left
