/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * script.c - actions as lines: the tables of verbs and parameters, writing, reading.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <lwf/profile.h>

#include "script.h"

static const char *const sim_words_by[] = {"user", "user-detach", NULL};
static const char *const sim_words_event[] = {"down",	     "up",	   "remove",	"return",
					      "carrier-off", "carrier-on", "force-off", "force-on",
					      "restore",     NULL};
static const char *const sim_words_side[] = {"lower", "upper", NULL};
static const char *const sim_words_reason[] = {
	"device-error", "queue-timeout",   "queue-full", "cancelled",
	"not-running",	"adapter-removed", "no-carrier", NULL};
static const char *const sim_words_oid[] = {
	"mtu", "link-speed", "packet-filter", "mac", "link-state", "statistics", NULL};
static const char *const sim_words_manner[] = {"gone", "keeps",	  "tells",  "denies", "passes",
					       "lies", "repeats", "floods", NULL};
static const char *const sim_words_profile[] = {
#define X(sym, name) name,
	LWF_PROFILE_LIST(X)
#undef X
		NULL};
static const char *const sim_words_do[] = {"nothing",	      "disconnect", "pause", "resume",
					   "remove",	      "answer",	    "pump",  "cancel",
					   "disconnect-next", NULL};

static const struct {
	const char *name;
	const char *const *words;
} keys[] = {
#define X(sym, name, words) {name, words},
	SIM_KEY_LIST(X)
#undef X
};

static const struct {
	const char *name;
	bool whole;
	const char *text;
} verbs[] = {
#define X(sym, name, whole, text) {name, whole, text},
	SIM_VERB_LIST(X)
#undef X
};

#define KEY(sym) (UINT64_C(1) << SIM_KEY_##sym)

static const uint64_t verb_keys[SIM_VERBS] = {
	[SIM_VERB_WORLD] = KEY(DICE) | KEY(PROFILE) | KEY(DETAILS),
	[SIM_VERB_OPEN] = KEY(UPPER),
	[SIM_VERB_INSERT] = KEY(AT),
	[SIM_VERB_REMOVE] = KEY(AT),
	[SIM_VERB_RESTART_FILTER] = KEY(AT),
	[SIM_VERB_SET] = KEY(AT),
	[SIM_VERB_CONNECT] = KEY(CLIENT) | KEY(WAIT) | KEY(EAGER),
	[SIM_VERB_DISCONNECT] = KEY(CLIENT),
	[SIM_VERB_SUBMIT] =
		KEY(CLIENT) | KEY(FRAMES) | KEY(BYTES) | KEY(UP) | KEY(BAD) | KEY(BUDGET),
	[SIM_VERB_PUMP] = KEY(CLIENT) | KEY(BUDGET),
	[SIM_VERB_CANCEL] = KEY(CLIENT) | KEY(ID),
	[SIM_VERB_ON_ANSWER] = KEY(CLIENT) | KEY(AFTER) | KEY(DO),
	[SIM_VERB_ON_STATE] = KEY(CLIENT) | KEY(AFTER) | KEY(DO),
	[SIM_VERB_ASK] = KEY(ID) | KEY(OID) | KEY(SET) | KEY(BAD) | KEY(TIMEOUT),
	[SIM_VERB_CANCEL_ASK] = KEY(ID),
	[SIM_VERB_TRAFFIC] = KEY(SIDE) | KEY(FRAMES) | KEY(BYTES) | KEY(FLOW),
	[SIM_VERB_JUDGE] = KEY(CLIENT) | KEY(MANNER) | KEY(BUDGET) | KEY(AFTER),
	[SIM_VERB_TELL] = KEY(CLIENT) | KEY(FRAMES) | KEY(BAD) | KEY(ID) | KEY(SET),
	[SIM_VERB_HOLD] = KEY(BY),
	[SIM_VERB_RELEASE] = KEY(BY),
	[SIM_VERB_LINK] = KEY(EVENT),
	[SIM_VERB_DEVICE] = KEY(SIDE) | KEY(DELAY) | KEY(JITTER) | KEY(REORDER) | KEY(MERGE) |
			    KEY(SPLIT) | KEY(NEVER) | KEY(FAIL) | KEY(REASON) | KEY(ROOM) |
			    KEY(ATTACH_FAILS) | KEY(LEND) | KEY(OID_DELAY) | KEY(OID_NEVER) |
			    KEY(OID_FAILS),
	[SIM_VERB_ANSWER] = KEY(SIDE) | KEY(FRAMES),
	[SIM_VERB_FAIL_ALLOC] = KEY(NTH),
	[SIM_VERB_RUN] = KEY(US),
};

bool sim_verb_has(enum sim_verb verb, enum sim_key key)
{
	return verb_keys[verb] >> key & 1;
}

bool sim_verb_has_text(enum sim_verb verb)
{
	return verbs[verb].text != NULL;
}

bool sim_key_is_word(enum sim_key key)
{
	return keys[key].words != NULL;
}

void sim_action_print(const struct sim_action *action, char *line, size_t bytes)
{
	size_t at = (size_t)snprintf(line, bytes, "%s", verbs[action->verb].name);

	if (!verbs[action->verb].whole && at < bytes)
		at += (size_t)snprintf(line + at, bytes - at, " s%u", action->stack);
	for (unsigned i = 0; i < SIM_KEYS && at < bytes; i++) {
		uint32_t value = action->value[i];

		if (!sim_verb_has(action->verb, i))
			continue;
		if (keys[i].words)
			at += (size_t)snprintf(line + at, bytes - at, " %s=%s", keys[i].name,
					       keys[i].words[value]);
		else if (value)
			at += (size_t)snprintf(line + at, bytes - at, " %s=%u", keys[i].name,
					       value);
	}
	if (verbs[action->verb].text && at < bytes)
		snprintf(line + at, bytes - at, " %s=%s", verbs[action->verb].text, action->text);
}

static bool parse_number(const char *text, uint32_t max, uint32_t *number)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value > max)
		return false;
	*number = (uint32_t)value;
	return true;
}

static bool parse_value(enum sim_key key, const char *text, uint32_t *value)
{
	if (!keys[key].words)
		return parse_number(text, UINT32_MAX, value);
	for (*value = 0; keys[key].words[*value]; ++*value)
		if (strcmp(keys[key].words[*value], text) == 0)
			return true;
	return false;
}

static bool parse_parameter(char *word, struct sim_action *action)
{
	char *equals = strchr(word, '=');

	if (!equals)
		return false;
	*equals = '\0';
	if (verbs[action->verb].text && strcmp(verbs[action->verb].text, word) == 0) {
		if (strlen(equals + 1) >= sizeof(action->text))
			return false;
		snprintf(action->text, sizeof(action->text), "%s", equals + 1);
		return true;
	}
	for (unsigned i = 0; i < SIM_KEYS; i++)
		if (sim_verb_has(action->verb, i) && strcmp(keys[i].name, word) == 0)
			return parse_value(i, equals + 1, &action->value[i]);
	return false;
}

int sim_action_parse(char *line, struct sim_action *action, char *error, size_t error_bytes)
{
	uint32_t stack;
	char *save = NULL, *word;

	line[strcspn(line, "#\n")] = '\0';
	word = strtok_r(line, " \t", &save);
	if (!word)
		return 0;
	memset(action, 0, sizeof(*action));
	action->stack = SIM_NOBODY_STACK;
	while (action->verb < SIM_VERBS && strcmp(verbs[action->verb].name, word) != 0)
		action->verb++;
	if (action->verb == SIM_VERBS) {
		snprintf(error, error_bytes, "there is no action '%s'", word);
		return -1;
	}
	if (!verbs[action->verb].whole) {
		word = strtok_r(NULL, " \t", &save);
		if (!word || word[0] != 's' || !parse_number(word + 1, 2, &stack)) {
			snprintf(error, error_bytes, "%s needs a stack: s0, s1 or s2",
				 verbs[action->verb].name);
			return -1;
		}
		action->stack = (uint8_t)stack;
	}
	while ((word = strtok_r(NULL, " \t", &save))) {
		if (!parse_parameter(word, action)) {
			snprintf(error, error_bytes, "%s does not know '%s' so",
				 verbs[action->verb].name, word);
			return -1;
		}
	}
	return 1;
}

struct sim_script *sim_script_create(void)
{
	struct sim_script *script = mmap(NULL, sizeof(*script), PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return script == MAP_FAILED ? NULL : script;
}

void sim_script_destroy(struct sim_script *script)
{
	munmap(script, sizeof(*script));
}

void sim_script_copy(struct sim_script *to, const struct sim_script *from)
{
	to->count = from->count;
	to->world = from->world;
	memcpy(to->action, from->action, from->count * sizeof(*from->action));
}

/* Takes an action that was read; false when there are too many. */
static bool take(struct sim_script *script, const struct sim_action *action)
{
	if (action->verb == SIM_VERB_WORLD) {
		script->world = *action;
		return true;
	}
	if (script->count == SIM_ACTIONS_MAX)
		return false;
	script->action[script->count++] = *action;
	return true;
}

bool sim_script_load(struct sim_script *script, const char *path)
{
	char line[SIM_LINE_BYTES], error[SIM_LINE_BYTES] = "too many actions";
	struct sim_action action;
	unsigned number = 0;
	FILE *in = fopen(path, "r");
	int got = 0;

	if (!in) {
		fprintf(stderr, "lwf-sim: %s: %s\n", path, strerror(errno));
		return false;
	}
	script->count = 0;
	memset(&script->world, 0, sizeof(script->world));
	while (got >= 0 && fgets(line, sizeof(line), in)) {
		number++;
		got = sim_action_parse(line, &action, error, sizeof(error));
		if (got > 0 && !take(script, &action))
			got = -1;
	}
	fclose(in);
	if (got < 0)
		fprintf(stderr, "lwf-sim: %s:%u: %s\n", path, number, error);
	return got >= 0;
}

void sim_script_write(const struct sim_script *script, FILE *out, const char *comment)
{
	char line[SIM_LINE_BYTES];

	for (const char *at = comment; *at; at += strcspn(at, "\n"), at += *at == '\n')
		fprintf(out, "# %.*s\n", (int)strcspn(at, "\n"), at);
	sim_action_print(&script->world, line, sizeof(line));
	fprintf(out, "%s\n", line);
	for (uint32_t i = 0; i < script->count; i++) {
		sim_action_print(&script->action[i], line, sizeof(line));
		fprintf(out, "%s\n", line);
	}
}
