/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sim_owner.c - the simulated host's script of who owns which flow; see sim_owner.h.
 *
 * Questions wait in the order in which they were asked; one timer stands at the earliest answer. Answers of one
 * instant come in the order of the questions.
 */
#include "sim_owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NEVER UINT64_MAX

struct line {
	struct line *next;
	struct lwf_flow_key key;
	struct lwf_owner owner;
	uint64_t delay_ns; /* NEVER: no answer */
};

struct question {
	struct question *next; /* younger */
	struct lwf_owner_question asked;
	struct lwf_owner owner; /* as the script was when it was asked */
	uint64_t due_ns;
};

struct sim_owners {
	struct lwf_host *host;
	struct lwf_timer timer;
	struct line *lines;
	struct question *oldest, *youngest;
	uint32_t open;
};

static void on_due(void *context);

struct sim_owners *lwf_sim_owners_create(struct lwf_host *host)
{
	struct sim_owners *owners = calloc(1, sizeof(*owners));

	if (!owners)
		return NULL;
	owners->host = host;
	if (lwf_timer_init(&owners->timer, host, on_due, owners)) {
		free(owners);
		return NULL;
	}
	return owners;
}

/** Takes out the question that @link points to. */
static struct question *take(struct sim_owners *owners, struct question **link)
{
	struct question *question = *link;

	*link = question->next;
	owners->youngest = NULL;
	for (struct question *each = owners->oldest; each; each = each->next)
		owners->youngest = each;
	owners->open--;
	return question;
}

void lwf_sim_owners_destroy(struct sim_owners *owners)
{
	if (!owners)
		return;
	while (owners->oldest)
		free(take(owners, &owners->oldest));
	while (owners->lines) {
		struct line *line = owners->lines;

		owners->lines = line->next;
		free(line);
	}
	lwf_timer_fini(&owners->timer);
	free(owners);
}

static struct line *find(const struct sim_owners *owners, const struct lwf_flow_key *key)
{
	struct line *line = owners->lines;

	while (line && memcmp(&line->key, key, sizeof(*key)))
		line = line->next;
	return line;
}

int lwf_sim_owners_set(struct sim_owners *owners, const struct lwf_flow_key *key,
		       const struct lwf_owner *owner, uint64_t delay_ns)
{
	struct line *line = find(owners, key);

	if (!line) {
		line = calloc(1, sizeof(*line));
		if (!line)
			return -ENOMEM;
		line->key = *key;
		line->next = owners->lines;
		owners->lines = line;
	}
	if (owner)
		line->owner = *owner;
	line->delay_ns = owner ? delay_ns : NEVER;
	return 0;
}

/** Sets the timer at the earliest answer. */
static void set_timer(struct sim_owners *owners)
{
	uint64_t now = lwf_host_now_ns(owners->host), due = NEVER;

	for (const struct question *question = owners->oldest; question; question = question->next)
		due = question->due_ns < due ? question->due_ns : due;
	if (due == NEVER)
		lwf_timer_cancel(&owners->timer);
	else
		lwf_timer_set(&owners->timer, due > now ? due - now : 0);
}

static void on_due(void *context)
{
	struct sim_owners *owners = context;
	uint64_t now = lwf_host_now_ns(owners->host);
	struct question **link = &owners->oldest;

	while (*link) {
		struct question *question;

		if ((*link)->due_ns > now) {
			link = &(*link)->next;
			continue;
		}
		question = take(owners, link);
		question->asked.answer(question->asked.context, question->asked.flow,
				       &question->owner);
		free(question);
		link = &owners->oldest; /* the asker may have forgotten others */
	}
	set_timer(owners);
}

int lwf_sim_owners_ask(struct sim_owners *owners, const struct lwf_owner_question *asked,
		       struct lwf_owner *owner)
{
	const struct line *line = find(owners, &asked->key);
	struct question *question;

	owner->why = LWF_OWNER_WHY_NO_SOCKET;
	if (!line)
		return 0;
	if (!line->delay_ns) {
		*owner = line->owner;
		return 0;
	}
	owner->why = LWF_OWNER_WHY_OVERLOAD;
	question = owners->open < SIM_QUESTIONS_MAX ? calloc(1, sizeof(*question)) : NULL;
	if (!question)
		return 0;
	question->asked = *asked;
	question->owner = line->owner;
	question->due_ns =
		line->delay_ns == NEVER ? NEVER : lwf_host_now_ns(owners->host) + line->delay_ns;
	*(owners->youngest ? &owners->youngest->next : &owners->oldest) = question;
	owners->youngest = question;
	owners->open++;
	set_timer(owners);
	owner->how = LWF_OWNER_PENDING;
	owner->why = LWF_OWNER_WHY_NONE;
	return -EINPROGRESS;
}

void lwf_sim_owners_forget(struct sim_owners *owners, void *context)
{
	struct question **link = &owners->oldest;

	while (*link) {
		if ((*link)->asked.context == context)
			free(take(owners, link));
		else
			link = &(*link)->next;
	}
	set_timer(owners);
}

uint32_t lwf_sim_owners_open(const struct sim_owners *owners)
{
	return owners->open;
}
