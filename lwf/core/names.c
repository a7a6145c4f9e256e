/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.c - statuses, reasons, states, holds and trace kinds by name. Each list is the X-list of
 * its public header, so that an enum and its names cannot drift apart.
 */
#include <string.h>
#include <strings.h>

#include <lwf/stack.h>

const char *lwf_status_name(lwf_status status)
{
	switch (status) {
#define X(name, value, text) \
	case value:          \
		return #name;
		LWF_ANSWER_LIST(X)
#undef X
#define X(name, value) \
	case value:    \
		return #name;
		LWF_RESULT_LIST(X)
#undef X
	default:
		return "INVALID";
	}
}

enum lwf_answer lwf_status_answer(lwf_status status)
{
	switch (status) {
#define X(name, value, text) \
	case value:          \
		return LWF_ANSWER_##name;
		LWF_ANSWER_LIST(X)
#undef X
	default:
		return LWF_ANSWER_FAILURE;
	}
}

lwf_status lwf_answer_status(enum lwf_answer answer)
{
	static const lwf_status status[] = {
#define X(name, value, text) value,
		LWF_ANSWER_LIST(X)
#undef X
	};

	return (unsigned)answer < LWF_ANSWERS ? status[answer] : (lwf_status)LWF_STATUS_FAILURE;
}

const char *lwf_answer_text(enum lwf_answer answer)
{
	static const char *const texts[] = {
#define X(name, value, text) text,
		LWF_ANSWER_LIST(X)
#undef X
	};

	return (unsigned)answer < LWF_ANSWERS ? texts[answer] : "not an answer";
}

static const struct {
	const char *name;
	lwf_status status;
	const char *text;
} reasons[] = {
#define X(sym, name, status, text) {name, (lwf_status)LWF_STATUS_##status, text},
	LWF_REASON_LIST(X)
#undef X
};

_Static_assert(sizeof(reasons) / sizeof(reasons[0]) == LWF_REASONS, "one row a reason");

static unsigned reason_row(enum lwf_reason reason)
{
	return (unsigned)reason < LWF_REASONS ? (unsigned)reason : 0u;
}

const char *lwf_reason_name(enum lwf_reason reason)
{
	return reasons[reason_row(reason)].name;
}

const char *lwf_reason_text(enum lwf_reason reason)
{
	return reasons[reason_row(reason)].text;
}

uint32_t lwf_reason_status(enum lwf_reason reason)
{
	return reasons[reason_row(reason)].status;
}

static const char *const states[] = {
#define X(sym, name) name,
	LWF_STATE_LIST(X)
#undef X
};

const char *lwf_state_name(enum lwf_state state)
{
	return (unsigned)state < LWF_STATES ? states[state] : "invalid";
}

bool lwf_state_parse(const char *name, enum lwf_state *state)
{
	for (unsigned i = 0; i < LWF_STATES; i++) {
		if (strcasecmp(name, states[i]) == 0) {
			*state = (enum lwf_state)i;
			return true;
		}
	}
	return false;
}

const char *lwf_trace_kind_name(enum lwf_trace_kind kind)
{
	static const char *const names[] = {
#define X(sym, name) name,
		LWF_TRACE_KIND_LIST(X)
#undef X
	};

	return (unsigned)kind < LWF_TRACE_KINDS ? names[kind] : "invalid";
}

const char *lwf_frame_event_name(enum lwf_frame_event event)
{
	static const char *const names[] = {
#define X(sym, name) name,
		LWF_FRAME_EVENT_LIST(X)
#undef X
	};

	return (unsigned)event < LWF_FRAME_EVENTS ? names[event] : "invalid";
}

static const struct {
	const char *name;
	bool detaches;
} holds[] = {
#define X(sym, name, detaches) {name, detaches},
	LWF_HOLD_LIST(X)
#undef X
};

const char *lwf_hold_name(enum lwf_hold hold)
{
	return (unsigned)hold < LWF_HOLDS ? holds[hold].name : "invalid";
}

bool lwf_hold_detaches(enum lwf_hold hold)
{
	return (unsigned)hold < LWF_HOLDS && holds[hold].detaches;
}
