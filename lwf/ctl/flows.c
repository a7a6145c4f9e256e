/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * flows.c - lwfctl flows: asks for the flows page by page, chooses, sorts and prints them.
 *
 * The daemon tells all it has; which of them and in which order is the user's business and is done
 * here. What is chosen by is checked before the daemon is asked.
 */
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <lwf/flow.h>

#include "cli.h"
#include "ctl.h"
#include "units.h"

#define FOLLOW_NS  1000000000
#define ONLY_MAX   8u
#define ONLY_BYTES 256u

/** X(key, what of a flow must be it): keys of --only */
#define ONLY_LIST(X)                       \
	X(stack, "stack")                  \
	X(pid, "pid")                      \
	X(comm, "comm")                    \
	X(user, "user")                    \
	X(uid, "uid")                      \
	X(protocol, "protocol")            \
	X(local, "local")                  \
	X(remote, "remote")                \
	X(port, "port") /* either end's */ \
	X(state, "state")                  \
	X(how, "how")                      \
	X(direction, "direction")          \
	X(verdict, "verdict")

/** X(key, descending): keys of --sort */
#define SORT_LIST(X)    \
	X(bytes, true)  \
	X(frames, true) \
	X(age, false)   \
	X(idle, false)  \
	X(pid, false)   \
	X(comm, false)  \
	X(local, false) \
	X(remote, false)

static const char *const only_keys[] = {
#define X(key, member) member,
	ONLY_LIST(X)
#undef X
};

static const struct {
	const char *key;
	bool descending;
} sorts[] = {
#define X(key, descending) {#key, descending},
	SORT_LIST(X)
#undef X
};

struct choice {
	char text[ONLY_BYTES];
	const char *key[ONLY_MAX], *value[ONLY_MAX];
	unsigned count;
	size_t sort;
	uint64_t limit;
};

static int bad(const char *option, const char *next, const char *why)
{
	return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, option, next, "%s", why);
}

static bool is_key(const char *key)
{
	for (size_t i = 0; i < sizeof(only_keys) / sizeof(only_keys[0]); i++)
		if (!strcmp(key, only_keys[i]))
			return true;
	return false;
}

/* Words that a value must be one of; what there cannot be would be a list without flows, which looks like an answer. */
static const char *const words[] = {
#define X(sym, name) "state", name,
	LWF_FLOW_STATE_LIST(X)
#undef X
#define X(sym, name, text) "how", name,
		LWF_OWNER_HOW_LIST(X)
#undef X
#define X(sym, name) "verdict", name,
			LWF_FLOW_ACTION_LIST(X)
#undef X
				"direction",
	"out", "direction", "in"};

/* Rules say allow and deny of what a flow has as permit and block. */
static const char *said_otherwise(const char *key, const char *value)
{
	if (strcmp(key, "verdict") != 0)
		return value;
	return !strcmp(value, "allow") ? "permit" : !strcmp(value, "deny") ? "block" : value;
}

static bool is_number(const char *value)
{
	return value[strspn(value, "0123456789")] == '\0';
}

/* -1: there may be such flows. Else the exit code. */
static int check_value(const char *key, const char *value)
{
	char next[160] = "use";
	bool known = true;

	if (!strcmp(key, "pid") || !strcmp(key, "port") || !strcmp(key, "uid"))
		return is_number(value) || !strcmp(value, "-1")
			       ? -1
			       : lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, "--only",
					      "write it as pid=12", "%s: '%.32s' is no number", key,
					      value);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i += 2) {
		size_t length = strlen(next);

		if (strcmp(key, words[i]) != 0)
			continue;
		if (!strcmp(value, words[i + 1]))
			return -1;
		snprintf(next + length, sizeof(next) - length, "%s %s", known ? "" : ",",
			 words[i + 1]);
		known = false;
	}
	return known ? -1
		     : lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, "--only", next,
				    "%s is never '%.32s'", key, value);
}

/** "pid=12,protocol=tcp". -1, or the exit code. */
static int read_only(const char *text, struct choice *choice)
{
	static const char *const next =
		"use stack, pid, comm, user, uid, protocol, local, remote, port, state, how, "
		"direction, verdict, as in pid=12,protocol=tcp";
	char *rest = choice->text, *word;
	int code;

	if (strlen(text) >= sizeof(choice->text))
		return bad("--only", next, "it is too long");
	memcpy(choice->text, text, strlen(text) + 1);
	while ((word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');

		if (choice->count == ONLY_MAX)
			return bad("--only", next, "these are too many");
		if (!value || !value[1])
			return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, "--only", next,
					    "'%.32s' is not key=value", word);
		*value++ = '\0';
		if (!is_key(word))
			return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, "--only", next,
					    "there is no key '%.32s'", word);
		choice->key[choice->count] = word;
		choice->value[choice->count] = said_otherwise(word, value);
		code = check_value(word, choice->value[choice->count++]);
		if (code >= 0)
			return code;
	}
	return -1;
}

static int read_choice(const struct ctl_line *line, struct choice *choice)
{
	const char *sort = line->value[CTL_OPTION_SORT];
	const char *limit = line->value[CTL_OPTION_LIMIT];
	size_t count = sizeof(sorts) / sizeof(sorts[0]);

	memset(choice, 0, sizeof(*choice));
	choice->limit = UINT64_MAX;
	if (limit && (lwf_units_count(limit, &choice->limit) || !choice->limit))
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, "--limit",
				    "give a number from 1 on", "'%.32s' is no such number", limit);
	while (sort && choice->sort < count && strcmp(sort, sorts[choice->sort].key) != 0)
		choice->sort++;
	if (choice->sort == count)
		return lwf_cli_fail(CTL_PROGRAM, LWF_EXIT_USAGE, "--sort",
				    "use bytes, frames, age, idle, pid, comm, local or remote",
				    "there is no key '%.32s'", sort);
	if (line->value[CTL_OPTION_ONLY])
		return read_only(line->value[CTL_OPTION_ONLY], choice);
	return -1;
}

/* ---- asking ---- */

/** All flows, or NULL and @code. */
static json_t *collect(const struct ctl_line *line, struct lwf_connection *connection, int *code)
{
	json_t *flows = json_array();
	json_int_t after = 0;

	do {
		json_t *body = json_object(), *reply = NULL;
		struct lwf_error error;

		if (line->operands)
			json_object_set_new(body, "stack", json_string(line->operand[0]));
		json_object_set_new(body, "after", json_integer(after));
		if (lwf_connection_request(connection, LWF_WIRE_FLOWS, body, LWF_WIRE_TIMEOUT_NS,
					   &reply, NULL, &error)) {
			json_decref(flows);
			*code = lwf_cli_error(CTL_PROGRAM, &error);
			return NULL;
		}
		json_array_extend(flows, json_object_get(reply, "flows"));
		after = json_integer_value(json_object_get(reply, "after"));
		json_decref(reply);
	} while (after);
	return flows;
}

static void name_user(json_t *flow)
{
	json_int_t uid = json_integer_value(json_object_get(flow, "uid"));
	const struct passwd *user = uid >= 0 ? getpwuid((uid_t)uid) : NULL;
	json_t *name = json_string(user ? user->pw_name : "");

	json_object_set_new(flow, "user", name ? name : json_string(""));
}

/* ---- choosing ---- */

static bool is_it(const json_t *value, const char *wanted)
{
	char number[32];

	if (json_is_string(value))
		return !strcmp(json_string_value(value), wanted);
	snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return !strcmp(number, wanted);
}

static bool is_chosen(const struct choice *choice, const json_t *flow)
{
	for (unsigned i = 0; i < choice->count; i++) {
		const char *key = choice->key[i], *value = choice->value[i];

		if (!strcmp(key, "port")) {
			if (!is_it(json_object_get(flow, "local_port"), value) &&
			    !is_it(json_object_get(flow, "remote_port"), value))
				return false;
		} else if (!is_it(json_object_get(flow, key), value) &&
			   (strcmp(key, "protocol") != 0 ||
			    !is_it(json_object_get(flow, "protocol_number"), value))) {
			return false;
		}
	}
	return true;
}

static json_int_t both(const json_t *flow, const char *what)
{
	return json_integer_value(json_object_get(json_object_get(flow, "sent"), what)) +
	       json_integer_value(json_object_get(json_object_get(flow, "received"), what));
}

static size_t sort_by;

static int compare(const void *left, const void *right)
{
	const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
	const char *key = sorts[sort_by].key;
	json_int_t x, y;

	if (!strcmp(key, "comm") || !strcmp(key, "local") || !strcmp(key, "remote"))
		return strcmp(json_string_value(json_object_get(a, key)),
			      json_string_value(json_object_get(b, key)));
	if (!strcmp(key, "bytes") || !strcmp(key, "frames")) {
		x = both(a, key);
		y = both(b, key);
	} else {
		char member[16];

		snprintf(member, sizeof(member), "%s%s", key, strcmp(key, "pid") ? "_ns" : "");
		x = json_integer_value(json_object_get(a, member));
		y = json_integer_value(json_object_get(b, member));
	}
	if (sorts[sort_by].descending)
		return (x < y) - (x > y);
	return (x > y) - (x < y);
}

/** Those that are chosen, in order; @total is how many there were before --limit. Takes @all. */
static json_t *choose(const struct choice *choice, json_t *all, size_t *total)
{
	json_t *chosen = json_array(), **order, *flow;
	size_t i, n = 0;

	order = calloc(json_array_size(all) + 1, sizeof(*order));
	if (order) {
		json_array_foreach(all, i, flow)
		{
			name_user(flow);
			if (is_chosen(choice, flow))
				order[n++] = flow;
		}
		sort_by = choice->sort;
		qsort(order, n, sizeof(*order), compare);
		for (i = 0; i < n && i < choice->limit; i++)
			json_array_append(chosen, order[i]);
	}
	*total = n;
	free(order);
	json_decref(all);
	return chosen;
}

/* ---- printing ---- */

static const char *text(const json_t *flow, const char *key)
{
	const char *value = json_string_value(json_object_get(flow, key));

	return value && value[0] ? value : "-";
}

static const char *end(const json_t *flow, const char *key, char *out, size_t bytes)
{
	char port[16];

	snprintf(port, sizeof(port), "%s_port", key);
	if (!json_integer_value(json_object_get(flow, port)))
		snprintf(out, bytes, "%s", text(flow, key));
	else
		snprintf(out, bytes, strchr(text(flow, key), ':') ? "[%s]:%d" : "%s:%d",
			 text(flow, key), (int)json_integer_value(json_object_get(flow, port)));
	return out;
}

static const char *who(const json_t *flow, char *out, size_t bytes)
{
	json_int_t pid = json_integer_value(json_object_get(flow, "pid"));

	if (pid)
		snprintf(out, bytes, "%s/%" JSON_INTEGER_FORMAT, text(flow, "comm"), pid);
	else
		snprintf(out, bytes, "-");
	return out;
}

static const char *how(const json_t *flow)
{
	return json_integer_value(json_object_get(flow, "pid")) ? text(flow, "how")
								: text(flow, "why");
}

static const char *amount(const json_t *flow, const char *key, char *out, size_t bytes)
{
	const json_t *value = json_object_get(json_object_get(flow, key), "bytes");
	char scaled[24];

	lwf_units_show_scaled((double)json_integer_value(value), scaled, sizeof(scaled));
	snprintf(out, bytes, "%sB", scaled);
	return out;
}

static const char *time_of(const json_t *flow, const char *key, char *out, size_t bytes)
{
	return lwf_units_show_duration((uint64_t)json_integer_value(json_object_get(flow, key)),
				       out, bytes);
}

static const char *user_of(const json_t *flow, char *out, size_t bytes)
{
	json_int_t uid = json_integer_value(json_object_get(flow, "uid"));

	if (uid < 0)
		snprintf(out, bytes, "-");
	else if (strcmp(text(flow, "user"), "-") != 0)
		snprintf(out, bytes, "%s", text(flow, "user"));
	else
		snprintf(out, bytes, "%" JSON_INTEGER_FORMAT, uid);
	return out;
}

/* When its process was started, from ticks since boot: as the clock on the wall stands now. */
static const char *started(const json_t *flow, char *out, size_t bytes)
{
	json_int_t ticks = json_integer_value(json_object_get(flow, "start_time"));
	long per_second = sysconf(_SC_CLK_TCK);
	struct timespec wall, boot;
	struct tm local;
	time_t at;

	snprintf(out, bytes, "-");
	if (ticks <= 0 || per_second <= 0 || clock_gettime(CLOCK_REALTIME, &wall) ||
	    clock_gettime(CLOCK_BOOTTIME, &boot))
		return out;
	at = wall.tv_sec - boot.tv_sec - (wall.tv_nsec < boot.tv_nsec) +
	     (time_t)(ticks / per_second);
	if (localtime_r(&at, &local))
		strftime(out, bytes, "%Y-%m-%d %H:%M:%S", &local);
	return out;
}

/* Widths of columns that are as wide as what stands in them. */
struct widths {
	int local, remote, process, user;
	bool wide;
};

static void measure(const json_t *flow, struct widths *widths)
{
	char out[64];
	int local = (int)strlen(end(flow, "local", out, sizeof(out)));
	int remote = (int)strlen(end(flow, "remote", out, sizeof(out)));
	int process = (int)strlen(who(flow, out, sizeof(out)));
	int user = (int)strlen(user_of(flow, out, sizeof(out)));

	widths->local = local > widths->local ? local : widths->local;
	widths->remote = remote > widths->remote ? remote : widths->remote;
	widths->process = process > widths->process ? process : widths->process;
	widths->user = user > widths->user ? user : widths->user;
}

static void print_flow(const json_t *flow, const struct widths *widths)
{
	const char *protocol = text(flow, "protocol");
	char a[64], b[64], c[64], d[32], e[32], f[32], g[32], number[8];

	if (!strcmp(protocol, "-")) {
		snprintf(number, sizeof(number), "%d",
			 (int)json_integer_value(json_object_get(flow, "protocol_number")) & 0xff);
		protocol = number;
	}
	printf("%-6s %-*s %s %-*s %-12s %-*s %-12s %9s %9s %7" JSON_INTEGER_FORMAT " %8s %8s %-*s",
	       protocol, widths->local, end(flow, "local", a, sizeof(a)),
	       strcmp(text(flow, "direction"), "out") ? "< " : "> ", widths->remote,
	       end(flow, "remote", b, sizeof(b)), text(flow, "state"), widths->process,
	       who(flow, c, sizeof(c)), how(flow), amount(flow, "sent", d, sizeof(d)),
	       amount(flow, "received", e, sizeof(e)), both(flow, "frames"),
	       time_of(flow, "age_ns", f, sizeof(f)), time_of(flow, "idle_ns", g, sizeof(g)),
	       widths->wide ? 8 : 0,
	       strcmp(text(flow, "verdict"), "none") ? text(flow, "verdict") : "-");
	if (widths->wide)
		printf(" %-*s %s", widths->user, user_of(flow, a, sizeof(a)),
		       started(flow, b, sizeof(b)));
	printf("\n");
}

static void print_table(const json_t *flows, size_t total, bool wide)
{
	struct widths widths = {.local = 5, .remote = 6, .process = 7, .user = 4, .wide = wide};
	const json_t *flow;
	size_t i;

	json_array_foreach(flows, i, flow) measure(flow, &widths);
	printf("%-6s %-*s    %-*s %-12s %-*s %-12s %9s %9s %7s %8s %8s %-*s", "PROTO", widths.local,
	       "LOCAL", widths.remote, "REMOTE", "STATE", widths.process, "PROCESS", "HOW", "SENT",
	       "RECEIVED", "FRAMES", "AGE", "IDLE", wide ? 8 : 0, "VERDICT");
	if (wide)
		printf(" %-*s %s", widths.user, "USER", "STARTED");
	printf("\n");
	json_array_foreach(flows, i, flow) print_flow(flow, &widths);
	if (json_array_size(flows) < total)
		printf("%zu of %zu flows\n", json_array_size(flows), total);
	else
		printf("%zu flow%s\n", total, total == 1 ? "" : "s");
}

static int once(const struct ctl_line *line, const struct choice *choice,
		struct lwf_connection *connection)
{
	int code = LWF_EXIT_OK;
	json_t *flows = collect(line, connection, &code);
	size_t total;

	if (!flows)
		return code;
	flows = choose(choice, flows, &total);
	if (line->json) {
		lwf_cli_json(json_pack("{s:i,s:o,s:I}", "schema", 1, "flows", flows, "total",
				       (json_int_t)total));
		return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
	}
	if (line->value[CTL_OPTION_FOLLOW] && isatty(STDOUT_FILENO) == 1)
		printf("\033[H\033[2J");
	print_table(flows, total, line->value[CTL_OPTION_WIDE] != NULL);
	json_decref(flows);
	return lwf_cli_finish(CTL_PROGRAM, LWF_EXIT_OK);
}

int ctl_flows(const struct ctl_line *line)
{
	static const struct timespec pause = {.tv_sec = FOLLOW_NS / 1000000000};
	struct lwf_connection *connection;
	struct lwf_error error;
	struct choice choice;
	int code = read_choice(line, &choice);

	if (code >= 0)
		return code;
	if (lwf_connection_open(line->value[CTL_OPTION_CONTROL], LWF_WIRE_TIMEOUT_NS, &connection,
				&error))
		return lwf_cli_error(CTL_PROGRAM, &error);
	while ((code = once(line, &choice, connection)) == LWF_EXIT_OK &&
	       line->value[CTL_OPTION_FOLLOW])
		nanosleep(&pause, NULL);
	lwf_connection_close(connection);
	return code;
}
