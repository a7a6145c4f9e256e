/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_source.c - where lwf-inject takes its frames from.
 *
 * Chooses between memory (an array of records over one block of bytes), a stream and a template, and makes the loops of
 * memory: the time stamps of loop n go on where those of loop n-1 ended, one mean gap later, so that a
 * periodic capture stays periodic.
 */
#include "inject_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "inject_capture.h"
#include "inject_stream.h"
#include "wire.h"

#define TEMPLATE_SLOTS 64u

struct stored {
	uint64_t offset; /* in bytes */
	uint64_t stamp_ns;
	uint32_t captured, length;
};

struct inject_source {
	uint64_t loops;
	struct lwf_error fault; /* exit 0: none */
	atomic_int quit;

	struct inject_stream *stream; /* NULL: memory */

	const struct inject_template *template; /* NULL: of a capture */
	uint64_t template_total;		/* 0: without end */
	uint8_t *slots; /* TEMPLATE_SLOTS frames; the one of number n is in slot n % that */
	uint32_t lengths[TEMPLATE_SLOTS];
	uint64_t made; /* frames before this number are in their slots */

	uint8_t *bytes;
	uint64_t byte_count, byte_room;
	struct stored *records;
	uint64_t record_count, record_room;
	uint64_t span_ns;
	uint64_t period_ns;  /* of one loop in time, the gap to the next one included */
	uint64_t next;	     /* record to peek at next */
	uint64_t loops_done; /* of that record */
};

static bool grow(void **memory, uint64_t *room, uint64_t needed, size_t unit)
{
	uint64_t wanted = *room ? *room : 4096;
	void *grown;

	if (needed <= *room)
		return true;
	while (wanted < needed)
		wanted *= 2;
	grown = realloc(*memory, wanted * unit);
	if (!grown)
		return false;
	*memory = grown;
	*room = wanted;
	return true;
}

static bool store(struct inject_source *source, const struct inject_record *record)
{
	void *bytes = source->bytes, *records = source->records;
	bool fits = grow(&bytes, &source->byte_room, source->byte_count + record->captured, 1);

	source->bytes = bytes;
	fits = fits && grow(&records, &source->record_room, source->record_count + 1,
			    sizeof(struct stored));
	source->records = records;
	if (!fits)
		return false;
	if (record->captured)
		memcpy(source->bytes + source->byte_count, record->data, record->captured);
	source->records[source->record_count++] = (struct stored){
		.offset = source->byte_count,
		.stamp_ns = record->stamp_ns,
		.captured = record->captured,
		.length = record->length,
	};
	source->byte_count += record->captured;
	return true;
}

static void measure(struct inject_source *source)
{
	uint64_t last_ns = 0;

	for (uint64_t i = 0; i < source->record_count; i++) {
		if (source->records[i].stamp_ns > last_ns)
			last_ns = source->records[i].stamp_ns;
	}
	if (source->record_count) {
		uint64_t gaps = source->record_count > 1 ? source->record_count - 1 : 1;

		source->span_ns = last_ns - source->records[0].stamp_ns;
		source->period_ns = source->span_ns + source->span_ns / gaps;
	}
}

/* Reads all of @capture into memory. A fault behind good records is kept for later. */
static int load(struct inject_source *source, struct inject_capture *capture, const char *name,
		struct lwf_error *error)
{
	struct inject_record record;
	int got;

	while ((got = inject_capture_next(capture, &record, &source->fault)) == 1) {
		if (source->byte_count + record.captured > INJECT_MEMORY_BYTES) {
			lwf_error_set(error, LWF_EXIT_USAGE, name,
				      "write it to a file and inject that",
				      "it is longer than %u MiB and cannot be looped",
				      INJECT_MEMORY_BYTES >> 20);
			return -EFBIG;
		}
		if (!store(source, &record)) {
			lwf_error_set(error, LWF_EXIT_FALSE, name, NULL, "out of memory");
			return -ENOMEM;
		}
	}
	if (got == -EINTR)
		return -EINTR;
	if (got < 0) {
		source->loops = 1; /* what is damaged is not repeated */
		if (source->record_count == 0) {
			*error = source->fault;
			return got;
		}
	}
	measure(source);
	return 0;
}

static bool fits_in_memory(const struct inject_capture *capture, uint64_t loops)
{
	uint64_t bytes = inject_capture_file_bytes(capture);

	if (bytes)
		return bytes <= INJECT_MEMORY_BYTES;
	/* a pipe is read as it comes, unless it has to be repeated */
	return loops != 1;
}

int inject_source_open(const char *path, const struct inject_rewrite *rewrite, uint64_t loops,
		       const atomic_int *stop, struct inject_source **source,
		       struct lwf_error *error)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	struct inject_source *made = calloc(1, sizeof(*made));
	struct inject_capture *capture = NULL;
	int err;

	if (!made) {
		lwf_error_set(error, LWF_EXIT_FALSE, name, NULL, "out of memory");
		return -ENOMEM;
	}
	made->loops = loops;
	err = inject_capture_open(path, rewrite, stop, &made->quit, &capture, error);
	if (err)
		goto err_free;
	if (fits_in_memory(capture, loops)) {
		err = load(made, capture, name, error);
		inject_capture_close(capture);
	} else {
		err = inject_stream_start(capture, path, rewrite, loops, stop, &made->quit,
					  &made->stream);
		if (err)
			lwf_error_set(error, LWF_EXIT_FALSE, name, NULL, "cannot be read: %s",
				      strerror(-err));
	}
	if (err)
		goto err_free;
	*source = made;
	return 0;

err_free:
	inject_source_close(made);
	return err;
}

int inject_source_open_template(const struct inject_template *template, uint64_t loops,
				struct inject_source **source, struct lwf_error *error)
{
	struct inject_source *made = calloc(1, sizeof(*made));

	if (made)
		made->slots = malloc(TEMPLATE_SLOTS * (size_t) template->size.high);
	if (!made || !made->slots) {
		free(made);
		lwf_error_set(error, LWF_EXIT_FALSE, "template", NULL, "out of memory");
		return -ENOMEM;
	}
	made->template = template;
	if (template->count && loops && template->count > UINT64_MAX / loops)
		loops = 0; /* nobody lives to see the end */
	made->template_total = template->count * loops;
	*source = made;
	return 0;
}

void inject_source_close(struct inject_source *source)
{
	if (!source)
		return;
	free(source->slots);
	inject_stream_stop(source->stream);
	free(source->bytes);
	free(source->records);
	free(source);
}

static bool is_last_loop_done(const struct inject_source *source, uint64_t loops_done)
{
	return source->record_count == 0 || (source->loops && loops_done >= source->loops);
}

static enum inject_source_state peek_memory(const struct inject_source *source,
					    struct inject_record *records, uint32_t max,
					    uint32_t *count)
{
	uint64_t next = source->next, loops_done = source->loops_done;
	uint32_t n = 0;

	while (n < max && !is_last_loop_done(source, loops_done)) {
		const struct stored *stored = &source->records[next];

		records[n++] = (struct inject_record){
			.data = source->bytes + stored->offset,
			.captured = stored->captured,
			.length = stored->length,
			.stamp_ns = stored->stamp_ns + loops_done * source->period_ns,
			.begins_pass = next == 0,
		};
		if (++next == source->record_count) {
			next = 0;
			loops_done++;
		}
	}
	*count = n;
	return n ? INJECT_SOURCE_MORE : INJECT_SOURCE_END;
}

/* A stamped frame is made again at each look, so that its time is that of its sending. */
static enum inject_source_state peek_template(struct inject_source *source,
					      struct inject_record *records, uint32_t max,
					      uint32_t *count)
{
	const struct inject_template *template = source->template;
	struct timespec now;
	uint64_t now_ns;
	uint32_t n = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	for (; n < max && n < TEMPLATE_SLOTS; n++) {
		uint64_t number = source->next + n;
		uint8_t *slot = source->slots + number % TEMPLATE_SLOTS * template->size.high;
		uint32_t *length = &source->lengths[number % TEMPLATE_SLOTS];

		if (source->template_total && number >= source->template_total)
			break;
		if (template->stamp || number >= source->made) {
			*length = inject_template_make(template, number, now_ns, slot);
			source->made = number + 1;
		}
		records[n] = (struct inject_record){
			.data = slot, .captured = *length, .length = *length};
	}
	*count = n;
	return n ? INJECT_SOURCE_MORE : INJECT_SOURCE_END;
}

enum inject_source_state inject_source_peek(struct inject_source *source,
					    struct inject_record *records, uint32_t max,
					    uint32_t *count)
{
	if (source->stream)
		return inject_stream_peek(source->stream, records, max, count, &source->fault);
	if (source->template)
		return peek_template(source, records, max, count);
	return peek_memory(source, records, max, count);
}

void inject_source_pass(struct inject_source *source, uint32_t count)
{
	if (source->stream) {
		inject_stream_pass(source->stream, count);
		return;
	}
	if (source->template) {
		source->next += count;
		return;
	}
	for (; count; count--) {
		if (++source->next == source->record_count) {
			source->next = 0;
			source->loops_done++;
		}
	}
}

int inject_source_fd(const struct inject_source *source)
{
	return source->stream ? inject_stream_fd(source->stream) : -1;
}

uint64_t inject_source_total(const struct inject_source *source)
{
	if (source->template)
		return source->template_total;
	return source->stream ? 0 : source->record_count * source->loops;
}

uint64_t inject_source_span_ns(const struct inject_source *source)
{
	return source->span_ns;
}

const struct lwf_error *inject_source_fault(const struct inject_source *source)
{
	return source->fault.exit == LWF_EXIT_OK ? NULL : &source->fault;
}
