#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# 79-explain.sh - which rule decides: by a file alone, without a daemon.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need jq

explained() { # FILE JQ ARGS...
	local file=$1 what=$2
	shift 2
	capture lwfctl explain --rules "$file" --json "$@"
	expect_equal "exit code of explain $*" 0 "$CODE"
	jq -r "$what" <<<"$OUT"
}

cat >"$TMP/home.rules" <<'END'
# what the machine needs
allow out udp,tcp remote-port 53   # names

deny in not remote 10.0.0.0/8
reject out user root program \
	/usr/bin/curl
ask out tcp timeout 2s default deny priority 7; allow out udp
default deny
END

step "a file without a mistake"
capture lwfctl verdict check "$TMP/home.rules"
expect_equal "exit code" 0 "$CODE"
expect_equal "what is said" "$TMP/home.rules: 6 rules, no mistake" "$OUT"
expect_equal "its rules" "2 4 5 7 7 8" "$(lwfctl verdict check "$TMP/home.rules" --json | jq -r '[.rules[].line] | join(" ")')"

step "the rule that decides, by its number, line and text"
expect_equal "a question for a name" "allow 1 2 allow out udp,tcp remote-port 53" \
	"$(explained "$TMP/home.rules" '"\(.action) \(.rule) \(.line) \(.text)"' "udp 10.0.0.5:4000 -> 192.0.2.1:53")"
expect_equal "from outside" "deny 2" \
	"$(explained "$TMP/home.rules" '"\(.action) \(.rule)"' in tcp 192.0.2.1:4000 10.0.0.5:22)"
expect_equal "from inside" "deny 6 default deny" \
	"$(explained "$TMP/home.rules" '"\(.action) \(.rule) \(.text)"' in tcp 10.0.0.6:4000 10.0.0.5:22)"
expect_equal "it depends on a process" "wait 3 5" \
	"$(explained "$TMP/home.rules" '"\(.action) \(.rule) \(.line)"' tcp 10.0.0.5:4000 192.0.2.1:443)"
expect_equal "of this one" "reject 3 reject out user root program /usr/bin/curl" \
	"$(explained "$TMP/home.rules" '"\(.action) \(.rule) \(.text)"' --as user=root,program=/usr/bin/curl tcp 10.0.0.5:4000 192.0.2.1:443)"
expect_equal "of another one" "ask 4 2000000000 deny 7" \
	"$(explained "$TMP/home.rules" '"\(.action) \(.rule) \(.timeout_ns) \(.default) \(.priority)"' --as user=root,program=/usr/bin/wget tcp 10.0.0.5:4000 192.0.2.1:443)"
expect_equal "what a person reads" "ask by rule 4, $TMP/home.rules:7" \
	"$(lwfctl explain --rules "$TMP/home.rules" --as user=0,program=/x tcp 10.0.0.5:4000 192.0.2.1:443 | sed -n 's/^verdict *//p')"
expect_equal "IPv6" "deny" \
	"$(explained "$TMP/home.rules" .action --as pid=1,user=1 "udplite [2001:db8::1]:5 -> [2001:db8::2]:6")"

step "mistakes: named with file, line and column, and pictured"
printf 'allow out\ndeny remote 10.0.0.1/8\ndefault deny\n' >"$TMP/bad.rules"
for command in "verdict check $TMP/bad.rules" "explain --rules $TMP/bad.rules udp 10.0.0.5:1 10.0.0.6:2"; do
	# shellcheck disable=SC2086 # words
	capture lwfctl $command
	expect_equal "exit code" 2 "$CODE"
	expect_match "its place" "$TMP/bad.rules:2:13: '10.0.0.1/8' has bits behind its prefix" "$ERR"
	expect_match "the first line, which is the error" "^lwfctl: [^ ]*/bad.rules:2:13: .*; see man lwf-rules$" "$(sed -n 1p "$TMP/err")"
	expect_equal "lines" 3 "$(wc -l <"$TMP/err")"
	expect_equal "the caret" "   deny remote 10.0.0.1/8|               ^" "$(tail -n 2 "$TMP/err" | paste -sd '|')"
done
expect_error 2 "bad.rules:2:13: .*; see man lwf-rules$" lwfctl verdict check "$TMP/bad.rules" --json
capture lwfctl verdict check "$TMP/bad.rules" --json
expect_equal "as JSON" "$TMP/bad.rules:2:13" "$(jq -r .error.what <<<"$OUT")"
capture lwfctl verdict check "$TMP/none.rules"
expect_equal "no such file" "2 lwfctl: $TMP/none.rules: No such file or directory; name a file of rules" "$CODE $ERR"
capture lwfctl verdict check "$TMP"
expect_equal "a folder" "2 lwfctl: $TMP: this is no plain file; name a file of rules" "$CODE $ERR"
capture lwfctl explain --rules "$TMP/home.rules" tcp 10.0.0.5 192.0.2.1:443
expect_equal "a tuple that is none" 2 "$CODE"
for as in user=-1 user=4294967295 user=4294967296 pid=0 pid=-1 pid=1k pid=1,pid=2 user=0,user=1 local=1 command=; do
	expect_error 2 "^lwfctl: --as: .*; (use pid, user|write a number)" \
		lwfctl explain --rules "$TMP/home.rules" --as "$as" udp 10.0.0.5:1 192.0.2.1:2
done
capture lwfctl explain --rules "$TMP/home.rules" --as colour=red udp 10.0.0.5:1 192.0.2.1:2
expect_equal "an owner that is none" 2 "$CODE"
capture lwfctl explain udp 10.0.0.5:1 192.0.2.1:2
expect_equal "without a file a daemon is needed" 3 "$CODE"
nothing_left
