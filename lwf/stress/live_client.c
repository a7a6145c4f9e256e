/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_client.c - a client of the live world: a process of its own over liblwf-client.
 *
 * It keeps an account of its own in a page that outlives it: every frame that it handed over, every
 * answer that it was told. The frame with number n stands in slot n % LIVE_SLOTS until it is answered,
 * so that an answer that comes twice, or to nothing, is seen. When the daemon goes, what was out is
 * answered by the library, and the client connects again as soon as there is one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <lwf/inject.h>

#include "live_world.h"
#include "number.h"

#define BATCH	    64u
#define CANCEL_ID   1u
#define AGAIN_NS    5000000ull /* between two tries to connect */
#define SHORTEST_NS 100000ull  /* that it sleeps: frames that are due together leave together */
#define FLOOD_TURNS 16u	       /* batches of a flood between two sleeps */

struct process {
	struct live_client *client;
	struct live_page *page;
	struct lwf_inject *handle;
	struct live_pace sender[STRESS_TRAFFICS_MAX];
	uint32_t senders;
	uint64_t next; /* number of the next frame */
	uint64_t slot[LIVE_SLOTS];
	bool up[LIVE_SLOTS]; /* towards the host */
};

/* ---- answers ---- */

static void count_answer(struct process *process, const struct lwf_inject_event *event)
{
	struct live_page *page = process->page;
	uint64_t *slot = &process->slot[event->context % LIVE_SLOTS];
	enum lwf_answer answer = lwf_status_answer(event->status);

	if (event->context == 0 || *slot != event->context) {
		page->doubled++;
		return;
	}
	*slot = 0;
	if (event->refused)
		page->refused[answer]++;
	else
		page->completed[answer]++;
	if (answer != LWF_ANSWER_SUCCESS)
		return;
	page->sent++;
	page->indicated += process->up[event->context % LIVE_SLOTS];
	page->frames += event->frames;
	page->bytes += event->bytes;
}

/* Takes all there is; without a daemon the handle is given up. */
static void take_answers(struct process *process)
{
	struct lwf_inject_event events[BATCH];
	int n;

	while ((n = lwf_inject_poll(process->handle, events, BATCH)) > 0)
		for (int i = 0; i < n; i++)
			if (events[i].kind == LWF_INJECT_ANSWER)
				count_answer(process, &events[i]);
	if (n >= 0)
		return;
	process->page->connected = false;
	lwf_inject_close(process->handle);
	process->handle = NULL;
}

/* ---- frames ---- */

/* Hands @count frames over, as far as there is room. Returns how many. */
static uint32_t submit(struct process *process, const struct live_pace *sender, uint32_t count)
{
	struct lwf_inject_frame frames[BATCH];
	struct live_page *page = process->page;
	uint64_t made = page->made[sender->index];
	uint32_t ready = 0, taken;
	int n;

	_Static_assert(BATCH <= STRESS_PATTERNS,
		       "live_client.c: each frame of a batch has bytes of its own");
	for (; ready < count && !process->slot[(process->next + ready) % LIVE_SLOTS]; ready++) {
		uint32_t pattern = (uint32_t)((made + ready) % STRESS_PATTERNS);

		stress_number_put(&sender->patterns, sender->index, made + ready,
				  sender->patterns.bytes[pattern]);
		frames[ready] = (struct lwf_inject_frame){
			.data = sender->patterns.bytes[pattern],
			.len = sender->patterns.len[pattern],
			.flags = sender->declared->receive ? LWF_INJECT_RECEIVE : 0,
			.context = process->next + ready,
			.cancel_id = CANCEL_ID,
		};
	}
	if (!ready)
		return 0;
	/* before, so that one that is killed in the middle has not handed over more than it says */
	page->submitted += ready;
	page->made[sender->index] += ready;
	n = lwf_inject_submit(process->handle, frames, ready, NULL);
	taken = n > 0 ? (uint32_t)n : 0;
	page->submitted -= ready - taken;
	page->made[sender->index] -= ready - taken;
	for (uint32_t i = 0; i < taken; i++) {
		process->slot[(process->next + i) % LIVE_SLOTS] = process->next + i;
		process->up[(process->next + i) % LIVE_SLOTS] = sender->declared->receive;
	}
	process->next += taken;
	return taken;
}

/* Sends what is due. Returns when the next is. */
static uint64_t send_due(struct process *process, struct live_pace *sender, uint64_t now)
{
	bool on = process->page->on & 1u << sender->index;
	uint64_t due = live_pace_due(sender, on, process->page->made[sender->index], now);

	while (due) {
		uint32_t count = due < BATCH ? (uint32_t)due : BATCH;

		if (submit(process, sender, count) < count)
			break; /* no room: what was due is not made up for */
		due -= count;
	}
	return sender->next_ns;
}

/* As much as there is room for, whatever its rate is. */
static void flood(struct process *process)
{
	for (uint32_t i = 0; i < FLOOD_TURNS; i++)
		if (submit(process, &process->sender[0], BATCH) < BATCH)
			return;
}

/* All that it has out, when the run asked for that. */
static void cancel(struct process *process)
{
	uint32_t asked = process->page->cancel;

	if (process->page->cancelled == asked)
		return;
	if (process->handle)
		lwf_inject_cancel(process->handle, CANCEL_ID);
	process->page->cancelled = asked;
}

static void connect_again(struct process *process)
{
	static char control[LIVE_PATH_BYTES];
	struct lwf_inject_options options = LWF_INJECT_OPTIONS_INIT;
	const struct live_client *client = process->client;
	const struct live_link *link = &client->world->link[client->declared->link];

	memcpy(control, link->control, sizeof(control));
	options.control = control;
	options.stack = link->declared->name;
	options.when_paused =
		client->declared->wait_when_paused ? LWF_WHEN_PAUSED_WAIT : LWF_WHEN_PAUSED_FAIL;
	if (lwf_inject_open(&options, &process->handle, NULL) == 0) {
		memset(process->slot, 0, sizeof(process->slot));
		process->page->connected = true;
	}
}

/* One turn of its life. Returns when the next is due. */
static uint64_t turn(struct process *process, bool deaf)
{
	uint64_t now = live_clock_ns(), next = now + LIVE_LOOK_NS;

	if (!process->handle)
		connect_again(process);
	if (process->handle && !deaf)
		take_answers(process);
	cancel(process);
	for (uint32_t i = 0; process->handle && i < process->senders; i++) {
		uint64_t due = send_due(process, &process->sender[i], now);

		next = due < next ? due : next;
	}
	if (process->handle && process->page->flood) {
		flood(process);
		return now;
	}
	return process->handle ? next : now + AGAIN_NS;
}

static void run(struct process *process)
{
	for (;;) {
		bool deaf = process->page->deaf;
		uint64_t next = turn(process, deaf), now = live_clock_ns();
		struct pollfd at = {.fd = -1, .events = POLLIN};
		struct timespec left;

		if (process->handle && !deaf)
			at.fd = lwf_inject_fd(process->handle);
		next = next > now + SHORTEST_NS ? next - now : SHORTEST_NS;
		left = (struct timespec){.tv_nsec = (long)next};
		/* answers are taken with the next frames: waiting for each would be a switch each */
		if (at.fd < 0 || next <= 2 * SHORTEST_NS)
			nanosleep(&left, NULL);
		else
			ppoll(&at, 1, &left, NULL);
	}
}

static void be_client(struct live_client *client)
{
	const struct stress_scenario *scenario = client->world->base.options.scenario;
	struct process *process = calloc(1, sizeof(*process));

	if (!process)
		_exit(LWF_EXIT_FALSE);
	process->client = client;
	process->page = client->page;
	process->next = 1;
	for (uint32_t i = 0; i < scenario->traffics; i++) {
		struct live_pace *sender = &process->sender[process->senders];

		if (scenario->traffic[i].from.kind != STRESS_CLIENT ||
		    scenario->traffic[i].from.index != client->index)
			continue;
		if (live_pace_init(sender, &scenario->traffic[i], i))
			_exit(LWF_EXIT_FALSE);
		process->senders++;
	}
	run(process);
}

int live_client_start(struct live_client *client)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		prctl(PR_SET_NAME, client->declared->name);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_TIMERSLACK, 1000ul);
		/* process 1 must see the end of the run, whoever else lives */
		close(client->world->keeper_fd);
		for (uint32_t i = 0; i < STRESS_LINKS_MAX; i++)
			live_watch_close(&client->world->link[i]);
		be_client(client);
	}
	client->pid = pid;
	return 0;
}

int live_client_wait(struct live_client *client, struct lwf_error *error)
{
	uint64_t until = live_clock_ns() + LIVE_START_NS;

	for (; live_clock_ns() < until; live_sleep_ns(LIVE_LOOK_NS))
		if (client->page->connected)
			return 0;
	return live_refuse(error, LWF_EXIT_TIMEOUT, client->declared->name,
			   "it does not connect within 10 s");
}

struct lwf_ledger live_client_ledger(const struct live_client *client)
{
	struct live_page *page = client->page;
	struct lwf_ledger ledger = {0};

	/* answers before what they answer: so that there are never more of them */
	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		ledger.completed[i] = page->completed[i];
		ledger.refused[i] = page->refused[i];
	}
	ledger.indicated = page->indicated;
	ledger.sent = page->sent;
	ledger.frames = page->frames;
	ledger.bytes = page->bytes;
	ledger.submitted = page->submitted;
	return ledger;
}
