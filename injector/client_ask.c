/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_ask.c - questions of a program about its adapter, and about all there are: OIDs, the packet
 * filter, the list of stacks.
 *
 * Answers are JSON; a member that is missing or of another type reads as 0, false or empty.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lwf/oid.h>

#include "client_private.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static uint32_t number_of(const json_t *object, const char *key)
{
	return (uint32_t)json_integer_value(json_object_get(object, key));
}

static bool is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

/* ---- OIDs ---- */

int lwf_inject_oid(struct lwf_inject *handle, const char *oid, const char *value, char *text,
		   size_t bytes, struct lwf_error *error)
{
	json_t *body = json_pack("{s:s,s:s}", "stack", handle->stack, "oid", oid);
	json_t *reply = NULL;
	const json_t *answer;
	int err;

	if (!body || (value && json_object_set_new(body, "value", json_string(value)))) {
		lwf_error_set(error, LWF_EXIT_USAGE, "OID", "lwfctl oid STACK lists them",
			      "its name or value is not UTF-8");
		json_decref(body);
		return -EINVAL;
	}
	err = lwf_inject_ask(handle, value ? LWF_WIRE_OID_SET : LWF_WIRE_OID_QUERY, body,
			     handle->timeout_ns, &reply, error);
	if (err)
		return err;
	answer = json_array_get(json_object_get(reply, "oids"), 0);
	if (text)
		snprintf(text, bytes, "%s", text_of(answer, "text"));
	json_decref(reply);
	return 0;
}

int lwf_inject_set_packet_filter(struct lwf_inject *handle, uint32_t types, struct lwf_error *error)
{
	char value[16];

	if (types & LWF_INJECT_ALL_LOCAL)
		types = (types & ~LWF_INJECT_ALL_LOCAL) | LWF_PACKET_TYPE_DIRECTED |
			LWF_PACKET_TYPE_MULTICAST | LWF_PACKET_TYPE_BROADCAST;
	snprintf(value, sizeof(value), "%u", types);
	return lwf_inject_oid(handle, "packet-filter", value, NULL, 0, error);
}

/* ---- all adapters ---- */

static void read_mac(const char *text, uint8_t mac[6])
{
	char *end;

	for (unsigned i = 0; i < 6; i++) {
		mac[i] = (uint8_t)strtoul(text, &end, 16);
		text = *end ? end + 1 : end;
	}
}

static void read_adapter(const json_t *stack, struct lwf_inject_adapter *adapter)
{
	const json_t *lower = json_object_get(stack, "lower"), *link;

	memset(adapter, 0, sizeof(*adapter));
	link = json_object_get(stack, "link");
	snprintf(adapter->stack, sizeof(adapter->stack), "%s", text_of(stack, "name"));
	snprintf(adapter->lower, sizeof(adapter->lower), "%s", text_of(lower, "name"));
	snprintf(adapter->kind, sizeof(adapter->kind), "%s", text_of(lower, "kind"));
	snprintf(adapter->upper, sizeof(adapter->upper), "%s",
		 text_of(json_object_get(stack, "upper"), "name"));
	if (!lwf_state_parse(text_of(stack, "state"), &adapter->state))
		adapter->state = LWF_STATE_DETACHED;
	adapter->epoch = number_of(stack, "epoch");
	adapter->sessions = (uint32_t)json_array_size(json_object_get(stack, "sessions"));
	adapter->ifindex = number_of(link, "ifindex");
	adapter->mtu_bytes = number_of(link, "mtu");
	adapter->present = is_true(link, "present");
	adapter->admin_up = is_true(link, "up");
	adapter->carrier = is_true(link, "carrier");
	read_mac(text_of(link, "mac"), adapter->mac);
}

int lwf_inject_adapters(const char *control, uint64_t timeout_ns,
			struct lwf_inject_adapter *adapters, uint32_t max, struct lwf_error *error)
{
	struct lwf_connection *connection = NULL;
	json_t *reply = NULL, *stacks;
	int err, count = 0;

	err = lwf_connection_open(control, timeout_ns, &connection, error);
	if (!err)
		err = lwf_connection_request(connection, LWF_WIRE_SHOW, NULL, timeout_ns, &reply,
					     NULL, error);
	lwf_connection_close(connection);
	if (err)
		return err;
	stacks = json_object_get(reply, "stacks");
	count = (int)json_array_size(stacks);
	for (uint32_t i = 0; i < max && i < (uint32_t)count; i++)
		read_adapter(json_array_get(stacks, i), &adapters[i]);
	json_decref(reply);
	return count;
}
