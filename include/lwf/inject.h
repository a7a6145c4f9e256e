/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject.h - liblwf-client: hand frames to a stack of a running lwfd and learn what became of each.
 *
 * NDIS counterpart: an open instance of a protocol driver; submitting is NdisSendNetBufferLists,
 * an answer is the NET_BUFFER_LIST that comes back complete.
 *
 * A handle is one session with one stack. It outlives links, pauses and modules: while the stack is
 * not Running, frames are answered PAUSED (or wait, if asked for), and when it runs again they leave
 * again, without anything to be done. Every frame submitted gets
 * exactly one answer event. When the daemon dies, what it had answered is still delivered, and all
 * that was in flight is answered UNKNOWN, never SUCCESS (PAUSED when a daemon that ended in order
 * never took it).
 *
 * How to use it:
 *
 *	struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
 *	options.stack = "eth1";
 *	if (lwf_inject_open(&options, &handle, &error)) ...
 *	lwf_inject_submit(handle, &frame, 1, NULL);
 *	while ((n = lwf_inject_poll(handle, events, 64)) == 0)
 *		lwf_inject_wait(handle, 1000000000);
 *	lwf_inject_close(handle);
 *
 * In an event loop: watch lwf_inject_fd() for reading, and whenever it is readable (and once at
 * first) call lwf_inject_poll() until it returns 0.
 *
 * Threads: a handle is for one thread at a time; different handles know nothing of each other. Several
 * threads on one handle are the caller's business: a lock of its own around every call. Nothing here
 * blocks longer than the timeout that it is given, whatever the daemon does.
 */
#ifndef LWF_INJECT_H
#define LWF_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lwf/control.h>
#include <lwf/frame.h>
#include <lwf/reasons.h>
#include <lwf/status.h>
#include <lwf/trace.h>

#ifdef __cplusplus
extern "C" {
#endif

struct lwf_inject;

/** What happens to frames while the stack is not Running. */
enum lwf_when_paused {
	LWF_WHEN_PAUSED_FAIL,  /* they are answered PAUSED at once */
	LWF_WHEN_PAUSED_WAIT,  /* they wait, and leave when the stack runs again; see wait_ns */
	LWF_WHEN_PAUSED_NPCAP, /* as FAIL; answers say what a program of Npcap would have seen */
};

struct lwf_inject_options {
	size_t size; /* sizeof(struct lwf_inject_options): set by LWF_INJECT_OPTIONS_INIT */
	const char
		*control;   /* the daemon's socket; NULL: LWF_CONTROL, else the runtime directory */
	const char *stack;  /* its name, or that of its network interface */
	const char *module; /* through which module; NULL: "inject" */
	enum lwf_when_paused when_paused;
	uint64_t timeout_ns;   /* of open, close and cancel */
	bool state_events;     /* tell changes of the stack's state as events */
	bool answer_resources; /* without room, answer RESOURCES instead of returning -EAGAIN */
	/*
	 * WAIT: how long a frame may wait; then it is answered as with FAIL. By the daemon's clock,
	 * from when it saw the frame: never earlier, a 16th later at most (2 ms at least). 0: for ever
	 */
	uint64_t wait_ns;
	const char *nic; /* instead of a stack: the one over this network interface */
};

#define LWF_INJECT_OPTIONS_INIT                                                            \
	{                                                                                  \
		sizeof(struct lwf_inject_options), NULL, NULL, NULL, LWF_WHEN_PAUSED_FAIL, \
			5000000000ull, false, false, 0, NULL                               \
	}

#define LWF_INJECT_RECEIVE   0x1u /* towards the host; without it: towards the NIC */
#define LWF_INJECT_TRUNCATED 0x2u /* a capture cut it short: send what is there all the same */
#define LWF_INJECT_SHORT     0x4u /* a capture cut it short: to be refused with INVALID_LENGTH */

/**
 * One frame to submit; all of it is lent for the call. Longer than LWF_FRAME_MAX_BYTES it is not
 * copied and answered INVALID_LENGTH.
 */
struct lwf_inject_frame {
	const void *data;
	uint32_t len;	    /* bytes */
	uint32_t flags;	    /* LWF_INJECT_* */
	uint64_t context;   /* the caller's own; comes back in the answer */
	uint32_t cancel_id; /* 0: cannot be cancelled */
};

enum lwf_inject_event_kind {
	LWF_INJECT_ANSWER, /* the one answer to a frame */
	LWF_INJECT_STATE,  /* the stack is in another state (with state_events) */
};

struct lwf_inject_event {
	enum lwf_inject_event_kind kind;
	/* ANSWER */
	lwf_status status;
	enum lwf_reason reason;
	bool refused;	  /* it was never admitted */
	uint32_t error;	  /* errno with FAILURE */
	uint32_t frames;  /* on the wire, with SUCCESS */
	uint32_t bytes;	  /* on the wire, with SUCCESS, without FCS */
	uint64_t id;	  /* as lwf_inject_submit() gave it */
	uint64_t context; /* as the caller gave it */
	/* STATE */
	enum lwf_state state;
	uint32_t
		epoch; /* lives of the stack, low 32 bits: another one means that it was detached */
	/*
	 * how often the state changed since the handle was opened: one more than in the event before
	 * if that was the last change, and n more when n - 1 changes came and went between two polls
	 */
	uint32_t changes;
	/* ANSWER, with LWF_WHEN_PAUSED_NPCAP: what GetLastError() would have said; else 0 */
	uint32_t win32;
};

#define LWF_INJECT_ANSWERS \
	16u /* columns of a ledger, by enum lwf_answer; more than there are now */

/**
 * The ledger of a handle: submitted = completed + refused + in_flight, at any time. It is counted when
 * an answer is taken; once all have been taken it says the same as the ledger of the session in the
 * daemon (lwf_inject_ledger(), `lwfctl ledger`), but for what the library turned away itself.
 */
struct lwf_inject_stats {
	uint64_t submitted;
	uint64_t completed[LWF_INJECT_ANSWERS]; /* admitted, and answered so */
	uint64_t refused[LWF_INJECT_ANSWERS];	/* never admitted */
	uint64_t sent;				/* frames with SUCCESS; a super-frame is one */
	uint64_t frames, bytes;			/* on the wire, of these */
	uint64_t in_flight;			/* without an answer that was taken */
	uint64_t turned_away; /* of refused: RESOURCES by the library, which the daemon never saw */
};

/**
 * Opens a handle. Returns 0, or -errno with @error filled (may be NULL): no daemon (error->exit 3),
 * no right (4), no such stack (5), refused (6). The caller closes it.
 */
int lwf_inject_open(const struct lwf_inject_options *options, struct lwf_inject **handle,
		    struct lwf_error *error);

/**
 * Gives up the session. Frames in flight go on in the daemon, and are answered to nobody: flush
 * first if that matters. Accepts NULL.
 */
void lwf_inject_close(struct lwf_inject *handle);

/**
 * Submits up to @count frames, in order, and never waits. Returns how many were taken: fewer than
 * @count when room ran out, or -EAGAIN when there was none at all (answers not yet polled take room
 * too), -ENOTCONN when the daemon is gone. @ids (may be NULL) gets the id of each frame taken.
 */
int lwf_inject_submit(struct lwf_inject *handle, const struct lwf_inject_frame *frames,
		      uint32_t count, uint64_t *ids);

/**
 * Takes up to @max events, and never waits. Returns how many; 0: none now, and the descriptor
 * becomes readable when there is one; -ENOTCONN when the daemon is gone and every answer has been
 * taken.
 */
int lwf_inject_poll(struct lwf_inject *handle, struct lwf_inject_event *events, uint32_t max);

/* ---- calls that block until the frames themselves are answered ---- */

/** What became of the frames of one call. */
struct lwf_inject_result {
	/* the first answer that is not SUCCESS, if there is one; win32 as in an event */
	lwf_status status;
	enum lwf_reason reason;
	bool refused;
	uint32_t error;
	uint32_t win32;
	uint32_t submitted;	/* frames that were handed over */
	uint32_t answered;	/* of these */
	uint32_t succeeded;	/* of these */
	uint64_t frames, bytes; /* on the wire, with SUCCESS */
	uint64_t gap_ns; /* lwf_inject_send_queue(): to sleep before the rest; 0: go on at once */
};

/**
 * PacketSendPacket, PacketSetNumWrites: sends @frame @repeat times and waits for the answers. Answers to
 * other frames stay for lwf_inject_poll(). 0: all are answered, *result says how. -ETIMEDOUT, -EINTR:
 * what is not answered yet is in flight, and answered by events with @frame's context. -ENOTCONN: the
 * daemon was gone before all were handed over (if it goes later they are answered UNKNOWN, and it is 0).
 * -EINVAL: flags that there are not, or @repeat is 0. After it, poll until there is nothing before
 * the descriptor is waited for.
 */
int lwf_inject_send(struct lwf_inject *handle, const struct lwf_inject_frame *frame,
		    uint32_t repeat, uint64_t timeout_ns, struct lwf_inject_result *result);

/** A frame of a queue, and its time stamp: only differences count. */
struct lwf_inject_queued {
	struct lwf_inject_frame frame;
	uint64_t time_ns;
};

#define LWF_INJECT_QUEUE_SLEEP_NS 50000ull	/* a shorter gap is spun away */
#define LWF_INJECT_QUEUE_GAP_NS	  1000000000ull /* a longer one is the caller's to sleep */
#define LWF_INJECT_QUEUE_BACK_NS \
	1000000ull /* that a stamp may lie before the one of its neighbour */

/**
 * PacketSendPackets: sends the frames of a queue and waits for the answers, by Npcap's rules. With
 * @sync they leave at their times, from the first on: it sleeps where 50 us or more are left, spins below, and
 * returns before a gap of more than 1 s with result->gap_ns set; result->submitted frames are done, sleep and call again for the
 * others. A stamp up to 1 ms before its neighbour's is no error. Without @sync they go as fast as
 * they can and stamps mean nothing. Returns as lwf_inject_send(); -ERANGE when a stamp runs back by more
 * (Npcap: ERROR_INVALID_TIME): the frames before it are sent. @timeout_ns is for all of it.
 */
int lwf_inject_send_queue(struct lwf_inject *handle, const struct lwf_inject_queued *queue,
			  uint32_t count, bool sync, uint64_t timeout_ns,
			  struct lwf_inject_result *result);

/* ---- waiting ---- */

/** To be watched for reading in an event loop. It stays the handle's. */
int lwf_inject_fd(const struct lwf_inject *handle);

/**
 * Waits for an event; when answers are to come, the first 50 us of it awake. 0; -ETIMEDOUT; -EINTR after
 * a signal; -ENOTCONN as above.
 */
int lwf_inject_wait(struct lwf_inject *handle, uint64_t timeout_ns);

/**
 * Waits until every frame submitted so far has its answer (still to be polled). 0; -ETIMEDOUT;
 * -EINTR; 0 also when the daemon dies, since then all are answered UNKNOWN.
 */
int lwf_inject_flush(struct lwf_inject *handle, uint64_t timeout_ns);

/**
 * Asks for all frames with @cancel_id (0: all that have one) to be answered SEND_ABORTED, those
 * included that wait in the ring. Returns when the daemon has done so: frames that the device
 * already has come home on their own. 0, -ETIMEDOUT, -ENOTCONN.
 */
int lwf_inject_cancel(struct lwf_inject *handle, uint32_t cancel_id);

/** Asks the daemon for a sign of life. 0, -ETIMEDOUT, -ENOTCONN. */
int lwf_inject_ping(struct lwf_inject *handle, uint64_t timeout_ns);

/**
 * Gives up on the daemon: all that is not answered now is answered UNKNOWN, as if it had died. For
 * one that does not answer a ping.
 */
void lwf_inject_abandon(struct lwf_inject *handle);

/** Frames submitted whose answers have not been taken by lwf_inject_poll(). */
uint32_t lwf_inject_outstanding(const struct lwf_inject *handle);

/** The stack's state now and its epoch (either may be NULL); Detached once the daemon is gone. */
void lwf_inject_state(const struct lwf_inject *handle, enum lwf_state *state, uint32_t *epoch);

/** True once the daemon is gone; *why (may be NULL) is the reason in words, static text. */
bool lwf_inject_is_gone(const struct lwf_inject *handle, const char **why);

/** What the handle has counted so far. */
void lwf_inject_stats(const struct lwf_inject *handle, struct lwf_inject_stats *stats);

/**
 * What the daemon has counted for this session, by its answers given: those not taken yet, too, and
 * without what was turned away. 0, -ETIMEDOUT, -ENOTCONN, -EBADMSG.
 */
int lwf_inject_ledger(struct lwf_inject *handle, uint64_t timeout_ns,
		      struct lwf_inject_stats *stats);

/**
 * The errno for an answer: 0 with SUCCESS; EAGAIN (not Running; ENETDOWN with LWF_WHEN_PAUSED_NPCAP),
 * ENODEV (detached, or removed), ENETDOWN (disabled), ENOLINK (no carrier), EMSGSIZE, ENOBUFS,
 * ECANCELED, EOPNOTSUPP, EPERM (a filter dropped it), ECONNRESET (the daemon died), and with FAILURE
 * @error, the device's own, or EIO.
 */
int lwf_inject_errno(lwf_status status, enum lwf_reason reason, uint32_t error,
		     enum lwf_when_paused when_paused);

/**
 * The Windows error that a program of Npcap sees for an answer: 1617 (ERROR_DEVICE_REMOVED) for what
 * Npcap itself refuses because its module is paused or its adapter is gone, 0x8034002A when PAUSED
 * comes from below, 995 when it was cancelled; 0 with SUCCESS.
 */
uint32_t lwf_inject_win32(lwf_status status, bool refused);

/** Such an error in words, "ERROR_DEVICE_REMOVED: ..."; static text. */
const char *lwf_inject_win32_text(uint32_t error);

/* ---- the adapter behind a handle, and all there are ---- */

/**
 * PacketRequest: asks the adapter of the handle's stack for @oid (an NDIS name with or without OID_, or a
 * word: `lwfctl oid STACK` lists them), or sets it to @value when that is not NULL, which needs the role
 * admin. The request goes through the filters of the stack. @text (may be NULL) gets the value as lwfctl
 * prints it: after a set, what was set. Takes the handle's timeout at most. 0; -EREMOTEIO with @error
 * filled (may be NULL): error->exit 4 no right, 5 no such OID, 2 no such value, 6 refused by the adapter or
 * the state; -ETIMEDOUT, -ENOTCONN.
 */
int lwf_inject_oid(struct lwf_inject *handle, const char *oid, const char *value, char *text,
		   size_t bytes, struct lwf_error *error);

#define LWF_INJECT_ALL_LOCAL 0x80u /* NDIS_PACKET_TYPE_ALL_LOCAL: directed, multicast, broadcast */

/**
 * PacketSetHwFilter: what the adapter receives, bits of enum lwf_packet_type (lwf/oid.h) and
 * LWF_INJECT_ALL_LOCAL. It is the stack's, for all its users. Returns as lwf_inject_oid().
 */
int lwf_inject_set_packet_filter(struct lwf_inject *handle, uint32_t types,
				 struct lwf_error *error);

/** A stack, as a program sees it that looks for an adapter. */
struct lwf_inject_adapter {
	char stack[LWF_NAME_BYTES];
	char lower[LWF_NAME_BYTES]; /* the network interface, or what else is at the lower edge */
	char upper[LWF_NAME_BYTES]; /* the TAP; empty without one */
	char kind[LWF_NAME_BYTES];  /* of the lower edge: "nic", "pcap" */
	enum lwf_state state;
	uint32_t epoch;	  /* low 32 bits */
	uint32_t ifindex; /* of the lower edge */
	uint32_t mtu_bytes;
	uint32_t sessions; /* clients that have it open */
	uint8_t mac[6];
	bool present, admin_up, carrier;
};

/**
 * PacketGetAdapterNames: the stacks of the daemon at @control (NULL: as lwf_inject_open()). Fills up to
 * @max and returns how many there are, which may be more; -errno with @error filled (may be NULL).
 */
int lwf_inject_adapters(const char *control, uint64_t timeout_ns,
			struct lwf_inject_adapter *adapters, uint32_t max, struct lwf_error *error);

/** The name of the handle's stack. */
const char *lwf_inject_stack(const struct lwf_inject *handle);

/** The session's number in the daemon, as `lwfctl show` lists it. */
uint32_t lwf_inject_session(const struct lwf_inject *handle);

#ifdef __cplusplus
}
#endif

#endif
