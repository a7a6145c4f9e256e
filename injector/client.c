/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * client.c - liblwf-client: the user program's side of the rings (lwf/ring.h).
 *
 * A slot per frame in flight remembers its id; an answer is believed only when it names a slot that
 * is taken, and frees it, so that no frame is answered twice whatever the daemon writes. When the
 * daemon goes, the answers that it left in the ring are delivered first; then the slots still taken
 * are answered: PAUSED what a daemon that said goodbye never took, UNKNOWN everything else. Frames lie in the data area one behind the other; the area behind a frame
 * is free again when the engine has copied its record out, which it does in order.
 *
 * The daemon distrusts us and we distrust it: sizes, seals and indices are checked, and an
 * impossible one ends the session as if the daemon had died.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client_private.h"

#define STATE_TRIES 1000u /* looks at a state that is just being written */

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

/* NULL: what the options name cannot be written. */
static json_t *open_body(const struct lwf_inject_options *options)
{
	bool wait = options->when_paused == LWF_WHEN_PAUSED_WAIT;
	json_t *body;

	if (!options->stack == !options->nic)
		return NULL;
	body = json_pack("{s:s,s:b}", options->nic ? "nic" : "stack",
			 options->nic ? options->nic : options->stack, "wait_when_paused", wait);
	if (body && options->module)
		json_object_set_new(body, "module", json_string(options->module));
	if (body && wait && options->wait_ns)
		json_object_set_new(body, "wait_ns",
				    json_integer(options->wait_ns < INT64_MAX
							 ? (json_int_t)options->wait_ns
							 : INT64_MAX));
	return body;
}

static int open_session(struct lwf_inject *handle, const struct lwf_inject_options *options,
			struct lwf_error *error)
{
	json_t *body = open_body(options);
	json_t *reply = NULL;
	const char *stack;
	int fd = -1, err;

	if (!body) {
		lwf_error_set(error, LWF_EXIT_USAGE, "stack", "name a stack: see lwfctl show",
			      "the name is missing, there are two, or it is not UTF-8");
		return -EINVAL;
	}
	err = lwf_connection_request(handle->connection, LWF_WIRE_OPEN, body, options->timeout_ns,
				     &reply, &fd, error);
	if (err)
		return err;
	handle->session = (uint32_t)json_integer_value(json_object_get(reply, "session"));
	stack = json_string_value(json_object_get(reply, "stack"));
	snprintf(handle->stack, sizeof(handle->stack), "%s", stack ? stack : "");
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
	if (given->size > sizeof(*options) || given->when_paused > LWF_WHEN_PAUSED_NPCAP ||
	    given->size < offsetof(struct lwf_inject_options, timeout_ns)) {
		lwf_error_set(error, LWF_EXIT_USAGE, "options", "use LWF_INJECT_OPTIONS_INIT",
			      "their size, or when_paused, is not known to this library");
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
	made->when_paused = options.when_paused;
	made->answer_resources = options.answer_resources;
	for (uint32_t i = 0; i < LWF_RING_COMPLETE_SLOTS; i++)
		made->free_slots[i] = (uint16_t)(LWF_RING_COMPLETE_SLOTS - 1 - i);
	made->free_count = LWF_RING_COMPLETE_SLOTS;
	made->may_spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
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
void lwf_inject_look_at_answers(struct lwf_inject *handle)
{
	uint32_t tail = atomic_load_explicit(&handle->control->answer_tail, memory_order_acquire);

	if (tail - handle->answer_head > handle->in_flight) {
		if (!handle->gone)
			handle->gone = "lwfd gave more answers than it was asked for";
		return;
	}
	handle->answer_tail = tail;
}

/*
 * After a goodbye submit_head stands for ever: the records behind it were never taken out, so their
 * answer is known without the daemon. Ids in the ring are believed only where a slot has the same.
 */
static void mark_untaken(struct lwf_inject *handle)
{
	const struct lwf_ring_control *control = handle->control;
	uint32_t head;

	if (!atomic_load_explicit(&control->goodbye, memory_order_acquire))
		return;
	head = atomic_load_explicit(&control->submit_head, memory_order_acquire);
	if (handle->submit_tail - head > LWF_RING_SUBMIT_SLOTS)
		return;
	for (; head != handle->submit_tail; head++) {
		uint64_t id = handle->submits[head & SUBMIT_MASK].id;
		struct slot *slot = &handle->slots[id & ANSWER_MASK];

		slot->untaken = id != 0 && slot->id == id;
	}
}

void lwf_inject_went(struct lwf_inject *handle, const char *why)
{
	if (handle->gone)
		return;
	lwf_inject_look_at_answers(handle);
	handle->gone = why;
}

/* The socket has ended. */
static void client_hung_up(struct lwf_inject *handle)
{
	if (handle->gone)
		return;
	lwf_inject_went(handle, "lwfd closed the connection");
	mark_untaken(handle);
}

void lwf_inject_hear_socket(struct lwf_inject *handle)
{
	if (!handle->gone && lwf_connection_drain(handle->connection))
		client_hung_up(handle);
}

/* ---- requests ---- */

int lwf_inject_ask(struct lwf_inject *handle, enum lwf_wire_type type, json_t *body,
		   uint64_t timeout_ns, json_t **reply, struct lwf_error *error)
{
	int err;

	if (handle->gone) {
		lwf_error_set(error, LWF_EXIT_UNREACHABLE, "lwfd", "open another handle", "%s",
			      handle->gone);
		json_decref(body);
		return -ENOTCONN;
	}
	err = lwf_connection_request(handle->connection, type, body, timeout_ns, reply, NULL,
				     error);
	if (err != -ECONNRESET)
		return err;
	client_hung_up(handle);
	return -ENOTCONN;
}

int lwf_inject_cancel(struct lwf_inject *handle, uint32_t cancel_id)
{
	return lwf_inject_ask(handle, LWF_WIRE_CANCEL,
			      json_pack("{s:I}", "cancel_id", (json_int_t)cancel_id),
			      handle->timeout_ns, NULL, NULL);
}

int lwf_inject_ping(struct lwf_inject *handle, uint64_t timeout_ns)
{
	int err = lwf_inject_ask(handle, LWF_WIRE_SESSION, NULL, timeout_ns, NULL, NULL);

	return err == -ETIMEDOUT || err == -ENOTCONN ? err
						     : 0; /* an error is a sign of life, too */
}

void lwf_inject_abandon(struct lwf_inject *handle)
{
	lwf_inject_went(handle, "lwfd does not answer");
}

/* ---- questions ---- */

uint32_t lwf_inject_outstanding(const struct lwf_inject *handle)
{
	return handle->in_flight - handle->heard + (handle->local_tail - handle->local_head);
}

struct moment lwf_inject_moment(const struct lwf_inject *handle)
{
	const struct lwf_ring_control *control = handle->control;
	struct moment moment;
	uint32_t before, state, tries = 0;

	do { /* a daemon that writes for ever does not keep us: any pair is as good as none then */
		before = atomic_load_explicit(&control->state_changes, memory_order_acquire);
		state = atomic_load_explicit(&control->state, memory_order_acquire);
		moment.epoch = atomic_load_explicit(&control->epoch, memory_order_relaxed);
		atomic_thread_fence(memory_order_acquire);
	} while ((before & 1u ||
		  atomic_load_explicit(&control->state_changes, memory_order_relaxed) != before) &&
		 ++tries < STATE_TRIES);
	moment.state =
		handle->gone || state >= LWF_STATES ? LWF_STATE_DETACHED : (enum lwf_state)state;
	moment.changes = before / 2;
	return moment;
}

void lwf_inject_state(const struct lwf_inject *handle, enum lwf_state *state, uint32_t *epoch)
{
	struct moment now = lwf_inject_moment(handle);

	if (state)
		*state = now.state;
	if (epoch)
		*epoch = now.epoch;
}

bool lwf_inject_is_gone(const struct lwf_inject *handle, const char **why)
{
	if (why)
		*why = handle->gone ? handle->gone : "";
	return handle->gone != NULL;
}

const char *lwf_inject_stack(const struct lwf_inject *handle)
{
	return handle->stack;
}

uint32_t lwf_inject_session(const struct lwf_inject *handle)
{
	return handle->session;
}
