/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * faults.h - what the files of the faults library have in common; see faults.c.
 */
#ifndef LWF_STRESS_FAULTS_H
#define LWF_STRESS_FAULTS_H

#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>

#include "fault_page.h"

#define FAULTS_EXPORT __attribute__((visibility("default")))

/** The page; one without a fault until it is mapped. Never NULL. */
extern struct fault_page *faults_page;

/** True in the process that was started, false in those that it forked. */
bool faults_is_daemon(void);

/** The function @name behind ours; *@found keeps it. Two threads may find the same at the same time. */
static inline void *faults_find(_Atomic(void *) *found, const char *name)
{
	void *behind = atomic_load_explicit(found, memory_order_relaxed);

	if (!behind) {
		behind = dlsym(RTLD_NEXT, name);
		atomic_store_explicit(found, behind, memory_order_relaxed);
	}
	return behind;
}

/** Declares `next`: the function @name behind ours. */
#define FAULTS_NEXT(name)                          \
	static _Atomic(void *) found;              \
	void *behind = faults_find(&found, #name); \
	__typeof__(&(name)) next;                  \
                                                   \
	memcpy(&next, &behind, sizeof(next))

#endif
