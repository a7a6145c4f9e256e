/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.c - liblwf-client: the user program's side of the rings (lwf/ring.h).
 *
 * A slot per frame in flight remembers its id; an answer is believed only when it names a slot that
 * is taken, and frees it, so that no frame is answered twice whatever the daemon writes. When the
 * daemon goes, the answers that it left in the ring are delivered first, and the slots still taken
 * are answered UNKNOWN. Frames lie in the data area one behind the other; the area behind a frame
 * is free again when the engine has copied its record out, which it does in order.
 *
 * The daemon distrusts us and we distrust it: sizes, seals and indices are checked, and an
 * impossible one ends the session as if the daemon had died.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <lwf/inject.h>
#include <lwf/ring.h>

#include "connection.h"

#define SUBMIT_MASK (LWF_RING_SUBMIT_SLOTS - 1u)
#define ANSWER_MASK (LWF_RING_COMPLETE_SLOTS - 1u)
#define SLOT_BITS   13u
#define DATA_ALIGN  64u
#define LOCAL_MAX   1024u /* answers of our own (RESOURCES) that wait to be polled */

_Static_assert(1u << SLOT_BITS == LWF_RING_COMPLETE_SLOTS, "client.c: an id holds a slot");
_Static_assert(LWF_INJECT_RECEIVE == LWF_RING_FLAG_RECEIVE, "client.c: flags");
_Static_assert(LWF_INJECT_TRUNCATED == LWF_RING_FLAG_TRUNCATED, "client.c: flags");
_Static_assert(LWF_INJECT_SHORT == LWF_RING_FLAG_SHORT, "client.c: flags");

/* A frame in flight; id 0: the slot is free. */
struct slot {
	uint64_t id;
	uint64_t context;
};

struct lwf_inject {
	struct lwf_connection *connection;
	uint64_t timeout_ns;
	bool state_events, answer_resources;
	uint32_t session;
	const char *gone; /* why the daemon is gone; NULL: it is there */

	/* the shared memory */
	uint8_t *map;
	struct lwf_ring_control *control;
	struct lwf_ring_submit *submits;
	const struct lwf_ring_answer *answers;

	/* our own copies: indices we write, and theirs as last seen and found possible */
	uint32_t submit_tail, answer_head;
	uint32_t submit_head, answer_tail;
	uint64_t data_tail, data_head; /* count up for ever; in the area modulo its size */
	uint64_t data_end[LWF_RING_SUBMIT_SLOTS]; /* data_tail behind each record in the ring */

	uint64_t sequence; /* of the last id */
	uint32_t free_count, in_flight;
	uint16_t free_slots[LWF_RING_COMPLETE_SLOTS];
	struct slot slots[LWF_RING_COMPLETE_SLOTS];
	uint32_t unknown_next; /* slot to look at next once the daemon is gone */

	uint32_t local_head, local_tail; /* answers of our own, and slots for them */
	struct lwf_inject_event local[LOCAL_MAX];

	bool waits; /* client_waits is set */
	uint32_t told_state, told_epoch;
};

/* ---- opening and closing ---- */

static int check_memory(int fd, struct lwf_error *error)
{
	const int needed = F_SEAL_SHRINK | F_SEAL_GROW;
	struct stat status;
	int seals = fcntl(fd, F_GET_SEALS);

	if (fstat(fd, &status) != 0 || status.st_size != (off_t)LWF_RING_BYTES || seals < 0 ||
	    (seals & needed) != needed) {
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, "shared memory",
			      "see that client and lwfd are of one version",
			      "what lwfd passed is not a sealed ring of %u bytes", LWF_RING_BYTES);
		return -EPROTO;
	}
	return 0;
}

static int check_control(const struct lwf_ring_control *control, struct lwf_error *error)
{
	if (control->magic == LWF_RING_MAGIC && control->version == LWF_RING_VERSION &&
	    control->submit_slots == LWF_RING_SUBMIT_SLOTS &&
	    control->complete_slots == LWF_RING_COMPLETE_SLOTS &&
	    control->data_bytes == LWF_RING_DATA_BYTES)
		return 0;
	lwf_error_set(error, LWF_EXIT_UNREACHABLE, "shared memory",
		      "install client and lwfd of one version", "the ring is of another version");
	return -EPROTO;
}

static int map_ring(struct lwf_inject *handle, int fd, struct lwf_error *error)
{
	void *map;
	int err;

	err = check_memory(fd, error);
	if (err)
		return err;
	map = mmap(NULL, LWF_RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		err = -errno;
		lwf_error_set(error, LWF_EXIT_FALSE, "shared memory", NULL, "%s", strerror(-err));
		return err;
	}
	handle->map = map;
	handle->control = map;
	handle->submits = (void *)(handle->map + LWF_RING_SUBMIT_OFFSET);
	handle->answers = (void *)(handle->map + LWF_RING_COMPLETE_OFFSET);
	return check_control(handle->control, error);
}

static int open_session(struct lwf_inject *handle, const struct lwf_inject_options *options,
			struct lwf_error *error)
{
	bool wait = options->when_paused == LWF_WHEN_PAUSED_WAIT;
	json_t *body = json_pack("{s:s,s:b}", "stack", options->stack, "wait_when_paused", wait);
	json_t *reply = NULL;
	int fd = -1, err;

	if (!body) {
		lwf_error_set(error, LWF_EXIT_USAGE, "stack", "name a stack: see lwfctl show",
			      "the name is missing or is not UTF-8");
		return -EINVAL;
	}
	if (options->module)
		json_object_set_new(body, "module", json_string(options->module));
	err = lwf_connection_request(handle->connection, LWF_WIRE_OPEN, body, options->timeout_ns,
				     &reply, &fd, error);
	if (err)
		return err;
	handle->session = (uint32_t)json_integer_value(json_object_get(reply, "session"));
	json_decref(reply);
	if (fd < 0) {
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, "shared memory",
			      "see that client and lwfd are of one version",
			      "lwfd opened a session and passed no memory");
		return -EPROTO;
	}
	err = map_ring(handle, fd, error);
	close(fd);
	return err;
}

/* Options of an older program are shorter: what it does not know keeps its default. */
static int take_options(const struct lwf_inject_options *given, struct lwf_inject_options *options,
			struct lwf_error *error)
{
	const struct lwf_inject_options defaults = LWF_INJECT_OPTIONS_INIT;

	*options = defaults;
	if (given->size > sizeof(*options) ||
	    given->size < offsetof(struct lwf_inject_options, timeout_ns)) {
		lwf_error_set(error, LWF_EXIT_USAGE, "options", "use LWF_INJECT_OPTIONS_INIT",
			      "their size is not known to this library");
		return -EINVAL;
	}
	memcpy(options, given, given->size);
	return 0;
}

int lwf_inject_open(const struct lwf_inject_options *given, struct lwf_inject **handle,
		    struct lwf_error *error)
{
	struct lwf_inject_options options;
	struct lwf_inject *made;
	int err;

	err = take_options(given, &options, error);
	if (err)
		return err;
	made = calloc(1, sizeof(*made));
	if (!made) {
		lwf_error_set(error, LWF_EXIT_FALSE, "handle", NULL, "out of memory");
		return -ENOMEM;
	}
	made->timeout_ns = options.timeout_ns;
	made->state_events = options.state_events;
	made->answer_resources = options.answer_resources;
	for (uint32_t i = 0; i < LWF_RING_COMPLETE_SLOTS; i++)
		made->free_slots[i] = (uint16_t)(LWF_RING_COMPLETE_SLOTS - 1 - i);
	made->free_count = LWF_RING_COMPLETE_SLOTS;
	made->told_state = UINT32_MAX; /* the first event tells where the stack is */
	err = lwf_connection_open(options.control, options.timeout_ns, &made->connection, error);
	if (!err)
		err = open_session(made, &options, error);
	if (err) {
		lwf_inject_close(made);
		return err;
	}
	*handle = made;
	return 0;
}

void lwf_inject_close(struct lwf_inject *handle)
{
	if (!handle)
		return;
	if (handle->map)
		munmap(handle->map, LWF_RING_BYTES);
	lwf_connection_close(handle->connection);
	free(handle);
}

/* ---- the daemon is gone, or lies ---- */

/* Answers that it left are still good: answer_tail is taken once more, and then for the last time.
 */
static void look_at_answers(struct lwf_inject *handle)
{
	uint32_t tail = atomic_load_explicit(&handle->control->answer_tail, memory_order_acquire);

	if (tail - handle->answer_head > handle->in_flight) {
		if (!handle->gone)
			handle->gone = "lwfd gave more answers than it was asked for";
		return;
	}
	handle->answer_tail = tail;
}

static void went(struct lwf_inject *handle, const char *why)
{
	if (handle->gone)
		return;
	look_at_answers(handle);
	handle->gone = why;
}

static void hear_socket(struct lwf_inject *handle)
{
	if (!handle->gone && lwf_connection_drain(handle->connection))
		went(handle, "lwfd closed the connection");
}

/* ---- submitting ---- */

static void look_at_submit_head(struct lwf_inject *handle)
{
	uint32_t head = atomic_load_explicit(&handle->control->submit_head, memory_order_acquire);
	uint32_t waiting = handle->submit_tail - handle->submit_head;

	if (head == handle->submit_head)
		return;
	if (head - handle->submit_head > waiting) {
		went(handle, "lwfd took more frames than there were");
		return;
	}
	handle->submit_head = head;
	handle->data_head = handle->data_end[(head - 1) & SUBMIT_MASK];
}

/* Finds @len bytes in one piece. False: no room now. */
static bool find_room(struct lwf_inject *handle, uint32_t len, uint32_t *offset)
{
	uint32_t need = (len + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN;
	uint32_t at = (uint32_t)(handle->data_tail % LWF_RING_DATA_BYTES);
	uint32_t skip = at + need > LWF_RING_DATA_BYTES ? LWF_RING_DATA_BYTES - at : 0;

	if (handle->data_tail - handle->data_head + skip + need > LWF_RING_DATA_BYTES)
		return false;
	*offset = skip ? 0 : at;
	handle->data_tail += skip + need;
	return true;
}

static bool put_frame(struct lwf_inject *handle, const struct lwf_inject_frame *frame, uint64_t *id)
{
	uint32_t index = handle->submit_tail & SUBMIT_MASK;
	bool carried = frame->len <= LWF_FRAME_MAX_BYTES && !(frame->flags & LWF_INJECT_SHORT);
	struct lwf_ring_submit record = {
		.cancel_id = frame->cancel_id,
		.len = carried ? frame->len : LWF_RING_DATA_BYTES + 1,
		.flags = frame->flags,
	};
	uint16_t slot;

	if (handle->free_count == 0 ||
	    handle->submit_tail - handle->submit_head == LWF_RING_SUBMIT_SLOTS ||
	    !find_room(handle, carried ? frame->len : 0, &record.offset))
		return false;
	if (carried && frame->len)
		memcpy(handle->map + LWF_RING_DATA_OFFSET + record.offset, frame->data, frame->len);
	slot = handle->free_slots[--handle->free_count];
	handle->in_flight++;
	record.id = ++handle->sequence << SLOT_BITS | slot;
	handle->slots[slot].id = record.id;
	handle->slots[slot].context = frame->context;
	handle->submits[index] = record;
	handle->data_end[index] = handle->data_tail;
	handle->submit_tail++;
	*id = record.id;
	return true;
}

/* A refusal of our own: the frame never reached the ring. */
static bool put_local(struct lwf_inject *handle, const struct lwf_inject_frame *frame, uint64_t *id)
{
	if (handle->local_tail - handle->local_head == LOCAL_MAX)
		return false;
	*id = ++handle->sequence << SLOT_BITS;
	handle->local[handle->local_tail++ % LOCAL_MAX] = (struct lwf_inject_event){
		.kind = LWF_INJECT_ANSWER,
		.status = LWF_STATUS_RESOURCES,
		.reason = LWF_REASON_QUEUE_FULL,
		.refused = true,
		.id = *id,
		.context = frame->context,
	};
	return true;
}

/* Makes the records visible, and wakes the engine if it sleeps. */
static void publish(struct lwf_inject *handle)
{
	struct lwf_ring_control *control = handle->control;

	atomic_store_explicit(&control->submit_tail, handle->submit_tail, memory_order_release);
	/* the engine sets engine_sleeps, then looks at submit_tail; we do it the other way round */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&control->engine_sleeps, memory_order_relaxed) != 0 &&
	    lwf_connection_ring(handle->connection, LWF_WIRE_DOORBELL) == -ECONNRESET)
		hear_socket(handle);
}

int lwf_inject_submit(struct lwf_inject *handle, const struct lwf_inject_frame *frames,
		      uint32_t count, uint64_t *ids)
{
	uint32_t before = handle->submit_tail, taken;
	uint64_t id;

	if (handle->gone)
		return -ENOTCONN;
	look_at_submit_head(handle);
	for (taken = 0; taken < count && !handle->gone; taken++) {
		const struct lwf_inject_frame *frame = &frames[taken];

		if (frame->flags & ~(LWF_INJECT_RECEIVE | LWF_INJECT_TRUNCATED | LWF_INJECT_SHORT))
			break;
		if (!put_frame(handle, frame, &id) &&
		    !(handle->answer_resources && put_local(handle, frame, &id)))
			break;
		if (ids)
			ids[taken] = id;
	}
	if (handle->submit_tail != before)
		publish(handle);
	if (taken)
		return (int)taken;
	if (handle->gone)
		return -ENOTCONN;
	if (count == 0)
		return 0;
	return frames[0].flags & ~(LWF_INJECT_RECEIVE | LWF_INJECT_TRUNCATED | LWF_INJECT_SHORT)
		       ? -EINVAL
		       : -EAGAIN;
}

/* ---- answers ---- */

static void free_slot(struct lwf_inject *handle, uint32_t slot)
{
	handle->slots[slot].id = 0;
	handle->free_slots[handle->free_count++] = (uint16_t)slot;
	handle->in_flight--;
}

/* Copies an answer out and believes it if it can be. */
static bool take_answer(struct lwf_inject *handle, struct lwf_inject_event *event)
{
	struct lwf_ring_answer answer = handle->answers[handle->answer_head & ANSWER_MASK];
	uint32_t slot = answer.id & ANSWER_MASK;

	if (answer.id == 0 || handle->slots[slot].id != answer.id) {
		handle->gone = "lwfd answered a frame that was not submitted";
		handle->answer_tail = handle->answer_head;
		return false;
	}
	*event = (struct lwf_inject_event){
		.kind = LWF_INJECT_ANSWER,
		.status = answer.status,
		.reason = answer.reason < LWF_REASONS ? (enum lwf_reason)answer.reason
						      : LWF_REASON_NONE,
		.refused = answer.refused != 0,
		.error = answer.error,
		.frames = answer.frames,
		.bytes = answer.bytes,
		.id = answer.id,
		.context = handle->slots[slot].context,
	};
	free_slot(handle, slot);
	handle->answer_head++;
	return true;
}

static uint32_t take_answers(struct lwf_inject *handle, struct lwf_inject_event *events,
			     uint32_t max)
{
	uint32_t taken = 0;

	if (!handle->gone && handle->answer_tail == handle->answer_head)
		look_at_answers(handle);
	while (taken < max && handle->answer_head != handle->answer_tail &&
	       take_answer(handle, &events[taken]))
		taken++;
	if (taken)
		atomic_store_explicit(&handle->control->answer_head, handle->answer_head,
				      memory_order_release);
	return taken;
}

static uint32_t take_local(struct lwf_inject *handle, struct lwf_inject_event *events, uint32_t max)
{
	uint32_t taken = 0;

	while (taken < max && handle->local_head != handle->local_tail)
		events[taken++] = handle->local[handle->local_head++ % LOCAL_MAX];
	return taken;
}

/* What nobody will answer any more. Only once the daemon's own answers have all been taken. */
static uint32_t take_unknown(struct lwf_inject *handle, struct lwf_inject_event *events,
			     uint32_t max)
{
	uint32_t taken = 0;

	for (; taken < max && handle->unknown_next < LWF_RING_COMPLETE_SLOTS;
	     handle->unknown_next++) {
		struct slot *slot = &handle->slots[handle->unknown_next];

		if (slot->id == 0)
			continue;
		events[taken++] = (struct lwf_inject_event){
			.kind = LWF_INJECT_ANSWER,
			.status = LWF_STATUS_UNKNOWN,
			.reason = LWF_REASON_UNANSWERED,
			.id = slot->id,
			.context = slot->context,
		};
		free_slot(handle, handle->unknown_next);
	}
	return taken;
}

static bool has_state_event(const struct lwf_inject *handle)
{
	enum lwf_state state;
	uint32_t epoch;

	if (!handle->state_events)
		return false;
	lwf_inject_state(handle, &state, &epoch);
	return state != handle->told_state || epoch != handle->told_epoch;
}

static uint32_t take_state(struct lwf_inject *handle, struct lwf_inject_event *event, uint32_t max)
{
	if (max == 0 || !has_state_event(handle))
		return 0;
	*event = (struct lwf_inject_event){.kind = LWF_INJECT_STATE};
	lwf_inject_state(handle, &event->state, &event->epoch);
	handle->told_state = event->state;
	handle->told_epoch = event->epoch;
	return 1;
}

static uint32_t take_all(struct lwf_inject *handle, struct lwf_inject_event *events, uint32_t max)
{
	uint32_t taken = take_local(handle, events, max);

	taken += take_answers(handle, events + taken, max - taken);
	if (handle->gone && handle->answer_head == handle->answer_tail)
		taken += take_unknown(handle, events + taken, max - taken);
	return taken + take_state(handle, events + taken, max - taken);
}

static void set_waits(struct lwf_inject *handle, bool waits)
{
	if (handle->waits == waits)
		return;
	handle->waits = waits;
	atomic_store_explicit(&handle->control->client_waits, waits, memory_order_relaxed);
	/* the engine writes an answer, then looks at client_waits; we do it the other way round */
	if (waits)
		atomic_thread_fence(memory_order_seq_cst);
}

int lwf_inject_poll(struct lwf_inject *handle, struct lwf_inject_event *events, uint32_t max)
{
	uint32_t taken;

	if (max == 0)
		return 0;
	taken = take_all(handle, events, max);
	if (taken == 0) {
		/* nothing: hear what the socket has, ask to be woken, and look once more */
		hear_socket(handle);
		set_waits(handle, true);
		taken = take_all(handle, events, max);
	}
	if (taken)
		set_waits(handle, false);
	if (taken == 0 && handle->gone)
		return -ENOTCONN;
	return (int)taken;
}

int lwf_inject_fd(const struct lwf_inject *handle)
{
	return lwf_connection_fd(handle->connection);
}

/* ---- waiting ---- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Sleeps until the daemon rings. 0, -ETIMEDOUT, -EINTR. */
static int sleep_until(struct lwf_inject *handle, uint64_t start_ns, uint64_t timeout_ns)
{
	struct pollfd poll_fd = {.fd = lwf_connection_fd(handle->connection), .events = POLLIN};
	uint64_t passed_ns = now_ns() - start_ns;
	uint64_t left_ns = passed_ns < timeout_ns ? timeout_ns - passed_ns : 0;
	struct timespec left = {
		.tv_sec = (time_t)(left_ns / 1000000000u),
		.tv_nsec = (long)(left_ns % 1000000000u),
	};
	int n = ppoll(&poll_fd, 1, &left, NULL);

	if (n < 0)
		return -errno;
	if (n == 0)
		return -ETIMEDOUT;
	hear_socket(handle);
	return 0;
}

static bool has_event(struct lwf_inject *handle)
{
	if (!handle->gone)
		look_at_answers(handle);
	if (handle->local_head != handle->local_tail || handle->answer_head != handle->answer_tail)
		return true;
	return (handle->gone && handle->in_flight) || has_state_event(handle);
}

int lwf_inject_wait(struct lwf_inject *handle, uint64_t timeout_ns)
{
	uint64_t start_ns = now_ns();
	int err = 0;

	while (!has_event(handle)) {
		if (handle->gone)
			return -ENOTCONN;
		set_waits(handle, true);
		if (has_event(handle))
			break;
		err = sleep_until(handle, start_ns, timeout_ns);
		if (err)
			break;
	}
	set_waits(handle, false);
	if (err && has_event(handle))
		err = 0;
	return err;
}

/* True when no answer is to come any more; they may be there and not yet taken. */
static bool all_answered(struct lwf_inject *handle)
{
	uint32_t tail;

	if (handle->gone)
		return true;
	tail = atomic_load_explicit(&handle->control->answer_tail, memory_order_acquire);
	return tail - handle->answer_head >= handle->in_flight;
}

int lwf_inject_flush(struct lwf_inject *handle, uint64_t timeout_ns)
{
	uint64_t start_ns = now_ns();
	int err = 0;

	while (!all_answered(handle)) {
		set_waits(handle, true);
		if (all_answered(handle))
			break;
		err = sleep_until(handle, start_ns, timeout_ns);
		if (err)
			break;
	}
	set_waits(handle, false);
	return err && all_answered(handle) ? 0 : err;
}

int lwf_inject_cancel(struct lwf_inject *handle, uint32_t cancel_id)
{
	int err;

	if (handle->gone)
		return -ENOTCONN;
	err = lwf_connection_request(handle->connection, LWF_WIRE_CANCEL,
				     json_pack("{s:I}", "cancel_id", (json_int_t)cancel_id),
				     handle->timeout_ns, NULL, NULL, NULL);
	if (err == -ETIMEDOUT || err == 0)
		return err;
	if (err == -ECONNRESET)
		went(handle, "lwfd closed the connection");
	return err == -ECONNRESET ? -ENOTCONN : err;
}

int lwf_inject_ping(struct lwf_inject *handle, uint64_t timeout_ns)
{
	int err;

	if (handle->gone)
		return -ENOTCONN;
	err = lwf_connection_request(handle->connection, LWF_WIRE_SESSION, NULL, timeout_ns, NULL,
				     NULL, NULL);
	if (err == -ECONNRESET)
		went(handle, "lwfd closed the connection");
	if (err == -ECONNRESET)
		return -ENOTCONN;
	return err == -ETIMEDOUT ? err : 0; /* an error is a sign of life, too */
}

void lwf_inject_abandon(struct lwf_inject *handle)
{
	went(handle, "lwfd does not answer");
}

/* ---- questions ---- */

uint32_t lwf_inject_outstanding(const struct lwf_inject *handle)
{
	return handle->in_flight + (handle->local_tail - handle->local_head);
}

void lwf_inject_state(const struct lwf_inject *handle, enum lwf_state *state, uint32_t *epoch)
{
	uint32_t now = LWF_STATE_DETACHED;

	if (!handle->gone)
		now = atomic_load_explicit(&handle->control->state, memory_order_acquire);
	if (state)
		*state = now < LWF_STATES ? (enum lwf_state)now : LWF_STATE_DETACHED;
	if (epoch)
		*epoch = atomic_load_explicit(&handle->control->epoch, memory_order_relaxed);
}

bool lwf_inject_is_gone(const struct lwf_inject *handle, const char **why)
{
	if (why)
		*why = handle->gone ? handle->gone : "";
	return handle->gone != NULL;
}

uint32_t lwf_inject_session(const struct lwf_inject *handle)
{
	return handle->session;
}
