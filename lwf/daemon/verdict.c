/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict.c - asks out, answers in, for one decider that is a program.
 *
 * What the filter says within a turn of the loop is written, as the records that go out, one behind the
 * other into a queue of one size; at the end of the turn messages are cut from it, up to
 * LWF_VERDICT_RECORDS_MAX records each, and sent as they lie there. A socket that is full is tried again
 * when it is writable. The queue has room for every ask that there are credits for; a program that grants
 * more without reading fills it, and then asks are refused, which the filter counts as overflow, and
 * notices are dropped and counted here. So a program that is stopped costs nobody anything but itself.
 *
 * The queue is taken at SUBSCRIBE; nothing here allocates after that.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "owner_proc.h"
#include "verdict.h"

#define NOTICE_BYTES \
	(64u << 10) /* of the queue, beside the room for asks: cancels and their like */

_Static_assert(offsetof(struct verdict_peer, decider) == 0, "verdict_of() relies on it");
_Static_assert(LWF_ASK_BATCH_MAX <= LWF_VERDICT_RECORDS_MAX, "a batch is a message");

static struct verdict_peer *of(struct lwf_decider *decider)
{
	return (struct verdict_peer *)decider;
}

/* ---- the queue ---- */

/* Room for @bytes at its end, or NULL. */
static unsigned char *reserve(struct verdict_peer *verdict, size_t bytes)
{
	unsigned char *at;

	if (verdict->end + bytes > verdict->room && verdict->first) {
		memmove(verdict->queue, verdict->queue + verdict->first,
			verdict->end - verdict->first);
		verdict->end -= verdict->first;
		verdict->first = 0;
	}
	if (verdict->end + bytes > verdict->room)
		return NULL;
	at = verdict->queue + verdict->end;
	verdict->end += bytes;
	if (verdict->end - verdict->first > verdict->unsent_max)
		verdict->unsent_max = verdict->end - verdict->first;
	if (!verdict->full)
		lwf_server_post(verdict->peer->server);
	return at;
}

static void notice(struct verdict_peer *verdict, const void *record, size_t bytes)
{
	unsigned char *at = reserve(verdict, bytes);

	if (at)
		memcpy(at, record, bytes);
	else
		verdict->lost++;
}

/* Bytes of the whole records at the front that make one message. */
static size_t message_bytes(const struct verdict_peer *verdict)
{
	size_t bytes = 0, left = verdict->end - verdict->first;
	struct lwf_wire_record head;

	for (unsigned n = 0; n < LWF_VERDICT_RECORDS_MAX && bytes < left; n++) {
		memcpy(&head, verdict->queue + verdict->first + bytes, sizeof(head));
		if (bytes + head.bytes > LWF_WIRE_MESSAGE_MAX_BYTES)
			break;
		bytes += head.bytes;
	}
	return bytes;
}

static int send_message(struct verdict_peer *verdict, size_t bytes)
{
	unsigned char head[LWF_WIRE_HEADER_BYTES];
	struct iovec pieces[] = {
		{head, sizeof(head)},
		{verdict->queue + verdict->first, bytes},
	};
	const struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};

	lwf_wire_header_put(head, LWF_WIRE_ASKS, 0, 0, (uint32_t)bytes);
	if (sendmsg(verdict->peer->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM ? -EAGAIN
											: -errno;
}

/* Whether @ret of a send says that nobody reads any more. What was said before it went is still to be read. */
static bool is_deaf(int ret)
{
	return ret == -EPIPE || ret == -ECONNRESET;
}

int verdict_flush(struct verdict_peer *verdict)
{
	int ret = 0;

	while (verdict->first != verdict->end) {
		size_t bytes = message_bytes(verdict);

		ret = send_message(verdict, bytes);
		if (is_deaf(ret)) {
			verdict->first = verdict->end;
			ret = 0;
		}
		if (ret || verdict->first == verdict->end)
			break;
		verdict->first += bytes;
		verdict->messages++;
	}
	if (verdict->first == verdict->end)
		verdict->first = verdict->end = 0;
	verdict->full = ret == -EAGAIN;
	return verdict->full ? 0 : ret;
}

size_t verdict_unsent(const struct verdict_peer *verdict)
{
	return verdict->end - verdict->first;
}

/* ---- what the filter says ---- */

static void write_ask(unsigned char *at, const struct lwf_ask *ask, uint64_t now_ns)
{
	const struct lwf_flow_info *info = &ask->info;
	struct lwf_wire_ask record = {
		.ask = ask->ask,
		.flow = info->flow,
		.epoch = ask->epoch,
		.left_ns = ask->deadline_ns > now_ns ? ask->deadline_ns - now_ns : 0,
		.frames = info->frames[0] + info->frames[1],
		.bytes = info->bytes[0] + info->bytes[1],
		.key = info->key,
		.frame_bytes = ask->frame_bytes,
		.rule = ask->rule,
		.waiting = ask->waiting,
		.reason = ask->reason,
		.direction = ask->direction,
		.initiator = info->initiator,
		.local = info->local,
		.fallback = ask->fallback,
		.soft = ask->soft,
		.state = info->state,
		.flags = info->flags,
		.offload = ask->offload,
	};

	lwf_wire_process_put(&record.process, &info->owner);
	lwf_wire_ask_put(at, &record, info->owner.exe, ask->data, ask->data_bytes);
}

static uint32_t on_ask(struct lwf_decider *decider, const struct lwf_ask *asks, uint32_t count)
{
	struct verdict_peer *verdict = of(decider);
	uint64_t now_ns = lwf_host_now_ns(verdict->peer->server->host);

	for (uint32_t i = 0; i < count; i++) {
		size_t bytes = lwf_wire_ask_bytes(asks[i].info.owner.exe, asks[i].data_bytes);
		unsigned char *at = verdict->peer->dead ? NULL : reserve(verdict, bytes);

		if (!at)
			return i;
		write_ask(at, &asks[i], now_ns);
	}
	return count;
}

static void on_cancel(struct lwf_decider *decider, uint64_t ask, enum lwf_verdict_cause cause)
{
	const struct lwf_wire_cancel record = {
		.head = LWF_RECORD_HEAD(CANCEL, lwf_wire_cancel),
		.ask = ask,
		.cause = (uint8_t)cause,
	};

	notice(of(decider), &record, sizeof(record));
}

static void on_owner(struct lwf_decider *decider, uint64_t ask, const struct lwf_flow_info *info)
{
	struct lwf_wire_flow_owner record = {.ask = ask};
	unsigned char *at = reserve(of(decider), lwf_wire_owner_bytes(info->owner.exe));

	if (!at) {
		of(decider)->lost++;
		return;
	}
	lwf_wire_process_put(&record.process, &info->owner);
	lwf_wire_owner_put(at, &record, info->owner.exe);
}

static void on_ended(struct lwf_decider *decider, const struct lwf_flow_info *info,
		     enum lwf_flow_end why)
{
	const struct lwf_wire_flow_event record = {
		.head = LWF_RECORD_HEAD(EVENT, lwf_wire_flow_event),
		.flow = info->flow,
		.frames = info->frames[0] + info->frames[1],
		.bytes = info->bytes[0] + info->bytes[1],
		.end = (uint8_t)why,
	};

	notice(of(decider), &record, sizeof(record));
}

static const struct lwf_decider_ops ops = {on_ask, on_cancel, on_owner, on_ended};

const struct verdict_peer *verdict_of(const struct lwf_decider *decider)
{
	return decider->ops == &ops ? (const struct verdict_peer *)decider : NULL;
}

/* ---- what the program says ---- */

static void stale(struct verdict_peer *verdict, uint64_t id, enum lwf_verdict_record what,
		  unsigned why)
{
	const struct lwf_wire_stale record = {
		.head = LWF_RECORD_HEAD(STALE, lwf_wire_stale),
		.id = id,
		.what = (uint8_t)what,
		.why = (uint8_t)why,
	};

	if (why != LWF_TELL_OK)
		notice(verdict, &record, sizeof(record));
}

/* Answers are handed on together, as they came. */
struct tells {
	uint32_t count;
	struct lwf_tell tell[LWF_VERDICT_RECORDS_MAX];
	uint8_t result[LWF_VERDICT_RECORDS_MAX];
};

static void hand_on(struct verdict_peer *verdict, struct tells *tells)
{
	if (!tells->count)
		return;
	lwf_decider_tell(&verdict->decider, tells->tell, tells->count, tells->result);
	for (uint32_t i = 0; i < tells->count; i++)
		stale(verdict, tells->tell[i].ask, LWF_RECORD_TELL, tells->result[i]);
	tells->count = 0;
}

static void hear_tell(struct tells *tells, const struct lwf_wire_tell *record)
{
	tells->tell[tells->count++] = (struct lwf_tell){
		.ask = record->ask,
		.ttl_ns = record->ttl_ns,
		.action = record->action,
		.scope = record->scope,
		.soft = record->soft,
		.mark = record->mark,
	};
}

static void hear_update(struct verdict_peer *verdict, const struct lwf_wire_update *record)
{
	stale(verdict, record->flow, LWF_RECORD_UPDATE,
	      lwf_decider_update(&verdict->decider, record->flow,
				 (enum lwf_verdict_action)record->action, record->ttl_ns));
}

static void hear_revoke(struct verdict_peer *verdict, const struct lwf_wire_revoke *record)
{
	const struct lwf_revoke revoke = {
		.flow = record->flow,
		.pid = record->pid,
		.port = record->port,
		.protocol = record->protocol,
		.mine = record->mine,
	};

	stale(verdict, record->flow, LWF_RECORD_REVOKE,
	      lwf_decider_revoke(&verdict->decider, &revoke));
}

static void hear_record(struct verdict_peer *verdict, struct tells *tells,
			const union lwf_wire_any *record)
{
	if (record->head.kind == LWF_RECORD_TELL) {
		hear_tell(tells, &record->tell);
		return;
	}
	hand_on(verdict, tells); /* in the order in which it was said */
	switch (record->head.kind) {
	case LWF_RECORD_CREDIT:
		lwf_decider_credit(&verdict->decider, record->credit.credits);
		break;
	case LWF_RECORD_UPDATE:
		hear_update(verdict, &record->update);
		break;
	case LWF_RECORD_REVOKE:
		hear_revoke(verdict, &record->revoke);
		break;
	default:
		abort(); /* lwf_wire_records_check() lets no other through */
	}
}

const char *verdict_hear(struct verdict_peer *verdict, const void *body, size_t bytes)
{
	struct tells tells = {.count = 0};
	union lwf_wire_any record;
	const char *why;
	unsigned count;
	size_t at = 0;

	if (lwf_wire_records_check(body, bytes, LWF_WIRE_FROM_CLIENT, &count, &why))
		return why;
	while (lwf_wire_records_next(body, bytes, &at, &record))
		hear_record(verdict, &tells, &record);
	hand_on(verdict, &tells);
	return NULL;
}

/* ---- birth and end ---- */

/* When process @pid of the peer's user was started: its flows are the decider's own. */
static int identify(const struct lwf_peer *peer, uint32_t pid, uint64_t *start_time)
{
	int procfs = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct owner_process process;
	int fd = -1, ret = -EPERM;

	if (procfs >= 0)
		fd = owner_proc_open(procfs, pid);
	if (fd >= 0 && !owner_proc_identify(fd, &process) &&
	    (process.uid == peer->who.uid || peer->who.uid == 0)) {
		*start_time = process.start_time;
		ret = 0;
	}
	if (fd >= 0)
		close(fd);
	if (procfs >= 0)
		close(procfs);
	return ret;
}

static const char *fault(const struct verdict_options *options)
{
	if (options->priority > UINT32_MAX)
		return "priority";
	if (options->timeout_ns > LWF_ASK_TIMEOUT_MAX_NS)
		return "timeout_ns";
	if (options->credits > LWF_CREDITS_MAX)
		return "credits";
	if (options->copy_bytes > LWF_VERDICT_COPY_MAX)
		return "copy_bytes";
	return options->pid > INT32_MAX ? "pid" : NULL;
}

int verdict_open(struct lwf_peer *peer, struct lwf_stack *stack,
		 const struct verdict_options *options, const char **what)
{
	const size_t ask = sizeof(struct lwf_wire_ask) + LWF_OWNER_EXE_BYTES + options->copy_bytes;
	struct lwf_host *host = peer->server->host;
	struct verdict_peer *verdict;
	uint64_t start_time = 0;
	size_t room;
	int ret;

	*what = fault(options);
	if (*what)
		return -EINVAL;
	ret = identify(peer, options->pid ? (uint32_t)options->pid : (uint32_t)peer->who.pid,
		       &start_time);
	if (ret && options->pid)
		return ret;
	room = LWF_CREDITS_MAX * (ask + 8) + NOTICE_BYTES;
	verdict = lwf_host_alloc(host, sizeof(*verdict) + room);
	if (!verdict)
		return -ENOMEM;
	verdict->peer = peer;
	verdict->room = room;
	verdict->decider.ops = &ops;
	verdict->decider.priority = (uint32_t)options->priority;
	verdict->decider.copy_bytes = (uint32_t)options->copy_bytes;
	verdict->decider.timeout_ns = options->timeout_ns;
	verdict->decider.interactive = options->interactive;
	verdict->decider.pid = options->pid ? (uint32_t)options->pid : (uint32_t)peer->who.pid;
	verdict->decider.start_time = start_time;
	ret = lwf_decider_open(&verdict->decider, stack, options->module);
	if (ret) {
		lwf_host_free(host, verdict);
		return ret;
	}
	peer->verdict = verdict;
	lwf_decider_credit(&verdict->decider, (uint32_t)options->credits);
	return 0;
}

void verdict_close(struct verdict_peer *verdict)
{
	if (!verdict)
		return;
	lwf_decider_close(&verdict->decider);
	lwf_host_free(verdict->peer->server->host, verdict);
}
