/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_peer_test.c - lwf_verdict_* against the daemon's side of it, over a real socket.
 *
 * A thread of its own runs the libevent host and the control server; the stack has a module that asks
 * what it is told to, and keeps a record of what it hears. The test is the decider: one that answers, that
 * does not read, that lies, that goes.
 */
#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include <lwf/decide.h>

#include "connection.h"
#include "server_bed.h"
#include "verdict.h"

#define SECOND_NS 1000000000ull
#define TOLD_MAX  8192u

/* ---- a module that asks ---- */

static struct lwf_module *asker;
static struct {
	uint64_t next_ask;
	uint32_t wanted, batch;	       /* asks to be made, so many at a time */
	uint32_t taken;		       /* of these */
	_Atomic uint32_t told, leaves; /* by the loop's thread, read by the test's */
	uint32_t updates, revokes;
	struct lwf_tell last_tell, last_update;
	struct lwf_revoke last_revoke;
	uint8_t seen[TOLD_MAX]; /* how often each ask was told */
} world;

static lwf_status asker_attach(struct lwf_module *module, const struct lwf_options *options)
{
	(void)options;
	asker = module;
	return LWF_STATUS_SUCCESS;
}

static int asker_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	struct lwf_decider_call *call = argument;

	(void)module;
	if (what != LWF_CONTROL_DECIDER)
		return -ENOTSUP;
	for (uint32_t i = 0; i < call->count; i++) {
		const struct lwf_tell *tell = &call->tells[i];
		bool known = tell->ask && tell->ask <= world.next_ask && tell->ask < TOLD_MAX;

		world.last_tell = *tell;
		world.told++;
		call->results[i] = !known		     ? LWF_TELL_UNKNOWN
				   : world.seen[tell->ask]++ ? LWF_TELL_DUPLICATE
							     : LWF_TELL_OK;
	}
	if (call->update) {
		world.last_update = *call->update;
		world.updates++;
		call->result = LWF_TELL_OK;
	}
	if (call->revoke) {
		world.last_revoke = *call->revoke;
		world.revokes++;
		call->result = call->revoke->flow == 404 ? LWF_TELL_UNKNOWN : LWF_TELL_OK;
	}
	world.leaves += call->leave;
	return 0;
}

static const struct lwf_filter_ops asker_ops = {
	.name = "asker", .attach = asker_attach, .control = asker_control};

static void fill_ask(struct lwf_ask *ask, uint64_t number)
{
	static const uint8_t data[] = "\x02\x00\x00\x00\x00\x01 a frame";

	*ask = (struct lwf_ask){
		.ask = number,
		.deadline_ns = lwf_host_now_ns(host) + SECOND_NS,
		.reason = LWF_ASK_MIDSTREAM,
		.fallback = LWF_VERDICT_BLOCK,
		.rule = 12,
		.waiting = 2,
		.frame_bytes = 74,
		.data_bytes = sizeof(data),
		.data = data,
		.info = {.flow = 1000 + number,
			 .key = {.port = {53, 4000}, .protocol = 17},
			 .initiator = 1,
			 .local = 1,
			 .frames = {3, 4},
			 .bytes = {300, 400},
			 .owner = {.pid = 77,
				   .uid = 1000,
				   .start_time = 5,
				   .how = LWF_OWNER_EXACT,
				   .comm = "dig",
				   .exe = "/usr/bin/dig"}},
	};
}

/* On the loop: as a filter asks, which counts the credits. */
static void ask_now(void)
{
	static struct lwf_ask asks[LWF_ASK_BATCH_MAX];
	struct lwf_decider *decider = lwf_module_deciders(asker);

	while (decider && world.wanted) {
		uint32_t count = world.wanted < world.batch ? world.wanted : world.batch;
		uint32_t taken;

		if (count > decider->credits)
			count = decider->credits;
		for (uint32_t i = 0; i < count; i++)
			fill_ask(&asks[i], world.next_ask + i + 1);
		taken = count ? decider->ops->ask(decider, asks, count) : 0;
		decider->credits -= taken;
		world.next_ask += taken;
		world.taken += taken;
		world.wanted -= count ? count : world.wanted;
	}
}

static void cancel_now(void)
{
	struct lwf_decider *decider = lwf_module_deciders(asker);
	struct lwf_ask ask;

	fill_ask(&ask, 1);
	decider->ops->cancel(decider, 1, LWF_CAUSE_PAUSE);
	decider->ops->owner(decider, 1, &ask.info);
	decider->ops->ended(decider, &ask.info, LWF_FLOW_END_TIMEOUT);
}

static void nothing(void)
{
}

/* Has the module make @count asks; how many were taken. */
static uint32_t make_asks(uint32_t count)
{
	world.taken = 0;
	world.wanted = count;
	world.batch = LWF_ASK_BATCH_MAX;
	server_bed_on_loop(ask_now);
	return world.taken;
}

/* ---- the rig ---- */

static void all_have_left(void)
{
	assert_null(lwf_module_deciders(asker));
}

static void play(void (*script)(void))
{
	static const struct server_bed bed = {
		.filters = {&asker_ops}, .modules = {"asker"}, .closing = all_have_left};

	memset(&world, 0, sizeof(world));
	server_bed_play(&bed, script);
}

static struct lwf_verdict *open_decider(uint32_t credits)
{
	struct lwf_verdict_options options = LWF_VERDICT_OPTIONS_INIT;
	struct lwf_verdict *handle = NULL;
	struct lwf_error error = {0};

	options.control = sock.path;
	options.stack = "s0";
	options.module = "asker";
	options.credits = credits;
	options.copy_bytes = 64;
	if (lwf_verdict_open(&options, &handle, &error))
		fail_msg("%s: %s", error.what, error.why);
	return handle;
}

/* The next events, of which there must be some within a second. */
static uint32_t hear(struct lwf_verdict *handle, struct lwf_verdict_event *events)
{
	int n;

	while ((n = lwf_verdict_next(handle, events, 64)) == 0)
		assert_int_equal(lwf_verdict_wait(handle, SECOND_NS), 0);
	assert_true(n > 0);
	return (uint32_t)n;
}

static struct lwf_verdict_event events[64];

/* ---- asks and answers ---- */

static void one_script(void)
{
	struct lwf_verdict *handle = open_decider(4);
	struct lwf_verdict_counts counts;
	const struct lwf_ask *ask = &events[0].ask;

	assert_int_equal(make_asks(1), 1);
	assert_int_equal(hear(handle, events), 1);
	assert_int_equal(events[0].kind, LWF_HEARD_ASK);
	assert_int_equal(ask->ask, 1);
	assert_int_equal(ask->info.flow, 1001);
	assert_int_equal(ask->reason, LWF_ASK_MIDSTREAM);
	assert_int_equal(ask->fallback, LWF_VERDICT_BLOCK);
	assert_int_equal(ask->rule, 12);
	assert_int_equal(ask->waiting, 2);
	assert_int_equal(ask->info.frames[0], 7);
	assert_int_equal(ask->info.bytes[0], 700);
	assert_int_equal(ask->info.key.port[1], 4000);
	assert_int_equal(ask->info.owner.pid, 77);
	assert_string_equal(ask->info.owner.exe, "/usr/bin/dig");
	assert_int_equal(ask->data_bytes, 15);
	assert_memory_equal(ask->data + 6, " a frame", 9);
	assert_int_equal(lwf_verdict_deny(handle, ask), 0);
	server_bed_on_loop(
		nothing); /* sent before it, read before or after: the stale ones below follow */
	assert_int_equal(lwf_verdict_permit(handle, ask), 0);
	assert_int_equal(hear(handle, events), 1);
	assert_int_equal(events[0].kind, LWF_HEARD_STALE);
	assert_int_equal(events[0].ask.ask, 1);
	assert_int_equal(events[0].result, LWF_TELL_DUPLICATE);
	assert_int_equal(world.told, 2);
	assert_int_equal(world.last_tell.action, LWF_VERDICT_PERMIT);
	assert_int_equal(world.last_tell.scope, LWF_SCOPE_FLOW);
	lwf_verdict_counts(handle, &counts);
	assert_int_equal(counts.asked, 1);
	assert_int_equal(counts.told, 2);
	assert_int_equal(counts.stale, 1);
	lwf_verdict_close(handle);
}

/* Takes what comes until @left asks are answered, 64 a message. */
static void answer(struct lwf_verdict *handle, uint32_t left)
{
	struct lwf_tell tells[64];

	while (left) {
		uint32_t n = hear(handle, events), count = 0;

		for (uint32_t i = 0; i < n; i++) {
			assert_int_equal(events[i].kind, LWF_HEARD_ASK);
			tells[count++] = (struct lwf_tell){.ask = events[i].ask.ask,
							   .action = LWF_VERDICT_PERMIT,
							   .scope = LWF_SCOPE_FLOW};
		}
		for (uint32_t sent = 0; sent < count;) {
			int told = lwf_verdict_tell(handle, tells + sent, count - sent);

			assert_true(told > 0 || told == -EAGAIN);
			sent += told > 0 ? (uint32_t)told : 0;
		}
		left -= count;
	}
}

static void many_script(void)
{
	struct lwf_verdict *handle = open_decider(LWF_CREDITS_MAX);
	uint32_t made = 0;

	/* credit comes back as asks are taken, so that five windows of them go through */
	for (unsigned i = 0; i < 50; i++) {
		uint32_t taken = make_asks(100);

		answer(handle, taken);
		made += taken;
		server_bed_on_loop(nothing);
	}
	assert_int_equal(made, 5000);
	for (unsigned i = 0; i < 1000 && world.told < made; i++)
		usleep(1000);
	server_bed_on_loop(nothing); /* and what it has seen is ours to read */
	assert_int_equal(world.told, made);
	for (uint32_t i = 1; i <= made; i++)
		assert_int_equal(world.seen[i], 1);
	lwf_verdict_close(handle);
}

static void test_one(void **state)
{
	(void)state;
	play(one_script);
	assert_int_equal(world.leaves, 1);
}

static void test_many(void **state)
{
	(void)state;
	play(many_script);
}

/* ---- deciders that are not as they should be ---- */

/* Who takes nothing is asked as often as it gave credit; all of it is there when it looks. */
static void stopped_script(void)
{
	struct lwf_verdict *handle = open_decider(LWF_CREDITS_MAX);
	uint32_t left = LWF_CREDITS_MAX;

	assert_int_equal(make_asks(5000), LWF_CREDITS_MAX);
	assert_int_equal(make_asks(1), 0);
	for (uint64_t next = 1; left;) {
		uint32_t n = hear(handle, events);

		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(events[i].ask.ask, next++);
		left -= n;
	}
	server_bed_on_loop(nothing);
	for (unsigned i = 0; i < 1000 && make_asks(1) == 0; i++)
		usleep(1000);
	assert_int_equal(world.taken, 1); /* credit came back */
	lwf_verdict_close(handle);
}

static void send_credit(struct lwf_connection *connection, uint32_t credits)
{
	const struct lwf_wire_credit credit = {.head = LWF_RECORD_HEAD(CREDIT, lwf_wire_credit),
					       .credits = credits};

	assert_int_equal(
		lwf_connection_send_records(connection, LWF_WIRE_TELL, &credit, sizeof(credit)), 0);
}

static struct lwf_connection *connect_client(void)
{
	struct lwf_connection *connection = NULL;
	struct lwf_error error;

	assert_int_equal(lwf_connection_open(sock.path, SECOND_NS, &connection, &error), 0);
	return connection;
}

static int subscribe(struct lwf_connection *connection, json_t *body, struct lwf_error *error)
{
	json_t *reply = NULL;

	lwf_connection_request(connection, LWF_WIRE_SUBSCRIBE, body, SECOND_NS, &reply, NULL,
			       error);
	json_decref(reply);
	return (int)error->exit;
}

static json_t *to_asker(void)
{
	return json_pack("{s:s,s:s,s:i}", "stack", "s0", "module", "asker", "credits", 1024);
}

/* Who gives credit without end and takes nothing fills his queue; then he is asked no more. */
static void flooded_script(void)
{
	struct lwf_connection *connection = connect_client();
	struct lwf_error error = {0};
	const struct verdict_peer *verdict;
	uint64_t taken = 0, before = 1;
	unsigned rounds = 0;

	assert_int_equal(subscribe(connection, to_asker(), &error), 0);
	while (taken != before && rounds++ < 100) {
		before = taken;
		taken += make_asks(1024);
		send_credit(connection, UINT32_MAX);
		for (unsigned i = 0; i < 20; i++)
			server_bed_on_loop(nothing);
	}
	assert_true(rounds < 100 && taken > LWF_CREDITS_MAX);
	verdict = verdict_of(lwf_module_deciders(asker));
	assert_true(verdict->unsent_max <= verdict->room && verdict->full);
	server_bed_on_loop(
		cancel_now); /* no room for these either, or the last of it: nothing breaks */
	/* and then all of it is there, in order */
	for (uint64_t next = 1; next <= taken;) {
		union lwf_wire_any record;
		const void *body;
		size_t bytes, at = 0;

		assert_int_equal(
			lwf_connection_records(connection, SECOND_NS, &body, &bytes, &error), 0);
		while (lwf_wire_records_next(body, bytes, &at, &record))
			if (record.head.kind == LWF_RECORD_ASK)
				assert_int_equal(record.ask.fixed.ask, next++);
	}
	lwf_connection_close(connection);
}

/* A connection that lies is told so, and the third time ended; its decider goes with it. */
static void lying_script(void)
{
	const struct lwf_wire_tell tell = {
		.head = LWF_RECORD_HEAD(TELL, lwf_wire_tell), .ask = 99, .zero = 1};
	struct lwf_connection *connection = connect_client();
	struct lwf_error error = {0};
	const void *body;
	size_t bytes;

	send_credit(connection, 1); /* before it has subscribed: refused */
	assert_int_equal(lwf_connection_records(connection, SECOND_NS, &body, &bytes, &error),
			 -EREMOTEIO);
	assert_int_equal(error.exit, LWF_EXIT_REFUSED);
	memset(&error, 0, sizeof(error));
	assert_int_equal(subscribe(connection, to_asker(), &error), 0);
	for (unsigned i = 0; i < LWF_WIRE_STRIKES_MAX; i++) {
		assert_int_equal(
			lwf_connection_send_records(connection, LWF_WIRE_TELL, &tell, sizeof(tell)),
			0);
		assert_int_equal(
			lwf_connection_records(connection, SECOND_NS, &body, &bytes, &error),
			-EREMOTEIO);
		assert_string_equal(error.why, "a reserved field of a record is not 0");
	}
	assert_int_equal(lwf_connection_records(connection, SECOND_NS, &body, &bytes, &error),
			 -ECONNRESET);
	server_bed_on_loop(nothing);
	assert_int_equal(world.told, 0);
	assert_int_equal(world.leaves, 1);
	lwf_connection_close(connection);
}

static sem_t is_free;

static void stand_still(void *context)
{
	(void)context;
	sem_wait(&is_free);
}

/* What a decider said before it went counts, also when it left something unread. */
static void last_words_script(void)
{
	static struct lwf_task stand = {.fn = stand_still};
	struct lwf_verdict *handle = open_decider(4);
	struct lwf_tell tells[LWF_VERDICT_RECORDS_MAX] = {{.action = LWF_VERDICT_PERMIT}};
	uint32_t told = 1;
	int n;

	assert_int_equal(lwf_verdict_tell(handle, tells, 1), 1);
	while (!world.told)
		server_bed_on_loop(nothing);
	server_bed_on_loop(nothing); /* and what is stale about it was sent */
	assert_int_equal(sem_init(&is_free, 0, 0), 0);
	lwf_host_post(host, &stand);
	while ((n = lwf_verdict_tell(handle, tells, LWF_VERDICT_RECORDS_MAX)) > 0)
		told += (uint32_t)n;
	assert_int_equal(n, -EAGAIN);
	assert_true(told > LWF_PEER_TURN_MESSAGES * LWF_VERDICT_RECORDS_MAX); /* turns of reading */
	lwf_verdict_close(handle);
	sem_post(&is_free);
	while (!world.leaves)
		server_bed_on_loop(nothing);
	assert_int_equal(world.told, told);
	sem_destroy(&is_free);
}

static void test_last_words(void **state)
{
	(void)state;
	play(last_words_script);
}

static void refused_script(void)
{
	static const char *const too_much[] = {"priority", "credits", "copy_bytes", "timeout_ns"};
	struct lwf_connection *connection = connect_client();
	struct lwf_error error = {0};
	json_t *body;

	for (size_t i = 0; i < sizeof(too_much) / sizeof(too_much[0]); i++) {
		body = json_pack("{s:s,s:I}", "stack", "s0", too_much[i], (json_int_t)1 << 40);
		assert_int_equal(subscribe(connection, body, &error), LWF_EXIT_USAGE);
		assert_string_equal(error.what, too_much[i]);
		memset(&error, 0, sizeof(error));
	}
	body = json_pack("{s:s,s:i}", "stack", "s0", "pid", INT32_MAX);
	assert_int_equal(subscribe(connection, body, &error), LWF_EXIT_PERMISSION);
	memset(&error, 0, sizeof(error));
	assert_int_equal(subscribe(connection, json_pack("{s:s}", "stack", "s9"), &error),
			 LWF_EXIT_NO_OBJECT);
	memset(&error, 0, sizeof(error));
	assert_int_equal(subscribe(connection, to_asker(), &error), 0);
	assert_int_equal(subscribe(connection, to_asker(), &error), LWF_EXIT_REFUSED);
	lwf_connection_close(connection);
}

static void test_stopped(void **state)
{
	(void)state;
	play(stopped_script);
}

static void test_flooded(void **state)
{
	(void)state;
	play(flooded_script);
}

static void test_lying(void **state)
{
	(void)state;
	play(lying_script);
}

static void test_refused(void **state)
{
	(void)state;
	play(refused_script);
}

/* ---- the rest of the records ---- */

static void records_script(void)
{
	const struct lwf_revoke revoke = {.flow = 404, .pid = 3, .port = 80, .protocol = 6};
	struct lwf_verdict *handle = open_decider(1);

	server_bed_on_loop(cancel_now);
	assert_int_equal(hear(handle, events), 3);
	assert_int_equal(events[0].kind, LWF_HEARD_CANCEL);
	assert_int_equal(events[0].cause, LWF_CAUSE_PAUSE);
	assert_int_equal(events[1].kind, LWF_HEARD_OWNER);
	assert_int_equal(events[1].ask.ask, 1);
	assert_string_equal(events[1].ask.info.owner.comm, "dig");
	assert_string_equal(events[1].ask.info.owner.exe, "/usr/bin/dig");
	assert_int_equal(events[2].kind, LWF_HEARD_ENDED);
	assert_int_equal(events[2].ask.info.flow, 1001);
	assert_int_equal(events[2].ask.info.frames[0], 7);
	assert_int_equal(events[2].end, LWF_FLOW_END_TIMEOUT);
	assert_int_equal(lwf_verdict_update(handle, 55, LWF_VERDICT_RESET, 7), 0);
	assert_int_equal(lwf_verdict_revoke(handle, &revoke), 0);
	assert_int_equal(hear(handle, events), 1);
	assert_int_equal(events[0].kind, LWF_HEARD_STALE);
	assert_int_equal(events[0].ask.info.flow, 404);
	assert_int_equal(events[0].ask.ask, 0);
	assert_int_equal(world.last_update.ask, 55);
	assert_int_equal(world.last_update.action, LWF_VERDICT_RESET);
	assert_int_equal(world.last_update.ttl_ns, 7);
	assert_int_equal(world.last_revoke.port, 80);
	assert_int_equal(world.last_revoke.pid, 3);
	assert_int_equal(world.last_revoke.protocol, 6);
	lwf_verdict_close(handle);
}

/* The daemon ends: what it said is taken first, and then it is gone, with a reason. */
static struct lwf_verdict *orphan;

static void orphan_script(void)
{
	orphan = open_decider(1024);
	assert_int_equal(make_asks(3), 3);
	server_bed_on_loop(nothing);
}

static void test_records(void **state)
{
	(void)state;
	play(records_script);
}

static void test_orphan(void **state)
{
	const char *why;

	(void)state;
	play(orphan_script);
	assert_int_equal(hear(orphan, events), 3);
	assert_int_equal(lwf_verdict_wait(orphan, SECOND_NS), 0);
	assert_int_equal(lwf_verdict_next(orphan, events, 64), -ENOTCONN);
	assert_true(lwf_verdict_is_gone(orphan, &why));
	assert_string_equal(why, "lwfd closed the connection");
	assert_int_equal(lwf_verdict_wait(orphan, SECOND_NS), -ENOTCONN);
	assert_int_equal(lwf_verdict_permit(orphan, &events[0].ask), -ENOTCONN);
	lwf_verdict_close(orphan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),	   cmocka_unit_test(test_many),
		cmocka_unit_test(test_stopped),	   cmocka_unit_test(test_flooded),
		cmocka_unit_test(test_lying),	   cmocka_unit_test(test_refused),
		cmocka_unit_test(test_records),	   cmocka_unit_test(test_orphan),
		cmocka_unit_test(test_last_words),
	};

	alarm(50); /* a loop that does not end is a failure */
	return cmocka_run_group_tests(tests, server_bed_begin, server_bed_end);
}
