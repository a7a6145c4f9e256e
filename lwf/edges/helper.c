/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * helper.c - the thread that does what blocks, and how threads of the edges are started.
 *
 * The kernel waits for a grace period when the last descriptor of a packet socket (8 to 16 ms) or
 * of a TAP (up to 47 ms) is closed, and takes its big lock to change an MTU. Such work is queued
 * here, in order, so that the loop thread goes on. The thread is started with the first job and
 * stays.
 */
#include "helper.h"
#include "edges.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock;
	pthread_cond_t work; /* a job was queued */
	pthread_cond_t idle; /* nothing is queued and nothing runs */
	struct lwf_job *head;
	struct lwf_job **tail;
	bool started, busy;
} helper = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
	.tail = &helper.head,
};

int lwf_thread_start(void *(*fn)(void *context), void *context)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int ret;

	ret = pthread_attr_init(&attr);
	if (ret)
		return -ret;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&thread, &attr, fn, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return -ret;
}

void lwf_thread_drop_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	const uint32_t keep = (1u << CAP_NET_ADMIN) | (1u << CAP_NET_RAW);

	if (syscall(SYS_capget, &header, data))
		return;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		const uint32_t mask = i == 0 ? keep : 0;

		data[i].effective &= mask;
		data[i].permitted &= mask;
		data[i].inheritable = 0;
	}
	syscall(SYS_capset, &header, data); /* giving up rights is always allowed */
}

static void *helper_main(void *context)
{
	(void)context;
	lwf_thread_drop_rights();
	pthread_mutex_lock(&helper.lock);
	for (;;) {
		struct lwf_job *job = helper.head;

		if (!job) {
			helper.busy = false;
			pthread_cond_broadcast(&helper.idle);
			pthread_cond_wait(&helper.work, &helper.lock);
			continue;
		}
		helper.head = job->next;
		if (!helper.head)
			helper.tail = &helper.head;
		helper.busy = true;
		pthread_mutex_unlock(&helper.lock);
		job->fn(job);
		pthread_mutex_lock(&helper.lock);
	}
	return NULL;
}

void lwf_helper_submit(struct lwf_job *job)
{
	bool queued;

	job->next = NULL;
	pthread_mutex_lock(&helper.lock);
	if (!helper.started)
		helper.started = lwf_thread_start(helper_main, NULL) == 0;
	queued = helper.started;
	if (queued) {
		*helper.tail = job;
		helper.tail = &job->next;
		helper.busy = true;
		pthread_cond_signal(&helper.work);
	}
	pthread_mutex_unlock(&helper.lock);
	if (!queued)
		job->fn(job);
}

struct close_job {
	struct lwf_job job;
	int fd;
};

static void close_now(struct lwf_job *job)
{
	struct close_job *closing = (struct close_job *)(void *)job;

	close(closing->fd);
	free(closing);
}

void lwf_close_later(int fd)
{
	struct close_job *closing;

	if (fd < 0)
		return;
	closing = malloc(sizeof(*closing));
	if (!closing) {
		close(fd);
		return;
	}
	closing->job.fn = close_now;
	closing->fd = fd;
	lwf_helper_submit(&closing->job);
}

void lwf_close_flush(void)
{
	pthread_mutex_lock(&helper.lock);
	while (helper.head || helper.busy)
		pthread_cond_wait(&helper.idle, &helper.lock);
	pthread_mutex_unlock(&helper.lock);
}
