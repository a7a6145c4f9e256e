/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_commands.c - what SUBSCRIBE, TELL and VERDICTS mean: bodies read, words for what is wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "verdict.h"

enum lwf_outcome verdict_do_verdicts(struct lwf_request *request)
{
	struct lwf_stack *stack = NULL;
	char name[LWF_NAME_BYTES];
	bool given;
	struct lwf_field fields[] = {{"stack", LWF_FIELD_TEXT, false, name, sizeof(name), &given}};

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (given && !(stack = lwf_command_stack(request, name)))
		return LWF_OUTCOME_ERROR;
	return verdict_show(request, stack);
}

static enum lwf_outcome refuse_subscribe(struct lwf_request *request, const char *what, int ret)
{
	switch (ret) {
	case -EINVAL:
		return lwf_command_fail(request, LWF_EXIT_USAGE, what, "see docs/wire.md",
					"it is too much");
	case -EPERM:
		return lwf_command_fail(request, LWF_EXIT_PERMISSION, "pid",
					"name a process of your own",
					"there is no such process of this user");
	case -ENOSPC:
		return lwf_command_fail(request, LWF_EXIT_REFUSED, what, "end another one",
					"the stack has as many deciders as it can");
	case -ENOTSUP:
		return lwf_command_fail(request, LWF_EXIT_NO_OBJECT, what,
					"name one that lwfctl verdict show lists",
					"this module asks nobody");
	case -EBUSY:
		return lwf_command_fail(request, LWF_EXIT_REFUSED, what, "name another stack",
					"the stack is being closed");
	default:
		return lwf_command_fail(request, LWF_EXIT_REFUSED, what, "try again later",
					strerror(-ret));
	}
}

enum lwf_outcome verdict_do_subscribe(struct lwf_request *request)
{
	struct lwf_peer *peer = request->peer;
	struct verdict_options options = {0};
	char name[LWF_NAME_BYTES], module[LWF_NAME_BYTES], place[2 * LWF_NAME_BYTES];
	bool module_given;
	const char *what = NULL;
	struct lwf_field fields[] = {
		{"stack", LWF_FIELD_TEXT, true, name, sizeof(name), NULL},
		{"module", LWF_FIELD_TEXT, false, module, sizeof(module), &module_given},
		{"priority", LWF_FIELD_UINT, false, &options.priority, 0, NULL},
		{"timeout_ns", LWF_FIELD_UINT, false, &options.timeout_ns, 0, NULL},
		{"credits", LWF_FIELD_UINT, false, &options.credits, 0, NULL},
		{"copy_bytes", LWF_FIELD_UINT, false, &options.copy_bytes, 0, NULL},
		{"pid", LWF_FIELD_UINT, false, &options.pid, 0, NULL},
		{"interactive", LWF_FIELD_BOOL, false, &options.interactive, 0, NULL},
	};
	struct lwf_stack *stack;
	int ret;

	if (!lwf_command_read(request, LWF_FIELDS(fields)))
		return LWF_OUTCOME_ERROR;
	if (peer->verdict)
		return lwf_command_fail(request, LWF_EXIT_REFUSED, "subscribe",
					"open another connection",
					"this connection decides already");
	stack = lwf_command_stack(request, name);
	if (!stack)
		return LWF_OUTCOME_ERROR;
	options.module = module_given ? module : NULL;
	ret = verdict_open(peer, stack, &options, &what);
	if (ret) {
		snprintf(place, sizeof(place), "%s/%s", name, module_given ? module : "verdict");
		return refuse_subscribe(request, what ? what : ret == -ENOTSUP ? place : name, ret);
	}
	request->reply = json_pack("{s:i,s:s,s:s,s:I,s:I,s:I}", "schema", LWF_SCHEMA, "stack",
				   lwf_stack_name(stack), "module", peer->verdict->decider.module,
				   "decider", (json_int_t)peer->verdict->decider.id, "priority",
				   (json_int_t)options.priority, "credits",
				   (json_int_t)peer->verdict->decider.credits);
	return LWF_OUTCOME_REPLY;
}

enum lwf_outcome verdict_do_tell(struct lwf_request *request)
{
	const char *why;

	if (!request->peer->verdict)
		return lwf_command_fail(request, LWF_EXIT_REFUSED, "tell", "send subscribe first",
					"this connection decides nothing");
	why = verdict_hear(request->peer->verdict, request->records, request->records_bytes);
	if (!why)
		return LWF_OUTCOME_NONE;
	request->malformed = true;
	return lwf_command_fail(request, LWF_EXIT_USAGE, "tell", "see docs/wire.md", why);
}
