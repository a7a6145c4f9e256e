/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vocabulary.h - the words that scenarios, worlds, `lwf-stress fault` and the report share: faults,
 * quantities, what can be done to a stack. Each is one list, from which come the enum, the printed
 * name, the parser's table and the rows of docs/scenarios.md.
 */
#ifndef LWF_STRESS_VOCABULARY_H
#define LWF_STRESS_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

/** What a name in a scenario may stand for, as bits (a word may take several). */
enum stress_object_kind {
	STRESS_NOTHING = 0x0,
	STRESS_LINK = 0x1,   /* lan0: the stack as a whole */
	STRESS_LOWER = 0x2,  /* lan0.lower: its NIC side */
	STRESS_UPPER = 0x4,  /* lan0.upper: its TAP side */
	STRESS_MODULE = 0x8, /* lan0/inject */
	STRESS_CLIENT = 0x10,
	STRESS_DAEMON = 0x20, /* a daemon; left out: the first */
};

#define STRESS_SIDES (STRESS_LOWER | STRESS_UPPER)

/** What a number counts. Numbers are int64_t. */
enum stress_unit {
	STRESS_COUNT,	   /* things, bytes; a condition: 0 or 1 */
	STRESS_DURATION,   /* nanoseconds */
	STRESS_SHARE,	   /* millionths; written "5%" */
	STRESS_FRAME_RATE, /* frames per second */
	STRESS_BIT_RATE,   /* bits per second */
	STRESS_STATE,	   /* enum lwf_state */
};

/** What a fault takes behind its words. */
enum stress_parameter {
	STRESS_NO_PARAMETER,
	STRESS_TAKES_COUNT,
	STRESS_TAKES_DURATION,
	STRESS_TAKES_SIGNED_DURATION, /* "+1h", "-24h" */
	STRESS_TAKES_WORD,	      /* a name, a MAC, an errno name */
};

/* A world that has no such thing says so (exit 77), and `check` warns of it outside `only`. */
#define STRESS_IN_SIM  0x1u
#define STRESS_IN_LIVE 0x2u
#define STRESS_IN_BOTH (STRESS_IN_SIM | STRESS_IN_LIVE)

/**
 * X(symbol, words, what it is done to, parameter, worlds, undone by, what it does)
 *
 * The one list of faults. In a scenario: "fault OBJECT WORDS [PARAMETER] [rate P%] [for D]", or with
 * the object behind the first word: "link lan0.lower down", "device lan0.lower delete", "client c1
 * kill", "daemon kill". In a shell: "lwf-stress fault STACK WORDS [PARAMETER] --for D". With "for",
 * the row "undone by" is applied at the end (the world remembers what was there before: an MTU, a
 * MAC, a name); NONE: it cannot be undone, and "for" is refused.
 */
#define STRESS_FAULT_LIST(X)                                                                       \
	X(LINK_DOWN, "link down", STRESS_SIDES, STRESS_NO_PARAMETER, STRESS_IN_BOTH, LINK_UP,      \
	  "administratively down (`ip link set down`)")                                            \
	X(LINK_UP, "link up", STRESS_SIDES, STRESS_NO_PARAMETER, STRESS_IN_BOTH, LINK_DOWN,        \
	  "administratively up")                                                                   \
	X(CARRIER_OFF, "link carrier-off", STRESS_SIDES, STRESS_NO_PARAMETER, STRESS_IN_BOTH,      \
	  CARRIER_ON, "the cable is pulled (live: the far end goes down)")                         \
	X(CARRIER_ON, "link carrier-on", STRESS_SIDES, STRESS_NO_PARAMETER, STRESS_IN_BOTH,        \
	  CARRIER_OFF, "the cable is back")                                                        \
	X(FORCE_OFF, "link force-off", STRESS_LOWER, STRESS_NO_PARAMETER, STRESS_IN_BOTH,          \
	  FORCE_ON, "the stack acts as without carrier (`lwfctl link carrier off`)")               \
	X(FORCE_ON, "link force-on", STRESS_LOWER, STRESS_NO_PARAMETER, STRESS_IN_BOTH, FORCE_OFF, \
	  "and again as the device says")                                                          \
	X(MTU, "link mtu", STRESS_SIDES, STRESS_TAKES_COUNT, STRESS_IN_BOTH, MTU,                  \
	  "another MTU, in bytes")                                                                 \
	X(MAC, "link mac", STRESS_LOWER, STRESS_TAKES_WORD, STRESS_IN_BOTH, MAC, "another MAC")    \
	X(DELETE, "device delete", STRESS_SIDES, STRESS_NO_PARAMETER, STRESS_IN_BOTH, CREATE,      \
	  "the interface is deleted")                                                              \
	X(CREATE, "device create", STRESS_SIDES, STRESS_NO_PARAMETER, STRESS_IN_BOTH, DELETE,      \
	  "an interface of that name is made (another ifindex), and brought up")                   \
	X(RENAME, "device rename", STRESS_LOWER, STRESS_TAKES_WORD, STRESS_IN_BOTH, RENAME,        \
	  "the interface gets another name")                                                       \
	X(MOVE, "device move", STRESS_LOWER, STRESS_NO_PARAMETER, STRESS_IN_BOTH, RETURN,          \
	  "the interface moves to another network namespace")                                      \
	X(RETURN, "device return", STRESS_LOWER, STRESS_NO_PARAMETER, STRESS_IN_BOTH, MOVE,        \
	  "and back, up")                                                                          \
	X(NAMESPACE, "device namespace-delete", STRESS_LOWER, STRESS_NO_PARAMETER, STRESS_IN_BOTH, \
	  NONE, "the interface moves to a network namespace, which is deleted with it")            \
	X(SEND_ERROR, "send error", STRESS_SIDES, STRESS_TAKES_WORD, STRESS_IN_BOTH, SEND_OK,      \
	  "sends fail with this errno (ENOBUFS, ENETDOWN, EAGAIN, EIO ...)")                       \
	X(SEND_SLOW, "send slow", STRESS_LOWER, STRESS_TAKES_DURATION, STRESS_IN_BOTH, SEND_OK,    \
	  "the device completes each send so much later")                                          \
	X(SEND_STUCK, "send stuck", STRESS_LOWER, STRESS_NO_PARAMETER, STRESS_IN_BOTH, SEND_OK,    \
	  "the device completes nothing")                                                          \
	X(SEND_OK, "send ok", STRESS_SIDES, STRESS_NO_PARAMETER, STRESS_IN_BOTH, NONE,             \
	  "sends are as before")                                                                   \
	X(OVERRUN, "netlink overrun", STRESS_NOTHING, STRESS_NO_PARAMETER, STRESS_IN_LIVE, NONE,   \
	  "link messages are lost")                                                                \
	X(STALE, "netlink stale", STRESS_NOTHING, STRESS_NO_PARAMETER, STRESS_IN_SIM, FRESH,       \
	  "a dump of links was interrupted: until it is tried again the engine hears of none")     \
	X(FRESH, "netlink fresh", STRESS_NOTHING, STRESS_NO_PARAMETER, STRESS_IN_SIM, NONE,        \
	  "the dump comes through: it hears what has become of each")                              \
	X(CLIENT_KILL, "client kill", STRESS_CLIENT, STRESS_NO_PARAMETER, STRESS_IN_BOTH,          \
	  CLIENT_START, "SIGKILL in the middle of its traffic")                                    \
	X(CLIENT_START, "client start", STRESS_CLIENT, STRESS_NO_PARAMETER, STRESS_IN_BOTH,        \
	  CLIENT_KILL, "it connects again; its traffic goes on")                                   \
	X(CLIENT_STOP, "client stop", STRESS_CLIENT, STRESS_NO_PARAMETER, STRESS_IN_BOTH,          \
	  CLIENT_CONTINUE, "SIGSTOP: it neither submits nor reads")                                \
	X(CLIENT_CONTINUE, "client continue", STRESS_CLIENT, STRESS_NO_PARAMETER, STRESS_IN_BOTH,  \
	  CLIENT_STOP, "SIGCONT")                                                                  \
	X(CLIENT_FLOOD, "client flood", STRESS_CLIENT, STRESS_NO_PARAMETER, STRESS_IN_BOTH,        \
	  CLIENT_CALM, "it submits whenever there is room")                                        \
	X(CLIENT_CALM, "client calm", STRESS_CLIENT, STRESS_NO_PARAMETER, STRESS_IN_BOTH,          \
	  CLIENT_FLOOD, "it keeps its rates again")                                                \
	X(CLIENT_CANCEL, "client cancel", STRESS_CLIENT, STRESS_NO_PARAMETER, STRESS_IN_BOTH,      \
	  NONE, "all it has out is cancelled")                                                     \
	X(CLIENT_DEAF, "client deaf", STRESS_CLIENT, STRESS_NO_PARAMETER, STRESS_IN_BOTH,          \
	  CLIENT_HEARS, "it submits and never reads its answers")                                  \
	X(CLIENT_HEARS, "client hears", STRESS_CLIENT, STRESS_NO_PARAMETER, STRESS_IN_BOTH,        \
	  CLIENT_DEAF, "it reads them again")                                                      \
	X(CLIENT_CROWD, "client crowd", STRESS_CLIENT, STRESS_TAKES_COUNT, STRESS_IN_BOTH, NONE,   \
	  "so many connections are opened and dropped")                                            \
	X(CLIENT_GARBLE, "client garble", STRESS_CLIENT, STRESS_TAKES_COUNT, STRESS_IN_BOTH, NONE, \
	  "it sends so many messages that are none, on connections of its own")                    \
	X(DAEMON_KILL, "daemon kill", STRESS_DAEMON, STRESS_NO_PARAMETER, STRESS_IN_BOTH,          \
	  DAEMON_START, "SIGKILL")                                                                 \
	X(DAEMON_TERM, "daemon terminate", STRESS_DAEMON, STRESS_NO_PARAMETER, STRESS_IN_BOTH,     \
	  DAEMON_START, "SIGTERM: it drains and ends")                                             \
	X(DAEMON_START, "daemon start", STRESS_DAEMON, STRESS_NO_PARAMETER, STRESS_IN_BOTH, NONE,  \
	  "it is started again; clients connect again")                                            \
	X(DAEMON_STOP, "daemon stop", STRESS_DAEMON, STRESS_NO_PARAMETER, STRESS_IN_LIVE,          \
	  DAEMON_CONTINUE, "SIGSTOP")                                                              \
	X(DAEMON_CONTINUE, "daemon continue", STRESS_DAEMON, STRESS_NO_PARAMETER, STRESS_IN_LIVE,  \
	  DAEMON_STOP, "SIGCONT")                                                                  \
	X(MEMORY, "memory fail", STRESS_DAEMON, STRESS_TAKES_COUNT, STRESS_IN_BOTH, MEMORY_OK,     \
	  "the n-th allocation from now fails")                                                    \
	X(MEMORY_OUT, "memory exhaust", STRESS_DAEMON, STRESS_NO_PARAMETER, STRESS_IN_BOTH,        \
	  MEMORY_OK, "every allocation fails")                                                     \
	X(MEMORY_OK, "memory ok", STRESS_DAEMON, STRESS_NO_PARAMETER, STRESS_IN_BOTH, NONE,        \
	  "allocations are as before")                                                             \
	X(DESCRIPTORS, "descriptors exhaust", STRESS_DAEMON, STRESS_NO_PARAMETER, STRESS_IN_LIVE,  \
	  DESCRIPTORS_OK, "the daemon gets no new descriptor (EMFILE)")                            \
	X(DESCRIPTORS_DENY, "descriptors deny", STRESS_DAEMON, STRESS_NO_PARAMETER,                \
	  STRESS_IN_LIVE, DESCRIPTORS_OK, "nobody gets one: the whole system has none (ENFILE)")   \
	X(DESCRIPTORS_OK, "descriptors ok", STRESS_DAEMON, STRESS_NO_PARAMETER, STRESS_IN_LIVE,    \
	  NONE, "it does again")                                                                   \
	X(CLOCK, "clock jump", STRESS_DAEMON, STRESS_TAKES_SIGNED_DURATION, STRESS_IN_LIVE, NONE,  \
	  "wall-clock time jumps, for the daemon")

enum stress_fault {
#define X(sym, words, object, parameter, worlds, undo, text) STRESS_FAULT_##sym,
	STRESS_FAULT_LIST(X)
#undef X
		STRESS_FAULT_NONE /* ends the list; as "undone by": nothing undoes it */
};

struct stress_fault_row {
	const char *words;
	unsigned objects; /* enum stress_object_kind bits; NOTHING: it takes none */
	enum stress_parameter parameter;
	unsigned worlds; /* STRESS_IN_* */
	enum stress_fault undo;
	const char *text;
};

/** Row of @fault, which is less than STRESS_FAULT_NONE. */
const struct stress_fault_row *stress_fault_row(enum stress_fault fault);

/** Finds a fault by its words ("link down"). STRESS_FAULT_NONE when there is none. */
enum stress_fault stress_fault_find(const char *words);

#define STRESS_MTU_LEAST_BYTES 68
#define STRESS_MTU_MOST_BYTES  65535

/** Reads a MAC of six bytes, "02:00:00:00:00:01". Whether it is one. */
bool stress_mac_parse(const char *text, uint8_t *mac);

/** What stands in the parentheses behind the object. */
enum stress_word {
	STRESS_NO_WORD,
	STRESS_STATUS_WORD, /* may be left out: the sum of all */
	STRESS_REASON_WORD, /* may be left out: the sum of all */
	STRESS_HOLD_WORD,
	STRESS_TEXT_WORD, /* "a text"; may be left out */
};

/** X(symbol, name, objects, word, unit, worlds, what it is): what `expect` may ask for. */
#define STRESS_QUANTITY_LIST(X)                                                                    \
	X(STATE, "state", STRESS_LINK | STRESS_MODULE, STRESS_NO_WORD, STRESS_STATE,               \
	  STRESS_IN_BOTH, "detached, attaching, paused, restarting, pausing, running")             \
	X(OUTSTANDING, "outstanding", STRESS_LINK | STRESS_MODULE | STRESS_CLIENT, STRESS_NO_WORD, \
	  STRESS_COUNT, STRESS_IN_BOTH,                                                            \
	  "frames originated, or submitted, and not yet home (link: all its modules)")             \
	X(SUBMITTED, "submitted", STRESS_LINK | STRESS_CLIENT, STRESS_NO_WORD, STRESS_COUNT,       \
	  STRESS_IN_BOTH, "frames that clients submitted")                                         \
	X(COMPLETED, "completed", STRESS_LINK | STRESS_CLIENT, STRESS_STATUS_WORD, STRESS_COUNT,   \
	  STRESS_IN_BOTH, "of these, answered after they were admitted; with a status: so")        \
	X(REFUSED, "refused", STRESS_LINK | STRESS_CLIENT, STRESS_STATUS_WORD, STRESS_COUNT,       \
	  STRESS_IN_BOTH, "of these, answered at the door")                                        \
	X(LOST, "lost", STRESS_LINK | STRESS_CLIENT, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH, \
	  "submitted by the client's own count, and never answered (after drain: 0)")              \
	X(DOUBLED, "doubled", STRESS_LINK | STRESS_CLIENT, STRESS_NO_WORD, STRESS_COUNT,           \
	  STRESS_IN_BOTH, "answers to a frame that had one, by the client's own count (0)")        \
	X(SENT, "sent", STRESS_LINK | STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,  \
	  "frames that the device took, by the ledger (link: lower)")                              \
	X(WIRE_FRAMES, "wire_frames", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,  \
	  "these, as they are on the wire: a super-frame is its segments")                         \
	X(WIRE_BYTES, "wire_bytes", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,    \
	  "bytes of these, each with its headers")                                                 \
	X(KERNEL_TX, "kernel_tx", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,      \
	  "frames that the device took, by a witness outside of the engine")                       \
	X(KERNEL_RX, "kernel_rx", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,      \
	  "frames that came in at the device, likewise")                                           \
	X(KERNEL_TX_BYTES, "kernel_tx_bytes", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT,          \
	  STRESS_IN_BOTH, "bytes of the frames that the device took, likewise")                    \
	X(DROPPED, "dropped", STRESS_LINK | STRESS_SIDES, STRESS_REASON_WORD, STRESS_COUNT,        \
	  STRESS_IN_BOTH, "frames of the device that nobody was handed, by reason")                \
	X(SEEN, "seen", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,                \
	  "frames that came out at the device, by a witness that looks at each")                   \
	X(ALTERED, "altered", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,          \
	  "of these, frames that no traffic made so, byte for byte")                               \
	X(DISORDERED, "disordered", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,    \
	  "of these, frames that came out after a later one of their traffic")                     \
	X(ECHOED, "echoed", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,            \
	  "of these, frames of a traffic that does not go there")                                  \
	X(BAD_SUMS, "bad_sums", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,        \
	  "of these, frames with a wrong checksum of IPv4, TCP or UDP")                            \
	X(EPOCH, "epoch", STRESS_LINK, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,               \
	  "lives of the stack so far")                                                             \
	X(PRESENT, "present", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,          \
	  "1 when the engine believes that the device exists")                                     \
	X(UP, "up", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,                    \
	  "1 when it believes that it is administratively up")                                     \
	X(CARRIER, "carrier", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,          \
	  "1 when it acts as with carrier")                                                        \
	X(MTU_OF, "mtu", STRESS_SIDES, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH, "bytes")      \
	X(HELD, "held", STRESS_LINK, STRESS_HOLD_WORD, STRESS_COUNT, STRESS_IN_BOTH,               \
	  "1 when this hold is set: user, modify, fault, user-detach, link, removed ...")          \
	X(RULES_BROKEN, "rules_broken", STRESS_NOTHING, STRESS_NO_WORD, STRESS_COUNT,              \
	  STRESS_IN_BOTH, "rules of NDIS that were broken so far (always 0, or the run fails)")    \
	X(PAUSES, "pauses", STRESS_LINK, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,             \
	  "pauses of modules that came to their end")                                              \
	X(PENDED, "pended", STRESS_LINK, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,             \
	  "of these, answered PENDING first")                                                      \
	X(PAUSE_MAX, "pause_max", STRESS_LINK, STRESS_NO_WORD, STRESS_DURATION, STRESS_IN_BOTH,    \
	  "the longest of them")                                                                   \
	X(PAUSE_P99, "pause_p99", STRESS_LINK, STRESS_NO_WORD, STRESS_DURATION, STRESS_IN_BOTH,    \
	  "99 of 100 of them took at most so long")                                                \
	X(ALIVE, "alive", STRESS_CLIENT | STRESS_DAEMON, STRESS_NO_WORD, STRESS_COUNT,             \
	  STRESS_IN_BOTH, "1 when it runs, or is stopped")                                         \
	X(REJECTED, "rejected", STRESS_CLIENT, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,       \
	  "messages that were none, each answered with an error")                                  \
	X(HUNG_UP, "hung_up", STRESS_CLIENT, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,         \
	  "connections that were closed for three of them")                                        \
	X(SECOND_DAEMON, "second_daemon", STRESS_LINK, STRESS_NO_WORD, STRESS_COUNT,               \
	  STRESS_IN_LIVE, "the exit code of another lwfd that is started on the same NIC now")     \
	X(RESYNCS, "resyncs", STRESS_DAEMON, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_LIVE,         \
	  "full dumps after a netlink overrun")                                                    \
	X(ENDED_IN, "ended_in", STRESS_DAEMON, STRESS_NO_WORD, STRESS_DURATION, STRESS_IN_LIVE,    \
	  "how long it took to end when it was told to, the last time")                            \
	X(LOGGED, "logged", STRESS_DAEMON, STRESS_TEXT_WORD, STRESS_COUNT, STRESS_IN_LIVE,         \
	  "lines that the daemon has written so far; with a text: that contain it")                \
	X(CPU, "cpu", STRESS_DAEMON, STRESS_NO_WORD, STRESS_SHARE, STRESS_IN_LIVE,                 \
	  "processor time of the daemon over the last second")                                     \
	X(MEMORY_OF, "memory", STRESS_DAEMON, STRESS_NO_WORD, STRESS_COUNT, STRESS_IN_BOTH,        \
	  "bytes resident (sim: allocations that are out)")                                        \
	X(DESCRIPTORS_OF, "descriptors", STRESS_DAEMON, STRESS_NO_WORD, STRESS_COUNT,              \
	  STRESS_IN_LIVE, "descriptors that the daemon has open")

enum stress_quantity {
#define X(sym, name, objects, word, unit, worlds, text) STRESS_QUANTITY_##sym,
	STRESS_QUANTITY_LIST(X)
#undef X
		STRESS_QUANTITIES
};

struct stress_quantity_row {
	const char *name;
	unsigned objects;
	enum stress_word word;
	enum stress_unit unit;
	unsigned worlds;
	const char *text;
};

const struct stress_quantity_row *stress_quantity_row(enum stress_quantity quantity);

/** Finds a quantity by name. STRESS_QUANTITIES when there is none. */
enum stress_quantity stress_quantity_find(const char *name);

/** X(symbol, words): what a user may do to a stack ("stack lan0 pause"). */
#define STRESS_ORDER_LIST(X)  \
	X(PAUSE, "pause")     \
	X(RESTART, "restart") \
	X(ATTACH, "attach")   \
	X(DETACH, "detach")   \
	X(INSERT, "insert")   \
	X(REMOVE, "remove")   \
	X(SET, "set")

enum stress_order {
#define X(sym, name) STRESS_ORDER_##sym,
	STRESS_ORDER_LIST(X)
#undef X
		STRESS_ORDERS
};

const char *stress_order_name(enum stress_order order);

#endif
