/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inject_nic.c - a run without a daemon: a stack of its own in this process.
 *
 *	source > session > [ inject ] > nic edge (sends only)
 *
 * It is the daemon's engine with the same filter and the same edge, so the answers mean the same. There is no
 * upper edge: what the network sends is not read, and the host's own use of the NIC is not touched. The session pulls
 * records straight from the source when they are due, by way of a small stock that lasts for one batch. The interface is
 * looked at when the kernel says that one has changed, and every LOOK_NS in case that was missed; what happens in between is
 * told by the edge's own answers. To look takes as long as several frames, so it is not done without need.
 */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lwf/edge.h>
#include <lwf/filter.h>

#include "cli.h"
#include "edges.h"
#include "hosts.h"
#include "inject_news.h"
#include "inject_run.h"

#define STEP_NS	     20000000ull /* between looks for signals */
#define LOOK_NS	     1000000000ull
#define SLEEP_NS_MAX 3600000000000ull
#define TURN_BATCHES 4u /* in a turn of the loop, which costs system calls of its own */

struct nic_run {
	struct lwf_session session; /* first: the stack knows us by it */
	struct inject_run *run;
	struct lwf_host *host;
	struct lwf_engine *engine;
	struct lwf_stack *stack;
	struct lwf_edge *edge; /* the stack's */
	uint32_t ifindex;      /* 0: it is away */
	int claim_fd;
	struct lwf_task turn;
	bool turn_posted;
	struct lwf_timer due_timer, step_timer;
	struct lwf_watch input, news;
	int news_fd;
	uint64_t looked_ns; /* at the interface */

	/* Records peeked at, of which the first @used are in frames and not yet passed. A schedule
	 * wants to know of each record before its answer, so there the stock is one. */
	struct inject_record stock[LWF_BATCH_MAX_FRAMES];
	uint32_t stock_max, stocked, used;

	uint64_t now_ns; /* of this batch */
	enum inject_due due;
	uint64_t due_ns;
	uint64_t wake_ns; /* when the timer for that is to fire; 0: at once */
	bool begun;	  /* the stack has come up, as far as it can */
	bool stopping;	  /* a signal came: nothing more is pulled */
	bool closing;	  /* the session is being closed */
	bool abandoned;	  /* the end came before the last answer */
	bool cancelled;
	uint64_t cancel_ns; /* after a signal: what is left then is cancelled */
	uint64_t stop_deadline_ns;
};

static struct nic_run *nic_of(struct lwf_session *session)
{
	return (struct nic_run *)(void *)session;
}

static void post_turn(struct nic_run *nic)
{
	if (nic->turn_posted || nic->closing)
		return;
	nic->turn_posted = true;
	lwf_host_post(nic->host, &nic->turn);
}

/* ---- the session's owner: where frames come from, and where answers go ---- */

static enum lwf_reason fill(const struct nic_run *nic, const struct inject_record *record,
			    struct lwf_frame *frame)
{
	frame->id = nic->run->handed + nic->used;
	frame->cancel_id = 1;
	frame->direction = LWF_DIRECTION_SEND;
	frame->truncated = record->captured < record->length;
	memset(&frame->offload, 0, sizeof(frame->offload));
	if (inject_run_is_short(nic->run, record))
		return LWF_REASON_TRUNCATED;
	if (record->captured < LWF_ETHER_HEADER_BYTES)
		return LWF_REASON_TOO_SHORT;
	if (record->captured > lwf_frame_room(frame))
		return LWF_REASON_TOO_LONG;
	memcpy(frame->data, record->data, record->captured);
	frame->len = record->captured;
	return LWF_REASON_NONE;
}

/* What was taken from the stock is handed over; what was not is looked at again. */
static void give_up_stock(struct nic_run *nic)
{
	if (nic->used)
		inject_run_handed(nic->run, nic->stock, nic->used);
	nic->used = 0;
	nic->stocked = 0;
}

static enum lwf_pull nic_pull(struct lwf_session *session, struct lwf_frame *frame)
{
	struct nic_run *nic = nic_of(session);
	enum lwf_reason fault;

	if (nic->stopping)
		return LWF_PULL_NONE;
	if (nic->stocked == 0) {
		nic->due = inject_run_due(nic->run, nic->now_ns, nic->stock, nic->stock_max,
					  &nic->stocked, &nic->due_ns);
		if (nic->stocked == 0)
			return LWF_PULL_NONE;
	}
	fault = fill(nic, &nic->stock[nic->used], frame);
	nic->used++;
	if (nic->used == nic->stocked)
		give_up_stock(nic);
	if (fault == LWF_REASON_NONE)
		return LWF_PULL_FRAME;
	lwf_frame_answer(frame, fault);
	return LWF_PULL_REFUSE;
}

static bool nic_ready(struct lwf_session *session)
{
	struct nic_run *nic = nic_of(session);
	struct inject_record record;
	uint64_t due_ns;
	uint32_t count = 0;

	if (!nic->stopping)
		inject_run_due(nic->run, inject_now_ns(), &record, 1, &count, &due_ns);
	return count != 0;
}

static void nic_answer(struct lwf_session *session, const struct lwf_frame *frame, bool refused)
{
	struct inject_answer answer = {
		.status = frame->status,
		.reason = (enum lwf_reason)frame->reason,
		.refused = refused,
		.error = frame->error,
	};

	if (frame->status == LWF_STATUS_SUCCESS && !refused) {
		answer.frames = lwf_frame_segments(frame);
		answer.bytes = (uint32_t)lwf_frame_wire_bytes(frame);
	}
	if (inject_run_answered(nic_of(session)->run, &answer))
		post_turn(nic_of(session));
}

static void nic_wake(struct lwf_session *session)
{
	post_turn(nic_of(session));
}

static const struct lwf_session_ops nic_session_ops = {
	.pull = nic_pull,
	.ready = nic_ready,
	.answer = nic_answer,
	.flush = nic_wake,
	.state_changed = nic_wake,
};

/* ---- the end ---- */

static void stack_closed(void *context)
{
	struct nic_run *nic = context;

	nic->stack = NULL;
	lwf_event_host_stop(nic->host);
}

static void session_closed(struct lwf_session *session)
{
	struct nic_run *nic = nic_of(session);

	lwf_stack_close(nic->stack, stack_closed, nic);
}

/* Goes on to the end as soon as every frame that was handed over has its answer. */
static void end_if_done(struct nic_run *nic)
{
	bool all_handed = nic->stopping || nic->due == INJECT_DUE_NEVER;

	if (!all_handed || nic->session.outstanding || nic->closing)
		return;
	nic->closing = true;
	nic->run->end_ns = inject_now_ns();
	lwf_session_close(&nic->session, session_closed);
}

/* The second signal, or answers that do not come: leave without them. */
static void abandon(struct nic_run *nic)
{
	nic->run->end_ns = inject_now_ns();
	nic->run->gone = "stopped before the last frames were answered";
	nic->run->ledger.completed[LWF_ANSWER_UNKNOWN] += nic->session.outstanding;
	nic->run->reasons[LWF_REASON_UNANSWERED] += nic->session.outstanding;
	nic->closing = true;
	nic->abandoned = true;
	lwf_event_host_stop(nic->host);
}

static void heed_signals(struct nic_run *nic)
{
	int signals = atomic_load(&inject_signals);

	if (!signals || nic->closing)
		return;
	if (!nic->stopping) {
		nic->stopping = true;
		nic->cancel_ns = inject_now_ns() + INJECT_LINGER_NS;
		nic->stop_deadline_ns = inject_now_ns() + INJECT_DRAIN_NS;
		end_if_done(nic);
	} else if (!nic->cancelled && inject_now_ns() >= nic->cancel_ns) {
		nic->cancelled = true;
		lwf_session_cancel(&nic->session, 0);
		end_if_done(nic);
	} else if (signals > 1 || inject_now_ns() >= nic->stop_deadline_ns) {
		abandon(nic);
	}
}

/* ---- turns ---- */

/* One batch of what is due. Returns how many records were taken. */
static uint32_t take_batch(struct nic_run *nic)
{
	uint32_t taken;

	nic->now_ns = inject_now_ns();
	nic->due = INJECT_DUE_NOW; /* unless pull finds out otherwise */
	taken = lwf_session_pump(&nic->session, LWF_BATCH_MAX_FRAMES);
	give_up_stock(nic);
	return taken;
}

/* Wakes the loop for what is due later. */
static void set_due_timer(struct nic_run *nic)
{
	uint64_t now_ns = inject_now_ns(), wake_ns = nic->due_ns;

	if (nic->stopping)
		return;
	if (nic->due == INJECT_DUE_LATER)
		wake_ns = inject_pace_sleep_until(&nic->run->pace, nic->due_ns, now_ns);
	if (wake_ns > now_ns + SLEEP_NS_MAX)
		wake_ns = now_ns + SLEEP_NS_MAX; /* and then asks again */
	nic->wake_ns = wake_ns > now_ns ? wake_ns : 0;
	lwf_timer_set(&nic->due_timer, wake_ns > now_ns ? wake_ns - now_ns : 1);
}

static void turn(struct nic_run *nic)
{
	uint32_t taken, batches = 0;

	nic->begun = nic->begun || lwf_stack_settled(nic->stack);
	if (nic->closing || !nic->begun)
		return;
	do {
		taken = take_batch(nic);
	} while (taken == LWF_BATCH_MAX_FRAMES && ++batches < TURN_BATCHES && !nic->closing);
	if (nic->due == INJECT_DUE_LATER || nic->due == INJECT_DUE_ANSWERS)
		set_due_timer(nic);
	else if (taken && nic->due == INJECT_DUE_NOW)
		post_turn(nic);
	if (nic->input.host)
		lwf_watch_set(&nic->input, nic->due == INJECT_DUE_INPUT ? LWF_WATCH_READ : 0);
	end_if_done(nic);
}

static void posted_turn(void *context)
{
	struct nic_run *nic = context;

	nic->turn_posted = false;
	turn(nic);
}

/* It is nearly due: the rest is not slept, see inject_pace.h. */
static void due_now(void *context)
{
	struct nic_run *nic = context;
	uint64_t now_ns = inject_now_ns();

	if (nic->closing || nic->stopping || nic->due != INJECT_DUE_LATER) {
		post_turn(nic);
		return;
	}
	if (nic->wake_ns)
		inject_pace_woke(&nic->run->pace, nic->wake_ns, now_ns);
	if (nic->run->pace.may_spin && now_ns < nic->due_ns &&
	    nic->due_ns - now_ns <= INJECT_SPIN_NS_MAX)
		inject_run_spin(nic->due_ns, false);
	turn(nic);
}

static void input_now(void *context, unsigned events)
{
	(void)events;
	post_turn(context);
}

/* ---- the interface ---- */

static void link_gone(struct nic_run *nic, struct lwf_link link)
{
	link.present = false;
	link.admin_up = false;
	link.carrier = false;
	link.ifindex = 0;
	lwf_stack_set_link(nic->stack, &link, "deleted");
	lwf_stack_hold(nic->stack, LWF_HOLD_REMOVED);
	lwf_stack_release(nic->stack, LWF_HOLD_LINK);
	close(nic->claim_fd);
	nic->claim_fd = -1;
	nic->ifindex = 0;
}

/* It is there again under its name, maybe with another index. False: not to be had yet. */
static bool link_returned(struct nic_run *nic, const struct lwf_link *link)
{
	pid_t owner;

	if (lwf_nic_claim(NULL, link->ifindex, &nic->claim_fd, &owner))
		return false;
	if (lwf_nic_reopen(nic->edge, link->ifindex)) {
		close(nic->claim_fd);
		nic->claim_fd = -1;
		return false;
	}
	nic->ifindex = link->ifindex;
	return true;
}

static void follow_admin(struct nic_run *nic, bool admin_up)
{
	if (admin_up)
		lwf_stack_release(nic->stack, LWF_HOLD_LINK);
	else
		lwf_stack_hold(nic->stack, LWF_HOLD_LINK);
}

/* Compares the interface with what the stack knows of it; the order is that of docs/links.md. */
static void look_at_link(struct nic_run *nic)
{
	const struct lwf_link before = nic->edge->link;
	const char *name = nic->ifindex ? NULL : nic->run->options->nic;
	uint32_t ifindex = nic->ifindex;
	struct lwf_link now;
	int err;

	memset(&now, 0, sizeof(now));
	err = lwf_nic_lookup(NULL, name, &ifindex, &now);
	if (err == -ENODEV && nic->ifindex)
		link_gone(nic, before);
	if (err)
		return;
	if (!nic->ifindex) {
		if (!link_returned(nic, &now))
			return;
		lwf_stack_set_link(nic->stack, &now, "appeared");
		follow_admin(nic, now.admin_up);
		lwf_stack_release(nic->stack, LWF_HOLD_REMOVED);
		return;
	}
	if (before.admin_up != now.admin_up || before.carrier != now.carrier ||
	    before.mtu_bytes != now.mtu_bytes || memcmp(before.mac, now.mac, sizeof(now.mac)) != 0)
		lwf_stack_set_link(nic->stack, &now, "link-changed");
	if (before.admin_up != now.admin_up)
		follow_admin(nic, now.admin_up);
}

static void look(struct nic_run *nic)
{
	nic->looked_ns = inject_now_ns();
	look_at_link(nic);
}

static void news_now(void *context, unsigned events)
{
	struct nic_run *nic = context;

	(void)events;
	inject_news_drain(nic->news_fd);
	if (!nic->closing)
		look(nic);
}

static void step(void *context)
{
	struct nic_run *nic = context;
	uint64_t now_ns = inject_now_ns();

	heed_signals(nic);
	if (nic->closing)
		return;
	/* an interface that is away may come back under its name before it can be opened */
	if (!nic->ifindex || now_ns - nic->looked_ns >= LOOK_NS)
		look(nic);
	if (!nic->begun ||
	    nic->run->options->duration_ns) /* it may be over while input is waited for */
		post_turn(nic);
	inject_run_progress(nic->run, now_ns);
	lwf_timer_set(&nic->step_timer, STEP_NS);
}

/* ---- setting up ---- */

static void log_line(enum lwf_log_level level, const char *text)
{
	if (level <= LWF_LOG_WARNING)
		lwf_cli_note(INJECT_PROGRAM, "%s", text);
}

static int fail_nic(const char *name, int err)
{
	switch (-err) {
	case ENODEV:
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_NO_OBJECT, name,
				    "see the interfaces with: ip link", "no such interface");
	case EPERM:
	case EACCES:
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_PERMISSION, name,
				    "run as root, or with CAP_NET_RAW and CAP_NET_ADMIN",
				    "packet sockets are not permitted to you");
	case EMEDIUMTYPE:
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_USAGE, name,
				    "see the interfaces with: ip link",
				    "it is not an Ethernet interface");
	default:
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_REFUSED, name, NULL,
				    "cannot be opened: %s", strerror(-err));
	}
}

static int claim(struct nic_run *nic, const char *name)
{
	char next[128];
	pid_t owner;
	int err;

	err = lwf_nic_claim(NULL, nic->ifindex, &nic->claim_fd, &owner);
	if (err != -EBUSY)
		return err ? fail_nic(name, err) : 0;
	if (owner == 0)
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_REFUSED, name,
				    "inject through its stack: lwf-inject STACK FILE",
				    "another process has this interface");
	snprintf(next, sizeof(next), "inject through its stack, or end process %d", (int)owner);
	return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_REFUSED, name, next,
			    "process %d has this interface", (int)owner);
}

static int make_stack(struct nic_run *nic, const char *name)
{
	const struct lwf_nic_config config = {
		.name = name, .ifindex = nic->ifindex, .send_only = true};
	char text[128] = "";
	struct lwf_module *module;
	int err;

	err = lwf_nic_create(nic->host, &config, &nic->edge);
	if (err)
		return fail_nic(name, err);
	err = lwf_stack_create(nic->engine, name, NULL, nic->edge, &nic->stack);
	if (!err)
		err = lwf_stack_insert(nic->stack, "inject", 0, &module, text, sizeof(text));
	if (!err) {
		nic->session.ops = &nic_session_ops;
		nic->session.wait_when_paused = nic->run->options->wait_when_paused;
		err = lwf_session_open(&nic->session, nic->stack, NULL);
	}
	if (err)
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_FALSE, name, NULL,
				    "the stack cannot be made: %s",
				    text[0] ? text : strerror(-err));
	return 0;
}

static int make_timers(struct nic_run *nic)
{
	int fd = inject_source_fd(nic->run->source);
	int err;

	nic->stock_max =
		nic->run->options->pace.kind == INJECT_PACE_TOPSPEED ? LWF_BATCH_MAX_FRAMES : 1;
	nic->turn = (struct lwf_task){.fn = posted_turn, .context = nic};
	err = lwf_timer_init(&nic->due_timer, nic->host, due_now, nic);
	if (!err)
		err = lwf_timer_init(&nic->step_timer, nic->host, step, nic);
	if (!err)
		err = lwf_watch_init(&nic->news, nic->host, nic->news_fd, LWF_WATCH_READ, 0,
				     news_now, nic);
	if (!err && fd >= 0)
		err = lwf_watch_init(&nic->input, nic->host, fd, 0, 1, input_now, nic);
	if (err)
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_FALSE, nic->run->options->nic, NULL,
				    "out of memory");
	return 0;
}

static int set_up(struct nic_run *nic)
{
	const char *name = nic->run->options->nic;
	int err;

	if (strlen(name) >= IF_NAMESIZE)
		return fail_nic(name, -ENODEV);
	err = lwf_nic_lookup(NULL, name, &nic->ifindex, NULL);
	if (err)
		return fail_nic(name, err);
	err = claim(nic, name);
	if (err)
		return err;
	nic->news_fd = inject_news_open(); /* before the first look, so that nothing is missed */
	if (nic->news_fd < 0)
		return fail_nic(name, nic->news_fd);
	nic->host = lwf_event_host_create(log_line);
	nic->engine = nic->host ? lwf_engine_create(nic->host) : NULL;
	if (!nic->engine)
		return lwf_cli_fail(INJECT_PROGRAM, LWF_EXIT_FALSE, name, NULL, "out of memory");
	err = make_timers(nic);
	return err ? err : make_stack(nic, name);
}

static void tear_down(struct nic_run *nic)
{
	lwf_timer_fini(&nic->due_timer);
	lwf_timer_fini(&nic->step_timer);
	lwf_watch_fini(&nic->input);
	lwf_watch_fini(&nic->news);
	if (nic->news_fd >= 0)
		close(nic->news_fd);
	if (nic->abandoned)
		return; /* frames are still out there: the end of the process takes all */
	if (nic->engine && !nic->stack)
		lwf_engine_destroy(nic->engine);
	if (nic->host && !nic->stack)
		lwf_event_host_destroy(nic->host);
	if (nic->claim_fd >= 0)
		close(nic->claim_fd);
	lwf_close_flush();
}

int inject_nic(struct inject_run *run)
{
	struct nic_run nic = {.run = run, .claim_fd = -1, .news_fd = -1};
	int code;

	code = set_up(&nic);
	if (code == LWF_EXIT_OK) {
		inject_run_be_prompt(run);
		nic.looked_ns = inject_now_ns();
		lwf_timer_set(&nic.step_timer, STEP_NS);
		lwf_stack_start(nic.stack);
		post_turn(&nic);
		lwf_event_host_run(nic.host);
		if (lwf_engine_rules_broken(nic.engine))
			lwf_cli_note(INJECT_PROGRAM,
				     "%s: %" PRIu64 " rules of the engine were broken",
				     run->options->nic, lwf_engine_rules_broken(nic.engine));
	}
	tear_down(&nic);
	return code;
}
