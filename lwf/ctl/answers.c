/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answers.c - events as JSON, JSON as answers: see answers.h.
 *
 * Asks are named by texts, since their numbers have 64 bits and many a reader of JSON has but 53.
 */
#include "answers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flowjson.h"
#include "units.h"
#include "wire.h"

#define NAME(list, index) ((size_t)(index) < sizeof(list) / sizeof((list)[0]) ? (list)[index] : "?")
#define X(sym, name)	  name,

static const char *const reasons[] = {LWF_ASK_REASON_LIST(X)};
static const char *const actions[] = {LWF_VERDICT_ACTION_LIST(X)};
static const char *const causes[] = {LWF_VERDICT_CAUSE_LIST(X)};
static const char *const results[] = {LWF_TELL_RESULT_LIST(X)};
static const char *const states[] = {LWF_FLOW_STATE_LIST(X)};
static const char *const ends[] = {LWF_FLOW_END_LIST(X)};

#undef X

const char *answers_number(uint64_t ask, char *text, size_t bytes)
{
	snprintf(text, bytes, "%llx", (unsigned long long)ask);
	return text;
}

int answers_action(const char *word)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
		if (!strcmp(word, actions[i]))
			return (int)i;
	}
	return -1;
}

/* ---- events ---- */

static json_t *hex(const uint8_t *data, uint32_t bytes)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * LWF_VERDICT_COPY_MAX + 1];

	for (uint32_t i = 0; i < bytes; i++) {
		text[2 * i] = digits[data[i] >> 4];
		text[2 * i + 1] = digits[data[i] & 15];
	}
	return json_stringn(text, 2 * (size_t)bytes);
}

/* Adds the members of @more, which is taken. */
static void add(json_t *object, json_t *more)
{
	json_object_update(object, more);
	json_decref(more);
}

static json_t *ask_event(const struct lwf_ask *ask, uint64_t now_ns)
{
	uint64_t left_ns = ask->deadline_ns > now_ns ? ask->deadline_ns - now_ns : 0;
	char number[24];
	json_t *object = json_pack(
		"{s:i,s:s,s:s,s:I,s:s,s:f,s:s,s:b,s:I,s:I,s:s,s:s,s:I,s:I,s:I}", "schema", 1,
		"type", "ask", "ask", answers_number(ask->ask, number, sizeof(number)), "flow",
		(json_int_t)ask->info.flow, "reason", NAME(reasons, ask->reason), "left_ms",
		(double)left_ns / 1e6, "fallback", NAME(actions, ask->fallback), "soft",
		(int)ask->soft, "rule", (json_int_t)ask->rule, "waiting", (json_int_t)ask->waiting,
		"frame", ask->direction == LWF_DIRECTION_SEND ? "send" : "receive", "state",
		NAME(states, ask->info.state), "frame_bytes", (json_int_t)ask->frame_bytes,
		"frames", (json_int_t)ask->info.frames[0], "bytes", (json_int_t)ask->info.bytes[0]);

	add(object, lwf_flow_ends_json(&ask->info));
	add(object, lwf_flow_owner_json(&ask->info.owner));
	if (ask->data_bytes)
		json_object_set_new(object, "data", hex(ask->data, ask->data_bytes));
	return object;
}

json_t *answers_event(const struct lwf_verdict_event *event, uint64_t now_ns)
{
	const struct lwf_ask *ask = &event->ask;
	char number[24];
	json_t *object;

	answers_number(ask->ask, number, sizeof(number));
	switch (event->kind) {
	case LWF_HEARD_ASK:
		return ask_event(ask, now_ns);
	case LWF_HEARD_CANCEL:
		return json_pack("{s:i,s:s,s:s,s:s}", "schema", 1, "type", "cancel", "ask", number,
				 "cause", NAME(causes, event->cause));
	case LWF_HEARD_OWNER:
		object = json_pack("{s:i,s:s,s:s}", "schema", 1, "type", "owner", "ask", number);
		add(object, lwf_flow_owner_json(&ask->info.owner));
		return object;
	case LWF_HEARD_ENDED:
		return json_pack("{s:i,s:s,s:I,s:s,s:I,s:I}", "schema", 1, "type", "end", "flow",
				 (json_int_t)ask->info.flow, "why", NAME(ends, event->end),
				 "frames", (json_int_t)ask->info.frames[0], "bytes",
				 (json_int_t)ask->info.bytes[0]);
	case LWF_HEARD_STALE:
		break;
	}
	return json_pack("{s:i,s:s,s:s,s:I,s:s}", "schema", 1, "type", "stale", "ask",
			 ask->ask ? number : "", "flow", (json_int_t)ask->info.flow, "why",
			 NAME(results, event->result));
}

/* ---- answers ---- */

/* What may stand in an answer; which of it belongs together is judged behind. */
struct words {
	char ask[24], verdict[16], scope[16], time[32];
	uint64_t update, mark;
	bool soft, has_ask, has_verdict, has_scope, has_time, has_update;
};

static int wrong(char *why, size_t bytes, const char *text)
{
	snprintf(why, bytes, "%s", text);
	return -EINVAL;
}

static int read_revoke(const json_t *body, struct answer *answer, char *why, size_t why_bytes)
{
	uint64_t pid = 0, port = 0, protocol = 0;
	bool mine = false;
	const struct lwf_field fields[] = {
		{"flow", LWF_FIELD_UINT, false, &answer->revoke.flow, 0, NULL},
		{"pid", LWF_FIELD_UINT, false, &pid, 0, NULL},
		{"port", LWF_FIELD_UINT, false, &port, 0, NULL},
		{"protocol", LWF_FIELD_UINT, false, &protocol, 0, NULL},
		{"mine", LWF_FIELD_BOOL, false, &mine, 0, NULL},
	};

	if (lwf_wire_read(body, fields, sizeof(fields) / sizeof(fields[0]), why, why_bytes))
		return -EINVAL;
	if (pid > UINT32_MAX || port > UINT16_MAX || protocol > UINT8_MAX)
		return wrong(why, why_bytes, "a pid, port or protocol is too large");
	answer->kind = ANSWER_REVOKE;
	answer->revoke.pid = (uint32_t)pid;
	answer->revoke.port = (uint16_t)port;
	answer->revoke.protocol = (uint8_t)protocol;
	answer->revoke.mine = mine;
	return 0;
}

static int read_scope(const struct words *words, struct lwf_tell *tell, char *why, size_t why_bytes)
{
	if (words->has_scope && strcmp(words->scope, "flow") && strcmp(words->scope, "packet"))
		return wrong(why, why_bytes, "scope is flow or packet");
	tell->scope = words->has_scope && !strcmp(words->scope, "packet") ? LWF_SCOPE_PACKET
									  : LWF_SCOPE_FLOW;
	if (!words->has_time)
		return 0;
	if (lwf_units_duration(words->time, &tell->ttl_ns) || !tell->ttl_ns ||
	    tell->ttl_ns > LWF_TELL_TTL_MAX_NS)
		return wrong(why, why_bytes, "for is a time with its unit, 168h at most");
	if (tell->scope == LWF_SCOPE_PACKET)
		return wrong(why, why_bytes, "for goes with scope flow");
	tell->scope = LWF_SCOPE_FLOW_TTL;
	return 0;
}

static int read_ask(const char *text, uint64_t *ask)
{
	char *end;

	if (!text[0] || strspn(text, "0123456789abcdef") != strlen(text) || strlen(text) > 16)
		return -EINVAL;
	*ask = strtoull(text, &end, 16);
	return *end ? -EINVAL : 0;
}

static int judge(const struct words *words, struct answer *answer, char *why, size_t why_bytes)
{
	int action;

	if (words->has_ask == words->has_update)
		return wrong(why, why_bytes,
			     "it names an ask, or a flow to update, or is a revoke");
	if (!words->has_verdict)
		return wrong(why, why_bytes, "member 'verdict' is missing");
	action = answers_action(words->verdict);
	if (action < 0 || (words->has_update && action == LWF_VERDICT_CONTINUE))
		return wrong(why, why_bytes,
			     "verdict is allow, deny, reject or (to an ask) continue");
	answer->kind = words->has_ask ? ANSWER_TELL : ANSWER_UPDATE;
	answer->tell.action = (uint8_t)action;
	answer->tell.soft = words->soft;
	answer->tell.mark = (uint32_t)words->mark;
	if (words->mark > UINT32_MAX)
		return wrong(why, why_bytes, "mark has 32 bits");
	if (words->has_ask && read_ask(words->ask, &answer->tell.ask))
		return wrong(why, why_bytes, "ask is no number of an ask");
	if (words->has_update)
		answer->tell.ask = words->update;
	return read_scope(words, &answer->tell, why, why_bytes);
}

int answers_read(const char *line, size_t bytes, struct answer *answer, char *why, size_t why_bytes)
{
	struct words words = {.soft = false};
	const struct lwf_field fields[] = {
		{"ask", LWF_FIELD_TEXT, false, words.ask, sizeof(words.ask), &words.has_ask},
		{"verdict", LWF_FIELD_TEXT, false, words.verdict, sizeof(words.verdict),
		 &words.has_verdict},
		{"scope", LWF_FIELD_TEXT, false, words.scope, sizeof(words.scope),
		 &words.has_scope},
		{"for", LWF_FIELD_TEXT, false, words.time, sizeof(words.time), &words.has_time},
		{"soft", LWF_FIELD_BOOL, false, &words.soft, 0, NULL},
		{"mark", LWF_FIELD_UINT, false, &words.mark, 0, NULL},
		{"update", LWF_FIELD_UINT, false, &words.update, 0, &words.has_update},
	};
	json_t *body = lwf_wire_parse(line, bytes, why, why_bytes);
	const json_t *revoke;
	int ret;

	memset(answer, 0, sizeof(*answer));
	if (!body)
		return -EINVAL;
	revoke = json_object_get(body, "revoke");
	if (revoke && json_object_size(body) == 1)
		ret = read_revoke(revoke, answer, why, why_bytes);
	else
		ret = lwf_wire_read(body, fields, sizeof(fields) / sizeof(fields[0]), why,
				    why_bytes);
	if (!ret && !revoke)
		ret = judge(&words, answer, why, why_bytes);
	json_decref(body);
	return ret;
}
