/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policy_server_test.c - the requests reload and explain, over a real socket: what a module with rules says,
 * whose a conversation is, and that a file with a mistake changes nothing.
 *
 * A thread of its own runs the libevent host and the control server. The module stands for any filter
 * with rules; whose sockets are is told by a service that takes its time.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <lwf/policy.h>

#include "connection.h"
#include "control.h"
#include "edges.h"
#include "hosts.h"
#include "socket.h"

#define SECOND_NS 1000000000ull
#define LATE_NS	  20000000ull

static struct lwf_config config;
static struct lwf_host *host;
static struct lwf_engine *engine;
static struct lwf_stack *stack;
static struct lwf_server server;
static struct lwf_socket sock;
static char dir[64], file[80];
static sem_t is_open, is_told;

/* ---- a module with rules ---- */

static struct {
	struct lwf_policy *policy;
	char file[LWF_OPTION_TEXT_BYTES];
	uint64_t epoch;
	struct lwf_flow_info flow; /* the one that there is */
} ruled;

static const struct lwf_option_spec specs[] = {
	{"rules", LWF_OPTION_POLICY, 0, 255, "", true, ""},
	{0},
};

static lwf_status ruled_attach(struct lwf_module *module, const struct lwf_options *options)
{
	char why[320];

	snprintf(ruled.file, sizeof(ruled.file), "%s", options->value[0].text);
	ruled.epoch = 1;
	return lwf_host_load_policy(lwf_module_host(module), ruled.file, LWF_POLICY_KEPT,
				    &ruled.policy, why, sizeof(why))
		       ? LWF_STATUS_FAILURE
		       : LWF_STATUS_SUCCESS;
}

static void ruled_detach(struct lwf_module *module)
{
	lwf_host_free(lwf_module_host(module), ruled.policy);
	ruled.policy = NULL;
}

static int ruled_reload(struct lwf_module *module, struct lwf_policy_reload *reload)
{
	struct lwf_policy *fresh;
	int ret = lwf_host_load_policy(lwf_module_host(module), ruled.file, LWF_POLICY_FRESH,
				       &fresh, reload->error, sizeof(reload->error));

	if (ret)
		return ret;
	lwf_host_free(lwf_module_host(module), ruled.policy);
	ruled.policy = fresh;
	snprintf(reload->file, sizeof(reload->file), "%s", ruled.file);
	reload->rules = lwf_policy_rules(fresh);
	reload->epoch = ++ruled.epoch;
	return 0;
}

static int ruled_explain(struct lwf_policy_explain *explain)
{
	(void)lwf_policy_decide(ruled.policy, explain->subject, &explain->decision);
	snprintf(explain->file, sizeof(explain->file), "%s", ruled.file);
	explain->line = lwf_policy_line(ruled.policy, explain->decision.rule);
	lwf_policy_text(ruled.policy, explain->decision.rule, explain->text, sizeof(explain->text));
	explain->epoch = ruled.epoch;
	if (memcmp(&ruled.flow.key, explain->subject->key, sizeof(ruled.flow.key)) == 0) {
		explain->info = ruled.flow;
		explain->cached = LWF_POLICY_DENY;
		snprintf(explain->by, sizeof(explain->by), "decider");
	}
	return 0;
}

static int ruled_control(struct lwf_module *module, enum lwf_control what, void *argument)
{
	if (what == LWF_CONTROL_RELOAD)
		return ruled_reload(module, argument);
	return what == LWF_CONTROL_EXPLAIN ? ruled_explain(argument) : -ENOTSUP;
}

static const struct lwf_filter_ops ruled_ops = {.name = "ruled",
						.options = specs,
						.attach = ruled_attach,
						.detach = ruled_detach,
						.control = ruled_control};

/* ---- who owns what: told late, or never ---- */

static struct {
	struct lwf_owner_question question;
	struct lwf_timer timer;
	atomic_bool never;
	_Atomic uint32_t asked, forgotten; /* by the loop's thread, read by the test's */
} owners;

static void tell_owner(void *context)
{
	const struct lwf_owner owner = {
		.pid = 77, .uid = 1000, .how = LWF_OWNER_EXACT, .comm = "nc", .exe = "/usr/bin/nc"};

	(void)context;
	owners.question.answer(owners.question.context, owners.question.flow, &owner);
}

static int ask_owner(struct lwf_owner_service *service, const struct lwf_owner_question *question,
		     struct lwf_owner *owner)
{
	(void)service;
	owners.question = *question;
	owners.asked++;
	owner->how = LWF_OWNER_PENDING;
	if (!owners.never)
		lwf_timer_set(&owners.timer, LATE_NS);
	return -EINPROGRESS;
}

static void forget_owner(struct lwf_owner_service *service, void *context)
{
	(void)service;
	if (context == owners.question.context) {
		lwf_timer_cancel(&owners.timer);
		owners.forgotten++;
	}
}

static struct lwf_owner_service service = {.ask = ask_owner, .forget = forget_owner};

/* ---- the rig ---- */

static void stop_loop(void *context)
{
	(void)context;
	lwf_event_host_stop(host);
}

static struct lwf_task stop_task = {.fn = stop_loop};

static void put_file(const char *text)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static void open_all(void)
{
	struct lwf_edge *upper, *lower;
	struct lwf_error error;
	char text[128], why[320];

	host = lwf_event_host_create(NULL);
	assert_non_null(host);
	lwf_event_host_set_owners(host, &service);
	assert_int_equal(lwf_timer_init(&owners.timer, host, tell_owner, NULL), 0);
	engine = lwf_engine_create(host);
	assert_int_equal(lwf_engine_register(engine, &ruled_ops), 0);
	assert_int_equal(lwf_server_init(&server, engine, &config, NULL), 0);
	assert_int_equal(lwf_sim_edge_create(host, "up", &upper), 0);
	assert_int_equal(lwf_sim_edge_create(host, "down", &lower), 0);
	assert_int_equal(lwf_stack_create(engine, "s0", upper, lower, &stack), 0);
	snprintf(text, sizeof(text), "ruled:rules=%s", file);
	if (lwf_stack_insert(stack, text, 0, NULL, why, sizeof(why)))
		fail_msg("%s", why);
	lwf_stack_start(stack);
	snprintf(text, sizeof(text), "%s/control", dir);
	sock.fd = sock.lock_fd = -1;
	assert_int_equal(lwf_socket_claim(&sock, text, &error), 0);
	assert_int_equal(lwf_socket_make(&sock, false, 0, &error), 0);
	assert_int_equal(lwf_server_listen(&server, sock.fd), 0);
	assert_int_equal(lwf_socket_show(&sock, &error), 0);
}

static void *loop_thread(void *context)
{
	(void)context;
	open_all();
	sem_post(&is_open);
	assert_int_equal(lwf_event_host_run(host), 0);
	sem_wait(&is_told);
	lwf_server_stop_accepting(&server);
	lwf_server_close_peers(&server);
	lwf_stack_close(stack, stop_loop, NULL);
	assert_int_equal(lwf_event_host_run(host), 0);
	lwf_server_fini(&server);
	lwf_engine_destroy(engine);
	lwf_timer_fini(&owners.timer);
	lwf_event_host_destroy(host);
	lwf_socket_close(&sock);
	return NULL;
}

static void play(void (*script)(struct lwf_connection *connection))
{
	struct lwf_connection *connection = NULL;
	struct lwf_error error;
	pthread_t thread;

	memset(&owners, 0, sizeof(owners));
	memset(&ruled, 0, sizeof(ruled));
	snprintf(dir, sizeof(dir), "/tmp/lwf-policy-server-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/home.rules", dir);
	put_file("# home\nallow out remote-port 53\n\ndeny out user 1000 remote-port 443\n"
		 "default reject\n");
	assert_int_equal(sem_init(&is_open, 0, 0), 0);
	assert_int_equal(sem_init(&is_told, 0, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, loop_thread, NULL), 0);
	sem_wait(&is_open);
	assert_int_equal(lwf_connection_open(sock.path, SECOND_NS, &connection, &error), 0);
	script(connection);
	lwf_connection_close(connection);
	lwf_host_post(host, &stop_task);
	sem_post(&is_told);
	pthread_join(thread, NULL);
	(void)unlink(file);
	assert_int_equal(rmdir(dir), 0);
}

/** Asks, and expects exit code @code; with a code the answer is why, else the object. */
static json_t *ask(struct lwf_connection *connection, enum lwf_wire_type type, json_t *body,
		   int code, char *why)
{
	struct lwf_error error = {0};
	json_t *reply = NULL;

	lwf_connection_request(connection, type, body, 5 * SECOND_NS, &reply, NULL, &error);
	if ((int)error.exit != code)
		fail_msg("expected exit %d, got %d (%s: %s)", code, (int)error.exit, error.what,
			 error.why);
	if (why)
		snprintf(why, sizeof(error.why), "%s", error.why);
	return reply;
}

static void is_text(const json_t *object, const char *key, const char *want)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text || strcmp(text, want) != 0)
		fail_msg("%s is %s, not %s", key, text ? text : "nothing", want);
}

static void is_number(const json_t *object, const char *key, json_int_t want)
{
	assert_int_equal(json_integer_value(json_object_get(object, key)), want);
}

static json_t *tuple(unsigned remote_port)
{
	return json_pack("{s:i,s:s,s:i,s:s,s:i}", "protocol", 6, "local", "10.0.0.5", "local_port",
			 40000, "remote", "192.0.2.1", "remote_port", (int)remote_port);
}

/* ---- reload ---- */

static void script_reload(struct lwf_connection *connection)
{
	char why[400], want[200];
	json_t *reply = ask(connection, LWF_WIRE_RELOAD, json_object(), 0, NULL), *first;

	first = json_array_get(json_object_get(reply, "reloaded"), 0);
	is_text(first, "stack", "s0");
	is_text(first, "module", "ruled");
	is_text(first, "file", file);
	is_number(first, "rules", 3);
	is_number(first, "epoch", 2);
	json_decref(reply);

	put_file("allow out\nallow all\ndefault allow\n");
	(void)ask(connection, LWF_WIRE_RELOAD, json_object(), LWF_EXIT_USAGE, why);
	snprintf(want, sizeof(want), "%s:2:7: 'all' is no condition of a rule", file);
	assert_string_equal(why, want);
	reply = ask(connection, LWF_WIRE_EXPLAIN, tuple(53), 0, NULL);
	is_text(reply, "text", "allow out remote-port 53"); /* the old ones hold */
	is_number(reply, "epoch", 2);
	json_decref(reply);

	put_file("default deny\n");
	json_decref(ask(connection, LWF_WIRE_RELOAD, json_pack("{s:s}", "stack", "s0"), 0, NULL));
	reply = ask(connection, LWF_WIRE_EXPLAIN, tuple(53), 0, NULL);
	is_text(reply, "action", "deny");
	is_number(reply, "rule", 1);
	is_number(reply, "epoch", 3);
	json_decref(reply);
	(void)ask(connection, LWF_WIRE_RELOAD, json_pack("{s:s}", "stack", "s9"),
		  LWF_EXIT_NO_OBJECT, why);
}

static void test_reload(void **state)
{
	(void)state;
	play(script_reload);
}

/* A module that is Detached comes back with what was read while it was away. */
static void script_reload_detached(struct lwf_connection *connection)
{
	json_t *reply;

	json_decref(ask(connection, LWF_WIRE_DETACH, json_pack("{s:s}", "stack", "s0"), 0, NULL));
	(void)ask(connection, LWF_WIRE_EXPLAIN, tuple(53), LWF_EXIT_REFUSED, NULL);
	put_file("default alow\n");
	(void)ask(connection, LWF_WIRE_RELOAD, json_object(), LWF_EXIT_USAGE, NULL);
	put_file("default deny\n");
	json_decref(ask(connection, LWF_WIRE_RELOAD, json_object(), 0, NULL));
	put_file("this is read by nobody\n");
	json_decref(ask(connection, LWF_WIRE_ATTACH, json_pack("{s:s}", "stack", "s0"), 0, NULL));
	reply = ask(connection, LWF_WIRE_EXPLAIN, tuple(53), 0, NULL);
	is_text(reply, "text", "default deny");
	json_decref(reply);
}

static void test_reload_detached(void **state)
{
	(void)state;
	play(script_reload_detached);
}

/* ---- explain ---- */

static void script_explain(struct lwf_connection *connection)
{
	json_t *reply = ask(connection, LWF_WIRE_EXPLAIN, tuple(443), 0, NULL);
	const json_t *owner = json_object_get(reply, "owner");

	is_text(reply, "action", "deny");
	is_text(reply, "file", file);
	is_text(reply, "text", "deny out user 1000 remote-port 443");
	is_number(reply, "rule", 2);
	is_number(reply, "line", 4);
	is_text(reply, "cached", "");
	is_number(owner, "pid", 77); /* it was waited for */
	is_text(owner, "how", "exact");
	assert_true(json_is_null(json_object_get(reply, "flow")));
	assert_int_equal(json_array_size(json_object_get(reply, "modules")), 1);
	json_decref(reply);
	assert_int_equal(owners.asked, 1);

	/* the key is the one that a table of flows has, and the end is this machine's */
	assert_int_equal(owners.question.key.port[owners.question.local], 40000);
	assert_int_equal(owners.question.key.address[owners.question.local][12], 10);

	reply = tuple(443); /* as if it were somebody else's: nobody is asked */
	json_object_set_new(reply, "uid", json_integer(0));
	reply = ask(connection, LWF_WIRE_EXPLAIN, reply, 0, NULL);
	is_text(reply, "action", "reject");
	is_number(reply, "rule", 3);
	assert_true(json_is_true(json_object_get(reply, "owner_assumed")));
	json_decref(reply);
	assert_int_equal(owners.asked, 1);

	reply = tuple(443);
	json_object_set_new(reply, "in", json_true());
	reply = ask(connection, LWF_WIRE_EXPLAIN, reply, 0, NULL);
	is_text(reply, "action", "reject");
	is_text(json_object_get(reply, "tuple"), "direction", "in");
	json_decref(reply);
}

static void test_explain(void **state)
{
	(void)state;
	play(script_explain);
}

/* A flow that is there is known by its own: who began it, whose it is, what was decided. */
static void script_flow(struct lwf_connection *connection)
{
	json_t *reply = ask(connection, LWF_WIRE_EXPLAIN, tuple(443), 0, NULL);

	json_decref(reply);
	ruled.flow.key = owners.question.key;
	ruled.flow.flow = 5;
	ruled.flow.local = (uint8_t)owners.question.local;
	ruled.flow.initiator = (uint8_t)(1 - owners.question.local);
	ruled.flow.state = LWF_FLOW_STATE_ESTABLISHED;
	ruled.flow.owner = (struct lwf_owner){.pid = 5, .uid = 7, .how = LWF_OWNER_INHERITED};
	reply = ask(connection, LWF_WIRE_EXPLAIN, tuple(443), 0, NULL);
	is_number(json_object_get(reply, "flow"), "id", 5);
	is_text(json_object_get(reply, "flow"), "state", "established");
	is_text(json_object_get(reply, "tuple"), "direction", "in");
	is_number(json_object_get(reply, "owner"), "pid", 5);
	is_text(reply, "action", "reject");
	is_text(reply, "cached", "deny");
	is_text(reply, "by", "decider");
	json_decref(reply);
	assert_int_equal(owners.asked, 1);
}

static void test_flow(void **state)
{
	(void)state;
	play(script_flow);
}

static void script_wrong(struct lwf_connection *connection)
{
	static const struct {
		const char *key, *text;
		json_int_t number;
	} cases[] = {{"local", "example.org", 0},    {"local", "::1", 0},
		     {"protocol", NULL, 256},	     {"local_port", NULL, 65536},
		     {"remote_port", NULL, 65536},   {"vlan", NULL, 4095},
		     {"uid", NULL, LWF_OWNER_NO_UID}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *body = tuple(443);

		json_object_set_new(body, cases[i].key,
				    cases[i].text ? json_string(cases[i].text)
						  : json_integer(cases[i].number));
		(void)ask(connection, LWF_WIRE_EXPLAIN, body, LWF_EXIT_USAGE, NULL);
	}
	assert_int_equal(owners.asked, 0);
}

static void test_wrong(void **state)
{
	(void)state;
	play(script_wrong);
}

/* Who asked and went is not answered, and the question is forgotten. */
static void script_gone(struct lwf_connection *connection)
{
	struct lwf_connection *other = NULL;
	struct lwf_error error;
	json_t *reply = NULL;

	owners.never = true;
	assert_int_equal(lwf_connection_open(sock.path, SECOND_NS, &other, &error), 0);
	assert_int_not_equal(lwf_connection_request(other, LWF_WIRE_EXPLAIN, tuple(443),
						    SECOND_NS / 10, &reply, NULL, &error),
			     0);
	assert_int_equal(owners.forgotten, 0);
	lwf_connection_close(other);
	for (unsigned i = 0; i < 500 && !owners.forgotten; i++)
		(void)usleep(10000);
	assert_int_equal(owners.forgotten, 1);
	owners.never = false;
	json_decref(ask(connection, LWF_WIRE_EXPLAIN, tuple(443), 0, NULL));
}

static void test_gone(void **state)
{
	(void)state;
	play(script_gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reload),	cmocka_unit_test(test_reload_detached),
		cmocka_unit_test(test_explain), cmocka_unit_test(test_flow),
		cmocka_unit_test(test_wrong),	cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
