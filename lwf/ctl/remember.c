/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * remember.c - writes a rule into the file that the daemon reads its rules from: see remember.h.
 *
 * The file is replaced as a whole by renaming, so that nobody ever reads half of it. Its mode and its
 * owner stay, or it is left as it is; a symbolic link stays one, and what it leads to is replaced.
 * Anything but a plain file is refused: whoever may put a pipe there would stop a person's terminal.
 */
#include "remember.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lwf/policy.h>

#include "connection.h"

#define COMMENT "# said at lwfctl verdict ask"

char *remember_insert(const char *text, size_t bytes, uint32_t line, const char *rule, size_t *made)
{
	size_t room = bytes + strlen(COMMENT) + strlen(rule) + 3, at = 0;
	char *out = malloc(room);
	const char *end;
	int n;

	if (!out)
		return NULL;
	for (uint32_t i = 1; i < line; i++) {
		end = memchr(text + at, '\n', bytes - at);
		if (!end) {
			at = 0; /* there is no such line any more */
			break;
		}
		at = (size_t)(end - text) + 1;
	}
	memcpy(out, text, at);
	n = snprintf(out + at, room - at, "%s\n%s\n", COMMENT, rule);
	memcpy(out + at + n, text + at, bytes - at);
	*made = bytes + (size_t)n;
	return out;
}

/* ---- the file ---- */

static char *read_file(const char *path, size_t *bytes, struct stat *about)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char *text = NULL;
	ssize_t n = -1;

	if (fd < 0)
		return NULL;
	if (fstat(fd, about) || !S_ISREG(about->st_mode))
		errno = EINVAL;
	else if (about->st_size > LWF_POLICY_TEXT_MAX)
		errno = EFBIG;
	else
		text = malloc((size_t)about->st_size + 1);
	if (text)
		n = read(fd, text, (size_t)about->st_size + 1);
	close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	*bytes = (size_t)n;
	return text;
}

static bool write_all(int fd, const char *text, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, text, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		bytes -= (size_t)n;
	}
	return true;
}

static int replace_file(const char *path, const char *text, size_t bytes, const struct stat *as)
{
	char temporary[4096];
	int fd, err = 0;

	if (snprintf(temporary, sizeof(temporary), "%s.%d", path, (int)getpid()) >=
	    (int)sizeof(temporary))
		return -ENAMETOOLONG;
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (!write_all(fd, text, bytes) || fchown(fd, as->st_uid, as->st_gid) ||
	    fchmod(fd, as->st_mode & 07777) || fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(temporary, path))
		err = -errno;
	if (err)
		unlink(temporary);
	return err;
}

/* ---- the daemon ---- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The file that the module that is decided for has its rules from. */
static int find_file(struct lwf_connection *connection, const struct lwf_verdict_options *at,
		     char *file, size_t bytes, struct lwf_error *error)
{
	json_t *reply = NULL, *modules;
	int err = lwf_connection_request(connection, LWF_WIRE_SHOW,
					 json_pack("{s:s}", "stack", at->stack),
					 LWF_WIRE_TIMEOUT_NS, &reply, NULL, error);

	if (err)
		return err;
	file[0] = '\0';
	modules = json_object_get(json_array_get(json_object_get(reply, "stacks"), 0), "modules");
	for (size_t i = 0; i < json_array_size(modules); i++) {
		const json_t *module = json_array_get(modules, i);

		if (!strcmp(text_of(module, "name"), at->module))
			snprintf(file, bytes, "%s",
				 text_of(json_object_get(module, "options"), "rules"));
	}
	json_decref(reply);
	if (file[0] == '/')
		return 0;
	lwf_error_set(error, LWF_EXIT_REFUSED, file[0] ? file : "rules",
		      "give the filter verdict rules=/path/of/a/file",
		      file[0] ? "only a file with its whole path can be written to"
			      : "the filter has no file of rules");
	return -EINVAL;
}

int remember_rule(const struct lwf_verdict_options *at, uint32_t line, const char *rule, char *file,
		  size_t file_bytes, struct lwf_error *error)
{
	struct lwf_connection *connection = NULL;
	char *before = NULL, *after = NULL;
	size_t bytes = 0, made = 0;
	char plain[PATH_MAX]; /* without symbolic links */
	struct stat about = {0};
	int err = lwf_connection_open(at->control, LWF_WIRE_TIMEOUT_NS, &connection, error);

	if (!err)
		err = find_file(connection, at, file, file_bytes, error);
	if (err)
		goto out;
	before = realpath(file, plain) ? read_file(plain, &bytes, &about) : NULL;
	if (before)
		after = remember_insert(before, bytes, line, rule, &made);
	err = after ? replace_file(plain, after, made, &about) : -errno;
	if (err) {
		lwf_error_set(error, err == -EACCES ? LWF_EXIT_PERMISSION : LWF_EXIT_REFUSED, file,
			      "add the rule yourself", "%s", strerror(-err));
		goto out;
	}
	err = lwf_connection_request(connection, LWF_WIRE_RELOAD,
				     json_pack("{s:s}", "stack", at->stack), LWF_WIRE_TIMEOUT_NS,
				     NULL, NULL, error);
	if (err == -EREMOTEIO)
		(void)replace_file(plain, before, bytes, &about);
out:
	lwf_connection_close(connection);
	free(before);
	free(after);
	return err;
}
