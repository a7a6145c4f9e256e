/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire.c - encoding and decoding of control messages.
 *
 * Owns the rules of what a message must look like; lwf/control.h is the list it works from. Nothing
 * here does input or output, so that all of it can be fuzzed as it is.
 */
#include "wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(struct lwf_wire_header) == LWF_WIRE_HEADER_BYTES, "wire.h: header");

struct type_info {
	uint16_t type;
	uint32_t role;
	const char *name;
};

static const struct type_info types[] = {
#define LWF_ROLE_OF_0			 0u
#define LWF_ROLE_OF_OBSERVE		 LWF_ROLE_OBSERVE
#define LWF_ROLE_OF_INJECT		 LWF_ROLE_INJECT
#define LWF_ROLE_OF_ADMIN		 LWF_ROLE_ADMIN
#define X(sym, number, role, name, body) {number, LWF_ROLE_OF_##role, name},
	LWF_WIRE_LIST(X)
#undef X
};

static const struct type_info *find_type(unsigned type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (types[i].type == type)
			return &types[i];
	}
	return NULL;
}

void lwf_error_set(struct lwf_error *error, enum lwf_exit code, const char *what, const char *next,
		   const char *why, ...)
{
	va_list args;

	if (!error)
		return;
	error->exit = code;
	snprintf(error->what, sizeof(error->what), "%s", what ? what : "");
	snprintf(error->next, sizeof(error->next), "%s", next ? next : "");
	va_start(args, why);
	vsnprintf(error->why, sizeof(error->why), why, args);
	va_end(args);
}

const char *lwf_wire_name(unsigned type)
{
	const struct type_info *info = find_type(type);

	return info ? info->name : NULL;
}

uint32_t lwf_wire_role(unsigned type)
{
	const struct type_info *info = find_type(type);

	return info ? info->role : 0;
}

static bool is_from_daemon(unsigned type)
{
	return type == LWF_WIRE_REPLY || type == LWF_WIRE_ERROR || type == LWF_WIRE_EVENT ||
	       type == LWF_WIRE_RUNG || type == LWF_WIRE_ASKS;
}

bool lwf_wire_is_request(unsigned type)
{
	return find_type(type) && !is_from_daemon(type);
}

bool lwf_wire_has_body(unsigned type)
{
	return find_type(type) && type != LWF_WIRE_DOORBELL && type != LWF_WIRE_RUNG;
}

bool lwf_wire_has_records(unsigned type)
{
	return type == LWF_WIRE_TELL || type == LWF_WIRE_ASKS;
}

const char *lwf_wire_role_names(uint32_t roles, char *text, size_t bytes)
{
	snprintf(text, bytes, "%s%s%s%s%s", roles & LWF_ROLE_OBSERVE ? "observe" : "",
		 roles & LWF_ROLE_OBSERVE && roles & (LWF_ROLE_INJECT | LWF_ROLE_ADMIN) ? "," : "",
		 roles & LWF_ROLE_INJECT ? "inject" : "",
		 roles & LWF_ROLE_INJECT && roles & LWF_ROLE_ADMIN ? "," : "",
		 roles & LWF_ROLE_ADMIN ? "admin" : "");
	if (bytes && text[0] == '\0')
		snprintf(text, bytes, "none");
	return text;
}

/* ---- messages ---- */

static const char *judge(const struct lwf_wire_header *header, size_t bytes,
			 enum lwf_wire_sender sender)
{
	if (header->magic != LWF_WIRE_MAGIC)
		return "wrong magic: not a message of this protocol";
	if (header->version != LWF_WIRE_VERSION)
		return "unknown protocol version";
	if (header->reserved != 0)
		return "reserved field is not 0";
	if (!find_type(header->type))
		return "unknown message type";
	if (is_from_daemon(header->type) != (sender == LWF_WIRE_FROM_DAEMON))
		return "message type goes the other way";
	if (header->flags & ~LWF_WIRE_FLAG_MORE)
		return "unknown flag";
	if (header->flags && header->type != LWF_WIRE_REPLY)
		return "flag does not fit the type";
	if (header->length > LWF_WIRE_MESSAGE_MAX_BYTES)
		return "body is too long";
	if (header->length != bytes - LWF_WIRE_HEADER_BYTES)
		return "length is not what was received";
	if (!lwf_wire_has_body(header->type) && header->length != 0)
		return "body where none may be";
	if (lwf_wire_has_body(header->type) && header->length == 0)
		return "body is missing";
	return NULL;
}

int lwf_wire_check(const void *packet, size_t bytes, enum lwf_wire_sender sender,
		   struct lwf_wire_header *header, const char **why)
{
	const char *fault;

	memset(header, 0, sizeof(*header));
	if (bytes < LWF_WIRE_HEADER_BYTES) {
		*why = "shorter than a header";
		return -EBADMSG;
	}
	memcpy(header, packet, LWF_WIRE_HEADER_BYTES);
	fault = judge(header, bytes, sender);
	*why = fault ? fault : "";
	return fault ? -EBADMSG : 0;
}

json_t *lwf_wire_parse(const void *body, size_t bytes, char *why, size_t why_bytes)
{
	json_error_t error;
	json_t *object;

	object = json_loadb(body, bytes, JSON_REJECT_DUPLICATES, &error);
	if (!object) {
		snprintf(why, why_bytes, "body is not JSON: %s", error.text);
		return NULL;
	}
	if (!json_is_object(object)) {
		snprintf(why, why_bytes, "body is not a JSON object");
		json_decref(object);
		return NULL;
	}
	return object;
}

void lwf_wire_header_put(void *out, enum lwf_wire_type type, unsigned flags, uint32_t sequence,
			 uint32_t length)
{
	const struct lwf_wire_header header = {
		.magic = LWF_WIRE_MAGIC,
		.version = LWF_WIRE_VERSION,
		.flags = (uint8_t)flags,
		.type = (uint16_t)type,
		.length = length,
		.sequence = sequence,
	};

	memcpy(out, &header, sizeof(header));
}

size_t lwf_wire_encode(void *out, size_t out_bytes, enum lwf_wire_type type, unsigned flags,
		       uint32_t sequence, const void *body, size_t body_bytes)
{
	if (body_bytes > LWF_WIRE_MESSAGE_MAX_BYTES ||
	    out_bytes < LWF_WIRE_HEADER_BYTES + body_bytes)
		return 0;
	if (lwf_wire_has_body(type) != (body_bytes != 0))
		return 0;
	lwf_wire_header_put(out, type, flags, sequence, (uint32_t)body_bytes);
	if (body_bytes)
		memcpy((char *)out + LWF_WIRE_HEADER_BYTES, body, body_bytes);
	return LWF_WIRE_HEADER_BYTES + body_bytes;
}

char *lwf_wire_text(const json_t *object)
{
	return json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
}

/* ---- bodies ---- */

static const struct lwf_field *find_field(const struct lwf_field *fields, size_t count,
					  const char *key)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(fields[i].key, key) == 0)
			return &fields[i];
	}
	return NULL;
}

static const char *read_text(const json_t *value, const struct lwf_field *field)
{
	size_t length;

	if (!json_is_string(value))
		return "is not a text";
	length = json_string_length(value);
	if (length >= field->size)
		return "is too long";
	if (memchr(json_string_value(value), '\0', length))
		return "holds a zero byte";
	memcpy(field->into, json_string_value(value), length + 1);
	return NULL;
}

/* Fills one field; returns what is wrong with the value, or NULL. */
static const char *read_field(const json_t *value, const struct lwf_field *field)
{
	switch (field->type) {
	case LWF_FIELD_TEXT:
		return read_text(value, field);
	case LWF_FIELD_UINT:
		if (!json_is_integer(value))
			return "is not an integer";
		if (json_integer_value(value) < 0)
			return "is less than 0";
		*(uint64_t *)field->into = (uint64_t)json_integer_value(value);
		return NULL;
	case LWF_FIELD_BOOL:
		if (!json_is_boolean(value))
			return "is neither true nor false";
		*(bool *)field->into = json_is_true(value);
		return NULL;
	}
	return "has no known type";
}

int lwf_wire_read(const json_t *body, const struct lwf_field *fields, size_t count, char *why,
		  size_t why_bytes)
{
	const struct lwf_field *field;
	const char *key, *fault;
	json_t *value, *object = (json_t *)(uintptr_t)body; /* jansson iterates without const */

	if (!json_is_object(object)) {
		snprintf(why, why_bytes, "body is not a JSON object");
		return -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		bool there = json_object_get(object, fields[i].key) != NULL;

		if (fields[i].given)
			*fields[i].given = there;
		if (there || !fields[i].required)
			continue;
		snprintf(why, why_bytes, "member '%s' is missing", fields[i].key);
		return -EINVAL;
	}
	json_object_foreach(object, key, value)
	{
		field = find_field(fields, count, key);
		fault = field ? read_field(value, field) : "is not known here";
		if (!fault)
			continue;
		snprintf(why, why_bytes, "member '%.40s' %s", key, fault);
		return -EINVAL;
	}
	return 0;
}

json_t *lwf_wire_error_body(const struct lwf_error *error)
{
	/* fails when a text is not UTF-8: names may hold anything that a client sent */
	json_t *body = json_pack("{s:i,s:s,s:s,s:s}", "exit", (int)error->exit, "what", error->what,
				 "why", error->why, "next", error->next);

	if (!body)
		body = json_pack("{s:i,s:s,s:s,s:s}", "exit", (int)error->exit, "what", "?", "why",
				 "the reason holds bytes that are not UTF-8", "next", "");
	return body;
}

static void copy_text(char *to, size_t bytes, const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	snprintf(to, bytes, "%s", text ? text : "");
}

bool lwf_wire_error_read(const json_t *body, struct lwf_error *error)
{
	const json_t *code = json_object_get(body, "exit");

	if (!json_is_integer(code) || json_integer_value(code) < 1 ||
	    json_integer_value(code) > 255 || !json_is_string(json_object_get(body, "what")) ||
	    !json_is_string(json_object_get(body, "why"))) {
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, "daemon",
			      "see that client and lwfd are of one version",
			      "answered with an error of unknown form");
		return false;
	}
	error->exit = (enum lwf_exit)json_integer_value(code);
	copy_text(error->what, sizeof(error->what), body, "what");
	copy_text(error->why, sizeof(error->why), body, "why");
	copy_text(error->next, sizeof(error->next), body, "next");
	return true;
}
