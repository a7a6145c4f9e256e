/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_hear.c - what the simulated engine is told: of links, and by clients that talk nonsense.
 *
 * While link messages are stale (a dump was interrupted, and is tried again) the engine believes what
 * it heard last, and the device answers sends as it is by now. The dump that comes through in the
 * end tells what has become of each link; one that was made anew meanwhile is first told as gone.
 *
 * A garbled message is judged by the code with which lwfd reads (lwf/wire), and three of them end a
 * connection, as there.
 */
#include <stdio.h>
#include <string.h>

#include "garble.h"
#include "sim_world.h"
#include "wire.h"

/* ---- links ---- */

void sim_missed(struct sim_link *link)
{
	struct lwf_sim_edge_config *config;
	enum lwf_reason reason = LWF_REASON_NONE;

	link->missed = true;
	if (!link->stack)
		return;
	if (!link->link.present)
		reason = LWF_REASON_REMOVED;
	else if (!link->link.admin_up)
		reason = LWF_REASON_DISABLED;
	else if (!link->link.carrier)
		reason = LWF_REASON_NO_CARRIER;
	config = lwf_sim_edge_config(link->lower);
	config->fail_reason = reason;
	config->fail_per_1024 = reason == LWF_REASON_NONE ? 0 : 1024;
}

static void dump(struct sim_link *link)
{
	struct lwf_link now = link->link;

	link->missed = false;
	if (!link->stack)
		return;
	lwf_sim_edge_config(link->lower)->fail_per_1024 = 0;
	if (now.present && now.ifindex != lwf_stack_link(link->stack).ifindex) {
		link->link.present = link->link.carrier = false;
		sim_tell(link, "dump");
		link->link = now;
	}
	sim_tell(link, "dump");
}

void sim_stale(struct sim_world *world, bool stale)
{
	world->stale = stale;
	for (uint32_t i = 0; !stale && i < world->base.options.scenario->links; i++)
		if (world->link[i].missed)
			dump(&world->link[i]);
}

/* ---- messages ---- */

/* Whether the daemon would have done what @packet asks for. */
static bool is_taken(const uint8_t *packet, size_t bytes)
{
	struct lwf_wire_header header;
	const char *reason;
	char why[160];
	json_t *body;

	if (lwf_wire_check(packet, bytes, LWF_WIRE_FROM_CLIENT, &header, &reason) || header.flags)
		return false;
	if (!lwf_wire_has_body((unsigned)header.type))
		return true;
	body = lwf_wire_parse(packet + LWF_WIRE_HEADER_BYTES, header.length, why, sizeof(why));
	json_decref(body);
	return body != NULL;
}

void sim_client_garble(struct sim_client *client, int64_t number)
{
	uint8_t packet[STRESS_GARBLE_BYTES];
	uint64_t strikes = 0;
	const char *how;

	/* on connections that are new each time: what an earlier one was forgiven is forgotten */
	for (int64_t i = 0; i < number && link_of_client(client)->stack; i++) {
		size_t bytes = stress_garble(packet, client->garbled++, &how);

		if (is_taken(packet, bytes))
			sim_wrong(client->world, "a message that is none is answered with an error",
				  "one of %s is done, and %s", client->declared->name, how);
		else {
			client->rejected++;
			client->hung_up += ++strikes % LWF_WIRE_STRIKES_MAX == 0;
		}
	}
}
