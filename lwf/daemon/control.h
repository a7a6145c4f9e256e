/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h - the control server: who is connected, what each may do, and what each is owed.
 *
 * control.c moves messages, commands.c gives them a meaning, pending.c, oidcmd.c and explaincmd.c answer what takes time,
 * watch.c streams the trace, verdict.c asks deciders. All of it is for the loop thread and never waits for a peer.
 */
#ifndef LWF_DAEMON_CONTROL_H
#define LWF_DAEMON_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include <lwf/control.h>
#include <lwf/host.h>
#include <lwf/stack.h>

#include "client.h"
#include "config.h"
#include "show.h"
#include "wire.h"

#define LWF_PEERS_MAX	       64u
#define LWF_PEERS_ADMIN	       4u    /* of these are for root and our own user alone */
#define LWF_PEERS_STAY	       60u   /* that watch, send or decide; the others ask and leave */
#define LWF_PEER_PENDING_MAX   8u    /* commands of one peer that are not answered yet */
#define LWF_PEER_QUEUE_PACKETS 1024u /* answers that one peer has not taken; more ends it */
#define LWF_PEER_TURN_MESSAGES 16u   /* read from one peer in one loop turn */
#define LWF_PEER_TURN_EVENTS   256u  /* sent to one watcher in one loop turn */
#define LWF_PEER_SILENT_NS \
	2000000000ull /* a peer that said nothing yet may be put out for another */
#define LWF_PEER_IDLE_NS      30000000000ull /* and one that wants nothing any more */
#define LWF_SERVER_RECHECK_NS 20000000ull
#define LWF_SERVER_TELL_NS    1000000000ull /* between two lines of log about the same */
#define LWF_SERVER_ACCEPT_NS  100000000ull  /* pause of accepting when there are no descriptors */

struct lwf_server;
struct lwf_pending;
struct lwf_oid_command;
struct lwf_explain;
struct verdict_peer;

/** An answer that the socket did not take at once. */
struct lwf_packet {
	struct lwf_packet *next;
	int fd; /* goes with it, or -1 */
	size_t bytes;
	unsigned char data[];
};

/** One connection. */
struct lwf_peer {
	struct lwf_server *server;
	struct lwf_watch watch;
	int fd;
	struct lwf_client_peer who;
	uint32_t roles; /* enum lwf_role */
	uint32_t strikes;
	uint64_t since_ns; /* that it is there; once it was heard, since when it says nothing */
	bool heard;	   /* it has sent something valid */
	bool dead;	   /* its end is noticed; the loop takes it away at its next turn */
	bool leaving;	   /* dead as soon as it took what is queued */

	struct lwf_packet *first, *last; /* queued answers */
	uint32_t queued;
	uint32_t pending; /* in server->pending and server->oid_commands */

	bool watching;
	uint64_t watch_seq; /* behind the last record it has seen */
	struct lwf_trace_cursor watch_at;
	uint32_t watch_sequence;
	char watch_stack[LWF_NAME_BYTES]; /* empty: all */

	bool rung_owed; /* a RUNG found the socket full */
	struct lwf_client *client;
	struct verdict_peer *verdict; /* its decider; NULL: it has not subscribed */
};

/** A carrier that was switched off for a time. */
struct lwf_carrier_off {
	struct lwf_carrier_off *next;
	struct lwf_server *server;
	struct lwf_timer timer;
	char stack[LWF_NAME_BYTES];
};

struct lwf_server {
	struct lwf_host *host;
	struct lwf_engine *engine;
	const struct lwf_config *config;
	struct lwf_show_facts facts;
	int listen_fd; /* lent; -1 while it does not listen */
	int spare_fd;  /* given up to tell one more that there are no descriptors left */
	struct lwf_watch listen_watch;
	struct lwf_timer accept_timer;
	uint64_t told_ns;
	struct lwf_peer *peers[LWF_PEERS_MAX];
	uint32_t peer_count;
	uint64_t idle_ns; /* LWF_PEER_IDLE_NS */
	struct lwf_clients clients;
	struct lwf_observer observer;
	uint64_t last_seq; /* of the newest trace record */
	struct lwf_task task;
	bool posted;
	struct lwf_timer recheck;
	struct lwf_pending *pending;
	struct lwf_oid_command *oid_commands;
	struct lwf_explain *explains; /* that wait for an owner */
	struct lwf_carrier_off *carriers;
	unsigned char packet[LWF_WIRE_PACKET_MAX_BYTES];
};

/** A request on its way through commands.c. */
struct lwf_request {
	struct lwf_server *server;
	struct lwf_peer *peer;
	enum lwf_wire_type type;
	uint32_t sequence;
	uint64_t since_ns;   /* when it came */
	json_t *body;	     /* lent; NULL without one, and with records */
	const void *records; /* lent; of TELL */
	size_t records_bytes;
	json_t *reply;	/* the handler's answer; control.c sends and frees it */
	int reply_fd;	/* goes with it and is closed after, or -1 */
	bool malformed; /* error is a strike */
	bool lifted;	/* RESTART, ATTACH: there was a hold of the user to lift */
	struct lwf_error error;
};

enum lwf_outcome {
	LWF_OUTCOME_REPLY, /* request->reply */
	LWF_OUTCOME_ERROR, /* request->error */
	LWF_OUTCOME_LATER, /* pending.c or oidcmd.c answers */
	LWF_OUTCOME_NONE,  /* the type has no answer */
};

/* ---- control.c ---- */

/**
 * Prepares the server, and hears of every trace record from now on. @config and @facts are lent.
 * Returns 0 or -errno.
 */
int lwf_server_init(struct lwf_server *server, struct lwf_engine *engine,
		    const struct lwf_config *config, const struct lwf_show_facts *facts);

/** Serves whoever connects to @listen_fd, which stays the caller's. Returns 0 or -errno. */
int lwf_server_listen(struct lwf_server *server, int listen_fd);

/** Stops accepting; those that are connected are still served. */
void lwf_server_stop_accepting(struct lwf_server *server);

/** Closes all connections and sessions: what is pending is answered first. */
void lwf_server_close_peers(struct lwf_server *server);

/** All sessions must be closed, and their memory freed. */
void lwf_server_fini(struct lwf_server *server);

/** Queues work for the end of this loop turn: pending answers, events, dead peers. */
void lwf_server_post(struct lwf_server *server);

/** Sends @object (taken; NULL is an error of memory) as REPLY or EVENT. @fd goes with it, or -1. */
void lwf_peer_send(struct lwf_peer *peer, enum lwf_wire_type type, uint32_t sequence,
		   json_t *object, int fd);

/** Sends ERROR. */
void lwf_peer_error(struct lwf_peer *peer, uint32_t sequence, const struct lwf_error *error);

/** Tells it to look at its ring; a hint, sent when the socket takes it. */
void lwf_peer_ring(struct lwf_peer *peer);

/** Whether it watches, sends or decides: such connections last, the others ask and leave. */
bool lwf_peer_stays(const struct lwf_peer *peer);

/** Ends a connection, soon. */
void lwf_peer_kill(struct lwf_peer *peer);

/** Ends a connection when it has taken what is queued for it. */
void lwf_peer_leave(struct lwf_peer *peer);

/* ---- commands.c ---- */

#define LWF_LIST_STACKS "lwfctl show lists what there is"
#define LWF_FOR_MAX_NS	(365ull * 24 * 3600 * 1000000000) /* of --for and --timeout: a year */

enum lwf_outcome lwf_command(struct lwf_request *request);

/** Answers with @object (taken; NULL is an error of memory). */
enum lwf_outcome lwf_command_reply(struct lwf_request *request, json_t *object);

/** Fills the error; @next may be NULL. */
enum lwf_outcome lwf_command_fail(struct lwf_request *request, enum lwf_exit code, const char *what,
				  const char *next, const char *why);

/** Reads the body. False: the message is malformed, and the error says how. */
bool lwf_command_read(struct lwf_request *request, const struct lwf_field *fields, size_t count);
#define LWF_FIELDS(f) (f), sizeof(f) / sizeof((f)[0])

/** The stack of this name; NULL: there is none, and the error says so. */
struct lwf_stack *lwf_command_stack(struct lwf_request *request, const char *name);

/** The module of this name; NULL: likewise. */
struct lwf_module *lwf_command_module(struct lwf_request *request, const struct lwf_stack *stack,
				      const char *name);

/** {"schema","stack","state","epoch","holds"}: what commands that change a stack answer. */
json_t *lwf_command_state(const struct lwf_stack *stack);

/* ---- filtercmd.c, carriercmd.c, sessioncmd.c ---- */

/** FILTER_INSERT, FILTER_REMOVE, FILTER_SET. */
enum lwf_outcome lwf_filter_command(struct lwf_request *request);

/** CARRIER. */
enum lwf_outcome lwf_carrier_command(struct lwf_request *request);

/** OPEN, DOORBELL, CANCEL, SESSION. */
enum lwf_outcome lwf_session_command(struct lwf_request *request);

/* ---- pending.c ---- */

/**
 * Answers @request when @stack has followed it (PAUSE, RESTART, ATTACH, DETACH, FILTER_INSERT,
 * FILTER_REMOVE; @module is the one that comes or goes), which may be now.
 */
enum lwf_outcome lwf_pending_follow(struct lwf_request *request, const struct lwf_stack *stack,
				    const char *module);

/** Answers @request when stack or module is in @state, or after @timeout_ns. */
enum lwf_outcome lwf_pending_wait(struct lwf_request *request, const struct lwf_stack *stack,
				  const char *module, enum lwf_state state, uint64_t timeout_ns);

/** A trace record was made: remembers what is thereby true. */
void lwf_pending_record(struct lwf_server *server, const struct lwf_trace_record *record);

/** Answers all that can be answered. */
void lwf_pending_turn(struct lwf_server *server);

/** Forgets what @peer waits for; NULL: answers everybody that the daemon ends. */
void lwf_pending_drop(struct lwf_server *server, const struct lwf_peer *peer);

/* ---- oidcmd.c ---- */

/**
 * Queries OID @name of @stack (NULL: all), or sets it to @value, and answers @request then, which
 * may be now.
 */
enum lwf_outcome lwf_oid_command(struct lwf_request *request, const struct lwf_stack *stack,
				 const char *name, const char *value);

/** Nobody waits for the answers to @peer any more. */
void lwf_oid_commands_drop(struct lwf_server *server, const struct lwf_peer *peer);

/* ---- flowcmd.c ---- */

/** Answers with a page of the flows of @stack (NULL: all), those behind number @after. */
enum lwf_outcome lwf_flow_command(struct lwf_request *request, const struct lwf_stack *stack,
				  uint64_t after);

/* ---- policycmd.c and explaincmd.c ---- */

#define LWF_NO_RULES "lwfctl filter insert STACK verdict:rules=FILE"

/** The file of rules among the options of a module, "" for none; NULL: it has no such option. */
const char *lwf_policy_file_of(const struct lwf_module *module);

/** Has every module, or those of one stack, read its file of rules again. */
enum lwf_outcome lwf_reload_command(struct lwf_request *request);

/** Answers which rule decides about a conversation, when it is known whose that is. */
enum lwf_outcome lwf_explain_command(struct lwf_request *request);

/** Nobody waits for explanations to @peer any more. */
void lwf_explain_drop(struct lwf_server *server, const struct lwf_peer *peer);

/* ---- watch.c ---- */

/** Sends records until the peer has seen all, its socket is full, or the turn is over. */
void lwf_peer_stream(struct lwf_peer *peer);

#endif
