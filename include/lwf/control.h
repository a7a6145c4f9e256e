/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h - the messages of the control socket.
 *
 * A SOCK_SEQPACKET socket; one message is one packet: a header of 16 bytes and its body, in the
 * machine's byte order (the socket never leaves the machine). Bodies are JSON objects, except where
 * a line says otherwise (TELL, ASKS: lwf/verdict_wire.h). The length of a message is checked against
 * its type before a byte of it is used; after LWF_WIRE_STRIKES_MAX malformed ones the connection is
 * closed.
 *
 * Every request is answered with LWF_WIRE_REPLY or LWF_WIRE_ERROR that carry its sequence number.
 * WATCH is answered by REPLY and then by one EVENT per trace record, until the client closes. With
 * frames true these include the steps of frames and the answers of control callbacks.
 */
#ifndef LWF_CONTROL_H
#define LWF_CONTROL_H

#include <assert.h>
#include <stdint.h>

#define LWF_WIRE_MAGIC		   0x4c57u /* "LW" */
#define LWF_WIRE_VERSION	   1u
#define LWF_WIRE_MESSAGE_MAX_BYTES 65536u
#define LWF_WIRE_STRIKES_MAX	   3u
#define LWF_WIRE_FLAG_MORE	   0x1u /* REPLY: the body goes on in the next message */

/** Who may send it: bits of lwf_role, of which the peer needs one. */
enum lwf_role {
	LWF_ROLE_OBSERVE = 0x1, /* state, events, ledger */
	LWF_ROLE_INJECT = 0x2,	/* open a session, submit, cancel */
	LWF_ROLE_ADMIN = 0x4,	/* change anything */
};

/**
 * X(symbol, number, needed role (0: anybody), name, body of the request)
 * Numbers are for ever: a number is never used again for something else.
 */
#define LWF_WIRE_LIST(X)                                                             \
	X(HELLO, 1, 0, "hello", "{version}; answer {version,pid,role}")              \
	X(SHOW, 2, OBSERVE, "show", "{stack?}; answer as `lwfctl show --json`")      \
	X(LEDGER, 3, OBSERVE, "ledger", "{stack?}")                                  \
	X(WATCH, 4, OBSERVE, "watch", "{stack?,since?,frames?}")                     \
	X(WAIT, 5, OBSERVE, "wait",                                                  \
	  "{stack,module?,state,timeout_ns}; answered when true or late")            \
	X(PAUSE, 6, ADMIN, "pause", "{stack}; answered when the stack has followed") \
	X(RESTART, 7, ADMIN, "restart", "{stack}; likewise")                         \
	X(ATTACH, 8, ADMIN, "attach", "{stack}; likewise")                           \
	X(DETACH, 9, ADMIN, "detach", "{stack}; likewise")                           \
	X(FILTER_INSERT, 10, ADMIN, "filter-insert", "{stack,spec,above?,below?}")   \
	X(FILTER_REMOVE, 11, ADMIN, "filter-remove", "{stack,module}")               \
	X(FILTER_SET, 12, ADMIN, "filter-set", "{stack,module,options}")             \
	X(CARRIER, 13, ADMIN, "carrier", "{stack,carrier,for_ns?}")                  \
	X(OID_QUERY, 14, OBSERVE, "oid-query",                                       \
	  "{stack,oid?}; all without oid; answered when the adapter has answered")   \
	X(OID_SET, 15, ADMIN, "oid-set", "{stack,oid,value}; likewise")              \
	X(FLOWS, 16, OBSERVE, "flows",                                               \
	  "{stack?,after?}; a page of flows, and after which to ask for more")       \
	X(VERDICTS, 17, OBSERVE, "verdicts",                                         \
	  "{stack?}; who decides, what was asked, and what is open")                 \
	X(RELOAD, 18, ADMIN, "reload", "{stack?}; reads files of rules again")       \
	X(EXPLAIN, 19, OBSERVE, "explain",                                           \
	  "{stack?,protocol,local,local_port?,remote,remote_port?,in?,vlan?,"        \
	  "pid?,uid?,command?,program?}; which rule decides")                        \
	X(OPEN, 20, INJECT, "open",                                                  \
	  "{stack?,nic?,module?,wait_when_paused?,wait_ns?}; answer {session} and "  \
	  "a memfd")                                                                 \
	X(DOORBELL, 21, INJECT, "doorbell", "none, and no answer: look at the ring") \
	X(CANCEL, 22, INJECT, "cancel", "{cancel_id}; 0: all")                       \
	X(SESSION, 23, INJECT, "session", "{}; answer: the session's ledger")        \
	X(SUBSCRIBE, 24, ADMIN, "subscribe",                                         \
	  "{stack,module?,priority?,timeout_ns?,credits?,copy_bytes?,pid?,"          \
	  "interactive?}; answer {decider,...}; asks follow")                        \
	X(TELL, 25, ADMIN, "tell", "records, and no answer: see lwf/verdict_wire.h") \
	X(REPLY, 100, 0, "reply", "from the daemon")                                 \
	X(ERROR, 101, 0, "error", "from the daemon: {exit,what,why,next}")           \
	X(EVENT, 102, 0, "event", "from the daemon: one trace record")               \
	X(RUNG, 103, 0, "rung", "from the daemon, no body: look at the ring")        \
	X(ASKS, 104, 0, "asks", "from the daemon: records, see lwf/verdict_wire.h")

enum lwf_wire_type {
#define X(sym, number, role, name, body) LWF_WIRE_##sym = (number),
	LWF_WIRE_LIST(X)
#undef X
};

struct lwf_wire_header {
	uint16_t magic;
	uint8_t version;
	uint8_t flags;	   /* LWF_WIRE_FLAG_* */
	uint16_t type;	   /* enum lwf_wire_type */
	uint16_t reserved; /* 0 */
	uint32_t length;   /* of the body, in bytes */
	uint32_t sequence; /* the requester's; the answer carries the same */
};

static_assert(sizeof(struct lwf_wire_header) == 16, "control.h: layout");

/** Exit codes of all programs (CONTRACT), also in the "exit" of an ERROR. */
enum lwf_exit {
	LWF_EXIT_OK = 0,
	LWF_EXIT_FALSE = 1,	  /* condition false, test failed, or not every frame SUCCESS */
	LWF_EXIT_USAGE = 2,	  /* usage, configuration, unusable input file */
	LWF_EXIT_UNREACHABLE = 3, /* no daemon */
	LWF_EXIT_PERMISSION = 4,
	LWF_EXIT_NO_OBJECT = 5, /* no such stack, module, interface */
	LWF_EXIT_REFUSED = 6,	/* by state, busy, a second daemon */
	LWF_EXIT_SKIPPED = 77,
	LWF_EXIT_TIMEOUT = 124,
};

/** What goes wrong, as every program says it: thing, reason, next step; and its exit code. */
struct lwf_error {
	enum lwf_exit exit;
	char what[128]; /* the thing: "lwf0", "/run/lwf/control", "--rate" */
	char why[384];	/* the reason */
	char next[256]; /* the next step to take; may be empty */
};

#endif
