/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_names.c - results, states, ends, sights and actions of flows by name, and how their owners are known,
 * from the lists of lwf/flow.h. It needs nothing of the engine: liblwf-client has it, too.
 */
#include <lwf/flow.h>

#include "name_of.h"

const char *lwf_flow_result_name(enum lwf_flow_result result)
{
	switch (result) {
#define X(sym, value, name)  \
	case LWF_FLOW_##sym: \
		return name;
		LWF_FLOW_RESULT_LIST(X)
#undef X
	}
	return "?";
}

const char *lwf_flow_state_name(enum lwf_flow_state state)
{
	LWF_NAME_OF(LWF_FLOW_STATE_LIST, state);
}

const char *lwf_flow_end_name(enum lwf_flow_end why)
{
	LWF_NAME_OF(LWF_FLOW_END_LIST, why);
}

const char *lwf_flow_seen_name(enum lwf_flow_seen seen)
{
	LWF_NAME_OF(LWF_FLOW_SEEN_LIST, seen);
}

const char *lwf_flow_action_name(enum lwf_flow_action action)
{
	LWF_NAME_OF(LWF_FLOW_ACTION_LIST, action);
}

static const struct {
	const char *name, *text;
} hows[] =
	{
#define X(sym, name, text) {name, text},
		LWF_OWNER_HOW_LIST(X)
#undef X
},
  whys[] = {
#define X(sym, name, text) {name, text},
	  LWF_OWNER_WHY_LIST(X)
#undef X
};

const char *lwf_owner_how_name(enum lwf_owner_how how)
{
	return (size_t)how < sizeof(hows) / sizeof(hows[0]) ? hows[how].name : "?";
}

const char *lwf_owner_why_name(enum lwf_owner_why why)
{
	return (size_t)why < sizeof(whys) / sizeof(whys[0]) ? whys[why].name : "?";
}

const char *lwf_owner_why_text(enum lwf_owner_why why)
{
	return (size_t)why < sizeof(whys) / sizeof(whys[0]) ? whys[why].text : "?";
}
