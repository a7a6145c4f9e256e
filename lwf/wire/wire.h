/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.h - encoding and decoding of control messages.
 *
 * Pure: no descriptor is touched and nothing is waited for. Both sides use it: the daemon to judge
 * requests, clients to judge answers. lwf/control.h is the list of messages. Every function is
 * reentrant; none keeps state.
 */
#ifndef LWF_WIRE_H
#define LWF_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <lwf/control.h>

#define LWF_WIRE_HEADER_BYTES	  16u
/** Longest packet: a header and a body of LWF_WIRE_MESSAGE_MAX_BYTES. Room for a receive buffer. */
#define LWF_WIRE_PACKET_MAX_BYTES (LWF_WIRE_HEADER_BYTES + LWF_WIRE_MESSAGE_MAX_BYTES)

/** Fills @error; @why is a format. @next may be NULL. @error may be NULL. */
void lwf_error_set(struct lwf_error *error, enum lwf_exit code, const char *what, const char *next,
		   const char *why, ...) __attribute__((format(printf, 5, 6)));

/* ---- types ---- */

/** Name of a message type ("show"), or NULL for a number that is none. */
const char *lwf_wire_name(unsigned type);

/** Roles of which a sender needs one (0: anybody may); 0 also for numbers that are no type. */
uint32_t lwf_wire_role(unsigned type);

/** True for what a client may send; false for what the daemon sends and for unknown numbers. */
bool lwf_wire_is_request(unsigned type);

/** True when the type has a body; false when its length must be 0 (doorbell, rung). */
bool lwf_wire_has_body(unsigned type);

/** True when that body is records (tell, asks: records.h); false when it is a JSON object. */
bool lwf_wire_has_records(unsigned type);

/** "observe,inject,admin" of the bits in @roles; "none" for 0. Returns @text. */
const char *lwf_wire_role_names(uint32_t roles, char *text, size_t bytes);

/* ---- messages ---- */

enum lwf_wire_sender { LWF_WIRE_FROM_CLIENT, LWF_WIRE_FROM_DAEMON };

/**
 * Judges a packet of @bytes as it was received: size, magic, version, flags, reserved, known type
 * that this @sender may send, and a length that equals what came and fits the type. Fills @header
 * (whatever of it could be read) and returns 0, or -EBADMSG with one line of reason in *why (static
 * text). The caller says -EBADMSG itself for a packet that the socket cut short (MSG_TRUNC).
 */
int lwf_wire_check(const void *packet, size_t bytes, enum lwf_wire_sender sender,
		   struct lwf_wire_header *header, const char **why);

/**
 * Parses the body of a checked message: one JSON object, no duplicate keys, nothing after it. NULL
 * when it is none, with the reason in @why. The caller owns the object. Bodies with
 * LWF_WIRE_FLAG_MORE are parts and must be joined first.
 */
json_t *lwf_wire_parse(const void *body, size_t bytes, char *why, size_t why_bytes);

/** Writes a header into @out (LWF_WIRE_HEADER_BYTES). */
void lwf_wire_header_put(void *out, enum lwf_wire_type type, unsigned flags, uint32_t sequence,
			 uint32_t length);

/**
 * Writes a whole message, header and body, into @out. @body may be NULL when @body_bytes is 0.
 * Returns its size, or 0 when it does not fit or the body is longer than the type allows.
 */
size_t lwf_wire_encode(void *out, size_t out_bytes, enum lwf_wire_type type, unsigned flags,
		       uint32_t sequence, const void *body, size_t body_bytes);

/** How @object is written on the wire: compact, keys in their order. malloc'ed text, or NULL. */
char *lwf_wire_text(const json_t *object);

/* ---- bodies ---- */

enum lwf_field_type {
	LWF_FIELD_TEXT, /* into: char[size], terminated; longer values are refused */
	LWF_FIELD_UINT, /* into: uint64_t; an integer >= 0 */
	LWF_FIELD_BOOL, /* into: bool */
};

/** One member of a body. Members that are not in the table are refused: a typo is an error. */
struct lwf_field {
	const char *key;
	enum lwf_field_type type;
	bool required;
	void *into;
	size_t size; /* TEXT: bytes of into */
	bool *given; /* may be NULL: set to whether the member was there */
};

/**
 * Reads @body by @fields. Values of members that are not there are left as they were. Returns 0, or
 * -EINVAL with "member 'x' ..." in @why.
 */
int lwf_wire_read(const json_t *body, const struct lwf_field *fields, size_t count, char *why,
		  size_t why_bytes);

/** The body of LWF_WIRE_ERROR: {exit,what,why,next}. The caller owns it; NULL without memory. */
json_t *lwf_wire_error_body(const struct lwf_error *error);

/** Reads one; false when it is not of that form (then @error says so). */
bool lwf_wire_error_read(const json_t *body, struct lwf_error *error);

#endif
