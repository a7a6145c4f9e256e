/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_log.c - what the daemons of a live run have said, line by line: all their output, of all their lives.
 *
 * An expectation may ask a thousand times a second, so a log is read again only when it has grown.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "live_world.h"

/* A line without its end is not written yet. */
static int count(struct live_link *link, const char *text)
{
	FILE *in = fopen(link->log, "re");
	struct live_log *logged = &link->logged;
	struct stat status = {0};
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	if (!in)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fileno(in), &status) == 0 && logged->text == text &&
	    logged->bytes == (uint64_t)status.st_size) {
		fclose(in);
		return 0;
	}
	*logged = (struct live_log){.text = text};
	while ((n = getline(&line, &room, in)) > 0 && line[n - 1] == '\n') {
		logged->lines += !text || strstr(line, text);
		logged->bytes += (uint64_t)n;
	}
	free(line);
	fclose(in);
	return 0;
}

int live_log_ask(struct live_world *world, const struct stress_question *question, int64_t *value,
		 struct lwf_error *error)
{
	const struct stress_scenario *scenario = world->base.options.scenario;

	if (world->shared)
		return live_refuse(error, LWF_EXIT_SKIPPED, "logged",
				   "the log of a daemon that was there before is not the run's");
	*value = 0;
	for (uint32_t i = 0; i < scenario->links; i++) {
		struct live_link *link = &world->link[i];
		int err;

		if (link->declared->daemon != question->object.index)
			continue;
		err = count(link, question->text);
		if (err)
			return live_refuse(error, LWF_EXIT_FALSE, link->log,
					   "it cannot be read: %s", strerror(-err));
		*value += (int64_t)link->logged.lines;
	}
	return 0;
}
