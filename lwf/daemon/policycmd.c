/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policycmd.c - the request reload: files of rules are read again, by modules that have one.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <lwf/policy.h>

#include "control.h"

const char *lwf_policy_file_of(const struct lwf_module *module)
{
	const struct lwf_option_spec *spec;
	struct lwf_module_info info;

	lwf_module_info(module, &info);
	spec = info.filter->options;
	for (uint32_t i = 0; spec && info.options && spec[i].name && i < info.options->count; i++)
		if (spec[i].type == LWF_OPTION_POLICY)
			return info.options->value[i].text;
	return NULL;
}

/** A module that is Detached takes what was read last when it comes back: that is read here. */
static int read_for_later(struct lwf_server *server, const char *file,
			  struct lwf_policy_reload *reload)
{
	struct lwf_policy *policy = NULL;
	int ret = lwf_host_load_policy(server->host, file, LWF_POLICY_FRESH, &policy, reload->error,
				       sizeof(reload->error));

	snprintf(reload->file, sizeof(reload->file), "%s", file);
	if (!ret)
		reload->rules = lwf_policy_rules(policy);
	lwf_host_free(server->host, policy);
	return ret;
}

/** Reads the rules of @module again; false: request->error says why it has the old ones still. */
static bool reload(struct lwf_request *request, const struct lwf_stack *stack,
		   struct lwf_module *module, json_t *list)
{
	const char *file = lwf_policy_file_of(module);
	struct lwf_policy_reload result = {.file = ""};
	char what[2 * LWF_NAME_BYTES];
	int ret;

	if (!file || !*file)
		return true;
	ret = lwf_module_control(module, LWF_CONTROL_RELOAD, &result);
	if (ret == -ENODEV)
		ret = read_for_later(request->server, file, &result);
	if (ret) {
		snprintf(what, sizeof(what), "%s/%s", lwf_stack_name(stack),
			 lwf_module_name(module));
		lwf_command_fail(
			request,
			ret == -ENOMEM || ret == -ENOTSUP ? LWF_EXIT_REFUSED : LWF_EXIT_USAGE, what,
			"the rules that held before hold; mend the file, and reload again",
			result.error[0] ? result.error : strerror(-ret));
		return false;
	}
	json_array_append_new(
		list, json_pack("{s:s,s:s,s:s,s:I,s:I}", "stack", lwf_stack_name(stack), "module",
				lwf_module_name(module), "file", result.file, "rules",
				(json_int_t)result.rules, "epoch", (json_int_t)result.epoch));
	return true;
}

enum lwf_outcome lwf_reload_command(struct lwf_request *request)
{
	struct lwf_stack *stack = NULL, *it;
	char name[LWF_NAME_BYTES];
	bool given, ok = true;
	struct lwf_field fields[] = {{"stack", LWF_FIELD_TEXT, false, name, sizeof(name), &given}};
	struct lwf_module *module;
	json_t *list;

	if (!lwf_command_read(request, LWF_FIELDS(fields)) ||
	    (given && !(stack = lwf_command_stack(request, name))))
		return LWF_OUTCOME_ERROR;
	list = json_array();
	for (uint32_t at = 0; ok && (it = lwf_engine_stack_at(request->server->engine, at)); at++)
		for (uint32_t i = 0;
		     ok && (!stack || it == stack) && (module = lwf_stack_module_at(it, i)); i++)
			ok = reload(request, it, module, list);
	if (ok && !json_array_size(list)) {
		lwf_command_fail(request, LWF_EXIT_NO_OBJECT, given ? name : "rules", LWF_NO_RULES,
				 "no module has a file of rules");
		ok = false;
	}
	if (!ok) {
		json_decref(list);
		return LWF_OUTCOME_ERROR;
	}
	request->reply = json_pack("{s:i,s:o}", "schema", LWF_SCHEMA, "reloaded", list);
	return LWF_OUTCOME_REPLY;
}
