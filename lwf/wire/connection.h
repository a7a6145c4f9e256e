/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connection.h - the client's end of the control socket, blocking with time limits.
 *
 * One connection has one request under way at a time; requests are numbered and a late answer to an
 * older one is thrown away. Events (after WATCH) and descriptors (after OPEN) come through here
 * too. A connection is for one thread at a time.
 *
 * Every function that can fail returns 0 or -errno and fills @error for the user; error->exit is
 * the exit code of a command line program.
 */
#ifndef LWF_CONNECTION_H
#define LWF_CONNECTION_H

#include "records.h"
#include "wire.h"

#define LWF_WIRE_TIMEOUT_NS 5000000000ull /* for what the daemon answers at once */
#define LWF_WIRE_FOREVER    UINT64_MAX

struct lwf_connection;

/**
 * Where the daemon listens when no --control is given: $LWF_CONTROL, else /run/lwf/control for
 * root, else $XDG_RUNTIME_DIR/lwf/control (or /run/user/UID/lwf/control). Returns @path; empty if
 * it does not fit.
 */
const char *lwf_wire_default_path(char *path, size_t bytes);

/**
 * Connects to @path (NULL: the default) and says HELLO within @timeout_ns. Errors: no socket or
 * nobody behind it (exit 3), no right to (4), a peer that is no lwfd or of another version (3). The
 * caller closes it.
 */
int lwf_connection_open(const char *path, uint64_t timeout_ns, struct lwf_connection **connection,
			struct lwf_error *error);

/** Accepts NULL. */
void lwf_connection_close(struct lwf_connection *connection);

/** The socket, for poll(); it stays the connection's. */
int lwf_connection_fd(const struct lwf_connection *connection);

/** The daemon's pid as it says, and the roles (enum lwf_role bits) that it granted. */
int lwf_connection_peer_pid(const struct lwf_connection *connection);
uint32_t lwf_connection_roles(const struct lwf_connection *connection);

/**
 * Sends a request and waits for its answer. Takes @body (a new reference; NULL: {}). *reply is the
 * answer, owned by the caller (may be NULL when not wanted). *fd (may be NULL) gets a descriptor
 * that came with it, or -1; others are closed. -ETIMEDOUT (exit 124), -ECONNRESET when the daemon
 * went (exit 3), -EREMOTEIO when it answered ERROR (@error is what it said), -EBADMSG for nonsense.
 */
int lwf_connection_request(struct lwf_connection *connection, enum lwf_wire_type type, json_t *body,
			   uint64_t timeout_ns, json_t **reply, int *fd, struct lwf_error *error);

/** Waits for the next EVENT. As above; -ETIMEDOUT fills @error too. The caller owns *event. */
int lwf_connection_event(struct lwf_connection *connection, uint64_t timeout_ns, json_t **event,
			 struct lwf_error *error);

/**
 * Sends a message without a body and without an answer (DOORBELL) and never blocks. 0, -EAGAIN when
 * the socket is full (then the daemon has enough to hear), or -ECONNRESET.
 */
int lwf_connection_ring(struct lwf_connection *connection, enum lwf_wire_type type);

/**
 * Sends a request and does not wait; its answer is thrown away when it comes. Takes @body. Never
 * blocks. 0, -EAGAIN, or -ECONNRESET.
 */
int lwf_connection_post(struct lwf_connection *connection, enum lwf_wire_type type, json_t *body);

/**
 * Sends a message of records (TELL) and never blocks. 0, -EAGAIN when the socket is full, or -ECONNRESET.
 */
int lwf_connection_send_records(struct lwf_connection *connection, enum lwf_wire_type type,
				const void *body, size_t bytes);

/**
 * Waits for the next message of records (ASKS); what else comes is dropped, but an ERROR is told. Its body
 * was judged, is the connection's, and stays until the next call. As lwf_connection_event(); a @timeout_ns
 * of 0 takes what is there.
 */
int lwf_connection_records(struct lwf_connection *connection, uint64_t timeout_ns,
			   const void **body, size_t *bytes, struct lwf_error *error);

/**
 * Reads everything that is there without waiting: RUNGs, late answers, events (which are dropped).
 * 0, or -ECONNRESET once the daemon is gone.
 */
int lwf_connection_drain(struct lwf_connection *connection);

#endif
