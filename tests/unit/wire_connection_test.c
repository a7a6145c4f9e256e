/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wire_connection_test.c - the client's end of the control socket against scripted daemons: answers in
 * parts, late and foreign ones, events, errors, nonsense, silence, and sockets that are none.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "connection.h"

#define MS 1000000ull

/* A script answers one request; its text is what follows HELLO. */
typedef void (*script)(int peer, const struct lwf_wire_header *request);

static struct {
	char folder[64], path[128];
	int listener;
	pthread_t thread;
	script run;
} fake;

static void tell(int peer, uint32_t sequence, enum lwf_wire_type type, unsigned flags,
		 const char *body)
{
	static unsigned char packet[LWF_WIRE_PACKET_MAX_BYTES];
	size_t bytes = lwf_wire_encode(packet, sizeof(packet), type, flags, sequence, body,
				       body ? strlen(body) : 0);

	if (!bytes)
		abort();
	send(peer, packet, bytes, MSG_NOSIGNAL);
}

static void *run_daemon(void *unused)
{
	unsigned char packet[4096];
	struct lwf_wire_header header;
	const char *why;
	ssize_t n;
	int peer = accept(fake.listener, NULL, NULL);

	(void)unused;
	while ((n = recv(peer, packet, sizeof(packet), 0)) > 0) {
		if (lwf_wire_check(packet, (size_t)n, LWF_WIRE_FROM_CLIENT, &header, &why))
			abort();
		if (header.type == LWF_WIRE_HELLO)
			tell(peer, header.sequence, LWF_WIRE_REPLY, 0,
			     "{\"version\":1,\"pid\":77,\"role\":5}");
		else if (header.type == LWF_WIRE_DETACH)
			break;
		else
			fake.run(peer, &header);
	}
	close(peer);
	return NULL;
}

static int listen_at(int type)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, fake.path, strlen(fake.path));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int make_folder(void **state)
{
	(void)state;
	snprintf(fake.folder, sizeof(fake.folder), "/tmp/lwf-connection-test-XXXXXX");
	if (!mkdtemp(fake.folder))
		return -1;
	snprintf(fake.path, sizeof(fake.path), "%s/control", fake.folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(fake.path);
	rmdir(fake.folder);
	return 0;
}

static struct lwf_connection *start(script run)
{
	struct lwf_connection *connection;
	struct lwf_error error;

	fake.run = run;
	fake.listener = listen_at(SOCK_SEQPACKET);
	assert_int_equal(pthread_create(&fake.thread, NULL, run_daemon, NULL), 0);
	if (lwf_connection_open(fake.path, 2000 * MS, &connection, &error))
		fail_msg("%s: %s", error.what, error.why);
	return connection;
}

static void stop(struct lwf_connection *connection)
{
	lwf_connection_close(connection);
	pthread_join(fake.thread, NULL);
	close(fake.listener);
	unlink(fake.path);
}

static void answer_in_parts(int peer, const struct lwf_wire_header *request)
{
	tell(peer, request->sequence - 1, LWF_WIRE_REPLY, 0, "{\"late\":1}");
	tell(peer, 0, LWF_WIRE_RUNG, 0, NULL);
	tell(peer, request->sequence, LWF_WIRE_REPLY, LWF_WIRE_FLAG_MORE, "{\"a\":[1,");
	tell(peer, 0, LWF_WIRE_EVENT, 0, "{}");
	tell(peer, request->sequence, LWF_WIRE_REPLY, LWF_WIRE_FLAG_MORE, "2,3");
	tell(peer, request->sequence, LWF_WIRE_REPLY, 0, "]}");
}

static void parts_are_joined(void **state)
{
	struct lwf_connection *connection = start(answer_in_parts);
	struct lwf_error error;
	json_t *reply;

	(void)state;
	assert_int_equal(lwf_connection_peer_pid(connection), 77);
	assert_int_equal(lwf_connection_roles(connection), LWF_ROLE_OBSERVE | LWF_ROLE_ADMIN);
	assert_int_equal(lwf_connection_request(connection, LWF_WIRE_SHOW, NULL, 2000 * MS, &reply,
						NULL, &error),
			 0);
	assert_int_equal(json_array_size(json_object_get(reply, "a")), 3);
	json_decref(reply);
	stop(connection);
}

static void answer_error(int peer, const struct lwf_wire_header *request)
{
	tell(peer, request->type == LWF_WIRE_LEDGER ? 0 : request->sequence, LWF_WIRE_ERROR, 0,
	     "{\"exit\":6,\"what\":\"eth1\",\"why\":\"busy\",\"next\":\"wait\"}");
}

static void errors_are_told(void **state)
{
	static const enum lwf_wire_type types[] = {LWF_WIRE_SHOW, LWF_WIRE_LEDGER};
	struct lwf_connection *connection = start(answer_error);
	struct lwf_error error;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(lwf_connection_request(connection, types[i], NULL, 2000 * MS, NULL,
							NULL, &error),
				 -EREMOTEIO);
		assert_int_equal(error.exit, LWF_EXIT_REFUSED);
		assert_string_equal(error.next, "wait");
	}
	stop(connection);
}

static void stay_silent(int peer, const struct lwf_wire_header *request)
{
	(void)peer;
	(void)request;
}

static void silence_times_out(void **state)
{
	struct lwf_connection *connection = start(stay_silent);
	struct lwf_error error;
	json_t *event;

	(void)state;
	assert_int_equal(lwf_connection_request(connection, LWF_WIRE_SHOW, NULL, 20 * MS, NULL,
						NULL, &error),
			 -ETIMEDOUT);
	assert_int_equal(error.exit, LWF_EXIT_TIMEOUT);
	assert_int_equal(lwf_connection_event(connection, 20 * MS, &event, &error), -ETIMEDOUT);
	assert_int_equal(lwf_connection_drain(connection), 0);
	stop(connection);
}

static void hang_up_is_told(void **state)
{
	struct lwf_connection *connection = start(stay_silent);
	struct lwf_error error;

	(void)state;
	assert_int_equal(lwf_connection_request(connection, LWF_WIRE_DETACH, NULL, 2000 * MS, NULL,
						NULL, &error),
			 -ECONNRESET);
	assert_int_equal(error.exit, LWF_EXIT_UNREACHABLE);
	assert_int_equal(lwf_connection_ring(connection, LWF_WIRE_DOORBELL), -ECONNRESET);
	assert_int_equal(lwf_connection_drain(connection), -ECONNRESET);
	stop(connection);
}

static void talk_nonsense(int peer, const struct lwf_wire_header *request)
{
	if (request->type == LWF_WIRE_SHOW)
		tell(peer, request->sequence, LWF_WIRE_REPLY, 0, "[1]");
	else
		send(peer, "nonsense", 8, MSG_NOSIGNAL);
}

static void nonsense_is_refused(void **state)
{
	struct lwf_connection *connection = start(talk_nonsense);
	struct lwf_error error;

	(void)state;
	assert_int_equal(lwf_connection_request(connection, LWF_WIRE_SHOW, NULL, 2000 * MS, NULL,
						NULL, &error),
			 -EBADMSG);
	assert_int_equal(lwf_connection_request(connection, LWF_WIRE_LEDGER, NULL, 2000 * MS, NULL,
						NULL, &error),
			 -EBADMSG);
	stop(connection);
}

static void send_events(int peer, const struct lwf_wire_header *request)
{
	tell(peer, request->sequence, LWF_WIRE_REPLY, 0, "{}");
	for (unsigned i = 0; i < 3; i++)
		tell(peer, request->sequence, LWF_WIRE_EVENT, 0, "{\"kind\":\"link\"}");
}

static void events_follow(void **state)
{
	struct lwf_connection *connection = start(send_events);
	struct lwf_error error;
	json_t *event;

	(void)state;
	assert_int_equal(lwf_connection_request(connection, LWF_WIRE_WATCH, NULL, 2000 * MS, NULL,
						NULL, &error),
			 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(lwf_connection_event(connection, 2000 * MS, &event, &error), 0);
		assert_string_equal(json_string_value(json_object_get(event, "kind")), "link");
		json_decref(event);
	}
	stop(connection);
}

static int open_at(const char *path)
{
	struct lwf_connection *connection;
	struct lwf_error error = {.exit = LWF_EXIT_OK};

	if (lwf_connection_open(path, 50 * MS, &connection, &error) == 0)
		fail_msg("%s was connected to", path);
	assert_true(error.why[0] != '\0');
	return (int)error.exit;
}

static void sockets_that_are_none(void **state)
{
	char path[300];
	int fd;

	(void)state;
	assert_int_equal(open_at("/nonexistent/control"), LWF_EXIT_UNREACHABLE);
	assert_int_equal(open_at("/dev/null"), LWF_EXIT_UNREACHABLE);
	assert_int_equal(open_at(""), LWF_EXIT_USAGE);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(open_at(path), LWF_EXIT_USAGE);
	fd = listen_at(SOCK_STREAM);
	assert_int_equal(open_at(fake.path), LWF_EXIT_UNREACHABLE);
	close(fd); /* the file stays: nobody listens */
	assert_int_equal(open_at(fake.path), LWF_EXIT_UNREACHABLE);
	unlink(fake.path);
	/* somebody listens and never answers; then the queue is full */
	fd = listen_at(SOCK_SEQPACKET);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(open_at(fake.path), LWF_EXIT_UNREACHABLE);
	close(fd);
	unlink(fake.path);
}

static void default_paths(void **state)
{
	char path[64];

	(void)state;
	setenv("LWF_CONTROL", "/somewhere/else", 1);
	assert_string_equal(lwf_wire_default_path(path, sizeof(path)), "/somewhere/else");
	assert_string_equal(lwf_wire_default_path(path, 5), "");
	unsetenv("LWF_CONTROL");
	setenv("XDG_RUNTIME_DIR", "/run/user/9", 1);
	assert_string_equal(lwf_wire_default_path(path, sizeof(path)),
			    geteuid() == 0 ? "/run/lwf/control" : "/run/user/9/lwf/control");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_joined),	 cmocka_unit_test(errors_are_told),
		cmocka_unit_test(silence_times_out),	 cmocka_unit_test(hang_up_is_told),
		cmocka_unit_test(nonsense_is_refused),	 cmocka_unit_test(events_follow),
		cmocka_unit_test(sockets_that_are_none), cmocka_unit_test(default_paths),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
