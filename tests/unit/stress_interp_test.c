/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stress_interp_test.c - scenarios that are run in the simulated world: what holds, what does not, and that
 * a seed gives one run.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "interp.h"

#define HEAD                             \
	"link lan0\nclient c1 on lan0\n" \
	"traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 10kpps\n"

static struct stress_record record;
static struct lwf_error error;

static int read_memory(void *context, const char *from, const char *file, char **text,
		       size_t *bytes)
{
	(void)from;
	(void)file;
	*bytes = strlen(context);
	*text = malloc(*bytes + 1);
	memcpy(*text, context, *bytes + 1);
	return 0;
}

/* Runs @text with @seed; the record is that run. */
static int run(const char *text, uint64_t seed)
{
	char whole[8192];
	struct stress_source source = {read_memory, whole};
	struct stress_scenario *scenario;
	struct stress_problem problem;
	struct stress_world_options options = {.record = &record, .seed = seed};
	int code;

	snprintf(whole, sizeof(whole), "%s%s", HEAD, text);
	if (stress_scenario_read(&source, "a.scn", NULL, 0, &scenario, &problem))
		fail_msg("%s", problem.text);
	stress_record_fini(&record);
	stress_record_init(&record);
	options.scenario = scenario;
	code = stress_interpret(stress_sim_create(&options), NULL, &error);
	stress_scenario_free(scenario);
	return code;
}

static void passes(const char *text)
{
	int code = run(text, 1);

	if (code)
		fail_msg("%s\nexpected: %s; found: %s", text, record.failure.expected,
			 record.failure.found);
	assert_int_equal(record.verdict, STRESS_PASSED);
}

/* The run fails at line @line of @text, and @found is in what is said. */
static void fails(const char *text, unsigned line, const char *found)
{
	if (run(text, 1) != LWF_EXIT_FALSE || record.verdict != STRESS_FAILED)
		fail_msg("it passes: %s", text);
	if (record.failure.line != line + 3 || !strstr(record.failure.found, found))
		fail_msg("%s\nline %u, found: %s", text, record.failure.line, record.failure.found);
}

static void test_expectations(void **state)
{
	(void)state;
	passes("expect state(lan0) == running\n");
	fails("expect state(lan0) == paused\n", 1, "state(lan0) is running");
	assert_string_equal(record.failure.expected, "expect state(lan0) == paused");
	fails("start t1\nwithin 50ms expect sent(lan0.lower) == 7 and state(lan0) == paused\n", 2,
	      "sent(lan0.lower) is ");
	assert_int_equal(record.failure.time_ns, 50000000);
	fails("expect 1 == 2\n", 1, "that does not hold");
	passes("start t1\nwithin 2ms expect sent(lan0.lower) > 5\n");
	passes("after 5ms\nexpect 1 == 1 or 1 == 2\nexpect not 1 == 2\nexpect 2 * 3 - 1 == 5\n");
	fails("expect 1 == 1 and 1 == 2\n", 1, "");
	assert_int_equal(record.events > 0, 1);
}

/* `always` is looked at after each step, and ends with its block. */
static void test_always(void **state)
{
	(void)state;
	fails("start t1\nalways expect submitted(c1) < 100\nafter 1s\n", 2, "submitted(c1) is 100");
	assert_true(record.failure.time_ns < 12000000);
	passes("start t1\nrepeat 1 { always expect submitted(c1) < 100\n after 5ms }\nafter "
	       "50ms\n");
	passes("always expect outstanding(lan0) > 0 while state(lan0) == paused\nafter 5ms\n");
	fails("always expect outstanding(lan0) > 0 while state(lan0) == paused\nstack lan0 pause\n"
	      "after 5ms\n",
	      1, "outstanding(lan0) is 0");
	fails("only sim { always expect submitted(c1) < 100 }\nstart t1\nafter 1s\n", 1,
	      "submitted(c1) is 100");
	passes("only live { always expect submitted(c1) < 100 }\nstart t1\nafter 1s\n");
}

/* Three messages that are none end a connection; a device that nobody hears of answers for itself. */
static void test_what_is_told(void **state)
{
	(void)state;
	passes("client c1 garble 20\nexpect rejected(c1) == 20 and hung_up(c1) == 6\n");
	passes("only sim {\nfault netlink stale\nlink lan0.lower down\nstart t1\nafter 10ms\n"
	       "expect state(lan0) == running and completed(c1, PAUSED) > 0\n"
	       "expect kernel_tx(lan0.lower) == 0\n"
	       "fault netlink fresh\nwithin 10ms expect state(lan0) == detached\n}\n");
	passes("only sim { fault netlink stale for 5ms }\ndevice lan0.lower delete\ndevice "
	       "lan0.lower create\n"
	       "after 4ms expect epoch(lan0) == 1\n"
	       "within 10ms expect epoch(lan0) == 2 and state(lan0) == running\n");
}

/* Runs with one impairment: the witness tells it, and nothing else. */
static void impaired(const char *options, const char *what, const char *but)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "filter lan0 insert \"impair:%s\"\nstart t1\nafter 100ms\nstop t1\ndrain within "
		 "1s\n"
		 "expect seen(lan0.lower) > 500 and %s(lan0.lower) > 10 and %s(lan0.lower) == 0\n"
		 "expect seen(lan0.lower) == kernel_tx(lan0.lower)\n",
		 options, what, but);
	passes(text);
}

/* The witness at a device tells frames that a filter has changed, overtaken, or sent where they came from. */
static void test_witness(void **state)
{
	(void)state;
	passes("start t1\nafter 100ms\nexpect seen(lan0.lower) > 500\n"
	       "expect altered(lan0.lower) + disordered(lan0.lower) + bad_sums(lan0.lower) == 0\n"
	       "expect echoed(lan0.lower) == 0 and seen(lan0.upper) == 0\n");
	impaired("corrupt=10%", "altered", "disordered");
	impaired("corrupt=10%", "bad_sums", "disordered");
	impaired("reorder=10%,reorder-by=5ms", "disordered", "altered");
	impaired("reorder=10%,reorder-by=5ms", "disordered", "bad_sums");
	passes("traffic t2 from c1 tcp 10.0.0.1:9 -> 10.0.0.2:9 size 54 rate 1kpps\n"
	       "start t2\nafter 10ms\nexpect altered(lan0.lower) == 0\n");
	/* a witness that asked nobody costs nothing, and one in the other world is not asked */
	passes("only live { expect altered(lan0.lower) == 1 }\n");
}

static void test_faults(void **state)
{
	(void)state;
	passes("link lan0.lower down\nwithin 10ms expect state(lan0) == detached and "
	       "up(lan0.lower) == 0\n"
	       "expect held(lan0, link) == 1\n"
	       "link lan0.lower up\nwithin 10ms expect state(lan0) == running\nexpect epoch(lan0) "
	       "== 2\n");
	assert_int_equal(record.flaps, 1);
	assert_int_equal(record.faults, 2);
	passes("link lan0.lower down for 20ms\nafter 19ms expect state(lan0) == detached\n"
	       "after 2ms expect state(lan0) == running\n");
	passes("link lan0.lower mtu 600 for 20ms\nexpect mtu(lan0.lower) == 600\n"
	       "after 21ms expect mtu(lan0.lower) == 1500\n");
	passes("device lan0.lower delete\nexpect held(lan0, removed) == 1 and present(lan0.lower) "
	       "== 0\n"
	       "device lan0.lower create\nwithin 1ms expect state(lan0) == running\n");
	passes("link lan0.lower carrier-off\nexpect carrier(lan0.lower) == 0 and state(lan0) == "
	       "running\n"
	       "start t1\nwithin 10ms expect completed(c1, MEDIA_DISCONNECTED) > 3\n");
	passes("fault lan0.lower send error EIO\nstart t1\n"
	       "within 10ms expect completed(c1, FAILURE) > 3\nexpect completed(c1, SUCCESS) == 0\n"
	       "fault lan0.lower send ok\nwithin 10ms expect completed(c1, SUCCESS) > 3\n");
	passes("fault lan0.lower send error EIO rate 50%\nstart t1\nafter 1s\n"
	       "expect completed(c1, FAILURE) > 4500 and completed(c1, FAILURE) < 5500\n");
	passes("link lan0.upper down\nexpect up(lan0.upper) == 0 and state(lan0) == running\n");
}

/* The newest is to be seen; what lies below it is seen again when it ends; the last one leaves all as it was. */
static void test_faults_upon_faults(void **state)
{
	(void)state;
	passes("link lan0.lower mtu 1000 for 20ms\nlink lan0.lower mtu 900 for 10ms\n"
	       "expect mtu(lan0.lower) == 900\nafter 11ms expect mtu(lan0.lower) == 1000\n"
	       "after 10ms expect mtu(lan0.lower) == 1500\n");
	passes("link lan0.lower mtu 1000 for 10ms\nlink lan0.lower mtu 900 for 20ms\n"
	       "after 11ms expect mtu(lan0.lower) == 900\nafter 10ms expect mtu(lan0.lower) == "
	       "1500\n");
	passes("link lan0.lower mtu 1000\nlink lan0.lower mtu 900 for 10ms\n"
	       "after 11ms expect mtu(lan0.lower) == 1000\n");
	passes("link lan0.lower down for 20ms\nlink lan0.lower down for 10ms\n"
	       "after 11ms expect up(lan0.lower) == 0\nafter 10ms expect up(lan0.lower) == 1\n");
	passes("link lan0.lower down for 10ms\nlink lan0.lower up\nlink lan0.lower down\n"
	       "after 11ms expect up(lan0.lower) == 0\n");
	passes("link lan0.lower carrier-off for 50ms\nlink lan0.lower down for 10ms\n"
	       "after 11ms expect up(lan0.lower) == 1 and carrier(lan0.lower) == 0\n"
	       "after 40ms expect carrier(lan0.lower) == 1\n");
	passes("start t1\nfault lan0.lower send error EIO for 20ms\n"
	       "fault lan0.lower send error EPERM for 10ms\nafter 11ms remember n = completed(c1, "
	       "SUCCESS)\n"
	       "after 5ms expect completed(c1, SUCCESS) == n\n"
	       "after 10ms expect completed(c1, SUCCESS) > n\n");
	passes("start t1\nclient c1 stop for 50ms\nclient c1 stop for 10ms\nremember n = "
	       "submitted(c1)\n"
	       "after 20ms expect submitted(c1) == n\nafter 40ms expect submitted(c1) > n\n");
	/* of 100 that hide each other one is kept; 2000 that do not are too many */
	passes("link lan0.lower down for 10s\nrepeat 100 { fault lan0.upper link mtu 1400 for 20s "
	       "}\n"
	       "after 10ms expect up(lan0.lower) == 0\n");
	assert_int_equal(
		run("repeat 2000 as n { fault lan0.upper link mtu 1400 for 20s - 1ms * n }\n", 1),
		LWF_EXIT_USAGE);
	assert_non_null(strstr(record.failure.found, "faults that last"));
}

/* A fault befalls the device, whoever has it. */
static void test_faults_and_daemons(void **state)
{
	(void)state;
	passes("fault lan0.lower send error EIO for 10s\ndaemon kill\ndaemon start\n"
	       "within 1s expect state(lan0) == running\nstart t1\n"
	       "after 50ms expect completed(c1, FAILURE) > 100 and completed(c1, SUCCESS) == 0\n");
	passes("fault memory exhaust\nfilter lan0 insert \"impair\"\nfilter lan0 insert "
	       "\"monitor\"\n"
	       "fault memory ok\nafter 1ms expect state(lan0/impair) == detached\n"
	       "expect state(lan0) == running\n");
	passes("client c1 garble 2\nclient c1 garble 2\nexpect rejected(c1) == 4 and hung_up(c1) "
	       "== "
	       "0\n");
	passes("fault memory exhaust\nlink lan0.lower down\nlink lan0.lower up\nafter 1ms fault "
	       "memory "
	       "ok\n"
	       "expect state(lan0/inject) == detached\nstack lan0 restart\n"
	       "within 10ms expect state(lan0/inject) == running and state(lan0) == running\n");
}

/* Frames of any length get through devices, and over a wire. */
static void test_jumbo(void **state)
{
	(void)state;
	passes("link a mtu 9000\nlink b mtu 9000 peer a\nclient ca on a\n"
	       "traffic long from ca udp 10.0.0.1:9 -> 10.0.0.2:9 size 5000..8000 rate 1kpps\n"
	       "traffic host from a.upper udp 10.0.0.1:9 -> 10.0.0.2:9 size 5000..8000 rate 1kpps\n"
	       "start long; start host\nafter 100ms stop all\ndrain within 10ms\nafter 1ms\n"
	       "expect kernel_tx(a.lower) > 190 and kernel_rx(a.upper) > 90\n"
	       "expect kernel_rx(b.lower) == kernel_tx(a.lower) and kernel_tx(b.upper) == "
	       "kernel_tx(a.lower)\n"
	       "expect altered(b.upper) == 0 and seen(b.upper) > 190\n");
}

/* At the end what is out comes home, or the run has failed. */
static void test_the_end(void **state)
{
	(void)state;
	passes("fault lan0.lower send stuck\nstart t1\nafter 50ms expect outstanding(c1) > 100\n");
	assert_int_equal(record.account[0].lost, 0);
	assert_int_equal(lwf_ledger_outstanding(&record.account[0].ledger), 0);
	passes("client c2 on lan0 when-paused wait\n"
	       "traffic t2 from c2 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60 rate 1kpps\n"
	       "start t2\nlink lan0.lower down\nafter 50ms expect outstanding(c2) > 10\n");
	assert_int_equal(record.account[1].lost, 0);
	assert_true(record.account[1].ledger.refused[LWF_ANSWER_SEND_ABORTED] > 10);
	passes("start t1\nclient c1 deaf\nafter 50ms client c1 flood\nafter 10ms\n");
	assert_int_equal(record.account[0].lost, 0);
	assert_int_equal(run("filter lan0 insert \"hold:frames=4\"\nstart t1\nafter 50ms\n", 1),
			 LWF_EXIT_FALSE);
	assert_non_null(strstr(record.failure.expected, "comes home"));
	assert_non_null(strstr(record.failure.found, "outstanding(c1)"));
}

static void test_pauses(void **state)
{
	(void)state;
	passes("fault lan0.lower send slow 10ms\nstart t1\nafter 5ms stop t1\n"
	       "expect outstanding(lan0) > 10 and outstanding(lan0/inject) == outstanding(lan0)\n"
	       "stack lan0 pause\nexpect state(lan0) == pausing\n"
	       "within 20ms expect state(lan0) == paused and outstanding(lan0) == 0\n"
	       "expect pended(lan0) == 1 and pauses(lan0) == 2\n"
	       "expect pause_max(lan0) > 5ms and pause_max(lan0) <= 10ms\n"
	       "stack lan0 restart\nwithin 1ms expect state(lan0) == running\n");
	passes("fault lan0.lower send stuck\nstart t1\nafter 5ms stop t1\nstack lan0 pause\n"
	       "after 100ms expect state(lan0) == pausing\nfault lan0.lower send ok\n"
	       "within 5ms expect state(lan0) == paused\n");
	fails("fault lan0.lower send stuck\nstart t1\nafter 5ms stop t1\ndrain within 50ms\n", 4,
	      "still out");
	/* a pause that takes longer than NDIS allows breaks a rule, and the run with it */
	if (run("fault lan0.lower send stuck\nstart t1\nafter 5ms stop t1\nstack lan0 pause\nafter "
		"60s\n",
		1) == 0)
		fail_msg("a pause of a minute passes");
	assert_string_equal(record.failure.expected, "no rule is broken");
	assert_true(record.rules_broken > 0);
}

static void test_clients(void **state)
{
	(void)state;
	passes("start t1\nafter 10ms client c1 kill\nexpect alive(c1) == 0\n"
	       "after 10ms\nclient c1 start\nexpect alive(c1) == 1\n"
	       "after 10ms\nstop t1\ndrain within 10ms\nexpect lost(c1) == 0\n");
	passes("start t1\nclient c1 stop\nafter 10ms expect submitted(c1) < 3\nclient c1 continue\n"
	       "after 10ms expect submitted(c1) > 90\n");
	passes("client c1 flood\nafter 10ms\nexpect submitted(c1) > 5000\nclient c1 calm\n"
	       "after 1ms\ndrain within 5ms\n");
	/* who does not read its answers may have no more than its ring out */
	passes("start t1\nclient c1 deaf\nafter 1s expect submitted(c1) == 1024\nclient c1 hears\n"
	       "after 100ms expect submitted(c1) > 1500\n");
	passes("fault lan0.lower send stuck\nstart t1\nafter 5ms stop t1\nclient c1 cancel\n"
	       "within 1ms expect outstanding(c1) == 0\nexpect completed(c1, SEND_ABORTED) > 10\n"
	       "fault lan0.lower send ok\n");
	passes("client c1 crowd 1000\nexpect state(lan0) == running\n");
}

static void test_daemons(void **state)
{
	(void)state;
	passes("fault lan0.lower send slow 50ms\nstart t1\nafter 10ms daemon kill\n"
	       "expect alive() == 0 and state(lan0) == detached\n"
	       "expect completed(c1, UNKNOWN) > 10 and outstanding(c1) == 0\n"
	       "expect completed(c1, SUCCESS) == 0\n"
	       "after 10ms daemon start\nwithin 10ms expect state(lan0) == running\n"
	       "within 200ms expect completed(c1, SUCCESS) > 0\n");
	passes("start t1\nafter 10ms daemon terminate\nafter 1ms daemon start\n"
	       "within 10ms expect state(lan0) == running\nstop t1\ndrain within 10ms\n"
	       "expect sent(lan0.lower) == kernel_tx(lan0.lower) and epoch(lan0) == 2\n");
	passes("traffic t2 from c1 udp 10.0.0.2:9 -> 10.0.0.1:9 rate 20kpps direction receive\n"
	       "traffic t3 from lan0.lower udp 10.0.0.2:9 -> 10.0.0.1:9 rate 20kpps\n"
	       "start all\nrepeat 3 { after 10ms daemon terminate; after 1ms daemon start\n"
	       "within 10ms expect state(lan0) == running }\nafter 10ms stop all\ndrain within "
	       "10ms\n"
	       "expect kernel_tx(lan0.upper) > 600 and kernel_tx(lan0.lower) > 300\n"
	       "expect sent(lan0.lower) == kernel_tx(lan0.lower)\n"
	       "expect sent(lan0.upper) == kernel_tx(lan0.upper)\n");
	passes("fault memory fail 1\nfilter lan0 insert \"monitor\"\nafter 1ms\n"
	       "expect state(lan0) == running\n");
}

static void test_filters(void **state)
{
	(void)state;
	passes("filter lan0 insert \"hold:frames=3\"\nwithin 1ms expect state(lan0) == running\n"
	       "start t1\nwithin 10ms expect outstanding(c1) == 3\nstop t1\n"
	       "filter lan0/hold set \"release=on\"\nwithin 1ms expect outstanding(c1) == 0\n"
	       "filter lan0/hold remove\n");
	assert_int_equal(run("filter lan0 insert \"frob\"\n", 1), LWF_EXIT_USAGE);
	assert_int_equal(record.verdict, STRESS_BROKEN);
	assert_int_equal(record.failure.line, 4);
	assert_int_equal(run("filter lan0/frob remove\n", 1), LWF_EXIT_NO_OBJECT);
}

static void test_repeats(void **state)
{
	(void)state;
	passes("repeat 10 as n { after 1ms\n repeat n { after 1ms } }\n");
	assert_int_equal(record.rounds, 10);
	assert_int_equal(record.ran_ns, 65000000);
	passes("repeat for 10ms { after 3ms }\n");
	assert_int_equal(record.rounds, 4);
	passes("repeat for 10ms { expect 1 == 1 }\n"); /* and does not stand still */
	passes("repeat 0 { expect 1 == 2 }\n");
	passes("only live { expect 1 == 2 }\nonly sim { after 1ms }\n");
	assert_int_equal(record.ran_ns, 1000000);
}

/* What was remembered stays as it was, until the statement comes again. */
static void test_remember(void **state)
{
	(void)state;
	passes("start t1\nwithin 50ms expect submitted(c1) > 5\nremember n = submitted(c1)\n"
	       "after 10ms expect submitted(c1) > n + 50 and n < 10\n"
	       "repeat 3 { remember n = submitted(c1)\n after 5ms expect submitted(c1) < n + 60 }\n"
	       "after 50ms expect submitted(c1) > n + 100\n");
	fails("remember n = submitted(c1)\nstart t1\nafter 5ms expect submitted(c1) == n\n", 3,
	      "n is 0");
}

/* The same seed is the same run; another one is not. */
static void test_seeds(void **state)
{
	static const char text[] = "start t1\nrepeat 20 {\n after 0ms..5ms link lan0.lower down\n"
				   " after 0ms..5ms link lan0.lower up\n}\n";
	uint64_t digest, ran;

	(void)state;
	assert_int_equal(run(text, 7), 0);
	digest = record.digest;
	ran = record.ran_ns;
	assert_int_equal(run(text, 7), 0);
	assert_int_equal(record.digest, digest);
	assert_int_equal(record.ran_ns, ran);
	assert_int_equal(run(text, 8), 0);
	assert_int_not_equal(record.digest, digest);
	assert_int_not_equal(record.ran_ns, ran);
}

/* What the report is made of. */
static void test_record(void **state)
{
	unsigned states = 0, faults = 0, expects = 0, pauses = 0, outs = 0;

	(void)state;
	passes("fault lan0.lower send slow 5ms\nstart t1\nafter 10ms link lan0.lower down for 5ms\n"
	       "after 20ms\n");
	for (uint32_t i = 0; i < record.events; i++) {
		const struct stress_event *event = &record.event[i];

		states += event->kind == STRESS_EVENT_STATE;
		faults += event->kind == STRESS_EVENT_FAULT;
		expects += event->kind == STRESS_EVENT_EXPECT;
		pauses += event->kind == STRESS_EVENT_PAUSE;
		outs += event->kind == STRESS_EVENT_OUTSTANDING && event->value > 0;
		if (i)
			assert_true(event->time_ns >= record.event[i - 1].time_ns);
	}
	assert_true(states >= 20 && faults == 4 && expects == 0 && pauses == 4 && outs > 10);
	assert_int_equal(record.accounts, 3);
	assert_string_equal(record.account[0].name, "c1");
	assert_int_equal(lwf_ledger_outstanding(&record.account[0].ledger), 0);
	assert_int_equal(record.witness[0].inside, record.witness[0].outside);
	assert_true(record.witness[0].inside > 0);
	assert_string_equal(record.lane[0].stack, "lan0");
	assert_string_equal(record.lane[0].module, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expectations),
		cmocka_unit_test(test_always),
		cmocka_unit_test(test_what_is_told),
		cmocka_unit_test(test_witness),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_faults_upon_faults),
		cmocka_unit_test(test_faults_and_daemons),
		cmocka_unit_test(test_the_end),
		cmocka_unit_test(test_jumbo),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_daemons),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_remember),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
