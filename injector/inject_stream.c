/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_stream.c - records read by a thread while others are sent.
 *
 * A bounded queue between two threads: one lock, one condition for the reader when it is full, and an
 * eventfd for the sender when it was empty, since the sender waits for other things as well.
 */
#include "inject_stream.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUEUE_RECORDS 4096u
#define QUEUE_BYTES   (32u << 20)

struct inject_stream {
	struct inject_capture *capture;
	const char *path;
	const struct inject_rewrite *rewrite;
	uint64_t loops; /* 0: without end */
	const atomic_int *stop;
	atomic_int *quit;
	pthread_t thread;
	int event_fd;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t room;
	struct inject_record queue[QUEUE_RECORDS];
	uint32_t head, tail; /* count up for ever */
	uint64_t bytes;
	bool ended;
	struct lwf_error fault; /* exit 0: none */
};

static void wake_sender(struct inject_stream *stream)
{
	const uint64_t one = 1;
	ssize_t n = write(stream->event_fd, &one, sizeof(one));

	(void)n; /* the counter is full: then it is readable, which is all that is wanted */
}

/* Puts a copy of @record into the queue; waits for room. False: told to quit, or no memory. */
static bool put(struct inject_stream *stream, const struct inject_record *record)
{
	uint8_t *copy = malloc(record->captured ? record->captured : 1);
	struct inject_record *slot;
	bool was_empty;

	if (!copy)
		return false;
	memcpy(copy, record->data, record->captured);
	pthread_mutex_lock(&stream->lock);
	while (!atomic_load(stream->quit) &&
	       (stream->tail - stream->head == QUEUE_RECORDS ||
		(stream->bytes && stream->bytes + record->captured > QUEUE_BYTES)))
		pthread_cond_wait(&stream->room, &stream->lock);
	if (atomic_load(stream->quit)) {
		pthread_mutex_unlock(&stream->lock);
		free(copy);
		return false;
	}
	was_empty = stream->head == stream->tail;
	slot = &stream->queue[stream->tail++ % QUEUE_RECORDS];
	*slot = *record;
	slot->data = copy;
	stream->bytes += record->captured;
	pthread_mutex_unlock(&stream->lock);
	if (was_empty)
		wake_sender(stream);
	return true;
}

/* Stamps of a loop go on where the last one ended. */
struct loop_time {
	uint64_t base_ns, first_ns, last_ns;
	bool any;
};

static uint64_t loop_stamp(struct loop_time *time, uint64_t stamp_ns)
{
	if (!time->any) {
		time->any = true;
		time->first_ns = stamp_ns;
	}
	if (stamp_ns > time->last_ns)
		time->last_ns = stamp_ns;
	return time->base_ns + stamp_ns;
}

/* One pass. 0 at the end of the file, or what ended the reading. */
static int read_pass(struct inject_stream *stream, struct loop_time *time, struct lwf_error *fault)
{
	struct inject_record record;
	int got;

	while ((got = inject_capture_next(stream->capture, &record, fault)) == 1) {
		record.stamp_ns = loop_stamp(time, record.stamp_ns);
		if (!put(stream, &record))
			return -ECANCELED;
	}
	if (time->any) {
		time->base_ns += time->last_ns - time->first_ns;
		time->any = false;
		time->last_ns = 0;
	}
	return got;
}

static void *read_all(void *context)
{
	struct inject_stream *stream = context;
	struct lwf_error fault = {.exit = LWF_EXIT_OK};
	struct loop_time time = {0};
	uint64_t passes = 0;
	int err = 0;

	while (!err) {
		err = read_pass(stream, &time, &fault);
		if (err || ++passes == stream->loops)
			break;
		inject_capture_close(stream->capture);
		stream->capture = NULL;
		err = inject_capture_open(stream->path, stream->rewrite, stream->stop, stream->quit,
					  &stream->capture, &fault);
	}
	pthread_mutex_lock(&stream->lock);
	stream->ended = true;
	stream->fault = fault;
	pthread_mutex_unlock(&stream->lock);
	wake_sender(stream);
	return NULL;
}

static void stream_free(struct inject_stream *stream)
{
	inject_capture_close(stream->capture);
	while (stream->head != stream->tail)
		free((void *)(uintptr_t)stream->queue[stream->head++ % QUEUE_RECORDS].data);
	pthread_cond_destroy(&stream->room);
	pthread_mutex_destroy(&stream->lock);
	if (stream->event_fd >= 0)
		close(stream->event_fd);
	free(stream);
}

int inject_stream_start(struct inject_capture *capture, const char *path,
			const struct inject_rewrite *rewrite, uint64_t loops,
			const atomic_int *stop, atomic_int *quit, struct inject_stream **stream)
{
	struct inject_stream *made = calloc(1, sizeof(*made));
	int err;

	if (!made) {
		inject_capture_close(capture);
		return -ENOMEM;
	}
	made->capture = capture;
	made->path = path;
	made->rewrite = rewrite;
	made->loops = loops;
	made->stop = stop;
	made->quit = quit;
	pthread_mutex_init(&made->lock, NULL);
	pthread_cond_init(&made->room, NULL);
	made->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = made->event_fd < 0 ? errno : pthread_create(&made->thread, NULL, read_all, made);
	if (err) {
		stream_free(made);
		return -err;
	}
	*stream = made;
	return 0;
}

void inject_stream_stop(struct inject_stream *stream)
{
	if (!stream)
		return;
	pthread_mutex_lock(&stream->lock);
	atomic_store(stream->quit, 1);
	pthread_cond_signal(&stream->room);
	pthread_mutex_unlock(&stream->lock);
	pthread_join(stream->thread, NULL);
	stream_free(stream);
}

enum inject_source_state inject_stream_peek(struct inject_stream *stream,
					    struct inject_record *records, uint32_t max,
					    uint32_t *count, struct lwf_error *error)
{
	enum inject_source_state state = INJECT_SOURCE_MORE;
	uint64_t rung;
	uint32_t n;
	ssize_t got;

	pthread_mutex_lock(&stream->lock);
	n = stream->tail - stream->head;
	if (n > max)
		n = max;
	for (uint32_t i = 0; i < n; i++)
		records[i] = stream->queue[(stream->head + i) % QUEUE_RECORDS];
	if (n == 0) {
		state = stream->ended ? INJECT_SOURCE_END : INJECT_SOURCE_WAIT;
		if (stream->ended)
			*error = stream->fault;
		/* under the lock: a record that comes after this rings again */
		got = read(stream->event_fd, &rung, sizeof(rung));
		(void)got;
	}
	pthread_mutex_unlock(&stream->lock);
	*count = n;
	return state;
}

void inject_stream_pass(struct inject_stream *stream, uint32_t count)
{
	pthread_mutex_lock(&stream->lock);
	for (uint32_t i = 0; i < count && stream->head != stream->tail; i++) {
		struct inject_record *slot = &stream->queue[stream->head++ % QUEUE_RECORDS];

		stream->bytes -= slot->captured;
		free((void *)(uintptr_t)slot->data);
		slot->data = NULL;
	}
	pthread_cond_signal(&stream->room);
	pthread_mutex_unlock(&stream->lock);
}

int inject_stream_fd(const struct inject_stream *stream)
{
	return stream->event_fd;
}
