/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_shrink.c - makes a scenario that fails shorter.
 *
 * Delta debugging over lines: what the failure does not need goes, first in large pieces; a block's
 * two ends may go and leave what is inside; numbers of rounds become small. A shorter text counts
 * when it can be read and fails in the same way: the same expectation, or the same rule. What a
 * range draws depends on all draws before it, so each text is tried with a few seeds. A text that goes
 * on for much longer than the first one did has lost what made it fail, maybe what ends it: it is not alike.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "stress.h"
#include "text.h"

#define LINES_MAX      20000u
#define SEEDS_TRIED    3u
#define DEFAULT_FOR_NS 60000000000ull
#define TRY_TIMES      10u /* as long as the first run may a try take, and */
#define TRY_MORE_NS    1000000000ull

struct shrinker {
	struct stress_line *line;
	struct stress_plan plan;
	const char *file;
	char *text;   /* all lines, each ended by 0 */
	char **lines; /* that are left */
	uint32_t count;
	uint64_t seed;			     /* with which it fails */
	char header[STRESS_TEXT_BYTES + 48]; /* says that seed */
	char name[STRESS_TEXT_BYTES];
	struct stress_failure failure; /* as it failed at first */
	uint64_t until_ns, try_ns;
	uint32_t tries;
};

/* ---- a text in memory, with its includes on the disk ---- */

struct memory {
	const struct shrinker *shrinker;
	char *const *lines;
	uint32_t count;
};

static int memory_read(void *context, const char *from, const char *file, char **text,
		       size_t *bytes)
{
	const struct memory *memory = context;
	size_t room = 1, used = 0;

	if (from)
		return stress_disk.read(stress_disk.context, from, file, text, bytes);
	for (uint32_t i = 0; i < memory->count; i++)
		room += strlen(memory->lines[i]) + 1;
	*text = malloc(room);
	if (!*text)
		return -ENOMEM;
	for (uint32_t i = 0; i < memory->count; i++)
		used += (size_t)sprintf(*text + used, "%s\n", memory->lines[i]);
	*bytes = used;
	return 0;
}

/* Whether both tell of the same rule: "lan0: rule P01: ..." */
static bool same_rule(const char *a, const char *b)
{
	a = strstr(a, "rule ");
	b = strstr(b, "rule ");
	return a && b && strcspn(a, ":") == strcspn(b, ":") && memcmp(a, b, strcspn(a, ":")) == 0;
}

/* What was expected is the kind of a failure; of broken rules, it is which one. */
static bool alike(const struct stress_failure *a, const struct stress_failure *b)
{
	if (strcmp(a->expected, b->expected) != 0)
		return false;
	return strcmp(a->expected, "no rule is broken") != 0 || same_rule(a->found, b->found);
}

static uint64_t end_of_try(const struct shrinker *shrinker)
{
	uint64_t end = stress_clock_ns() + shrinker->try_ns;

	return end < shrinker->until_ns ? end : shrinker->until_ns;
}

static bool fails_alike(struct shrinker *shrinker, char *const *lines, uint32_t count)
{
	struct memory memory = {shrinker, lines, count};
	struct stress_source source = {memory_read, &memory};
	static struct stress_record record;
	struct stress_scenario *scenario;
	struct stress_problem problem;
	bool same = false;

	if (stress_clock_ns() > shrinker->until_ns ||
	    stress_scenario_read(&source, shrinker->file, shrinker->line->setting,
				 shrinker->line->settings, &scenario, &problem))
		return false;
	shrinker->plan.scenario = scenario;
	for (uint64_t i = 0; !same && i < SEEDS_TRIED; i++) {
		uint64_t seed = i ? i : shrinker->seed;

		shrinker->tries++;
		if (stress_try(&shrinker->plan, seed, end_of_try(shrinker), &record) < 0)
			break;
		same = record.verdict == STRESS_FAILED &&
		       alike(&record.failure, &shrinker->failure);
		if (same)
			shrinker->seed = seed;
		stress_record_fini(&record);
	}
	stress_scenario_free(scenario);
	return same;
}

/* ---- smaller texts ---- */

/* Without lines [from, from + n): true when it still fails, and they are gone. */
static bool drop(struct shrinker *shrinker, uint32_t from, uint32_t n)
{
	char **shorter = malloc(shrinker->count * sizeof(*shorter));
	uint32_t count = 0;

	if (!shorter)
		return false;
	for (uint32_t i = 0; i < shrinker->count; i++)
		if (i < from || i >= from + n)
			shorter[count++] = shrinker->lines[i];
	if (!fails_alike(shrinker, shorter, count)) {
		free(shorter);
		return false;
	}
	free(shrinker->lines);
	shrinker->lines = shorter;
	shrinker->count = count;
	return true;
}

static bool drop_pieces(struct shrinker *shrinker)
{
	bool any = false;

	for (uint32_t n = shrinker->count / 2; n > 0; n /= 2)
		for (uint32_t at = 0; at < shrinker->count;)
			if (at + n <= shrinker->count && drop(shrinker, at, n))
				any = true;
			else
				at += n;
	return any;
}

static bool is_open(const char *line)
{
	size_t n = strcspn(line, "#");

	while (n && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	return n && line[n - 1] == '{';
}

static bool is_close(const char *line)
{
	return line[strspn(line, " \t")] == '}';
}

/* Line of the '}' that belongs to the '{' of line @at. */
static uint32_t end_of(const struct shrinker *shrinker, uint32_t at)
{
	uint32_t depth = 0;

	for (; at < shrinker->count; at++) {
		if (is_close(shrinker->lines[at]) && --depth == 0)
			return at;
		depth += is_open(shrinker->lines[at]);
	}
	return at;
}

/* A block goes as a whole, or its two ends do. */
static bool drop_blocks(struct shrinker *shrinker)
{
	bool any = false;

	for (uint32_t at = 0; at < shrinker->count; at++) {
		uint32_t end;
		char *open, *close;

		if (!is_open(shrinker->lines[at]))
			continue;
		end = end_of(shrinker, at);
		if (end == shrinker->count)
			continue;
		if (drop(shrinker, at, end - at + 1)) {
			any = true;
			at--;
			continue;
		}
		open = shrinker->lines[at];
		close = shrinker->lines[end];
		shrinker->lines[at] = shrinker->lines[end] = (char *)"";
		if (fails_alike(shrinker, shrinker->lines, shrinker->count)) {
			any = true;
			continue;
		}
		shrinker->lines[at] = open;
		shrinker->lines[end] = close;
	}
	return any;
}

/* "repeat 1000 {" with fewer rounds: the same text, blanks in place of digits. */
static bool fewer_rounds(struct shrinker *shrinker)
{
	bool any = false;

	for (uint32_t i = 0; i < shrinker->count; i++) {
		char *digits = strstr(shrinker->lines[i], "repeat "), *end, old[24];
		unsigned long long rounds;
		size_t room;

		if (!digits || digits[7] < '0' || digits[7] > '9')
			continue;
		digits += 7;
		rounds = strtoull(digits, &end, 10);
		room = (size_t)(end - digits);
		while (rounds > 1 && room < sizeof(old) && (*end == ' ' || *end == '{')) {
			memcpy(old, digits, room);
			snprintf(old, sizeof(old), "%-*llu", (int)room, rounds / 2);
			for (size_t k = 0; k < room; k++) {
				char c = digits[k];

				digits[k] = old[k];
				old[k] = c;
			}
			if (!fails_alike(shrinker, shrinker->lines, shrinker->count)) {
				memcpy(digits, old, room);
				break;
			}
			rounds /= 2;
			any = true;
		}
	}
	return any;
}

/* ---- the command ---- */

static int load(struct shrinker *shrinker)
{
	size_t bytes, n = 0;
	int err = stress_disk.read(stress_disk.context, NULL, shrinker->file, &shrinker->text,
				   &bytes);

	if (err)
		return err;
	for (size_t i = 0; i < bytes; i++)
		n += shrinker->text[i] == '\n';
	if (n + 1 > LINES_MAX)
		return -EFBIG;
	shrinker->lines = malloc((n + 1) * sizeof(*shrinker->lines));
	if (!shrinker->lines)
		return -ENOMEM;
	for (char *at = shrinker->text; at && *at;) {
		char *end = strchr(at, '\n');

		shrinker->lines[shrinker->count++] = at;
		if (end)
			*end++ = '\0';
		at = end;
	}
	return 0;
}

static bool is_header(const char *line)
{
	line += strspn(line, " \t");
	return strncmp(line, "scenario", 8) == 0 && (line[8] == ' ' || line[8] == '\t') &&
	       !strchr(line, ';');
}

/* The result says its seed itself, so that it fails however it is run. */
static void put_header(struct shrinker *shrinker)
{
	char **lines = malloc((shrinker->count + 1) * sizeof(*lines));
	uint32_t at = 0, count = 0;

	while (at < shrinker->count && !is_header(shrinker->lines[at]))
		at++;
	if (!lines)
		return;
	snprintf(shrinker->header, sizeof(shrinker->header), "scenario \"%s\" seed %" PRIu64,
		 shrinker->name[0] ? shrinker->name : "shrunk", shrinker->seed);
	if (at == shrinker->count)
		lines[count++] = shrinker->header;
	for (uint32_t i = 0; i < shrinker->count; i++)
		lines[count++] = i == at ? shrinker->header : shrinker->lines[i];
	shrinker->until_ns = UINT64_MAX;	    /* this one try, when the time is over, too */
	if (!fails_alike(shrinker, lines, count)) { /* the header is in a file that it includes */
		free(lines);
		return;
	}
	free(shrinker->lines);
	shrinker->lines = lines;
	shrinker->count = count;
}

static int put_result(const struct shrinker *shrinker, const char *path)
{
	FILE *out = path ? fopen(path, "we") : stdout;
	bool lost = false;

	if (!out)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, path, NULL, "%s",
				    strerror(errno));
	for (uint32_t i = 0; i < shrinker->count; i++)
		lost |= fprintf(out, "%s\n", shrinker->lines[i]) < 0;
	if (path)
		lost |= fclose(out) != 0;
	if (lost)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_FALSE, path ? path : "standard output",
				    NULL, "a write failed");
	return LWF_EXIT_OK;
}

static int shrink(struct shrinker *shrinker)
{
	static struct stress_record record;
	uint32_t before = shrinker->count;
	const char *path = shrinker->line->value[STRESS_OPTION_OUTPUT];
	bool json = shrinker->line->value[STRESS_OPTION_JSON] != NULL;
	uint64_t began_ns = stress_clock_ns();
	int code = stress_try(&shrinker->plan, shrinker->plan.seed, shrinker->until_ns, &record);

	if (code == -ETIMEDOUT)
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_FALSE, shrinker->file,
				    "give it more time with --for",
				    "with seed %" PRIu64 " it did not come to its end in time",
				    shrinker->plan.seed);
	if (code < 0 || record.verdict != STRESS_FAILED) {
		stress_record_fini(&record);
		return lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_FALSE, shrinker->file,
				    "find a seed that fails: lwf-stress run FILE --count 1000",
				    "with seed %" PRIu64 " it does not fail", shrinker->plan.seed);
	}
	shrinker->failure = record.failure;
	shrinker->seed = shrinker->plan.seed;
	shrinker->try_ns = TRY_TIMES * (stress_clock_ns() - began_ns) + TRY_MORE_NS;
	stress_record_fini(&record);
	while (stress_clock_ns() < shrinker->until_ns) {
		bool any = drop_blocks(shrinker);

		any |= drop_pieces(shrinker);
		any |= fewer_rounds(shrinker);
		if (!any)
			break;
	}
	put_header(shrinker);
	lwf_cli_note(STRESS_PROGRAM,
		     "%s: %u lines of %u are left after %u tries; it fails with --seed %" PRIu64
		     "%s",
		     shrinker->file, shrinker->count, before, shrinker->tries, shrinker->seed,
		     shrinker->plan.settings);
	if (!json || path)
		code = put_result(shrinker, path);
	else
		code = LWF_EXIT_OK;
	if (json)
		lwf_cli_json(json_pack("{s:i,s:i,s:i,s:I,s:o}", "lines", (int)shrinker->count,
				       "lines_before", (int)before, "tries", (int)shrinker->tries,
				       "seed", (json_int_t)shrinker->seed, "expected",
				       stress_text_json(shrinker->failure.expected)));
	return code;
}

int stress_cmd_shrink(struct stress_line *line)
{
	static struct shrinker shrinker;
	struct stress_scenario *scenario;
	int code = stress_line_read(line, line->file[0], &scenario), err;

	if (code)
		return code;
	shrinker.line = line;
	shrinker.file = line->file[0];
	snprintf(shrinker.name, sizeof(shrinker.name), "%s", scenario->name);
	code = stress_line_plan(line, scenario, line->file[0], &shrinker.plan);
	if (!code && line->value[STRESS_OPTION_OUTPUT])
		code = stress_check_output("--output", line->value[STRESS_OPTION_OUTPUT]);
	err = code ? 0 : load(&shrinker);
	if (err)
		code = lwf_cli_fail(STRESS_PROGRAM, LWF_EXIT_USAGE, shrinker.file, NULL, "%s",
				    strerror(-err));
	if (!code) {
		shrinker.until_ns = stress_clock_ns() +
				    (shrinker.plan.for_ns ? shrinker.plan.for_ns : DEFAULT_FOR_NS);
		code = shrink(&shrinker);
	}
	free(shrinker.lines);
	free(shrinker.text);
	stress_scenario_free(scenario);
	return lwf_cli_finish(STRESS_PROGRAM, code);
}
