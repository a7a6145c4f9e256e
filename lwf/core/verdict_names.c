/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_names.c - reasons, actions, scopes, causes and results of verdicts by name, from the lists of
 * lwf/verdict.h. It needs nothing of the engine: liblwf-client has it, too.
 */
#include <lwf/verdict.h>

#include "name_of.h"

const char *lwf_ask_reason_name(enum lwf_ask_reason reason)
{
	LWF_NAME_OF(LWF_ASK_REASON_LIST, reason);
}

const char *lwf_verdict_action_name(enum lwf_verdict_action action)
{
	LWF_NAME_OF(LWF_VERDICT_ACTION_LIST, action);
}

const char *lwf_verdict_scope_name(enum lwf_verdict_scope scope)
{
	LWF_NAME_OF(LWF_VERDICT_SCOPE_LIST, scope);
}

const char *lwf_verdict_cause_name(enum lwf_verdict_cause cause)
{
	LWF_NAME_OF(LWF_VERDICT_CAUSE_LIST, cause);
}

const char *lwf_tell_result_name(enum lwf_tell_result result)
{
	LWF_NAME_OF(LWF_TELL_RESULT_LIST, result);
}
