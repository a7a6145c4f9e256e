/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.def.h - the commands and options of lwfctl, once: parser, --help and the test of the man
 * page read it.
 *
 * COMMAND(symbol, words, operands, fewest, most, options of its own, help in one line)
 * OPTION(symbol, long name, argument or NULL, help in one line)
 */
#ifdef COMMAND
COMMAND(SHOW, "show", "[STACK]", 0, 1, 0, "states, links, modules, counters and sessions")
COMMAND(PAUSE, "pause", "STACK", 1, 1, 0, "hold it Paused; returns when it is")
COMMAND(RESTART, "restart", "STACK", 1, 1, 0, "lift that hold; returns when it is Running")
COMMAND(DETACH, "detach", "STACK", 1, 1, 0, "hold it Detached; returns when it is")
COMMAND(ATTACH, "attach", "STACK", 1, 1, 0, "lift that hold; returns when it is Running")
COMMAND(WAIT, "wait", "STACK[/MODULE]", 1, 1, CTL_STATE | CTL_TIMEOUT,
	"wait until it is in a state; needs --state and --timeout")
COMMAND(WATCH, "watch", "[STACK]", 0, 1, CTL_SINCE | CTL_FRAMES,
	"print what happens, one record a line")
COMMAND(LEDGER, "ledger", "[STACK]", 0, 1, 0, "what was submitted, and what became of it")
COMMAND(FLOWS, "flows", "[STACK]", 0, 1, CTL_ONLY | CTL_SORT | CTL_LIMIT | CTL_FOLLOW | CTL_WIDE,
	"who talks with whom, how much, and whose it is (needs a filter flow)")
COMMAND(VERDICT_RELOAD, "verdict reload", "[STACK]", 0, 1, 0,
	"read the files of rules again; with a mistake in it the old ones hold")
COMMAND(VERDICT_CHECK, "verdict check", "FILE", 1, 1, 0,
	"whether a file of rules has mistakes, and where; needs no daemon")
COMMAND(EXPLAIN, "explain", "[in] PROTOCOL ADDRESS[:PORT] ADDRESS[:PORT]", 1, 6,
	CTL_STACK | CTL_RULES | CTL_AS,
	"which rule decides about a conversation, whose it is, and what was decided of it")
COMMAND(VERDICT_SHOW, "verdict show", "[STACK]", 0, 1, 0,
	"who decides about flows, what was asked, and what is open (needs a filter verdict)")
COMMAND(VERDICT_SERVE, "verdict serve", "-- CMD [word...]", 1, CTL_ANY,
	CTL_STACK | CTL_PRIORITY | CTL_TIMEOUT | CTL_COPY,
	"CMD decides: asks come as lines of JSON, and it answers with lines")
COMMAND(VERDICT_ASK, "verdict ask", "", 0, 0, CTL_STACK | CTL_PRIORITY | CTL_TIMEOUT,
	"you decide, at this terminal")
COMMAND(INSERT, "filter insert", "STACK NAME[:key=value,...]", 2, 2, CTL_ABOVE | CTL_BELOW,
	"put a module in, lowest unless --above or --below says where")
COMMAND(REMOVE, "filter remove", "STACK/MODULE", 1, 1, 0, "take a module out")
COMMAND(SET, "filter set", "STACK/MODULE key=value[,...]", 2, 2, 0, "change options while it runs")
COMMAND(LINK, "link", "STACK carrier off|on", 3, 3, CTL_FOR,
	"act as if the NIC had no carrier; the NIC is not touched")
COMMAND(OID, "oid", "STACK [NAME[=VALUE]]", 1, 2, 0,
	"ask the adapter: all, or one OID by its name; or set it")
COMMAND(CLEANUP, "cleanup", "", 0, 0, 0, "undo what killed daemons left; needs no daemon")
#endif
#ifdef OPTION
OPTION(STATE, "state", "STATE", "wait: Detached, Attaching, Paused, Restarting, Pausing, Running")
OPTION(TIMEOUT, "timeout", "TIME", "wait, verdict: at most so long (500ms, 2s, 10m)")
OPTION(ABOVE, "above", "MODULE", "filter insert: directly above this module")
OPTION(BELOW, "below", "MODULE", "filter insert: directly below this module")
OPTION(FOR, "for", "TIME", "link: the carrier comes back by itself after this time")
OPTION(SINCE, "since", "SEQ", "watch: begin with record SEQ, as far as it is remembered (1: all)")
OPTION(FRAMES, "frames", NULL, "watch: also each step of each frame, and what callbacks answer")
OPTION(ONLY, "only", "KEY=VALUE[,...]",
       "flows: those of this pid, comm, user, protocol, port, state ...")
OPTION(SORT, "sort", "KEY",
       "flows: by bytes (default), frames, age, idle, pid, comm, local, remote")
OPTION(LIMIT, "limit", "N", "flows: the first N of them")
OPTION(FOLLOW, "follow", NULL, "flows: again every second")
OPTION(WIDE, "wide", NULL, "flows: also the user of each, and when its process was started")
OPTION(RULES, "rules", "FILE", "explain: by the rules of this file; needs no daemon")
OPTION(AS, "as", "KEY=VALUE[,...]", "explain: as if it were of this pid, user, command, program")
OPTION(STACK, "stack", "STACK[/MODULE]",
       "explain, verdict: of this stack, where there are several; verdict: for this module")
OPTION(PRIORITY, "priority", "N", "verdict: who has more is asked first (default 0)")
OPTION(COPY, "copy", "BYTES", "verdict serve: so much of the frame comes with each ask")
OPTION(CONTROL, "control", "PATH", "control socket (default: $LWF_CONTROL, else /run/lwf/control)")
OPTION(JSON, "json", NULL, "print one JSON object (watch: one a line)")
OPTION(HELP, "help", NULL, "print this and exit")
OPTION(VERSION, "version", NULL, "print the version and exit")
#endif
