/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * library_memory_test.c - the libraries below us get no memory, at each place in turn (case 31).
 *
 * The n-th allocation of jansson or of libevent fails, for every n until nothing asks for more: what was
 * asked for is refused, nothing crashes, nothing is kept, and the same thing works right afterwards.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <event2/event.h>

#include <lwf/host.h>
#include <lwf/hosts.h>

#include "wire.h"

#define MOST 10000u /* allocations of what is tried, by far */

static uint64_t asked, fails; /* so many allocations so far; this one gets nothing (0: none) */
static int64_t out;

static void *take(size_t bytes)
{
	void *memory = ++asked == fails ? NULL : malloc(bytes);

	out += memory != NULL;
	return memory;
}

static void give(void *memory)
{
	out -= memory != NULL;
	free(memory);
}

static void *take_again(void *memory, size_t bytes)
{
	void *grown = ++asked == fails ? NULL : realloc(memory, bytes);

	out += grown && !memory;
	return grown;
}

/* Tries @attempt with each allocation failing in turn. True from it: it was done all the same. */
static void fail_each(bool (*attempt)(void))
{
	int64_t before;
	uint64_t refused = 0;
	bool done = false;

	fails = 0;
	assert_true(attempt()); /* what a library keeps for ever, it has from now on */
	before = out;
	for (fails = 1; fails < MOST; fails++) {
		asked = 0;
		done = attempt();
		refused += !done;
		assert_int_equal(out, before);
		if (asked < fails)
			break;
	}
	assert_true(done);
	assert_true(fails > 1 && fails < MOST);
	assert_true(refused > 0);
}

static bool read_request(void)
{
	static const char body[] = "{\"stack\":\"lan0\",\"state\":\"running\",\"timeout_ns\":5,"
				   "\"more\":[1,2,{\"a\":\"b\"}]}";
	char why[160] = "";
	json_t *object = lwf_wire_parse(body, sizeof(body) - 1, why, sizeof(why));

	assert_true(object || why[0]);
	json_decref(object);
	return object != NULL;
}

static bool write_error(void)
{
	struct lwf_error error = {.exit = LWF_EXIT_REFUSED, .what = "lan0", .why = "busy"};
	json_t *object = lwf_wire_error_body(&error);
	char *text = object ? lwf_wire_text(object) : NULL;
	bool done = text != NULL;

	give(text);
	json_decref(object);
	return done;
}

static bool make_host(void)
{
	struct lwf_host *host = lwf_event_host_create(NULL);

	if (host)
		lwf_event_host_destroy(host);
	return host != NULL;
}

static void test_jansson(void **state)
{
	(void)state;
	json_set_alloc_funcs(take, give);
	fail_each(read_request);
	fail_each(write_error);
	json_set_alloc_funcs(malloc, free);
}

static void test_libevent(void **state)
{
	(void)state;
	fail_each(make_host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_jansson),
		cmocka_unit_test(test_libevent),
	};

	event_set_mem_functions(take, take_again, give);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
