/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stress_parser_test.c - scenarios as they are read: what is understood, and where what is wrong is said
 * to be.
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

#include "scenario.h"

#define HEAD                                        \
	"link lan0 upper tap mtu 1500 lower veth\n" \
	"client c1 on lan0\n"                       \
	"traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 20kpps\n"

struct files {
	const char *name[4];
	const char *text[4];
};

static int read_memory(void *context, const char *from, const char *file, char **text,
		       size_t *bytes)
{
	const struct files *files = context;

	(void)from;
	for (int i = 0; i < 4 && files->name[i]; i++) {
		if (strcmp(files->name[i], file) != 0)
			continue;
		*bytes = strlen(files->text[i]);
		*text = malloc(*bytes + 1);
		memcpy(*text, files->text[i], *bytes + 1);
		return 0;
	}
	return -ENOENT;
}

static struct stress_problem problem;

static struct stress_scenario *read_files(struct files *files)
{
	struct stress_source source = {read_memory, files};
	struct stress_scenario *scenario = NULL;

	stress_scenario_read(&source, "a.scn", NULL, 0, &scenario, &problem);
	return scenario;
}

static struct stress_scenario *read_text(const char *text)
{
	struct files files = {{"a.scn"}, {text}};

	return read_files(&files);
}

static struct stress_scenario *need(const char *text)
{
	struct stress_scenario *scenario = read_text(text);

	if (!scenario)
		print_error("%s\n", problem.text);
	assert_non_null(scenario);
	return scenario;
}

static void test_declarations(void **state)
{
	struct stress_scenario *scenario = need(
		"scenario \"x y\" seed 42 # the name\n"
		"profile npcap\n"
		"daemon second\n"
		"link lan0 upper none mtu 9000 filter \"hold:frames=1\" filter \"monitor\" qdisc "
		"kernel\n"
		"link lan1 daemon second peer lan0\n"
		"client c1 on lan1 when-paused wait; client c2 on lan0\n"
		"traffic t1 from c1 udp 10.0.0.1:9 -> 10.0.0.2:9 size 60..1514 rate 20kpps burst 8 "
		"count 10k direction receive\n"
		"traffic t2 from lan1.lower eth type 0x88b5 size 100 rate 1Mbps\n"
		"let runt = 0..13; traffic t3 from c1 arp 10.0.0.1 > 10.0.0.2 cut runt rate 1pps\n"
		"traffic t4 from c1 arp 10.0.0.1 > 10.0.0.2 rate 1pps cut 20\n"
		"traffic t5 from lan1.upper tcp 10.0.0.1:9 -> 10.0.0.2:9 size 60 segments 2..40 "
		"rate 1pps\n"
		"link lan2 offload none\n"
		"start t1; only sim { start t3; }; only live { start all }\n");

	(void)state;
	assert_string_equal(scenario->name, "x y");
	assert_int_equal(scenario->seed, 42);
	assert_int_equal(scenario->profile, LWF_PROFILE_NPCAP);
	assert_int_equal(scenario->daemons, 2);
	assert_int_equal(scenario->links, 3);
	assert_false(scenario->link[0].has_upper);
	assert_true(scenario->link[0].qdisc_kernel);
	assert_int_equal(scenario->link[0].mtu_bytes, 9000);
	assert_int_equal(scenario->link[0].filters, 2);
	assert_string_equal(scenario->link[0].filter[0], "hold:frames=1");
	assert_int_equal(scenario->link[0].peer, 1);
	assert_int_equal(scenario->link[1].peer, 0);
	assert_int_equal(scenario->link[1].daemon, 1);
	assert_true(scenario->client[0].wait_when_paused);
	assert_int_equal(scenario->client[0].link, 1);
	assert_string_equal(scenario->traffic[0].pattern,
			    "udp 10.0.0.1:9 > 10.0.0.2:9 size 60..1514");
	assert_int_equal(scenario->traffic[0].burst, 8);
	assert_int_equal(scenario->traffic[0].count, 10000);
	assert_true(scenario->traffic[0].receive);
	assert_int_equal(scenario->traffic[1].from.kind, STRESS_LOWER);
	assert_true(scenario->traffic[1].bits_per_second > 999999.0);
	assert_false(scenario->traffic[1].is_cut);
	assert_true(scenario->traffic[2].is_cut && scenario->traffic[3].is_cut);
	assert_int_equal(scenario->traffic[2].cut.least, 0);
	assert_int_equal(scenario->traffic[2].cut.most, 13);
	assert_int_equal(scenario->traffic[3].cut.least, 20);
	assert_int_equal(scenario->traffic[3].cut.most, 20);
	assert_string_equal(scenario->traffic[2].pattern, "arp 10.0.0.1 > 10.0.0.2");
	assert_int_equal(scenario->traffic[3].segments.most, 0);
	assert_int_equal(scenario->traffic[4].segments.least, 2);
	assert_int_equal(scenario->traffic[4].segments.most, 40);
	assert_string_equal(scenario->traffic[4].pattern, "tcp 10.0.0.1:9 > 10.0.0.2:9 size 60");
	assert_true(stress_link_is_plain(&scenario->link[0])); /* qdisc kernel */
	assert_false(stress_link_is_plain(&scenario->link[1]));
	assert_true(scenario->link[2].offload_none && stress_link_is_plain(&scenario->link[2]));
	assert_int_equal(scenario->traffic[0].started, STRESS_IN_BOTH);
	assert_int_equal(scenario->traffic[2].started, STRESS_IN_BOTH);
	assert_int_equal(scenario->traffic[3].started, STRESS_IN_LIVE);
	stress_scenario_free(scenario);
}

/* Text, kind and values of each statement of a list. */
static void test_statements(void **state)
{
	static const enum stress_statement_kind kinds[] = {
		STRESS_AFTER,  STRESS_AFTER,  STRESS_EXPECT, STRESS_EXPECT,
		STRESS_ALWAYS, STRESS_FAULTS, STRESS_FAULTS, STRESS_FAULTS,
		STRESS_FAULTS, STRESS_STACK,  STRESS_FILTER, STRESS_FILTER,
		STRESS_NOTE,   STRESS_DRAIN,  STRESS_START,  STRESS_STOP,
	};
	struct stress_scenario *scenario = need(
		HEAD
		"after 5ms\n"
		"after 0ms..20ms   link lan0.lower down   # why\n"
		"expect state(lan0) == running\n"
		"within 200ms expect completed(c1, PAUSED) > 0 and not (sent(lan0.lower) == 0)\n"
		"always expect outstanding(lan0) == 0 while state(lan0/inject) == paused\n"
		"fault lan0 send error ENOBUFS rate 5% for 2s\n"
		"client c1 kill\n"
		"daemon kill; fault memory fail 3\n"
		"stack lan0 pause\n"
		"filter lan0 insert \"hold:frames=1\"\n"
		"filter lan0/hold set \"release=on\"\n"
		"note \"hello\"\n"
		"drain within 1s\n"
		"start all; stop t1\n");
	const struct stress_statement *s = scenario->body;

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++, s = s->next) {
		assert_non_null(s);
		assert_int_equal(s->kind, kinds[i]);
		if (i == 1) {
			assert_int_equal(s->number->kind, STRESS_EXPR_RANGE);
			assert_int_equal(s->number->right->number, 20000000);
			assert_int_equal(s->body->fault, STRESS_FAULT_LINK_DOWN);
			assert_int_equal(s->body->object.kind, STRESS_LOWER);
			assert_int_equal(s->at.line, 5);
			assert_int_equal(s->body->at.column, 19);
			assert_string_equal(s->text, "after 0ms..20ms link lan0.lower down");
		}
		if (i == 5) {
			assert_int_equal(s->fault, STRESS_FAULT_SEND_ERROR);
			assert_int_equal(s->object.kind, STRESS_LOWER);
			assert_string_equal(s->word, "ENOBUFS");
			assert_int_equal(s->share->number, 50000);
			assert_int_equal(s->duration->number, 2000000000);
		}
	}
	assert_null(s);
	stress_scenario_free(scenario);
}

static void test_blocks(void **state)
{
	struct stress_scenario *scenario =
		need(HEAD "repeat 3 as i { repeat for 1s { after 1ms }\n only live { device "
			  "lan0.lower rename x0 }\n }\n"
			  "expect submitted(c1) == completed(c1) +\\\n refused(c1)\n"
			  "expect (submitted(c1)\n == 0)\n");
	const struct stress_statement *s = scenario->body;

	(void)state;
	assert_int_equal(s->kind, STRESS_REPEAT);
	assert_int_equal(s->number->number, 3);
	assert_true(s->body->for_time);
	assert_int_equal(s->body->next->kind, STRESS_ONLY);
	assert_int_equal(s->body->next->worlds, STRESS_IN_LIVE);
	assert_string_equal(s->body->next->body->word, "x0");
	assert_string_equal(s->text, "repeat 3 as i");
	assert_string_equal(s->next->text, "expect submitted(c1) == completed(c1) + refused(c1)");
	stress_scenario_free(scenario);
}

/* What is read is what would be written: precedence, units, names. */
static void test_printing(void **state)
{
	static const char *const texts[] = {
		"submitted(c1) == completed(c1) + refused(c1)",
		"completed(c1, PAUSED) > 3 or state(lan0) != running and not up(lan0.lower) == 1",
		"(submitted(c1) + 1) * 2 <= 7 - (3 - 2)",
		"pause_max(lan0) < 20ms",
		"dropped(lan0.upper, not-running) >= 1 and held(lan0, user) == 1",
		"(state(lan0) == paused or 1 == 1) and rules_broken() == 0",
		"alive(main) == 1",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct stress_scenario *scenario;
		char text[512], shown[256];

		snprintf(text, sizeof(text), HEAD "expect %s\n", texts[i]);
		scenario = need(text);
		stress_expr_show(scenario, scenario->body->condition, shown, sizeof(shown));
		assert_string_equal(shown, texts[i]);
		stress_scenario_free(scenario);
	}
}

/* A text stands where it is looked for in the log. */
static void test_logged(void **state)
{
	struct stress_scenario *scenario =
		need(HEAD "only live { expect logged(main, \"it is gone\") == logged() }\n");
	const struct stress_expr *expr = scenario->body->body->condition;
	char shown[256];

	(void)state;
	assert_string_equal(expr->left->text, "it is gone");
	assert_null(expr->right->text);
	assert_string_equal(stress_expr_show(scenario, expr, shown, sizeof(shown)),
			    "logged(main, \"it is gone\") == logged(main)");
	stress_scenario_free(scenario);
	assert_null(read_text(HEAD "only live { expect logged(main, gone) == 0 }\n"));
	assert_non_null(strstr(problem.text, "a text in quotes"));
	assert_null(read_text(HEAD "only live { expect cpu(main, \"gone\") < 1% }\n"));
	assert_null(read_text(HEAD "expect logged(main) == 0\n"));
	assert_non_null(strstr(problem.text, "only live"));
}

/* It has the unit of what it remembers, and is known to the end of its block. */
static void test_remember(void **state)
{
	struct stress_scenario *scenario =
		need(HEAD "remember n = submitted(c1)\nexpect submitted(c1) == n + 3\n"
			  "repeat 2 as i { after 1ms remember n = submitted(c1) * i }\n"
			  "remember t = pause_max(lan0)\nexpect pause_max(lan0) < t * 2\n");
	const struct stress_statement *s = scenario->body, *inner;
	char shown[256];

	(void)state;
	assert_int_equal(s->kind, STRESS_REMEMBER);
	assert_int_equal(s->next->condition->right->left->number, s->counter);
	assert_string_equal(stress_expr_show(scenario, s->next->condition, shown, sizeof(shown)),
			    "submitted(c1) == n + 3");
	inner = s->next->next->body->body;
	assert_int_equal(inner->counter, s->counter); /* the same thing again */
	assert_int_not_equal(inner->counter, s->next->next->counter);
	assert_int_equal(s->next->next->next->next->condition->unit, STRESS_COUNT);
	stress_scenario_free(scenario);
}

static void test_include(void **state)
{
	struct files files = {{"a.scn", "b.inc", "d/c.inc"},
			      {"include \"b.inc\"\nrepeat 2 { include \"d/c.inc\" }\n", HEAD,
			       "link lan0.lower down\n"}};
	struct files wrong = {{"a.scn", "b.inc"}, {"include \"b.inc\"\n", "link lan0\n  frob\n"}};
	struct files ring = {{"a.scn"}, {"include \"a.scn\"\n"}};
	struct stress_scenario *scenario = read_files(&files);

	(void)state;
	assert_non_null(scenario);
	assert_int_equal(scenario->body->body->fault, STRESS_FAULT_LINK_DOWN);
	assert_string_equal(scenario->body->body->at.file, "d/c.inc");
	stress_scenario_free(scenario);
	assert_null(read_files(&wrong));
	assert_memory_equal(problem.text, "b.inc:2:3: ", 11);
	assert_null(read_files(&ring));
	assert_non_null(strstr(problem.text, "itself"));
}

/* More names than are kept; files that include others again and again: a few would be millions. */
static void test_many_includes(void **state)
{
	char wide[64 * 18 + 1] = "", large[40000] = "";
	struct files bomb = {{"a.scn", "b.inc", "c.inc"}, {wide, wide + 18, "note \"x\"\n"}};
	struct files heavy = {{"a.scn", "b.inc"}, {wide, large}};

	(void)state;
	for (size_t i = 0; i < 64; i++)
		memcpy(wide + i * 18, "include \"b.inc\"  \n", 19);
	for (size_t i = 0; i < 1001; i++)
		snprintf(large + strlen(large), sizeof(large) - strlen(large), "let v%zu = 1\n", i);
	assert_null(read_text(large));
	assert_memory_equal(problem.text, "a.scn:1001:11: 1000 variables", 29);
	memset(large, '#', sizeof(large) - 1);
	assert_null(read_files(&heavy));
	assert_memory_equal(problem.text, "b.inc:1:", 8);
	assert_non_null(strstr(problem.text, "2097152 bytes are the most"));
	bomb.text[1] = strdup(wide);
	assert_non_null(bomb.text[1]);
	for (char *at = (char *)(uintptr_t)bomb.text[1]; (at = strstr(at, "b.inc")); at++)
		*at = 'c';
	assert_null(read_files(&bomb));
	assert_memory_equal(problem.text, "b.inc:", 6);
	assert_non_null(strstr(problem.text, "1000 files are the most"));
	free((void *)(uintptr_t)bomb.text[1]);
}

static void test_variables(void **state)
{
	struct files files = {{"a.scn"},
			      {HEAD "let n = 1000\nlet gap = 1ms..2ms\nrepeat n { after gap }\n"}};
	struct stress_source source = {read_memory, &files};
	struct stress_setting settings[] = {{"n", "5", false}, {"gap", "7ms", false}};
	struct stress_setting bad[] = {{"n", "5ms", false}}, unknown[] = {{"m", "5", false}};
	struct stress_scenario *scenario = NULL;

	(void)state;
	scenario = need(files.text[0]);
	assert_int_equal(scenario->body->number->number, 1000);
	stress_scenario_free(scenario);
	assert_int_equal(stress_scenario_read(&source, "a.scn", settings, 2, &scenario, &problem),
			 0);
	assert_int_equal(scenario->body->number->number, 5);
	assert_int_equal(scenario->body->body->number->number, 7000000);
	assert_string_equal(scenario->variables->value, "7ms");
	stress_scenario_free(scenario);
	assert_int_not_equal(stress_scenario_read(&source, "a.scn", bad, 1, &scenario, &problem),
			     0);
	assert_non_null(strstr(problem.text, "another unit"));
	assert_int_not_equal(
		stress_scenario_read(&source, "a.scn", unknown, 1, &scenario, &problem), 0);
	assert_non_null(strstr(problem.text, "--set m"));
}

/* Where the problem is, and a word of what is said. */
struct wrong {
	const char *text;
	unsigned line, column;
	const char *says;
};

static void expect_wrong(const struct wrong *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char place[32];

		snprintf(place, sizeof(place), "a.scn:%u:%u: ", rows[i].line, rows[i].column);
		if (read_text(rows[i].text))
			fail_msg("row %zu is understood: %s", i, rows[i].text);
		if (strncmp(problem.text, place, strlen(place)) != 0 ||
		    !strstr(problem.text, rows[i].says))
			fail_msg("row %zu, wanted %s %s: %s", i, place, rows[i].says, problem.text);
	}
}

static void test_problems(void **state)
{
	static const struct wrong rows[] = {
		{"frob\n", 1, 1, "begins no statement"},
		{"", 1, 1, "there is nothing in it"},
		{"scenario \"a\"\n# link lan0\n", 1, 1, "there is nothing in it"},
		{"\357\273\277frob\n", 1, 1, "'frob' begins no statement"},
		{HEAD "after 1ms lan0.lower down\n", 4, 11, "happens to it: link lan0 down"},
		{HEAD "c1 kill\n", 4, 1, "say what happens to it: client c1 kill"},
		{HEAD "memory fail 3\n", 4, 1, "write: fault [OBJECT] memory ..."},
		{"repaet 3 { }\n", 1, 1, "did you mean 'repeat'?"},
		{"expect state(lan0) == running\n", 1, 14, "nothing is called 'lan0'"},
		{HEAD "within 200ms expect state(lan0) == pausd\n", 4, 36, "did you mean"},
		{HEAD "expect state(lan0) < running\n", 4, 22, "not more or less"},
		{HEAD "expect state(lan0) == 3\n", 4, 23, "stands beside"},
		{HEAD "expect pause_max(lan0) < 3\n", 4, 26, "stands beside"},
		{HEAD "expect state(lan0)\n", 4, 8, "no condition"},
		{HEAD "expect state(lan0) = running\n", 4, 20, "write =="},
		{HEAD "expect state(c1) == running\n", 4, 14, "is wanted here"},
		{HEAD "expect completed(c1, PAUSD) > 0\n", 4, 22, "did you mean 'PAUSED'?"},
		{HEAD "after 200 link lan0.lower down\n", 4, 7, "how long to wait"},
		{HEAD "after 20ms..5ms\n", 4, 7, "smaller to the larger"},
		{HEAD "after\n", 4, 6, "is wanted, not the end of the line"},
		{HEAD "link lan0.lower frob\n", 4, 17, "there is no fault 'link frob'"},
		{HEAD "link lan1.lower down\n", 4, 6, "there is no link 'lan1'"},
		{HEAD "client c2 kill\n", 4, 8, "there is no client 'c2'"},
		{HEAD "client c1 kill for\n", 4, 19, "how long"},
		{HEAD "client c1 cancel for 2s\n", 4, 18, "nothing undoes"},
		{HEAD "fault netlink overrun\n", 4, 1, "only live"},
		{HEAD "expect cpu() < 1%\n", 4, 8, "only live"},
		{HEAD "link lan0.lower mac 03:00:00:00:00:01\n", 4, 21, "no MAC of an interface"},
		{HEAD "link lan0.lower mtu 20\n", 4, 21, "an MTU is 68 to 65535"},
		{HEAD "link lan0.lower mtu 60..1500\n", 4, 21, "an MTU is 68 to 65535"},
		{HEAD "device lan0.lower rename a-name-too-long-x\n", 4, 26, "can be called"},
		{HEAD "fault lan0.lower send error EFROB\n", 4, 29, "'EFROB' is no errno"},
		{HEAD "fault lan0.lower client kill\n", 4, 7, "cannot happen to that"},
		{HEAD "stack lan0 frob\n", 4, 12, "can be done to no stack"},
		{HEAD "filter lan0 remove\n", 4, 8, "a module is wanted"},
		{HEAD "start t2\n", 4, 7, "there is no traffic 't2'"},
		{HEAD "repeat 3 {\n after 1ms\n", 4, 10, "no '}'"},
		{HEAD "}\n", 4, 1, "no block to end"},
		{HEAD "repeat 3 { link lan9 }\n", 4, 12, "inside a block"},
		{HEAD "client lan0 on lan0\n", 4, 8, "is there already"},
		{HEAD "link while\n", 4, 6, "a word of the language"},
		{HEAD "note \"open\n", 4, 6, "without its second"},
		{HEAD "include \"none.inc\"\n", 4, 9, "cannot be read"},
		{HEAD "let running = 3\n", 4, 5, "has a meaning already"},
		{HEAD "let n = 3; let n = 4\n", 4, 16, "is there already"},
		{"link a offload all\n", 1, 16, "'none'"},
		{"scenario \"a\"\nscenario \"b\"\n", 2, 10, "already"},
		{"profile frob\n", 1, 9, "no profile"},
		{"link a mtu 12\n", 1, 12, "an MTU is"},
		{"link a mtu 99999999999999999999\n", 1, 12, "no number"},
		{"expect 1 == 1 2\n", 1, 15, "the end of the statement"},
		{"expect ((((((((((((((((((1))))))))))))))))))\n", 1, 24, "parentheses"},
		{"note \"a\" \"b\"\n", 1, 10, "the end of the statement"},
		{"expect \x01\n", 1, 8, "is wanted"},
	};

	(void)state;
	expect_wrong(rows, sizeof(rows) / sizeof(rows[0]));
}

/* Nothing but UTF-8 is read; a character is one, where none is wanted and where a text is cut. */
static void test_bytes(void **state)
{
	static const struct wrong rows[] = {
		{"link lan0\nnote \"caf\xe9\" # so\n", 2, 10, "byte 0xe9 is no text in UTF-8"},
		{"# \xff\n", 1, 3, "save it as UTF-8"},
		{HEAD "\xc3\xa9\n", 4, 1, "not '\xc3\xa9'"},
		{"link a \xc3\xa9\xc3\xa9\n", 1, 8, "not '\xc3\xa9'"},
		{"note \"\" \"1234567890123456789012345678901234567890123456\xc3\xa9\"\n", 1, 9,
		 "not '1234567890123456789012345678901234567890123456'"},
	};
	struct files files = {{"a.scn", "b.inc"}, {"include \"b.inc\"\n", "link lan0\n\n \xe9\n"}};
	struct stress_scenario *scenario =
		need("scenario \"caf\xc3\xa9\"\nlink lan0\nnote \"\xe2\x82\xac\"\n");

	(void)state;
	assert_string_equal(scenario->name, "caf\xc3\xa9");
	assert_string_equal(scenario->body->text, "\xe2\x82\xac");
	stress_scenario_free(scenario);
	expect_wrong(rows, sizeof(rows) / sizeof(rows[0]));
	assert_null(read_files(&files));
	assert_memory_equal(problem.text, "b.inc:3:2: byte 0xe9", 20);
}

/* @first, then @more so many times. */
static struct stress_scenario *read_long(const char *first, const char *more, unsigned times)
{
	size_t bytes = strlen(first) + times * strlen(more) + 1, used;
	char *text = malloc(bytes);
	struct stress_scenario *scenario;

	assert_non_null(text);
	used = (size_t)snprintf(text, bytes, "%s", first);
	for (unsigned i = 0; i < times; i++)
		used += (size_t)snprintf(text + used, bytes - used, "%s", more);
	scenario = read_text(text);
	free(text);
	return scenario;
}

/* An expression has at most 1000 parts, as it is walked over: with all that its variables hold. */
static void test_parts(void **state)
{
	static const char *const rows[][2] = {
		{"let a = 1", "+1"},
		{"let a = 1", "*1"},
		{"link lan0\nexpect 1", " and 1"},
		{"link lan0\nexpect 1", " or not 1"},
		{"link lan0\nexpect 1 == 1", " - 1"},
	};
	char text[4096] = "let v0 = 1 + 1\n";
	size_t used = strlen(text);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stress_scenario *scenario = read_long(rows[i][0], rows[i][1], 300);

		assert_non_null(scenario);
		stress_scenario_free(scenario);
		assert_null(read_long(rows[i][0], rows[i][1], 501));
		assert_non_null(strstr(problem.text, "more than 1000 parts"));
		assert_null(read_long(rows[i][0], rows[i][1], 100000));
		assert_non_null(strstr(problem.text, "more than 1000 parts"));
	}
	for (unsigned i = 1; i < 40; i++) /* each twice as large as the one before */
		used += (size_t)snprintf(text + used, sizeof(text) - used, "let v%u = v%u + v%u\n",
					 i, i - 1, i - 1);
	assert_null(read_text(text));
	assert_memory_equal(problem.text, "a.scn:9:15: an expression of more than 1000 parts", 48);
}

/* What is declared again is no fault, and what happens to it is. */
static void test_again(void **state)
{
	static const struct wrong rows[] = {
		{HEAD "link lan0\n", 4, 6,
		 "'lan0' is there already; use another name, or say what"},
		{HEAD "link lan0 upper tap mtu 1500\n", 4, 6, "'lan0' is there already"},
		{HEAD "link lan0 qdisc kernel\n", 4, 6, "'lan0' is there already"},
		{HEAD "client c1 on lan0\n", 4, 8, "'c1' is there already"},
		{HEAD "daemon d2; daemon d2\n", 4, 19, "'d2' is there already"},
		{HEAD "daemon main\n", 4, 8, "'main' is there already"},
		{HEAD "client c1\n", 4, 10, "what happens to it"},
		{HEAD "repeat 3 { link lan0 }\n", 4, 22, "what happens to it"},
		{HEAD "link lan0 mtu 1400 upper tap\n", 4, 20, "the end of the statement"},
	};

	(void)state;
	expect_wrong(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_problems_of_traffic(void **state)
{
	static const struct wrong rows[] = {
		{HEAD "traffic t2 from c1 frob 1 rate 3pps\n", 4, 20, ""},
		{HEAD "traffic t2 from c1 arp 10.0.0.1 > 10.0.0.2\n", 4, 9, "has no rate"},
		{HEAD "traffic t2 from c1 arp 10.0.0.1 > 10.0.0.2 rate 3\n", 4, 49, "no rate"},
		{HEAD "traffic t2 from c1 arp 10.0.0.1 > 10.0.0.2 cut\n", 4, 47, "where a frame"},
		{HEAD "traffic t2 from c1 arp 10.0.0.1 > 10.0.0.2 cut 70k\n", 4, 48,
		 "a number up to"},
		{HEAD "traffic t2 from c1 tcp 10.0.0.1:1 > 10.0.0.2:2 size 60 segments 2\n", 4, 65,
		 "leaves nothing"},
		{HEAD "traffic t2 from lan0.upper arp 10.0.0.1 > 10.0.0.2 segments 2\n", 4, 61,
		 "tcp or udp"},
		{HEAD "traffic t2 from lan0.upper tcp 10.0.0.1:1 > 10.0.0.2:2 segments 0\n", 4, 65,
		 "at least one"},
	};

	(void)state;
	expect_wrong(rows, sizeof(rows) / sizeof(rows[0]));
}

static void test_problems_of_remembering(void **state)
{
	static const struct wrong rows[] = {
		{HEAD "remember paused = 3\n", 4, 10, "has a meaning already"},
		{HEAD "let n = 3; remember n = 4\n", 4, 21, "is there already"},
		{HEAD "remember n = 3; remember n = 4ms\n", 4, 30, "had another unit"},
		{HEAD "only sim { remember n = 3 }; expect n == 3\n", 4, 37, "is no quantity"},
		{HEAD "remember n = pause_max(lan0); expect n == 3\n", 4, 43, "stands beside"},
		{HEAD "remember n\n", 4, 11, "is wanted"},
		{HEAD "daemon kil\nafter 1ms\n", 4, 8, "has no link; did you mean 'kill'?"},
		{HEAD "after 1ms daemon kil\n", 4, 18, "there is no fault 'daemon kil'"},
		{HEAD "daemon other\n", 4, 8, "give it one: link NAME daemon other"},
	};

	(void)state;
	expect_wrong(rows, sizeof(rows) / sizeof(rows[0]));
}

/* The caret stands under the place, also behind tabs and in a line that is too long to be shown. */
static void test_caret(void **state)
{
	char text[1024], *line, *caret;

	(void)state;
	assert_null(read_text("\t\tfrob 1\n"));
	assert_string_equal(strchr(problem.text, '\n'), "\n   frob 1\n   ^");
	memset(text, 'x', 400);
	snprintf(text + 400, sizeof(text) - 400, " \n");
	for (size_t i = 0; i < 7; i++)
		text[i] = "expect "[i];
	assert_null(read_text(text));
	snprintf(text, sizeof(text), "%s%300s frob\n", "note \"a\"", "");
	assert_null(read_text(text));
	line = strchr(problem.text, '\n') + 1;
	caret = strchr(line, '\n') + 1;
	assert_int_equal(strstr(line, "frob") - line, strchr(caret, '^') - caret);
	assert_true(caret - line < 120);
	snprintf(text, sizeof(text), "%s%900s frob\n", "note \"a\"", "");
	assert_null(read_text(text));
	line = strchr(problem.text, '\n') + 1;
	assert_non_null(strstr(line, "frob"));
	assert_non_null(strchr(line, '^'));
}

/* docs/scenarios.md explains every word, fault and quantity. */
static void test_documented(void **state)
{
	char *text = NULL, word[128];
	size_t bytes;
	const char *name;

	(void)state;
	assert_int_equal(
		stress_disk.read(NULL, NULL, LWF_SOURCE_DIR "/docs/scenarios.md", &text, &bytes),
		0);
	for (unsigned i = 0; (name = stress_keyword(i)); i++)
		if (!strstr(text, name))
			fail_msg("the word '%s' is not in docs/scenarios.md", name);
	for (unsigned i = 0; i < STRESS_QUANTITIES; i++) {
		snprintf(word, sizeof(word), "`%s(",
			 stress_quantity_row((enum stress_quantity)i)->name);
		if (!strstr(text, word))
			fail_msg("the quantity %s) is not in docs/scenarios.md", word);
	}
	for (unsigned i = 0; i < STRESS_FAULT_NONE; i++) {
		snprintf(word, sizeof(word), "`%s", stress_fault_row((enum stress_fault)i)->words);
		if (!strstr(text, word))
			fail_msg("the fault %s` is not in docs/scenarios.md", word);
	}
	free(text);
}

/* Each row can be found, and what undoes it exists. */
static void test_vocabulary(void **state)
{
	(void)state;
	for (unsigned i = 0; i < STRESS_FAULT_NONE; i++) {
		const struct stress_fault_row *row = stress_fault_row((enum stress_fault)i);

		assert_int_equal(stress_fault_find(row->words), i);
		assert_true(row->worlds & STRESS_IN_BOTH);
		assert_true((unsigned)row->undo <= STRESS_FAULT_NONE);
		if (row->undo != STRESS_FAULT_NONE)
			assert_int_equal(stress_fault_row(row->undo)->objects & row->objects,
					 row->objects);
	}
	for (unsigned i = 0; i < STRESS_QUANTITIES; i++)
		assert_int_equal(
			stress_quantity_find(stress_quantity_row((enum stress_quantity)i)->name),
			i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_declarations), cmocka_unit_test(test_statements),
		cmocka_unit_test(test_blocks),	     cmocka_unit_test(test_printing),
		cmocka_unit_test(test_include),	     cmocka_unit_test(test_variables),
		cmocka_unit_test(test_problems),     cmocka_unit_test(test_problems_of_traffic),
		cmocka_unit_test(test_again),	     cmocka_unit_test(test_logged),
		cmocka_unit_test(test_bytes),	     cmocka_unit_test(test_caret),
		cmocka_unit_test(test_documented),   cmocka_unit_test(test_vocabulary),
		cmocka_unit_test(test_remember),     cmocka_unit_test(test_problems_of_remembering),
		cmocka_unit_test(test_parts),	     cmocka_unit_test(test_many_includes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
