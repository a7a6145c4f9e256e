/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.c - where log lines go: stderr, one write each, so that threads do not mix theirs.
 *
 * Under a service manager that reads stderr as a journal ($JOURNAL_STREAM) a line begins with its
 * priority as "<N>"; elsewhere with the program's name. A flood is cut to LWF_LOG_BURST_LINES a
 * second, and the next line that passes says how many were left out.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

static enum lwf_log_level max_level = LWF_LOG_INFO; /* const once the loop runs */
static bool to_journal;				    /* likewise */
static _Atomic long second; /* of the monotonic clock, that lines are counted in */
static _Atomic unsigned lines, suppressed;

void lwf_daemon_log_init(enum lwf_log_level level)
{
	max_level = level;
	to_journal = getenv("JOURNAL_STREAM") != NULL;
}

/* Whether one more line fits into this second. */
static bool log_admits(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (atomic_exchange(&second, now.tv_sec) != now.tv_sec)
		atomic_store(&lines, 0);
	if (atomic_fetch_add(&lines, 1) < LWF_LOG_BURST_LINES)
		return true;
	atomic_fetch_add(&suppressed, 1);
	return false;
}

void lwf_daemon_log(enum lwf_log_level level, const char *text)
{
	static const char *const words[] = {"error: ", "warning: ", "", "debug: "};
	static const char priorities[] = "3467";
	char line[640], more[48] = "";
	unsigned lost;
	int len;

	if (level > max_level || !log_admits())
		return;
	lost = atomic_exchange(&suppressed, 0);
	if (lost)
		snprintf(more, sizeof(more), " (%u lines were suppressed)", lost);
	if (to_journal)
		len = snprintf(line, sizeof(line), "<%c>%s%s\n", priorities[level], text, more);
	else
		len = snprintf(line, sizeof(line), "lwfd: %s%s%s\n", words[level], text, more);
	if (len >= (int)sizeof(line)) {
		len = (int)sizeof(line) - 1;
		line[len - 1] = '\n';
	}
	/* nothing can be done about a stderr that is gone */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}
