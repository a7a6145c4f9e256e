/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper.h - one thread for what blocks: closing device descriptors, setting a MAC or an MTU.
 */
#ifndef LWF_EDGES_HELPER_H
#define LWF_EDGES_HELPER_H

#include <pthread.h>
#include <stdbool.h>

struct lwf_job {
	struct lwf_job *next;
	void (*fn)(struct lwf_job *job); /* frees what embeds the job */
};

/** Takes @job and runs it on the helper thread, in order; right here when there can be no thread.
 */
void lwf_helper_submit(struct lwf_job *job);

/**
 * Starts a detached thread of this process's own: no signals are delivered to it. Returns 0 or
 * -errno.
 */
int lwf_thread_start(void *(*fn)(void *context), void *context);

/**
 * Gives up every capability of the calling thread but CAP_NET_ADMIN and CAP_NET_RAW. Threads have
 * capabilities of their own: what the program drops later on its first thread would stay here.
 */
void lwf_thread_drop_rights(void);

#endif
