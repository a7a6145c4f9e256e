/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.c - policies by the names of their files: read, remembered, handed out as copies.
 *
 * A file is read whole and at once, on the loop: it is a plain file of at most LWF_POLICY_TEXT_MAX
 * bytes (a pipe or a device would make everybody wait and is refused), and users are looked up in
 * /etc/passwd itself: a name service may answer after seconds, or never.
 */
#include "policy.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lwf/hosts.h>

#include "policy_inside.h"

/* ---- texts of the file system ---- */

static int cannot(struct lwf_policy_error *error, const char *why, int ret)
{
	snprintf(error->why, sizeof(error->why), "%s", why);
	return ret;
}

static int read_whole(int fd, char *text, size_t *bytes, struct lwf_policy_error *error)
{
	ssize_t got;

	*bytes = 0;
	while ((got = read(fd, text + *bytes, LWF_POLICY_TEXT_MAX + 1 - *bytes)) > 0)
		*bytes += (size_t)got;
	return got < 0 ? cannot(error, strerror(errno), -errno) : 0;
}

int lwf_policy_read_text(void *context, const char *file, char **text, size_t *bytes,
			 struct lwf_policy_error *error)
{
	int fd = open(file, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), ret;
	struct stat st;

	(void)context;
	if (fd < 0)
		return cannot(error, strerror(errno), -errno);
	*text = malloc(LWF_POLICY_TEXT_MAX + 1);
	if (!*text)
		ret = cannot(error, strerror(ENOMEM), -ENOMEM);
	else if (fstat(fd, &st))
		ret = cannot(error, strerror(errno), -errno);
	else if (!S_ISREG(st.st_mode))
		ret = cannot(error, "this is no plain file", -EINVAL);
	else
		ret = read_whole(fd, *text, bytes, error);
	close(fd);
	if (ret) {
		free(*text);
		*text = NULL;
	}
	return ret;
}

static int find_user(void *context, const char *name, uint32_t *uid)
{
	FILE *passwd = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;

	(void)context;
	if (!passwd)
		return -errno;
	while ((user = fgetpwent(passwd)) && strcmp(user->pw_name, name) != 0)
		;
	if (user)
		*uid = user->pw_uid;
	fclose(passwd);
	return user ? 0 : -ENOENT;
}

const struct lwf_policy_users lwf_policy_passwd = {.find = find_user};

/* ---- texts as a test has said ---- */

struct policy_texts {
	struct policy_texts *next;
	char file[LWF_OPTION_TEXT_BYTES];
	char *text;
};

int lwf_policy_texts_set(struct policy_texts **texts, const char *file, const char *text)
{
	struct policy_texts *it = *texts;
	char *copy = text ? strdup(text) : NULL;

	while (it && strcmp(it->file, file) != 0)
		it = it->next;
	if (!it && text) {
		it = calloc(1, sizeof(*it));
		if (it) {
			snprintf(it->file, sizeof(it->file), "%s", file);
			it->next = *texts;
			*texts = it;
		}
	}
	if (text && (!copy || !it)) {
		free(copy);
		return -ENOMEM;
	}
	if (it) {
		free(it->text);
		it->text = copy;
	}
	return 0;
}

int lwf_policy_texts_read(void *context, const char *file, char **text, size_t *bytes,
			  struct lwf_policy_error *error)
{
	const struct policy_texts *it = *(struct policy_texts **)context;

	while (it && strcmp(it->file, file) != 0)
		it = it->next;
	if (!it || !it->text)
		return cannot(error, strerror(ENOENT), -ENOENT);
	*text = strdup(it->text);
	*bytes = strlen(it->text);
	return *text ? 0 : cannot(error, strerror(ENOMEM), -ENOMEM);
}

void lwf_policy_texts_destroy(struct policy_texts *texts)
{
	while (texts) {
		struct policy_texts *next = texts->next;

		free(texts->text);
		free(texts);
		texts = next;
	}
}

/* ---- the store ---- */

/** Reads @file into memory of malloc(). */
static int read_policy(struct policy_store *store, const char *file, struct lwf_policy **policy,
		       struct lwf_policy_error *error)
{
	char *text = NULL;
	size_t bytes = 0, room;
	void *memory;
	int ret;

	memset(error, 0, sizeof(*error));
	ret = store->read(store->context, file, &text, &bytes, error);
	if (ret)
		return ret;
	room = lwf_policy_room(text, bytes);
	memory = malloc(room);
	if (!memory)
		ret = cannot(error, strerror(ENOMEM), -ENOMEM);
	else
		ret = lwf_policy_parse(memory, room, text, bytes, &store->users, policy, error);
	free(text);
	if (ret)
		free(memory);
	return ret;
}

int lwf_policy_read_file(const char *file, struct lwf_policy **policy,
			 struct lwf_policy_error *error)
{
	struct policy_store store = {.read = lwf_policy_read_text, .users = lwf_policy_passwd};

	return read_policy(&store, file, policy, error);
}

static struct policy_kept *find(struct policy_store *store, const char *file)
{
	for (unsigned i = 0; i < POLICY_FILES_MAX; i++)
		if (strcmp(store->kept[i].file, file) == 0)
			return &store->kept[i];
	return NULL;
}

/** Puts @policy in the place of what was kept of @file, or of what was asked for least lately. */
static struct policy_kept *keep(struct policy_store *store, const char *file,
				struct lwf_policy *policy)
{
	struct policy_kept *kept = find(store, file);

	if (!kept) {
		kept = &store->kept[0];
		for (unsigned i = 1; i < POLICY_FILES_MAX; i++)
			if (store->kept[i].used < kept->used)
				kept = &store->kept[i];
	}
	free(kept->policy);
	snprintf(kept->file, sizeof(kept->file), "%s", file);
	kept->policy = policy;
	return kept;
}

int lwf_policy_store_load(struct policy_store *store, struct lwf_host *host, const char *file,
			  bool fresh, struct lwf_policy **policy, char *error, size_t error_bytes)
{
	struct policy_kept *kept = fresh ? NULL : find(store, file);
	struct lwf_policy_error problem;
	struct lwf_policy *made;
	void *memory;
	int ret;

	if (!*file || strlen(file) >= sizeof(kept->file)) {
		snprintf(error, error_bytes, "'%s' is no name of a file", file);
		return -EINVAL;
	}
	if (!kept) {
		ret = read_policy(store, file, &made, &problem);
		if (ret) {
			lwf_policy_error_text(&problem, file, false, error, error_bytes);
			return ret;
		}
		kept = keep(store, file, made);
	}
	kept->used = ++store->uses;
	memory = lwf_host_alloc(host, lwf_policy_bytes(kept->policy));
	if (!memory) {
		snprintf(error, error_bytes, "%s: %s", file, strerror(ENOMEM));
		return -ENOMEM;
	}
	*policy = lwf_policy_copy(memory, kept->policy);
	return 0;
}

void lwf_policy_store_fini(struct policy_store *store)
{
	for (unsigned i = 0; i < POLICY_FILES_MAX; i++)
		free(store->kept[i].policy);
	memset(store->kept, 0, sizeof(store->kept));
}
