/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * owner_service_test.c - the daemon's side of who owns a flow: real sockets and the real kernel, with the test in
 * the resolver's place, which answers, lies, says nothing and goes.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "owner.h"
#include "rig.h"

#include <lwf/flow.h>

#define ANSWERS_MAX (2u * OWNER_ASKS_MAX)

static struct lwf_host *host;
static struct owner_service *service;
static int resolver; /* the test's end */
static struct lwf_timer limit;
static struct owner_message message;
static int sockets[2]; /* a connection, client and server */
static struct lwf_flow_key key;
static enum lwf_endpoint local;

static struct {
	uint32_t count, stop_at;
	uint64_t flow;
	struct lwf_owner owner;
} answers;

static void stop(void *context)
{
	(void)context;
	lwf_event_host_stop(host);
}

static void on_answer(void *context, uint64_t flow, const struct lwf_owner *owner)
{
	(void)context;
	answers.flow = flow;
	answers.owner = *owner;
	if (++answers.count == answers.stop_at)
		lwf_event_host_stop(host);
}

static void run_ms(uint32_t ms)
{
	lwf_timer_set(&limit, ms * 1000000ull);
	assert_int_equal(lwf_event_host_run(host), 0);
	lwf_timer_cancel(&limit);
}

/** Runs until @count answers came in all; at most 10 s. */
static void run_until(uint32_t count)
{
	answers.stop_at = count;
	if (answers.count < count)
		run_ms(10000);
	assert_int_equal(answers.count, count);
}

static void connect_pair(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct sockaddr_in ends[2] = {{0}, {0}};
	socklen_t bytes = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
	sockets[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(sockets[0], (struct sockaddr *)&address, sizeof(address)), 0);
	sockets[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(sockets[1] >= 0);
	close(listener);
	bytes = sizeof(ends[0]);
	assert_int_equal(getsockname(sockets[0], (struct sockaddr *)&ends[0], &bytes), 0);
	assert_int_equal(getpeername(sockets[0], (struct sockaddr *)&ends[1], &bytes), 0);
	memset(&key, 0, sizeof(key));
	key.protocol = IPPROTO_TCP;
	for (int n = 0; n < 2; n++) {
		memset(key.address[n] + 10, 0xff, 2);
		memcpy(key.address[n] + 12, &ends[n].sin_addr, 4);
		key.port[n] = ntohs(ends[n].sin_port);
	}
	local = LWF_ENDPOINT_LOW; /* the client; the service does not ask which is lower */
}

static int setup(void **state)
{
	struct owner_resolver mine = {.pid = 0};
	struct nsnet *ns = NULL;
	int pair[2];

	(void)state;
	memset(&answers, 0, sizeof(answers));
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	mine.fd = pair[0];
	resolver = pair[1];
	host = lwf_event_host_create(NULL);
	assert_non_null(host);
	assert_int_equal(lwf_timer_init(&limit, host, stop, NULL), 0);
	assert_int_equal(owner_service_create(host, &mine, &service), 0);
	lwf_event_host_set_owners(host, owner_service_face(service));
	assert_int_equal(nsnet_get(NULL, &ns), 0);
	assert_int_equal(owner_service_add(service, ns, NULL), 0);
	nsnet_put(ns);
	assert_true(recv(resolver, &message, sizeof(message), MSG_DONTWAIT) > 0);
	assert_int_equal(message.head.kind, OWNER_KIND_SPACE);
	connect_pair();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	run_ms(1); /* what was posted */
	lwf_timer_fini(&limit);
	owner_service_destroy(service);
	lwf_event_host_set_owners(host, NULL);
	lwf_event_host_destroy(host);
	close(sockets[0]);
	close(sockets[1]);
	if (resolver >= 0)
		close(resolver);
	return 0;
}

static int ask(uint64_t flow, struct lwf_owner *owner)
{
	struct lwf_owner_question question = {
		.key = key, .local = local, .flow = flow, .answer = on_answer, .context = &answers};

	return lwf_host_ask_owner(host, &question, owner);
}

static void expect_counts(void)
{
	struct owner_counts counts;

	owner_service_counts(service, &counts);
	assert_true(counts.asked ==
		    counts.at_once + counts.answered + counts.forgotten + counts.open);
}

/** What the service told the resolver last. */
static uint32_t heard(void)
{
	ssize_t got = recv(resolver, &message, sizeof(message), MSG_DONTWAIT);

	assert_true(got > 0 && owner_message_from_daemon(&message, (size_t)got));
	assert_int_equal(message.head.kind, OWNER_KIND_ASK);
	return message.head.count;
}

/** Reads whatever comes until @count questions were told, for at most 10 s. */
static uint32_t heard_all(uint32_t count)
{
	uint32_t told = 0;

	for (uint32_t turns = 0; told < count && turns < 500; turns++) {
		while (recv(resolver, &message, sizeof(message), MSG_DONTWAIT | MSG_PEEK) > 0)
			told += heard();
		run_ms(20);
	}
	return told;
}

static void say(enum owner_kind kind, uint32_t count, size_t more)
{
	message.head = (struct owner_head){
		.magic = OWNER_MAGIC, .kind = (uint16_t)kind, .count = (uint16_t)count};
	assert_true(send(resolver, &message, owner_message_bytes(kind, count) + more, 0) > 0);
}

static void say_answer(uint64_t id)
{
	memset(&message, 0, sizeof(message));
	message.answer[0].id = id;
	message.answer[0].owner.pid = 42;
	message.answer[0].owner.how = LWF_OWNER_EXACT;
	say(OWNER_KIND_ANSWER, 1, 0);
}

static void test_a_question_is_answered_once(void **state)
{
	struct lwf_owner owner;
	uint64_t id;

	(void)state;
	assert_int_equal(ask(5, &owner), -EINPROGRESS);
	assert_int_equal(owner.how, LWF_OWNER_PENDING);
	assert_int_equal(owner.uid, getuid());
	assert_true(owner.cookie != 0);
	run_ms(30);
	assert_int_equal(heard(), 1);
	id = message.ask[0].id;
	assert_true(message.ask[0].inode != 0);
	assert_int_equal(message.ask[0].match, OWNER_MATCH_EXACT);
	assert_int_equal(answers.count, 0);
	say_answer(id);
	run_until(1);
	assert_int_equal(answers.flow, 5);
	assert_int_equal(answers.owner.pid, 42);
	say_answer(id); /* once more: nobody waits */
	say_answer(id + 1);
	say_answer(UINT64_MAX);
	run_ms(30);
	assert_int_equal(answers.count, 1);
	expect_counts();
}

static void test_known_at_once(void **state)
{
	struct lwf_owner owner;

	(void)state;
	key.port[local]--; /* nobody has it, or it is the listener's that is closed */
	assert_int_equal(ask(1, &owner), 0);
	assert_int_equal(owner.why, LWF_OWNER_WHY_NO_SOCKET);
	key.protocol = IPPROTO_ICMP;
	assert_int_equal(ask(1, &owner), 0);
	assert_int_equal(owner.why, LWF_OWNER_WHY_RAW);
	run_ms(20);
	assert_int_equal(answers.count, 0);
	expect_counts();
}

/* PID-2: what is asked too much is refused at once; the kernel is asked only so often in a turn. */
static void test_questions_are_bounded(void **state)
{
	struct owner_counts counts;
	struct lwf_owner owner;

	(void)state;
	for (uint32_t n = 0; n < OWNER_ASKS_MAX; n++)
		assert_int_equal(ask(n, &owner), -EINPROGRESS);
	owner_service_counts(service, &counts);
	assert_int_equal(counts.gets, OWNER_TURN_GETS);
	assert_int_equal(ask(9, &owner), 0);
	assert_int_equal(owner.why, LWF_OWNER_WHY_OVERLOAD);
	lwf_host_forget_owners(host, &answers);
	owner_service_counts(service, &counts);
	assert_int_equal(counts.open, 0);
	assert_int_equal(counts.forgotten, OWNER_ASKS_MAX);
	expect_counts();
	assert_int_equal(ask(9, &owner), -EINPROGRESS);
}

/* PID-2: a resolver that does not read stops nobody; it is told when it reads again. */
static void test_a_resolver_that_does_not_read(void **state)
{
	struct lwf_owner owner;
	uint32_t told = 0;

	(void)state;
	for (uint32_t n = 0; n < OWNER_ASKS_MAX; n++)
		assert_int_equal(ask(n, &owner), -EINPROGRESS);
	run_ms(100);
	told = heard_all(OWNER_ASKS_MAX);
	assert_int_equal(told, OWNER_ASKS_MAX);
	assert_int_equal(answers.count, 0);
	expect_counts();
}

static void test_forgotten_questions(void **state)
{
	struct lwf_owner owner;
	uint64_t id;

	(void)state;
	assert_int_equal(ask(5, &owner), -EINPROGRESS);
	run_ms(30);
	heard();
	id = message.ask[0].id;
	lwf_host_forget_owners(host, &answers);
	/* every slot is used anew: the answer to the old question must not reach a new one */
	for (uint32_t n = 0; n < OWNER_ASKS_MAX; n++)
		assert_int_equal(ask(n, &owner), -EINPROGRESS);
	assert_int_equal(heard_all(OWNER_ASKS_MAX), OWNER_ASKS_MAX);
	say_answer(id);
	run_ms(30);
	assert_int_equal(answers.count, 0);
	expect_counts();
}

static void test_a_resolver_that_goes(void **state)
{
	struct lwf_owner owner;

	(void)state;
	assert_int_equal(ask(1, &owner), -EINPROGRESS);
	run_ms(30);
	close(resolver);
	resolver = -1;
	run_until(1);
	assert_int_equal(answers.owner.how, LWF_OWNER_UNKNOWN);
	assert_int_equal(answers.owner.why, LWF_OWNER_WHY_RESOLVER_GONE);
	assert_int_equal(answers.owner.uid, getuid()); /* that much is known */
	assert_int_equal(ask(2, &owner), 0);
	assert_int_equal(owner.why, LWF_OWNER_WHY_RESOLVER_GONE);
	expect_counts();
}

static void expect_gone(const char *why)
{
	struct owner_counts counts;

	run_ms(30);
	owner_service_counts(service, &counts);
	if (!counts.resolver_gone)
		fail_msg("the resolver is believed: %s", why);
}

static void test_a_resolver_that_lies(void **state)
{
	struct lwf_owner owner;

	(void)state;
	assert_int_equal(ask(1, &owner), -EINPROGRESS);
	run_ms(30);
	heard();
	message.answer[0].owner = (struct lwf_owner){.how = LWF_OWNER_EXACT}; /* without a pid */
	say(OWNER_KIND_ANSWER, 1, 0);
	expect_gone("an exact owner without a pid");
	assert_int_equal(answers.count, 1);
	assert_int_equal(answers.owner.why, LWF_OWNER_WHY_RESOLVER_GONE);
	expect_counts();
}

static void test_messages_of_a_wrong_length(void **state)
{
	(void)state;
	memset(&message, 0, sizeof(message));
	say(OWNER_KIND_PASS, 1, 8);
	expect_gone("a message that is too long");
}

static void test_messages_of_the_other_side(void **state)
{
	(void)state;
	memset(&message, 0, sizeof(message));
	say(OWNER_KIND_SPACE, 0, 0);
	expect_gone("a message that only the daemon sends");
}

static uint32_t found_count, end_count;
static int end_error;

static void on_found(void *context, const struct owner_tuple *tuple, const struct lwf_owner *owner)
{
	(void)context;
	assert_int_equal(tuple->protocol, IPPROTO_UDP);
	assert_int_equal(owner->pid, 42);
	found_count++;
}

static void on_end(void *context, int error, uint32_t found, uint32_t missed)
{
	(void)context;
	(void)found;
	(void)missed;
	end_error = error;
	end_count++;
}

static void test_a_list(void **state)
{
	(void)state;
	found_count = end_count = 0;
	assert_int_equal(owner_service_list(service, 1, on_found, on_end, NULL), -EINVAL);
	assert_int_equal(owner_service_list(service, 0, on_found, on_end, NULL), 0);
	assert_int_equal(owner_service_list(service, 0, on_found, on_end, NULL), -EBUSY);
	memset(&message, 0, sizeof(message));
	for (uint32_t n = 0; n < 2; n++) {
		message.found[n].tuple.protocol = IPPROTO_UDP;
		message.found[n].owner.pid = 42;
		message.found[n].owner.how = LWF_OWNER_EXACT;
	}
	say(OWNER_KIND_FOUND, 2, 0);
	memset(&message, 0, sizeof(message));
	say(OWNER_KIND_END, 1, 0);
	run_ms(30);
	assert_int_equal(found_count, 2);
	assert_int_equal(end_count, 1);
	assert_int_equal(end_error, 0);
	assert_int_equal(owner_service_list(service, 0, on_found, on_end, NULL), 0);
	close(resolver);
	resolver = -1;
	run_ms(30);
	assert_int_equal(end_count, 2);
	assert_int_equal(end_error, -EPIPE);
	assert_int_equal(owner_service_list(service, 0, on_found, on_end, NULL), -EPIPE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_question_is_answered_once), TEST(test_known_at_once),
		TEST(test_questions_are_bounded),	TEST(test_a_resolver_that_does_not_read),
		TEST(test_forgotten_questions),		TEST(test_a_resolver_that_goes),
		TEST(test_a_resolver_that_lies),	TEST(test_messages_of_a_wrong_length),
		TEST(test_messages_of_the_other_side),	TEST(test_a_list),
	};

	return cmocka_run_group_tests_name("owner_service", tests, NULL, NULL);
}
