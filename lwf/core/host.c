/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * host.c - the few lines between the engine and whatever host it was given: timers, watches, log.
 */
#include <errno.h>
#include <string.h>

#include <lwf/flow.h>
#include <lwf/host.h>

int lwf_timer_init(struct lwf_timer *timer, struct lwf_host *host, void (*fn)(void *),
		   void *context)
{
	int ret;

	memset(timer, 0, sizeof(*timer));
	timer->host = host;
	timer->fn = fn;
	timer->context = context;
	ret = host->ops->timer_init(host, timer);
	if (ret)
		timer->host = NULL;
	return ret;
}

void lwf_timer_set(struct lwf_timer *timer, uint64_t delay_ns)
{
	struct lwf_host *host = timer->host;

	timer->deadline_ns = lwf_host_now_ns(host) + delay_ns;
	host->ops->timer_arm(host, timer);
}

void lwf_timer_cancel(struct lwf_timer *timer)
{
	if (timer->host && timer->armed)
		timer->host->ops->timer_disarm(timer->host, timer);
}

void lwf_timer_fini(struct lwf_timer *timer)
{
	if (!timer->host)
		return;
	lwf_timer_cancel(timer);
	timer->host->ops->timer_fini(timer->host, timer);
	timer->host = NULL;
}

int lwf_watch_init(struct lwf_watch *watch, struct lwf_host *host, int fd, unsigned events,
		   unsigned priority, void (*fn)(void *, unsigned), void *context)
{
	int ret;

	memset(watch, 0, sizeof(*watch));
	watch->host = host;
	watch->fn = fn;
	watch->context = context;
	watch->fd = fd;
	watch->events = events;
	watch->priority = priority;
	ret = host->ops->watch_add(host, watch);
	if (ret)
		watch->host = NULL;
	return ret;
}

void lwf_watch_set(struct lwf_watch *watch, unsigned events)
{
	if (watch->host && watch->events != events)
		watch->host->ops->watch_set(watch->host, watch, events);
}

void lwf_watch_fini(struct lwf_watch *watch)
{
	if (!watch->host)
		return;
	watch->host->ops->watch_remove(watch->host, watch);
	watch->host = NULL;
}

void lwf_log(struct lwf_host *host, enum lwf_log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	host->ops->log(host, level, format, args);
	va_end(args);
}

int lwf_host_ask_owner(struct lwf_host *host, const struct lwf_owner_question *question,
		       struct lwf_owner *owner)
{
	memset(owner, 0, sizeof(*owner));
	owner->uid = LWF_OWNER_NO_UID;
	owner->how = LWF_OWNER_UNKNOWN;
	owner->why = LWF_OWNER_WHY_NO_RESOLVER;
	if (!host->ops->ask_owner)
		return 0;
	return host->ops->ask_owner(host, question, owner);
}

int lwf_host_listens(struct lwf_host *host, const struct lwf_owner_question *question)
{
	return host->ops->listens ? host->ops->listens(host, question) : -EAGAIN;
}

void lwf_host_forget_owners(struct lwf_host *host, void *context)
{
	if (host->ops->forget_owners)
		host->ops->forget_owners(host, context);
}
