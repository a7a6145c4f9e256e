/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * world.c - the world that a piece is put into, all of it decided by one seed.
 *
 * A controller attaches, restarts, pauses and detaches; up to three clients send; two processors
 * bring completions; a device may answer within the call, later, out of order, merged, when a pause has
 * begun, or by a reset only. A reset runs on the control thread, as the removal of a device does:
 * who blocks that thread in FilterPause waits for himself.
 */
#include <assert.h>
#include <string.h>

#include "memory.h"
#include "world.h"

#define HELD_NS	    UINT64_MAX /* due when a pause begins */
#define STUCK_NS    (2000 * NS_PER_MS)
#define CHAIN_MAX   4u
#define BURST	    6u
#define PATIENCE_MS 200u /* of a client that is refused, at most */

struct run run;

static const char *const client_names[CLIENTS_MAX] = {"client-1", "client-2", "client-3"};

struct life *life_now(void)
{
	return run.n_lives ? &run.lives[run.n_lives - 1] : NULL;
}

struct life *life_of(lwf_handle handle)
{
	assert(handle && handle <= run.n_lives);
	return &run.lives[handle - 1];
}

/* ---- the edges ---- */

/* @frames are of one life and one direction. */
static void come_home(struct mu_frame *const *frames, unsigned n, lwf_status status)
{
	struct life *life = life_of(frames[0]->origin);
	bool receive = frames[0]->receive;

	if (!life->module) { /* it was let go with frames out, which is reported already */
		fibers_stop();
		fibers_yield();
	}
	for (unsigned i = 0; i < n; i++) {
		oracle_home(life, receive);
		trace_frame("home", frames[i], status, n - 1 - i);
	}
	run.home += n;
	if (receive)
		run.piece->receive_return(life->module, frames[0]);
	else
		run.piece->send_complete(life->module, frames, n);
	for (unsigned i = 0; i < n; i++) {
		frames[i]->away = false;
		fibers_wake(frames[i]);
	}
}

static void enqueue(struct mu_frame *frame, const struct life *life)
{
	bool running = life->state == LWF_STATE_RUNNING;

	frame->due_ns = fibers_now_ns() + fibers_below(run.temper.slow_ms * 1000 + 1) * 1000ull;
	frame->stuck = !frame->receive && fibers_chance(run.temper.stuck, 16);
	if (frame->stuck)
		frame->due_ns = fibers_now_ns() + STUCK_NS;
	else if (running && fibers_chance(run.temper.held, 16))
		frame->due_ns = HELD_NS;
	run.queue[run.queued++] = frame;
	fibers_wake(&run.queue);
}

static void hand_over(lwf_handle origin, struct mu_frame *frame, bool receive)
{
	struct life *life;
	int self = fibers_self();

	fibers_yield();
	life = life_of(origin);
	frame->origin = origin;
	frame->receive = receive;
	frame->away = true;
	frame->birth = ++run.births;
	trace_frame("originate", frame, LWF_STATUS_PENDING, 0);
	oracle_originated(life, receive);
	if (fibers_stopped())
		return; /* the device would not survive it */
	run.in_send[self]++;
	if (fibers_chance(run.temper.inside, 16))
		come_home(&frame, 1, LWF_STATUS_SUCCESS);
	else
		enqueue(frame, life);
	run.in_send[self]--;
	fibers_yield();
}

void mu_send(lwf_handle origin, struct mu_frame *frame)
{
	hand_over(origin, frame, false);
}

void mu_indicate(lwf_handle origin, struct mu_frame *frame)
{
	hand_over(origin, frame, true);
}

void mu_pause_complete(lwf_handle origin)
{
	struct life *life = life_of(origin);

	fibers_yield();
	trace_callback("NdisFPauseComplete", LWF_STATUS_SUCCESS);
	oracle_pause_completed(life);
	fibers_wake(&run.control);
	fibers_yield();
}

static struct mu_frame *take(uint32_t at)
{
	struct mu_frame *frame = run.queue[at];

	run.queue[at] = run.queue[--run.queued];
	return frame;
}

/* What comes home next, in any order; 0 when nothing is due, and then when the next will be. */
static unsigned take_due(struct mu_frame **chain, uint64_t *next_ns)
{
	uint32_t due[CLIENTS_MAX * FRAMES_OF_CLIENT], n_due = 0;
	unsigned n = 0;

	*next_ns = UINT64_MAX;
	for (uint32_t i = 0; i < run.queued; i++) {
		if (run.queue[i]->stuck)
			continue;
		if (run.queue[i]->due_ns <= fibers_now_ns())
			due[n_due++] = i;
		else if (run.queue[i]->due_ns < *next_ns)
			*next_ns = run.queue[i]->due_ns;
	}
	if (!n_due)
		return 0;
	chain[n++] = take(due[fibers_below(n_due)]);
	while (!chain[0]->receive && n < CHAIN_MAX && fibers_chance(run.temper.merged, 16)) {
		uint32_t i = 0;

		while (i < run.queued && (run.queue[i]->origin != chain[0]->origin ||
					  run.queue[i]->receive || run.queue[i]->stuck))
			i++;
		if (i == run.queued)
			break;
		chain[n++] = take(i);
	}
	return n;
}

static void completer(void *context)
{
	struct mu_frame *chain[CHAIN_MAX];
	uint64_t next_ns;
	unsigned n;

	(void)context;
	while (!run.ended) {
		n = take_due(chain, &next_ns);
		if (n) {
			fibers_yield();
			come_home(chain, n, LWF_STATUS_SUCCESS);
		} else if (next_ns == UINT64_MAX) {
			fibers_wait(&run.queue);
		} else {
			fibers_sleep_ns(next_ns - fibers_now_ns());
		}
	}
}

/* Sees that frames are stuck, and asks the control thread for a reset. */
static void device(void *context)
{
	(void)context;
	while (!run.ended) {
		for (uint32_t i = 0; i < run.queued; i++)
			if (run.queue[i]->stuck && run.queue[i]->due_ns <= fibers_now_ns())
				run.reset_wanted = true;
		if (run.reset_wanted)
			fibers_wake(&run.control);
		fibers_sleep_ns(100 * NS_PER_MS);
	}
}

static void watchdog(void *context)
{
	(void)context;
	while (!run.ended) {
		struct life *life = life_now();

		if (life && life->state == LWF_STATE_PAUSING &&
		    fibers_now_ns() - life->paused_at_ns >= PAUSE_LIMIT_NS)
			oracle_pause_hangs(life);
		fibers_sleep_ns(500 * NS_PER_MS);
	}
}

/* ---- the controller ---- */

void world_reset(void)
{
	uint32_t i = 0;

	run.reset_wanted = false;
	while (i < run.queued) {
		if (run.queue[i]->stuck) {
			struct mu_frame *frame = take(i);

			come_home(&frame, 1, LWF_STATUS_FAILURE);
			i = 0; /* others may have come and gone meanwhile */
		} else {
			i++;
		}
	}
}

static void linger(uint32_t ms)
{
	uint64_t until_ns = fibers_now_ns() + ms * NS_PER_MS;

	while (fibers_now_ns() < until_ns) {
		if (run.reset_wanted)
			world_reset();
		fibers_sleep_ns(NS_PER_MS);
	}
}

/* Some time passes, often none. */
static void some_time(void)
{
	linger(fibers_chance(1, 2) ? 0 : fibers_below(15));
	if (fibers_chance(1, 2))
		fibers_yield();
}

void world_attach(void)
{
	struct life *life = &run.lives[run.n_lives++];

	assert(run.n_lives <= LIVES_MAX);
	memset(life, 0, sizeof(*life));
	life->handle = run.n_lives;
	life_state(life, LWF_STATE_ATTACHING, "attach");
	life->module = run.piece->attach(life->handle);
	trace_callback("FilterAttach", LWF_STATUS_SUCCESS);
	life_state(life, LWF_STATE_PAUSED, "done");
}

void world_restart(void)
{
	struct life *life = life_now();
	lwf_status status;

	life_state(life, LWF_STATE_RESTARTING, "restart");
	status = run.piece->restart(life->module);
	assert(status == LWF_STATUS_SUCCESS);
	trace_callback("FilterRestart", status);
	life_state(life, LWF_STATE_RUNNING, "done");
}

void world_release_held(void)
{
	for (uint32_t i = 0; i < run.queued; i++)
		if (run.queue[i]->due_ns == HELD_NS)
			run.queue[i]->due_ns = fibers_now_ns() + fibers_below(1000) * 1000ull;
	fibers_wake(&run.queue);
}

void world_pause(void)
{
	struct life *life = life_now();
	lwf_status answer;

	life->pause_event = run.n_events;
	life_state(life, LWF_STATE_PAUSING, "pause");
	oracle_pause_entered(life);
	world_release_held();
	answer = run.piece->pause(life->module);
	trace_callback("FilterPause", answer);
	oracle_pause_answered(life, answer);
	while (life->state == LWF_STATE_PAUSING) {
		if (run.reset_wanted)
			world_reset();
		else
			fibers_wait(&run.control);
	}
}

void world_detach(void)
{
	struct life *life = life_now();

	fibers_yield();
	life_state(life, LWF_STATE_DETACHED, "detach");
	run.piece->detach(life->module);
	life->module = NULL;
	trace_callback("FilterDetach", LWF_STATUS_SUCCESS);
}

static void controller(void *context)
{
	(void)context;
	world_attach();
	some_time();
	world_restart();
	for (uint32_t i = 0; i < run.temper.cycles; i++) {
		some_time();
		world_pause();
		some_time();
		if (fibers_chance(run.temper.detach, 16)) {
			world_detach();
			some_time();
			world_attach();
			some_time();
		}
		world_restart();
	}
	some_time();
	run.closing = true;
	world_pause();
	world_detach();
	while (run.clients_left)
		linger(1);
	run.ended = true;
	fibers_wake(&run.queue);
}

/* ---- clients ---- */

lwf_status world_call(struct mu_frame *frame, void *open, bool receive)
{
	lwf_status answer;

	frame->open = open;
	frame->receive = receive;
	fibers_yield();
	oracle_call_begin();
	answer = receive ? run.piece->receive(open, frame) : run.piece->send(open, frame);
	oracle_call_end(answer);
	if (answer != LWF_STATUS_SUCCESS)
		trace_deny(frame, &run.calls[fibers_self()], answer);
	run.accepted += answer == LWF_STATUS_SUCCESS;
	run.refused += answer != LWF_STATUS_SUCCESS;
	return answer;
}

void world_wait_home(const struct mu_frame *frame)
{
	while (frame->away)
		fibers_wait(frame);
}

static void client(void *context)
{
	struct mu_frame *frames = context;
	uint32_t patience_ms = 2, turn = 0;
	void *open;

	do
		fibers_sleep_ns(fibers_below(3000) * 1000ull);
	while (!run.closing && (!life_now() || !life_now()->module)); /* no adapter to open */
	open = run.piece->open();
	while (!run.closing) {
		struct mu_frame *frame = &frames[turn++ % FRAMES_OF_CLIENT];
		bool receive = run.piece->receive && fibers_chance(run.temper.receive, 16);

		world_wait_home(frame);
		if (world_call(frame, open, receive) != LWF_STATUS_SUCCESS) {
			fibers_sleep_ns((1 + fibers_below(patience_ms)) * NS_PER_MS);
			if (patience_ms < PATIENCE_MS)
				patience_ms *= 2;
			continue;
		}
		patience_ms = 2;
		if (fibers_chance(1, 3))
			world_wait_home(frame);
		if (turn % BURST == 0)
			fibers_sleep_ns(5 * NS_PER_MS); /* the others want to get on, too */
		else if (fibers_chance(1, 2))
			fibers_sleep_ns(fibers_below(3000) * 1000ull);
	}
	for (unsigned i = 0; i < FRAMES_OF_CLIENT; i++)
		world_wait_home(&frames[i]);
	run.piece->close(open);
	run.clients_left--;
}

/* ---- a run ---- */

void world_begin(const struct mu_piece *piece, uint64_t seed, bool quiet)
{
	uint32_t n_events = run.n_events;

	memset(run.events, 0, n_events * sizeof(*run.events));
	memset(&run, 0, offsetof(struct run, events));
	run.piece = piece;
	run.seed = seed;
	run.quiet = quiet;
	run.rule = -1;
	memset(run.broken, 0, sizeof(run.broken));
	run.finding[0] = '\0';
	for (uint32_t c = 0; c < CLIENTS_MAX; c++)
		for (uint32_t i = 0; i < FRAMES_OF_CLIENT; i++)
			run.frames[c][i].id = c * FRAMES_OF_CLIENT + i + 1;
	fibers_begin(seed);
	memory_begin();
	sync_begin();
	flows_begin(piece->flow_delete);
	trace_begin();
	piece->load();
}

void world_draw_temper(void)
{
	struct temper *temper = &run.temper;

	temper->clients = 1 + fibers_below(CLIENTS_MAX);
	temper->cycles = 2 + fibers_below(4);
	temper->inside = fibers_chance(1, 2) ? fibers_below(12) : 0;
	temper->held = fibers_chance(1, 2) ? fibers_below(12) : 0;
	temper->stuck = run.piece->device == MU_DEVICE_STICKS ? fibers_below(3) : 0;
	temper->merged = run.piece->device == MU_DEVICE_MERGES ? fibers_below(12) : 0;
	temper->detach = fibers_below(16);
	temper->receive = fibers_below(12);
	temper->slow_ms = 1 + fibers_below(6);
}

void world_add_edges(void)
{
	fibers_add("completer-1", completer, NULL);
	fibers_add("completer-2", completer, NULL);
	fibers_add("watchdog", watchdog, NULL);
}

void world_add_device(void)
{
	if (run.piece->device == MU_DEVICE_STICKS)
		fibers_add("device", device, NULL);
}

int world_run(const struct mu_piece *piece, uint64_t seed, bool quiet)
{
	world_begin(piece, seed, quiet);
	world_draw_temper();
	fibers_add("control", controller, NULL);
	world_add_edges();
	for (uint32_t i = 0; i < run.temper.clients && i < CLIENTS_MAX; i++)
		fibers_add(client_names[i], client, run.frames[i]);
	world_add_device();
	run.clients_left = run.temper.clients;
	oracle_end(fibers_run());
	return run.rule;
}

/* ---- ordinary traffic ---- */

/* Some frames, each home before the next one is sent. */
static void ordinary_traffic(void)
{
	void *open = run.piece->open();

	for (unsigned i = 0; i < 6; i++) {
		struct mu_frame *frame = &run.frames[0][0];
		bool receive = run.piece->receive && i % 3 == 2;

		if (world_call(frame, open, receive) != LWF_STATUS_SUCCESS)
			broken(RULE_F02, "refused in ordinary traffic");
		if (frame->away) {
			run.queued = 0;
			come_home(&frame, 1, LWF_STATUS_SUCCESS);
		}
	}
	run.piece->close(open);
}

static void ordinary(void *context)
{
	(void)context;
	for (unsigned i = 0; i < 2; i++) {
		world_attach();
		for (unsigned j = 0; j < 3; j++) {
			world_restart();
			ordinary_traffic();
			world_pause();
			if (life_now()->state != LWF_STATE_PAUSED)
				broken(RULE_S07, "a pause with nothing in flight does not end");
		}
		world_detach();
	}
}

int world_ordinary(const struct mu_piece *piece)
{
	world_begin(piece, 0, false);
	fibers_add("test", ordinary, NULL);
	oracle_end(fibers_run());
	return run.rule;
}
