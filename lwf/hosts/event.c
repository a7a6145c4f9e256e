/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event.c - the real host: libevent's loop, the monotonic clock, the process's memory.
 *
 * The only file that includes libevent. Every timer and watch owns one libevent event, made when it
 * is prepared, so that arming one allocates nothing. Two priorities: link events run before all
 * else of a turn. What libevent would still allocate then, it is made to at that time, too, so that without
 * memory nothing is late. The base runs without locks: what other threads may do is lwf_host_post() alone,
 * which pushes on a lock-free list and rings an eventfd. That descriptor is edge-triggered, so a
 * ring needs no read; the loop takes the whole list at once, and what is posted meanwhile waits for
 * the next turn, so that nobody who posts himself again can starve the devices. A post from inside a
 * turn rings nothing: the loop looks at the list before it sleeps.
 */
#include "hosts.h"
#include "match.h"
#include "place.h"
#include "policy.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#define PRIORITIES	  2
#define SIGNALS_MAX	  8u
#define LOG_LINE_BYTES	  512u
#define ALLOC_ALIGN_BYTES 64u
#define SPIN_NS		  60000u /* of looking for more before sleeping */
#define FRUITLESS_MAX	  8u	 /* such looks for nothing, in a row */
#define PROBE_EVERY	  8u	 /* then one of so many */
#define PLACE_TURNS	  64u	 /* between looks at the processor of a loop that is never quiet */
#define TIMERS_FIRST	  64u	 /* for so many there is room in libevent's heap at the start */
#define TIMERS_SPARE	  8u	 /* of them for events of this file */
#define DAY_S		  86400
#define HOLD_S		  1 /* on the processor that place.c chose */

/* With NONBLOCK alone libevent goes on for as long as anything is ready, and what was posted waits. */
#define LOOK_ONCE (EVLOOP_ONCE | EVLOOP_NONBLOCK)

struct signal_slot {
	struct event *event;
	void (*fn)(void *context);
	void *context;
};

struct event_host {
	struct lwf_host host; /* first: the engine sees only this */
	struct event_base *base;
	struct event *bell; /* on bell_fd */
	int bell_fd;
	_Atomic(struct lwf_task *) posted; /* newest first; any thread */
	lwf_log_sink sink;
	struct lwf_owner_service *owners; /* lent; NULL: nobody knows */
	struct policy_store policies;
	uint64_t random_state;
	uint64_t served; /* callbacks of watches */
	uint64_t served_before_sleep;
	bool may_spin; /* there is a processor for the others */
	struct place place;
	uint32_t fruitless;  /* looks for more in a row that found nothing */
	uint32_t not_looked; /* times that it went to sleep at once */
	uint32_t turns;
	struct event *hold_end; /* of place's hold on a processor */
	bool stopping;
	uint32_t timers, watches; /* that exist: 0 at the end */
	uint32_t timer_room;	  /* of them, and those of this file, that can be armed at once */
	uint32_t signals;
	struct signal_slot signal[SIGNALS_MAX];
};

/* The host whose loop this thread is in: a post to it needs no bell. */
static _Thread_local struct event_host *running;

static struct event_host *to_event_host(struct lwf_host *host)
{
	return (struct event_host *)(void *)host;
}

static uint64_t event_now_ns(struct lwf_host *host)
{
	struct timespec now;

	(void)host;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* xorshift64*: good enough to spread retries and jitter; nothing secret is made of it. */
static uint64_t event_random(struct lwf_host *host)
{
	struct event_host *eh = to_event_host(host);
	uint64_t x = eh->random_state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	eh->random_state = x;
	return x * 0x2545F4914F6CDD1Dull;
}

/*
 * Zeroed and aligned by calloc() with room in front for the pointer that free() wants: for large
 * blocks the C library takes fresh pages that are zero already, so that a pool costs memory only
 * for the frames it really used.
 */
static void *event_alloc(struct lwf_host *host, size_t bytes)
{
	uint8_t *raw, *aligned;

	(void)host;
	if (bytes > SIZE_MAX - 2 * ALLOC_ALIGN_BYTES)
		return NULL;
	raw = calloc(1, bytes + 2 * ALLOC_ALIGN_BYTES);
	if (!raw)
		return NULL;
	aligned = raw + ALLOC_ALIGN_BYTES;
	aligned += (ALLOC_ALIGN_BYTES - (uintptr_t)aligned % ALLOC_ALIGN_BYTES) % ALLOC_ALIGN_BYTES;
	memcpy(aligned - sizeof(raw), &raw, sizeof(raw));
	return aligned;
}

static void event_free_memory(struct lwf_host *host, void *memory)
{
	uint8_t *raw;

	(void)host;
	memcpy(&raw, (uint8_t *)memory - sizeof(raw), sizeof(raw));
	free(raw);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct lwf_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->armed = false;
	timer->fn(timer->context);
}

static void on_padding(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/*
 * The heap of armed timers grows when one is armed, and never shrinks. So it is made to grow when a timer is
 * prepared, by arming as many others as there shall be room for, all at once.
 */
static int grow_heap(struct event_host *eh)
{
	const struct timeval later = {.tv_sec = DAY_S};
	const size_t bytes = event_get_struct_event_size();
	uint32_t room = eh->timer_room ? 2 * eh->timer_room : TIMERS_FIRST, armed = 0;
	uint8_t *padding;

	if (eh->timers + TIMERS_SPARE < eh->timer_room)
		return 0;
	padding = calloc(room, bytes);
	if (!padding)
		return -ENOMEM;
	for (; armed < room; armed++) {
		struct event *event = (void *)(padding + armed * bytes);

		if (event_assign(event, eh->base, -1, 0, on_padding, NULL) ||
		    event_add(event, &later))
			break;
	}
	if (armed == room)
		eh->timer_room = room;
	while (armed--)
		event_del((void *)(padding + armed * bytes));
	free(padding);
	return eh->timer_room == room ? 0 : -ENOMEM;
}

static int event_timer_init(struct lwf_host *host, struct lwf_timer *timer)
{
	struct event_host *eh = to_event_host(host);
	struct event *event;

	if (grow_heap(eh))
		return -ENOMEM;
	event = event_new(eh->base, -1, 0, on_timer, timer);
	if (!event)
		return -ENOMEM;
	event_priority_set(event, PRIORITIES - 1);
	timer->impl = event;
	eh->timers++;
	return 0;
}

static void event_timer_arm(struct lwf_host *host, struct lwf_timer *timer)
{
	uint64_t now_ns = event_now_ns(host);
	uint64_t delay_us = 0;
	struct timeval delay;

	/* Rounded up, and one more since libevent's own reading of the clock is rounded down. */
	if (timer->deadline_ns > now_ns)
		delay_us = (timer->deadline_ns - now_ns + 999) / 1000 + 1;
	delay.tv_sec = (time_t)(delay_us / 1000000);
	delay.tv_usec = (suseconds_t)(delay_us % 1000000);
	event_add(timer->impl, &delay);
	timer->armed = true;
}

static void event_timer_disarm(struct lwf_host *host, struct lwf_timer *timer)
{
	(void)host;
	event_del(timer->impl);
	timer->armed = false;
}

static void event_timer_fini(struct lwf_host *host, struct lwf_timer *timer)
{
	struct event_host *eh = to_event_host(host);

	event_free(timer->impl);
	timer->impl = NULL;
	timer->armed = false;
	assert(eh->timers > 0);
	eh->timers--;
}

static short watch_flags(unsigned events)
{
	short flags = EV_PERSIST;

	if (events & LWF_WATCH_READ)
		flags |= EV_READ;
	if (events & LWF_WATCH_WRITE)
		flags |= EV_WRITE;
	return flags;
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct lwf_watch *watch = arg;
	unsigned events = 0;

	(void)fd;
	if (what & EV_READ)
		events |= LWF_WATCH_READ;
	if (what & EV_WRITE)
		events |= LWF_WATCH_WRITE;
	to_event_host(watch->host)->served++;
	watch->fn(watch->context, events);
}

static int watch_assign(struct event_host *eh, struct lwf_watch *watch)
{
	struct event *event = watch->impl;

	if (event_assign(event, eh->base, watch->fd, watch_flags(watch->events), on_watch, watch))
		return -EINVAL;
	event_priority_set(event, watch->priority < PRIORITIES ? (int)watch->priority : 1);
	if (watch->events && event_add(event, NULL))
		return -ENOMEM;
	return 0;
}

/* What libevent keeps of a descriptor is made when it is watched first, and stays. */
static int watch_once(struct event_host *eh, struct lwf_watch *watch)
{
	unsigned events = watch->events;
	int ret;

	watch->events = LWF_WATCH_READ | LWF_WATCH_WRITE;
	ret = watch_assign(eh, watch);
	event_del(watch->impl);
	watch->events = events;
	return ret;
}

static int event_watch_add(struct lwf_host *host, struct lwf_watch *watch)
{
	struct event_host *eh = to_event_host(host);
	int ret;

	watch->impl = calloc(1, event_get_struct_event_size());
	if (!watch->impl)
		return -ENOMEM;
	ret = watch_once(eh, watch);
	if (!ret)
		ret = watch_assign(eh, watch);
	if (ret) {
		free(watch->impl);
		watch->impl = NULL;
		return ret;
	}
	eh->watches++;
	return 0;
}

/* An event that is not pending may be assigned anew; its priority and descriptor stay. */
static void event_watch_set(struct lwf_host *host, struct lwf_watch *watch, unsigned events)
{
	event_del(watch->impl);
	watch->events = events;
	watch_assign(to_event_host(host), watch);
}

static void event_watch_remove(struct lwf_host *host, struct lwf_watch *watch)
{
	struct event_host *eh = to_event_host(host);

	event_del(watch->impl);
	free(watch->impl);
	watch->impl = NULL;
	assert(eh->watches > 0);
	eh->watches--;
}

static void event_post(struct lwf_host *host, struct lwf_task *task)
{
	struct event_host *eh = to_event_host(host);
	struct lwf_task *newest = atomic_load_explicit(&eh->posted, memory_order_relaxed);
	uint64_t one = 1;

	do {
		task->next = newest;
	} while (!atomic_compare_exchange_weak_explicit(
		&eh->posted, &newest, task, memory_order_release, memory_order_relaxed));
	/* Only the first of a list rings: the loop takes all of it. The count cannot overflow. */
	if (!newest && running != eh &&
	    write(eh->bell_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		abort();
}

static bool has_posted(struct event_host *eh)
{
	return atomic_load_explicit(&eh->posted, memory_order_relaxed) != NULL;
}

/* What has been posted so far, oldest first. */
static void run_posted(struct event_host *eh)
{
	struct lwf_task *newest = atomic_exchange_explicit(&eh->posted, NULL, memory_order_acquire);
	struct lwf_task *oldest = NULL;

	while (newest) {
		struct lwf_task *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest) {
		struct lwf_task *task = oldest;

		/* Read first: the function may post the task again, or free what embeds it. */
		oldest = task->next;
		task->fn(task->context);
	}
}

static void on_bell(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	run_posted(arg);
}

__attribute__((format(printf, 3, 0))) static void event_log(struct lwf_host *host,
							    enum lwf_log_level level,
							    const char *format, va_list args)
{
	struct event_host *eh = to_event_host(host);
	char line[LOG_LINE_BYTES];
	size_t length;

	if (!eh->sink || vsnprintf(line, sizeof(line), format, args) < 0)
		return;
	length = strlen(line);
	while (length && line[length - 1] == '\n')
		line[--length] = '\0';
	eh->sink(level, line);
}

static int event_ask_owner(struct lwf_host *host, const struct lwf_owner_question *question,
			   struct lwf_owner *owner)
{
	struct lwf_owner_service *owners = to_event_host(host)->owners;

	return owners ? owners->ask(owners, question, owner) : 0;
}

static void event_forget_owners(struct lwf_host *host, void *context)
{
	struct lwf_owner_service *owners = to_event_host(host)->owners;

	if (owners)
		owners->forget(owners, context);
}

static int event_listens(struct lwf_host *host, const struct lwf_owner_question *question)
{
	struct lwf_owner_service *owners = to_event_host(host)->owners;

	return owners && owners->listens ? owners->listens(owners, question) : -EAGAIN;
}

void lwf_event_host_set_owners(struct lwf_host *host, struct lwf_owner_service *service)
{
	to_event_host(host)->owners = service;
}

static int event_load_policy(struct lwf_host *host, const char *file, bool fresh,
			     struct lwf_policy **policy, char *error, size_t error_bytes)
{
	return lwf_policy_store_load(&to_event_host(host)->policies, host, file, fresh, policy,
				     error, error_bytes);
}

static const struct lwf_host_ops event_host_ops = {
	.now_ns = event_now_ns,
	.random = event_random,
	.alloc = event_alloc,
	.free = event_free_memory,
	.timer_init = event_timer_init,
	.timer_arm = event_timer_arm,
	.timer_disarm = event_timer_disarm,
	.timer_fini = event_timer_fini,
	.watch_add = event_watch_add,
	.watch_set = event_watch_set,
	.watch_remove = event_watch_remove,
	.post = event_post,
	.log = event_log,
	.compile_match = lwf_compile_match,
	.ask_owner = event_ask_owner,
	.forget_owners = event_forget_owners,
	.listens = event_listens,
	.load_policy = event_load_policy,
};

static void hold_place(struct event_host *eh)
{
	static const struct timeval hold = {HOLD_S, 0};

	event_add(eh->hold_end, &hold);
}

/*
 * A stream that still goes on would pull the loop back beside its sender, whose wake-ups do that. As
 * long as it does, place.c looks too, and leaves when this processor is not the best any more.
 */
static void on_hold_end(evutil_socket_t fd, short what, void *arg)
{
	struct event_host *eh = arg;

	(void)fd;
	(void)what;
	if (lwf_place_is_busy(&eh->place, event_now_ns(&eh->host)))
		hold_place(eh);
	else
		lwf_place_release(&eh->place);
}

/*
 * The precise timer, since the default clock ticks every 4 ms; no cached time, since a timer armed
 * late in a long turn would fire early by the length of the turn.
 */
static struct event_base *make_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (!config)
		return NULL;
	if (!event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER |
						   EVENT_BASE_FLAG_NO_CACHE_TIME))
		base = event_base_new_with_config(config);
	event_config_free(config);
	if (base && event_base_priority_init(base, PRIORITIES)) {
		event_base_free(base);
		base = NULL;
	}
	return base;
}

struct lwf_host *lwf_event_host_create(lwf_log_sink sink)
{
	struct event_host *eh = calloc(1, sizeof(*eh));

	if (!eh)
		return NULL;
	eh->host.ops = &event_host_ops;
	eh->sink = sink;
	eh->policies.read = lwf_policy_read_text;
	eh->policies.users = lwf_policy_passwd;
	eh->may_spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
	if (getrandom(&eh->random_state, sizeof(eh->random_state), GRND_NONBLOCK) < 0)
		eh->random_state = event_now_ns(&eh->host);
	eh->random_state |= 1; /* the one state that xorshift never leaves is 0 */
	eh->bell_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (eh->bell_fd < 0)
		goto err_free;
	eh->base = make_base();
	if (!eh->base)
		goto err_close;
	eh->bell = event_new(eh->base, eh->bell_fd, EV_READ | EV_PERSIST | EV_ET, on_bell, eh);
	if (!eh->bell)
		goto err_base;
	event_priority_set(eh->bell, PRIORITIES - 1);
	if (event_add(eh->bell, NULL))
		goto err_bell;
	eh->hold_end = evtimer_new(eh->base, on_hold_end, eh);
	if (!eh->hold_end)
		goto err_bell;
	return &eh->host;

err_bell:
	event_free(eh->bell);
err_base:
	event_base_free(eh->base);
err_close:
	close(eh->bell_fd);
err_free:
	free(eh);
	return NULL;
}

static void look_at_place(struct event_host *eh, uint64_t now_ns)
{
	if (lwf_place_look(&eh->place, now_ns))
		hold_place(eh);
}

/* What comes at a steady pace slower than SPIN_NS would keep the loop awake for nothing. */
static bool is_worth_looking(struct event_host *eh)
{
	if (eh->fruitless < FRUITLESS_MAX)
		return true;
	return ++eh->not_looked % PROBE_EVERY == 0;
}

static void give_way(struct event_host *eh)
{
	uint64_t before_ns = event_now_ns(&eh->host);

	if (!lwf_place_may_yield(&eh->place, before_ns))
		return;
	sched_yield();
	lwf_place_yielded(&eh->place, before_ns, event_now_ns(&eh->host));
}

/*
 * After a descriptor was served, looks for more without sleeping, for SPIN_NS: being woken costs the
 * loop 25 to 40 us on a virtual machine, and a TCP stream comes in bursts closer than that. It yields
 * before each look: those whose frames it waits for may need this very processor, and so may the one
 * whom it has just handed 64 of them, who finds them in the cache if his turn comes now.
 * After FRUITLESS_MAX times for nothing it tries again only now and then. False: it has been quiet,
 * sleep.
 */
static bool poll_for_more(struct event_host *eh)
{
	uint64_t served = eh->served, now_ns, until_ns = 0;

	if (!eh->may_spin || served == eh->served_before_sleep)
		return false;
	if (++eh->turns % PLACE_TURNS == 0)
		look_at_place(eh, event_now_ns(&eh->host));
	if (!is_worth_looking(eh)) {
		eh->served_before_sleep = served;
		return false;
	}
	for (;;) {
		give_way(eh);
		if (event_base_loop(eh->base, LOOK_ONCE) < 0)
			return false;
		if (eh->served != served || eh->stopping || has_posted(eh)) {
			eh->fruitless = 0;
			return true;
		}
		now_ns = event_now_ns(&eh->host);
		if (!until_ns)
			until_ns = now_ns + SPIN_NS;
		if (now_ns >= until_ns)
			break;
		look_at_place(eh, now_ns);
	}
	eh->fruitless += eh->fruitless < FRUITLESS_MAX;
	eh->served_before_sleep = served;
	return false;
}

/* Devices and timers first, then what was posted from inside. */
static int one_turn(struct event_host *eh)
{
	if (!has_posted(eh))
		return !poll_for_more(eh) && event_base_loop(eh->base, EVLOOP_ONCE) < 0 ? -EIO : 0;
	if (event_base_loop(eh->base, LOOK_ONCE) < 0)
		return -EIO;
	if (!eh->stopping)
		run_posted(eh);
	return 0;
}

int lwf_event_host_run(struct lwf_host *host)
{
	struct event_host *eh = to_event_host(host), *outer = running;
	int ret = 0;

	if (eh->may_spin)
		lwf_place_open(&eh->place);
	running = eh;
	/* A stop that came before the run counts too. */
	while (!eh->stopping && !ret)
		ret = one_turn(eh);
	running = outer;
	eh->stopping = false;
	if (eh->may_spin) {
		event_del(eh->hold_end);
		lwf_place_close(&eh->place);
	}
	return ret;
}

void lwf_event_host_stop(struct lwf_host *host)
{
	struct event_host *eh = to_event_host(host);

	eh->stopping = true;
	event_base_loopbreak(eh->base);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct signal_slot *slot = arg;

	(void)number;
	(void)what;
	slot->fn(slot->context);
}

int lwf_event_host_signal(struct lwf_host *host, int number, void (*fn)(void *context),
			  void *context)
{
	struct event_host *eh = to_event_host(host);
	struct signal_slot *slot;

	if (eh->signals == SIGNALS_MAX)
		return -ENOSPC;
	slot = &eh->signal[eh->signals];
	slot->fn = fn;
	slot->context = context;
	slot->event = evsignal_new(eh->base, number, on_signal, slot);
	if (!slot->event)
		return -ENOMEM;
	event_priority_set(slot->event, 0);
	if (evsignal_add(slot->event, NULL)) {
		event_free(slot->event);
		slot->event = NULL;
		return -EINVAL;
	}
	eh->signals++;
	return 0;
}

void lwf_event_host_destroy(struct lwf_host *host)
{
	struct event_host *eh;

	if (!host)
		return;
	eh = to_event_host(host);
	assert(!eh->timers && !eh->watches);
	for (uint32_t i = 0; i < eh->signals; i++)
		event_free(eh->signal[i].event);
	event_free(eh->hold_end);
	event_free(eh->bell);
	event_base_free(eh->base);
	close(eh->bell_fd);
	lwf_policy_store_fini(&eh->policies);
	free(eh);
}
