/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client_deaf.c - notices a client that does not read its answers; see client_deaf.h.
 *
 * The first answers after a silence start a timer, which looks at the client's index twice a second for
 * as long as answers are unread. It ends when all are read, and it ends when the client was told of: from
 * then on the next answers say whether it has read meanwhile, and a client whose ring is full gets none.
 * So a daemon with nothing to do has no timer of ours for longer than LWF_CLIENT_DEAF_NS.
 *
 * The index is the client's to write, and may be anything; one that cannot be is told by the next turn.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#include "client.h"

/* A client that writes what cannot be here only spoils what is said of itself. */
static uint32_t read_head(const struct lwf_client *client)
{
	return atomic_load_explicit(&client->control->answer_head, memory_order_relaxed);
}

static uint32_t unread_from(const struct lwf_client *client, uint32_t head)
{
	uint32_t unread = client->answer_tail - head;

	return unread < LWF_RING_COMPLETE_SLOTS ? unread : LWF_RING_COMPLETE_SLOTS;
}

uint32_t lwf_client_unread(const struct lwf_client *client)
{
	return unread_from(client, read_head(client));
}

bool lwf_client_is_deaf(const struct lwf_client *client)
{
	return client->deaf.told && client->deaf.head == read_head(client);
}

static void tell(struct lwf_client *client, uint32_t unread)
{
	const unsigned seconds = (unsigned)(LWF_CLIENT_DEAF_NS / 1000000000u);
	struct lwf_session *session = &client->session;
	const char *becomes =
		unread < LWF_RING_COMPLETE_SLOTS
			? "when there is no more room, nothing is taken from it until it reads"
			: "its ring is full, and nothing more is taken from it until it reads";
	char text[LWF_TRACE_TEXT_BYTES];

	lwf_log(client->clients->host, LWF_LOG_WARNING,
		"session %" PRIu32
		" of pid %d (%s) on stack %s has read no answer for %u s, %" PRIu32
		" are unread; %s",
		session->id, (int)client->peer.pid, client->peer.comm,
		lwf_stack_name(session->stack), seconds, unread, becomes);
	snprintf(text, sizeof(text), "session %" PRIu32 ", pid %d (%s): %" PRIu32 " answers unread",
		 session->id, (int)client->peer.pid, client->peer.comm, unread);
	lwf_session_note(session, "deaf", text);
}

static void watch(struct lwf_client *client, uint32_t head)
{
	client->deaf.head = head;
	client->deaf.since_ns = lwf_host_now_ns(client->clients->host);
	client->deaf.watching = true;
	lwf_timer_set(&client->deaf.timer, LWF_CLIENT_DEAF_LOOK_NS);
}

static void look(void *context)
{
	struct lwf_client *client = context;
	struct lwf_client_deaf *deaf = &client->deaf;
	uint32_t head = read_head(client), unread = unread_from(client, head);

	deaf->watching = false;
	if (!unread || !client->session.stack)
		return;
	if (head != deaf->head) {
		watch(client, head);
	} else if (lwf_host_now_ns(client->clients->host) - deaf->since_ns < LWF_CLIENT_DEAF_NS) {
		deaf->watching = true;
		lwf_timer_set(&deaf->timer, LWF_CLIENT_DEAF_LOOK_NS);
	} else {
		deaf->told = true;
		tell(client, unread);
	}
}

void lwf_client_deaf_answered(struct lwf_client *client)
{
	struct lwf_client_deaf *deaf = &client->deaf;
	uint32_t head;

	if (deaf->watching || client->session.closing)
		return;
	head = read_head(client);
	if (deaf->told && head == deaf->head)
		return; /* and nothing has changed */
	if (deaf->told) {
		char text[40];

		deaf->told = false;
		snprintf(text, sizeof(text), "session %" PRIu32, client->session.id);
		lwf_session_note(&client->session, "hears", text);
	}
	watch(client, head);
}

void lwf_client_deaf_cancel(struct lwf_client *client)
{
	client->deaf.watching = false;
	lwf_timer_cancel(&client->deaf.timer);
}

int lwf_client_deaf_init(struct lwf_client *client)
{
	return lwf_timer_init(&client->deaf.timer, client->clients->host, look, client);
}

void lwf_client_deaf_fini(struct lwf_client *client)
{
	lwf_timer_fini(&client->deaf.timer);
}
