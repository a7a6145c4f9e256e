/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sync.c - the locks, events and sleeps that pieces use, each a seam; and who waits for whom.
 */
#include <stdio.h>
#include <string.h>

#include "world.h"

#define HELD_MAX 4u /* locks that one processor holds at a time */

static const struct mu_lock *held[FIBERS_MAX][HELD_MAX];

void sync_begin(void)
{
	memset(held, 0, sizeof(held));
}

static void note(int fiber, const struct mu_lock *from, const struct mu_lock *to)
{
	for (unsigned i = 0; i < HELD_MAX; i++) {
		if (held[fiber][i] == from) {
			held[fiber][i] = to;
			return;
		}
	}
}

void mu_seam(const char *place)
{
	(void)place; /* for the reader of the piece */
	fibers_yield();
}

void mu_lock(struct mu_lock *lock)
{
	int self = fibers_self() + 1;

	fibers_yield();
	while (lock->owner) {
		if (lock->owner == self)
			oracle_recursion();
		fibers_wait(lock);
	}
	lock->owner = self;
	note(fibers_self(), NULL, lock);
}

void mu_unlock(struct mu_lock *lock)
{
	lock->owner = 0;
	note(fibers_self(), lock, NULL);
	fibers_wake(lock);
	fibers_yield();
}

void mu_event_set(struct mu_event *event)
{
	fibers_yield();
	event->set = true;
	fibers_wake(event);
	fibers_yield();
}

void mu_event_reset(struct mu_event *event)
{
	event->set = false;
}

void mu_event_wait(struct mu_event *event)
{
	fibers_yield();
	while (!event->set)
		fibers_wait(event);
}

void mu_sleep_ms(uint32_t ms)
{
	fibers_sleep_ns(ms * NS_PER_MS);
}

static bool holds(int fiber, const void *lock)
{
	for (unsigned i = 0; i < HELD_MAX; i++)
		if (lock && held[fiber][i] == lock)
			return true;
	return false;
}

bool sync_deadlock(char *text, size_t bytes)
{
	for (int waiter = 0; waiter < FIBERS_MAX; waiter++) {
		for (int owner = 0; owner < FIBERS_MAX; owner++) {
			if (holds(owner, fibers_waits_for(waiter)) && fibers_waits_for(owner)) {
				snprintf(text, bytes,
					 "%s waits for a lock that %s holds while it waits",
					 fibers_name(waiter), fibers_name(owner));
				return true;
			}
		}
	}
	return false;
}
