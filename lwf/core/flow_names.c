/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flow_names.c - results, states, ends, sights and actions of flows by name, from the lists of lwf/flow.h.
 */
#include <stddef.h>

#include <lwf/flow.h>

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

#define NAME_OF(list, index)                                                                    \
	do {                                                                                    \
		static const char *const names[] = {list(X)};                                   \
		return (size_t)(index) < sizeof(names) / sizeof(names[0]) ? names[index] : "?"; \
	} while (0)
#define X(sym, name) name,

const char *lwf_flow_state_name(enum lwf_flow_state state)
{
	NAME_OF(LWF_FLOW_STATE_LIST, state);
}

const char *lwf_flow_end_name(enum lwf_flow_end why)
{
	NAME_OF(LWF_FLOW_END_LIST, why);
}

const char *lwf_flow_seen_name(enum lwf_flow_seen seen)
{
	NAME_OF(LWF_FLOW_SEEN_LIST, seen);
}

const char *lwf_flow_action_name(enum lwf_flow_action action)
{
	NAME_OF(LWF_FLOW_ACTION_LIST, action);
}
