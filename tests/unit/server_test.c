/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server_test.c - the control server, asked by a client.
 *
 * A thread of its own runs the libevent host; the stack has simulated edges. The test is the client.
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

#include "connection.h"
#include "edges.h"
#include "server_bed.h"

#define SECOND_NS 1000000000ull

/* ---- two filters that fail ---- */

#define LATE_NS 30000000ull

static struct lwf_timer late;
static uint32_t sick_attaches;

static lwf_status sick_attach(struct lwf_module *module, const struct lwf_options *options)
{
	(void)module;
	(void)options;
	sick_attaches++;
	return LWF_STATUS_RESOURCES;
}

static void weak_is_late(void *context)
{
	lwf_restart_complete(context, LWF_STATUS_FAILURE);
}

static lwf_status weak_restart(struct lwf_module *module)
{
	if (lwf_timer_init(&late, host, weak_is_late, module))
		return LWF_STATUS_RESOURCES;
	lwf_timer_set(&late, LATE_NS);
	return LWF_STATUS_PENDING;
}

static void weak_detach(struct lwf_module *module)
{
	(void)module;
	lwf_timer_fini(&late);
}

static const struct lwf_filter_ops sick = {.name = "sick", .attach = sick_attach};
static const struct lwf_filter_ops weak = {
	.name = "weak", .restart = weak_restart, .detach = weak_detach};

static void play(void (*script)(void))
{
	static const struct server_bed bed = {.filters = {&sick, &weak},
					      .modules = {"inject", "monitor"}};

	server_bed_play(&bed, script);
}

static struct lwf_connection *connect_client(void)
{
	struct lwf_connection *connection = NULL;
	struct lwf_error error;

	assert_int_equal(lwf_connection_open(sock.path, SECOND_NS, &connection, &error), 0);
	return connection;
}

/* Asks, and expects exit code @exit; the answer is the caller's. */
static json_t *ask(struct lwf_connection *connection, enum lwf_wire_type type, json_t *body,
		   int exit_code)
{
	struct lwf_error error = {0};
	json_t *reply = NULL;

	lwf_connection_request(connection, type, body, 5 * SECOND_NS, &reply, NULL, &error);
	if ((int)error.exit != exit_code)
		fail_msg("%s: expected exit %d, got %d (%s: %s)", lwf_wire_name(type), exit_code,
			 (int)error.exit, error.what, error.why);
	return reply;
}

static void expect(struct lwf_connection *connection, enum lwf_wire_type type, json_t *body,
		   int exit_code)
{
	json_decref(ask(connection, type, body, exit_code));
}

static json_t *of_stack(const char *name)
{
	return json_pack("{s:s}", "stack", name);
}

/* ---- show ---- */

static const char *const stack_keys[] = {
	"name", "state", "epoch", "holds",   "settled",	 "waiting", "no_carrier_forced",
	"link", "upper", "lower", "modules", "sessions", "pending"};
static const char *const edge_keys[] = {"kind", "name", "link", "rx", "tx", "drops", "info"};
static const char *const module_keys[] = {
	"name",		"filter", "state",    "epoch",	 "mandatory", "left_out", "sends_out",
	"receives_out", "sends",  "receives", "dropped", "options",   "report"};
static const char *const ledger_keys[] = {"submitted", "outstanding", "completed", "refused",
					  "sent",      "indicated",   "frames",	   "bytes"};

#define HAS_KEYS(object, keys) has_keys(object, keys, sizeof(keys) / sizeof((keys)[0]))

static void has_keys(const json_t *object, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!json_object_get(object, keys[i]))
			fail_msg("there is no %s", keys[i]);
	}
}

static void show_script(void)
{
	struct lwf_connection *c = connect_client();
	json_t *show = ask(c, LWF_WIRE_SHOW, NULL, 0);
	json_t *ledger = ask(c, LWF_WIRE_LEDGER, of_stack("s0"), 0);
	json_t *first = json_array_get(json_object_get(show, "stacks"), 0);

	assert_int_equal(json_integer_value(json_object_get(show, "schema")), 1);
	assert_int_equal(json_integer_value(json_object_get(show, "pid")), getpid());
	assert_true(json_is_object(json_object_get(show, "rules")));
	HAS_KEYS(first, stack_keys);
	HAS_KEYS(json_object_get(first, "upper"), edge_keys);
	HAS_KEYS(json_object_get(first, "lower"), edge_keys);
	HAS_KEYS(json_array_get(json_object_get(first, "modules"), 1), module_keys);
	assert_true(json_is_array(json_object_get(first, "sessions")));
	assert_true(json_is_array(json_object_get(first, "holds")));
	assert_string_equal(json_string_value(json_object_get(first, "state")), "Running");
	first = json_array_get(json_object_get(ledger, "stacks"), 0);
	assert_true(json_is_true(json_object_get(first, "balanced")));
	HAS_KEYS(json_object_get(first, "host"), ledger_keys);
	HAS_KEYS(json_object_get(first, "clients"), ledger_keys);
	expect(c, LWF_WIRE_SHOW, of_stack("s9"), 5);
	json_decref(show);
	json_decref(ledger);
	lwf_connection_close(c);
}

static void test_show(void **state)
{
	(void)state;
	play(show_script);
}

/* ---- sessions ---- */

static void open_script(void)
{
	struct lwf_connection *c = connect_client();
	json_t *answer;

	expect(c, LWF_WIRE_OPEN, NULL, 2); /* neither a stack nor an interface */
	lwf_connection_close(c);
	c = connect_client();
	expect(c, LWF_WIRE_OPEN, json_pack("{s:s,s:s}", "stack", "s0", "nic", "down"), 2);
	expect(c, LWF_WIRE_OPEN, of_stack("s9"), 5);
	expect(c, LWF_WIRE_OPEN, json_pack("{s:s}", "nic", "down"), 5); /* it is no interface */
	expect(c, LWF_WIRE_OPEN, json_pack("{s:s,s:s}", "stack", "s0", "module", "none"), 5);
	answer = ask(c, LWF_WIRE_OPEN,
		     json_pack("{s:s,s:b,s:I}", "stack", "s0", "wait_when_paused", 1, "wait_ns",
			       (json_int_t)INT64_MAX),
		     0);
	assert_string_equal(json_string_value(json_object_get(answer, "stack")), "s0");
	json_decref(answer);
	expect(c, LWF_WIRE_OPEN, of_stack("s0"), 6); /* it has one */
	expect(c, LWF_WIRE_CANCEL, json_pack("{s:i}", "cancel_id", 7), 0);
	expect(c, LWF_WIRE_CANCEL, json_pack("{s:I}", "cancel_id", (json_int_t)1 << 32), 2);
	expect(c, LWF_WIRE_OPEN, json_pack("{s:s,s:s}", "stack", "s0", "wait_ns", "2s"), 2);
	lwf_connection_close(c);
}

static void test_open(void **state)
{
	(void)state;
	play(open_script);
}

/* ---- states ---- */

static json_t *wait_for(const char *module, const char *name, uint64_t ns)
{
	json_t *body = json_pack("{s:s,s:s,s:I}", "stack", "s0", "state", name, "timeout_ns",
				 (json_int_t)ns);

	if (module)
		json_object_set_new(body, "module", json_string(module));
	return body;
}

static void states_script(void)
{
	struct lwf_connection *c = connect_client();

	expect(c, LWF_WIRE_WAIT, wait_for(NULL, "running", SECOND_NS), 0);
	expect(c, LWF_WIRE_WAIT, wait_for("inject", "RUNNING", SECOND_NS), 0);
	expect(c, LWF_WIRE_WAIT, wait_for(NULL, "Paused", 20000000), 124);
	expect(c, LWF_WIRE_WAIT, wait_for("inject", "Paused", 0), 124);
	expect(c, LWF_WIRE_WAIT, wait_for(NULL, "happy", SECOND_NS), 2);
	expect(c, LWF_WIRE_WAIT, wait_for("nosuch", "Paused", SECOND_NS), 5);
	expect(c, LWF_WIRE_PAUSE, of_stack("s0"), 0);
	expect(c, LWF_WIRE_PAUSE, of_stack("s0"), 0);
	expect(c, LWF_WIRE_WAIT, wait_for(NULL, "paused", 0), 0);
	expect(c, LWF_WIRE_DETACH, of_stack("s0"), 0);
	expect(c, LWF_WIRE_RESTART, of_stack("s0"), 6);
	expect(c, LWF_WIRE_ATTACH, of_stack("s0"), 0);
	expect(c, LWF_WIRE_RESTART, of_stack("s0"), 0);
	expect(c, LWF_WIRE_PAUSE, of_stack("s0"), 0);
	expect(c, LWF_WIRE_DETACH, of_stack("s0"), 0);
	expect(c, LWF_WIRE_ATTACH, of_stack("s0"), 6);
	expect(c, LWF_WIRE_RESTART, of_stack("s0"), 0);
	lwf_connection_close(c);
}

static void test_states(void **state)
{
	(void)state;
	play(states_script);
}

static void modules_script(void)
{
	struct lwf_connection *c = connect_client();
	json_t *reply, *modules;

	reply = ask(c, LWF_WIRE_FILTER_INSERT,
		    json_pack("{s:s,s:s}", "stack", "s0", "spec", "monitor"), 0);
	assert_string_equal(json_string_value(json_object_get(reply, "module")), "monitor-2");
	json_decref(reply);
	expect(c, LWF_WIRE_FILTER_INSERT,
	       json_pack("{s:s,s:s,s:s}", "stack", "s0", "spec", "hold:frames=0", "above",
			 "inject"),
	       0);
	reply = ask(c, LWF_WIRE_SHOW, NULL, 0);
	modules = json_object_get(json_array_get(json_object_get(reply, "stacks"), 0), "modules");
	assert_string_equal(json_string_value(json_object_get(json_array_get(modules, 0), "name")),
			    "hold");
	assert_string_equal(json_string_value(json_object_get(json_array_get(modules, 3), "name")),
			    "monitor-2");
	json_decref(reply);
	expect(c, LWF_WIRE_FILTER_SET,
	       json_pack("{s:s,s:s,s:s}", "stack", "s0", "module", "hold", "options", "frames=2"),
	       0);
	expect(c, LWF_WIRE_FILTER_SET,
	       json_pack("{s:s,s:s,s:s}", "stack", "s0", "module", "hold", "options", "colour=2"),
	       2);
	expect(c, LWF_WIRE_FILTER_REMOVE,
	       json_pack("{s:s,s:s}", "stack", "s0", "module", "monitor-2"), 0);
	expect(c, LWF_WIRE_FILTER_REMOVE,
	       json_pack("{s:s,s:s}", "stack", "s0", "module", "monitor-2"), 5);
	expect(c, LWF_WIRE_FILTER_INSERT, json_pack("{s:s,s:s}", "stack", "s0", "spec", "nosuch"),
	       2);
	lwf_connection_close(c);
}

static void test_modules(void **state)
{
	(void)state;
	play(modules_script);
}

/* ---- newcomers that fail: the answer waits for the outcome, and names it ---- */

static void expect_taken_out(struct lwf_connection *c, const char *spec, const char *why)
{
	struct lwf_error error = {0};
	json_t *reply = NULL, *s0;

	lwf_connection_request(c, LWF_WIRE_FILTER_INSERT,
			       json_pack("{s:s,s:s}", "stack", "s0", "spec", spec), 5 * SECOND_NS,
			       &reply, NULL, &error);
	assert_int_equal(error.exit, LWF_EXIT_REFUSED);
	assert_string_equal(error.what, spec);
	if (!strstr(error.why, why) || !strstr(error.why, "Running as before"))
		fail_msg("%s: %s", spec, error.why);
	json_decref(reply);
	reply = ask(c, LWF_WIRE_SHOW, NULL, 0);
	s0 = json_array_get(json_object_get(reply, "stacks"), 0);
	assert_string_equal(json_string_value(json_object_get(s0, "state")), "Running");
	assert_int_equal(json_array_size(json_object_get(s0, "holds")), 0);
	assert_int_equal(json_array_size(json_object_get(s0, "modules")), 2);
	json_decref(reply);
}

static void newcomers_script(void)
{
	struct lwf_connection *c = connect_client();

	expect_taken_out(c, "sick", "its attach failed with RESOURCES");
	assert_int_equal(sick_attaches, 1);
	expect_taken_out(c, "weak", "its restart failed with FAILURE");
	expect(c, LWF_WIRE_FILTER_INSERT, json_pack("{s:s,s:s}", "stack", "s0", "spec", "monitor"),
	       0);
	lwf_connection_close(c);
}

static void test_newcomers(void **state)
{
	(void)state;
	play(newcomers_script);
}

/* ---- watch: a reader that is too slow is told what it missed ---- */

static void watch_script(void)
{
	struct lwf_connection *w = connect_client(), *c = connect_client();
	uint64_t seq = 0, lost = 0;
	struct lwf_error error;
	json_t *event;
	bool told = false;

	expect(w, LWF_WIRE_WATCH, json_pack("{s:i}", "since", 1), 0);
	for (int i = 0; i < 600; i++) {
		expect(c, LWF_WIRE_PAUSE, of_stack("s0"), 0);
		expect(c, LWF_WIRE_RESTART, of_stack("s0"), 0);
	}
	while (!lwf_connection_event(w, 300000000, &event, &error)) {
		uint64_t got = (uint64_t)json_integer_value(json_object_get(event, "seq"));

		if (!strcmp(json_string_value(json_object_get(event, "kind")), "resync")) {
			told = true;
			lost += (uint64_t)json_integer_value(json_object_get(event, "lost"));
			assert_int_equal(got, seq + 1);
			seq += (uint64_t)json_integer_value(json_object_get(event, "lost"));
		} else {
			assert_int_equal(got, seq + 1);
			seq = got;
		}
		json_decref(event);
	}
	assert_int_equal(error.exit, 124);
	assert_true(told && lost > 0);
	assert_true(seq > 600 * 8);
	expect(w, LWF_WIRE_WATCH, NULL, 6);
	lwf_connection_close(w);
	lwf_connection_close(c);
}

static void test_watch(void **state)
{
	(void)state;
	play(watch_script);
}

/* ---- nonsense ---- */

static int connect_raw(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, sock.path, strlen(sock.path) + 1);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* Three malformed messages get three errors and a closed connection. */
static void strikes_script(void)
{
	static const char *const bodies[] = {"[]", "{\"stack\":7}", "{\"stack\":\"s0\",\"x\":1}"};
	unsigned char packet[LWF_WIRE_PACKET_MAX_BYTES];
	struct lwf_wire_header header;
	const char *why;
	int fd = connect_raw();

	for (uint32_t i = 0; i < 3; i++) {
		size_t bytes = lwf_wire_encode(packet, sizeof(packet), LWF_WIRE_PAUSE, 0, 7 + i,
					       bodies[i], strlen(bodies[i]));
		ssize_t n;

		assert_int_equal(send(fd, packet, bytes, 0), (ssize_t)bytes);
		n = recv(fd, packet, sizeof(packet), 0);
		assert_true(n > 0);
		assert_int_equal(
			lwf_wire_check(packet, (size_t)n, LWF_WIRE_FROM_DAEMON, &header, &why), 0);
		assert_int_equal(header.type, LWF_WIRE_ERROR);
		assert_int_equal(header.sequence, 7 + i);
	}
	assert_int_equal(recv(fd, packet, sizeof(packet), 0), 0);
	close(fd);
}

static void test_strikes(void **state)
{
	(void)state;
	play(strikes_script);
}

/* One more than there may be is told so; a silent one is put out for another after a while. */
static void crowd_script(void)
{
	unsigned char packet[2048];
	int fds[LWF_PEERS_MAX + 1];

	for (uint32_t i = 0; i < LWF_PEERS_MAX + 1; i++)
		fds[i] = connect_raw();
	assert_true(recv(fds[LWF_PEERS_MAX], packet, sizeof(packet), 0) > 0);
	assert_int_equal(recv(fds[LWF_PEERS_MAX], packet, sizeof(packet), 0), 0);
	for (uint32_t i = 0; i < LWF_PEERS_MAX + 1; i++)
		close(fds[i]);
	lwf_connection_close(connect_client());
}

static void test_crowd(void **state)
{
	(void)state;
	play(crowd_script);
}

static void set_idle(void)
{
	server.idle_ns = SECOND_NS / 5;
}

/* Those that stay do not lock out those who ask and leave; who asked long ago makes room when there is none. */
static void staying_script(void)
{
	struct lwf_connection *c[LWF_PEERS_MAX + 1];
	struct lwf_error error;

	for (uint32_t i = 0; i < LWF_PEERS_MAX; i++)
		c[i] = connect_client();
	for (uint32_t i = 0; i < LWF_PEERS_STAY; i++)
		expect(c[i], LWF_WIRE_WATCH, NULL, 0);
	for (uint32_t i = LWF_PEERS_STAY; i < LWF_PEERS_MAX; i++) {
		expect(c[i], LWF_WIRE_WATCH, NULL, LWF_EXIT_REFUSED);
		expect(c[i], LWF_WIRE_OPEN, of_stack("s0"), LWF_EXIT_REFUSED);
		expect(c[i], LWF_WIRE_SUBSCRIBE, of_stack("s0"), LWF_EXIT_REFUSED);
		expect(c[i], LWF_WIRE_SHOW, NULL, 0);
	}
	lwf_connection_close(c[0]);
	expect(c[LWF_PEERS_STAY], LWF_WIRE_OPEN, of_stack("s0"), 0);
	c[0] = connect_client();
	server_bed_on_loop(set_idle);
	usleep(250000);
	expect(c[0], LWF_WIRE_SHOW, NULL, 0);
	for (uint32_t i = LWF_PEERS_STAY + 1; i < LWF_PEERS_MAX; i++)
		expect(c[i], LWF_WIRE_SHOW, NULL, 0);
	assert_int_equal(lwf_connection_open(sock.path, SECOND_NS, &c[LWF_PEERS_MAX], &error),
			 -EREMOTEIO); /* it is told: those who are silent stay */
	assert_int_equal(error.exit, LWF_EXIT_REFUSED);
	usleep(250000);
	expect(c[0], LWF_WIRE_SHOW, NULL, 0);
	c[LWF_PEERS_MAX] = connect_client(); /* in the place of one that is idle */
	expect(c[LWF_PEERS_MAX], LWF_WIRE_SHOW, NULL, 0);
	expect(c[0], LWF_WIRE_SHOW, NULL, 0);
	for (uint32_t i = 0; i <= LWF_PEERS_MAX; i++)
		lwf_connection_close(c[i]);
}

static void test_staying(void **state)
{
	(void)state;
	play(staying_script);
}

/* A peer that asks and takes no answers is not read any more, and the others are served. */
static void deaf_script(void)
{
	unsigned char packet[64];
	int fd = connect_raw();
	size_t bytes = lwf_wire_encode(packet, sizeof(packet), LWF_WIRE_SHOW, 0, 1, "{}", 2);
	struct lwf_connection *c;
	int sent = 0;

	while (send(fd, packet, bytes, MSG_DONTWAIT) == (ssize_t)bytes || sent < 10) {
		if (++sent % 100 == 0)
			usleep(1000);
		assert_true(sent < 1000000);
	}
	assert_int_equal(errno, EAGAIN);
	c = connect_client();
	expect(c, LWF_WIRE_SHOW, NULL, 0);
	lwf_connection_close(c);
	close(fd);
}

static void test_deaf(void **state)
{
	(void)state;
	play(deaf_script);
}

/* ---- carrier, and a client that goes while its command pends ---- */

/* ---- OIDs ---- */

static json_t *oid_body(const char *oid, const char *value)
{
	json_t *body = of_stack("s0");

	if (oid)
		json_object_set_new(body, "oid", json_string(oid));
	if (value)
		json_object_set_new(body, "value", json_string(value));
	return body;
}

static json_t *first_oid(json_t *reply)
{
	json_t *first = json_incref(json_array_get(json_object_get(reply, "oids"), 0));

	json_decref(reply);
	return first;
}

static sem_t is_slow;

static void make_slow(void *context)
{
	(void)context;
	lwf_sim_edge_config(lower)->oid_delay_ns = 200000000;
	sem_post(&is_slow);
}

static struct lwf_task slow_task = {.fn = make_slow};

static void oid_script(void)
{
	struct lwf_connection *c = connect_client(), *impatient = connect_client();
	struct lwf_error error = {0};
	json_t *reply = ask(c, LWF_WIRE_OID_QUERY, oid_body(NULL, NULL), 0), *one;

	assert_int_equal(json_array_size(json_object_get(reply, "oids")), 11);
	json_decref(reply);
	one = first_oid(ask(c, LWF_WIRE_OID_SET, oid_body("mtu", "1400"), 0));
	assert_int_equal(json_integer_value(json_object_get(one, "value")), 1400);
	json_decref(one);
	one = first_oid(
		ask(c, LWF_WIRE_OID_QUERY, oid_body("OID_GEN_MAXIMUM_FRAME_SIZE", NULL), 0));
	assert_int_equal(json_integer_value(json_object_get(one, "value")), 1400);
	assert_string_equal(json_string_value(json_object_get(one, "status")), "SUCCESS");
	json_decref(one);
	expect(c, LWF_WIRE_OID_QUERY, oid_body("nonsense", NULL), 5);
	expect(c, LWF_WIRE_OID_SET, oid_body("media", "connected"), 6);
	expect(c, LWF_WIRE_OID_SET, oid_body("mtu", "many"), 2);
	expect(c, LWF_WIRE_OID_SET, oid_body("mtu", "5"), 2);
	expect(c, LWF_WIRE_OID_SET, oid_body("mtu", NULL), 2); /* malformed */
	/* one leaves before its answer comes; the next in the queue gets its own */
	assert_int_equal(sem_init(&is_slow, 0, 0), 0);
	lwf_host_post(host, &slow_task);
	sem_wait(&is_slow);
	reply = NULL;
	assert_true(lwf_connection_request(impatient, LWF_WIRE_OID_QUERY, oid_body(NULL, NULL),
					   20000000, &reply, NULL, &error));
	lwf_connection_close(impatient);
	one = first_oid(ask(c, LWF_WIRE_OID_SET, oid_body("mtu", "1300"), 0));
	assert_int_equal(json_integer_value(json_object_get(one, "value")), 1300);
	json_decref(one);
	sem_destroy(&is_slow);
	/* nor does the end of the daemon wait for those who do: one more is under way */
	impatient = connect_client();
	assert_true(lwf_connection_request(impatient, LWF_WIRE_OID_QUERY, oid_body("mac", NULL),
					   20000000, &reply, NULL, &error));
	lwf_connection_close(c);
	lwf_connection_close(impatient);
}

static json_t *carrier(bool on, uint64_t for_ns)
{
	json_t *body = json_pack("{s:s,s:b}", "stack", "s0", "carrier", on);

	if (for_ns)
		json_object_set_new(body, "for_ns", json_integer((json_int_t)for_ns));
	return body;
}

static bool forced(struct lwf_connection *c)
{
	json_t *show = ask(c, LWF_WIRE_SHOW, NULL, 0);
	json_t *first = json_array_get(json_object_get(show, "stacks"), 0);
	bool is = json_is_true(json_object_get(first, "no_carrier_forced"));

	json_decref(show);
	return is;
}

static void carrier_script(void)
{
	struct lwf_connection *c = connect_client();

	expect(c, LWF_WIRE_CARRIER, carrier(false, 0), 0);
	assert_true(forced(c));
	expect(c, LWF_WIRE_CARRIER, carrier(true, 0), 0);
	assert_false(forced(c));
	expect(c, LWF_WIRE_CARRIER, carrier(false, 30000000), 0);
	assert_true(forced(c));
	for (int i = 0; i < 100 && forced(c); i++)
		usleep(10000);
	assert_false(forced(c));
	/* a later word is the last one: this timer is forgotten */
	expect(c, LWF_WIRE_CARRIER, carrier(false, 30000000), 0);
	expect(c, LWF_WIRE_CARRIER, carrier(false, 0), 0);
	usleep(60000);
	assert_true(forced(c));
	expect(c, LWF_WIRE_CARRIER, carrier(false, 3600 * SECOND_NS), 0);
	expect(c, LWF_WIRE_CARRIER, carrier(true, SECOND_NS), 2);
	lwf_connection_close(c);
}

static void test_carrier(void **state)
{
	(void)state;
	play(carrier_script);
}

static void vanish_script(void)
{
	unsigned char packet[256];
	struct lwf_connection *c;
	json_t *body = wait_for(NULL, "Paused", 60 * SECOND_NS);
	char *text = json_dumps(body, JSON_COMPACT);
	size_t bytes =
		lwf_wire_encode(packet, sizeof(packet), LWF_WIRE_WAIT, 0, 1, text, strlen(text));

	for (int i = 0; i < 10; i++) {
		int fd = connect_raw();

		for (unsigned n = 0; n < LWF_PEER_PENDING_MAX + 2; n++)
			assert_int_equal(send(fd, packet, bytes, 0), (ssize_t)bytes);
		close(fd);
	}
	free(text);
	json_decref(body);
	c = connect_client();
	expect(c, LWF_WIRE_PAUSE, of_stack("s0"), 0);
	expect(c, LWF_WIRE_RESTART, of_stack("s0"), 0);
	lwf_connection_close(c);
}

static void test_oids(void **state)
{
	(void)state;
	play(oid_script);
	assert_null(server.oid_commands);
}

static void test_vanish(void **state)
{
	(void)state;
	play(vanish_script);
	assert_null(server.pending);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_show),	  cmocka_unit_test(test_states),
		cmocka_unit_test(test_open),	  cmocka_unit_test(test_modules),
		cmocka_unit_test(test_newcomers), cmocka_unit_test(test_watch),
		cmocka_unit_test(test_strikes),	  cmocka_unit_test(test_crowd),
		cmocka_unit_test(test_staying),	  cmocka_unit_test(test_deaf),
		cmocka_unit_test(test_carrier),	  cmocka_unit_test(test_vanish),
		cmocka_unit_test(test_oids),
	};

	alarm(50); /* a loop that does not end is a failure */
	return cmocka_run_group_tests(tests, server_bed_begin, server_bed_end);
}
