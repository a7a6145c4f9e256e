/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy.h - lwf_host_ops.load_policy of both hosts: policies by the names of their files.
 *
 * A store keeps the last policy of each file that was without error, already read and with its users
 * as numbers, so that who asks for it again gets the same one whatever is in the file by now. Hosts
 * differ in where texts come from: a file system, or what a test said.
 */
#ifndef LWF_HOSTS_POLICY_H
#define LWF_HOSTS_POLICY_H

#include <lwf/host.h>
#include <lwf/policy.h>

#define POLICY_FILES_MAX 16u /* that are remembered; the one that was asked for least lately goes */

struct policy_kept {
	char file[LWF_OPTION_TEXT_BYTES]; /* "": free */
	struct lwf_policy *policy;	  /* malloc */
	uint64_t used;
};

/** All zero, but for read and context, is an empty one. */
struct policy_store {
	/** The text of @file (malloc, taken): 0, or -errno and why. */
	int (*read)(void *context, const char *file, char **text, size_t *bytes,
		    struct lwf_policy_error *error);
	void *context;
	struct lwf_policy_users users;
	struct policy_kept kept[POLICY_FILES_MAX];
	uint64_t uses;
};

/** lwf_host_ops.load_policy, with the host's store. */
int lwf_policy_store_load(struct policy_store *store, struct lwf_host *host, const char *file,
			  bool fresh, struct lwf_policy **policy, char *error, size_t error_bytes);

void lwf_policy_store_fini(struct policy_store *store);

/** The text of a file of the file system, for policy_store.read. */
int lwf_policy_read_text(void *context, const char *file, char **text, size_t *bytes,
			 struct lwf_policy_error *error);

/** The users of /etc/passwd. */
extern const struct lwf_policy_users lwf_policy_passwd;

/** The texts that a test has said. */
struct policy_texts;

int lwf_policy_texts_set(struct policy_texts **texts, const char *file, const char *text);
int lwf_policy_texts_read(void *context, const char *file, char **text, size_t *bytes,
			  struct lwf_policy_error *error);
void lwf_policy_texts_destroy(struct policy_texts *texts);

#endif
