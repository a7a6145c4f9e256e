/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cli.c - what all command line programs of the project do alike.
 *
 * The form of an error line and of a JSON line is decided here and nowhere else.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A line stays one line, whatever a file or an interface is called. */
static void put_clean(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

/* What --json owes: one object, and an error is one too where nothing else was printed. */
static struct {
	bool wanted, printed, failed;
	struct lwf_error error;
} owed;

static void put_json_error(void)
{
	if (owed.failed && !owed.printed)
		lwf_cli_json(json_pack("{s:o}", "error", lwf_wire_error_body(&owed.error)));
}

void lwf_cli_begin(int argc, char *const argv[])
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		owed.wanted = owed.wanted || !strcmp(argv[i], "--json");
	if (owed.wanted)
		atexit(put_json_error);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		/* open the wrong way round: whoever uses it is told that it is not there */
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			abort();
	}
}

int lwf_cli_error(const char *program, const struct lwf_error *error)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s: %s: %s%s%s", program, error->what, error->why,
		 error->next[0] ? "; " : "", error->next);
	put_clean(line);
	fprintf(stderr, "%s\n", line);
	owed.error = *error;
	owed.failed = owed.wanted;
	return (int)error->exit;
}

int lwf_cli_line(const char *program, enum lwf_exit code, const char *line)
{
	const char *why = strstr(line, ": "), *next = NULL, *at;
	struct lwf_error error;

	if (!why || (size_t)(why - line) >= sizeof(error.what))
		return lwf_cli_fail(program, code, "start", NULL, "%s", line);
	why += 2;
	for (at = strstr(why, "; "); at; at = strstr(next, "; "))
		next = at + 2;
	lwf_error_set(&error, code, "", next, "%.*s", next ? (int)(next - 2 - why) : 4096, why);
	snprintf(error.what, sizeof(error.what), "%.*s", (int)(why - 2 - line), line);
	return lwf_cli_error(program, &error);
}

int lwf_cli_fail(const char *program, enum lwf_exit code, const char *what, const char *next,
		 const char *why, ...)
{
	struct lwf_error error;
	char text[sizeof(error.why)];
	va_list args;

	va_start(args, why);
	vsnprintf(text, sizeof(text), why, args);
	va_end(args);
	lwf_error_set(&error, code, what, next, "%s", text);
	return lwf_cli_error(program, &error);
}

void lwf_cli_note(const char *program, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	put_clean(line);
	fprintf(stderr, "%s: %s\n", program, line);
}

int lwf_cli_bad_option(const char *program, int got, char *const argv[])
{
	char what[128], next[64];

	/* a long option is the argument before optind; a short one is only known by optopt */
	if (optind > 0 && strncmp(argv[optind - 1], "--", 2) == 0)
		snprintf(what, sizeof(what), "%s", argv[optind - 1]);
	else
		snprintf(what, sizeof(what), "-%c", optopt ? optopt : '?');
	snprintf(next, sizeof(next), "see %s --help", program);
	return lwf_cli_fail(program, LWF_EXIT_USAGE, what, next, "%s",
			    got == ':' ? "the value is missing" : "no such option");
}

int lwf_cli_version(const char *program, bool json)
{
	if (json)
		return lwf_cli_finish(program,
				      lwf_cli_json(json_pack("{s:s,s:s}", "program", program,
							     "version", LWF_VERSION))
					      ? LWF_EXIT_FALSE
					      : LWF_EXIT_OK);
	printf("%s %s\n", program, LWF_VERSION);
	return lwf_cli_finish(program, LWF_EXIT_OK);
}

int lwf_cli_json(json_t *object)
{
	json_t *line = json_pack("{s:i}", "schema", 1);
	char *text = NULL;
	int err = -ENOMEM;

	if (!object || !line || json_object_update_missing(line, object) != 0)
		goto out;
	text = lwf_wire_text(line);
	if (!text)
		goto out;
	errno = 0;
	err = 0;
	owed.printed = true;
	if (printf("%s\n", text) < 0 || fflush(stdout) != 0)
		err = errno ? -errno : -EIO;
out:
	free(text);
	json_decref(line);
	json_decref(object);
	return err;
}

int lwf_cli_finish(const char *program, int code)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	lwf_cli_fail(program, LWF_EXIT_FALSE, "standard output", NULL, "%s",
		     errno ? strerror(errno) : "a write failed");
	return code == LWF_EXIT_OK ? LWF_EXIT_FALSE : code;
}
