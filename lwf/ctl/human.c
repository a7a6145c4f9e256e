/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * human.c - the daemon's answers as tables for people.
 *
 * A member that is missing prints as 0 or "-": an older or newer daemon must not make lwfctl fail.
 */
#include <inttypes.h>
#include <string.h>

#include "ctl.h"
#include "units.h"

static uint64_t number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value && value[0] ? value : "-";
}

static bool flag(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

static void print_bytes(uint64_t bytes)
{
	char scaled[32];

	printf("%sB", lwf_units_show_scaled((double)bytes, scaled, sizeof(scaled)));
}

/* "SUCCESS 10, PAUSED 3" of an object of numbers; "-" when it is empty. */
static void print_counts(const json_t *object)
{
	const char *key;
	json_t *value;
	bool first = true;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (!json_integer_value(value))
			continue;
		printf("%s%s %" JSON_INTEGER_FORMAT, first ? "" : ", ", key,
		       json_integer_value(value));
		first = false;
	}
	if (first)
		printf("-");
}

static bool has_counts(const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (json_integer_value(value))
			return true;
	}
	return false;
}

/* "key value, key value" of an object of anything; what is 0 says nothing. */
static void print_pairs(const json_t *object)
{
	const char *key;
	json_t *value;
	bool first = true;

	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (json_is_string(value) && !strcmp(json_string_value(value), "0"))
			continue;
		printf("%s%s ", first ? "" : ", ", key);
		if (json_is_string(value))
			printf("%s", json_string_value(value));
		else if (json_is_integer(value))
			printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
		else
			printf("%s", json_is_true(value) ? "yes" : "no");
		first = false;
	}
}

static void print_holds(const json_t *holds)
{
	for (size_t i = 0; i < json_array_size(holds); i++)
		printf("%s%s", i ? ", " : "", json_string_value(json_array_get(holds, i)));
}

/* ---- show ---- */

static void print_traffic(const char *what, const json_t *counts)
{
	printf("  %s %" PRIu64 " frames ", what, number(counts, "frames"));
	print_bytes(number(counts, "bytes"));
}

static void print_edge(const char *side, const json_t *edge)
{
	const json_t *link = json_object_get(edge, "link");

	if (!json_is_object(edge)) {
		printf("  %-10s none\n", side);
		return;
	}
	printf("  %-10s %s:%s  ", side, text(edge, "kind"), text(edge, "name"));
	if (!flag(link, "present"))
		printf("not there");
	else
		printf("%s, carrier %s, mtu %" PRIu64 ", %s", flag(link, "up") ? "up" : "down",
		       flag(link, "carrier") ? "on" : "off", number(link, "mtu"),
		       text(link, "mac"));
	printf("\n  %-10s", "");
	print_traffic("rx", json_object_get(edge, "rx"));
	print_traffic("  tx", json_object_get(edge, "tx"));
	printf("\n");
	if (json_object_size(json_object_get(edge, "drops"))) {
		printf("  %-10s  drops: ", "");
		print_counts(json_object_get(edge, "drops"));
		printf("\n");
	}
	if (json_object_size(json_object_get(edge, "info"))) {
		printf("  %-10s  ", "");
		print_pairs(json_object_get(edge, "info"));
		printf("\n");
	}
}

static void print_module(const json_t *module)
{
	printf("  %-10s %-10s sends %" PRIu64 " (%" PRIu64 " out), receives %" PRIu64 " (%" PRIu64
	       " out), dropped %" PRIu64 "\n",
	       text(module, "name"), text(module, "state"), number(module, "sends"),
	       number(module, "sends_out"), number(module, "receives"),
	       number(module, "receives_out"), number(module, "dropped"));
	if (flag(module, "left_out"))
		printf("  %-10s  left out: its attach or restart failed (lwfctl restart tries "
		       "again)\n",
		       "");
	if (json_object_size(json_object_get(module, "options"))) {
		printf("  %-10s  options: ", "");
		print_pairs(json_object_get(module, "options"));
		printf("\n");
	}
	if (has_counts(json_object_get(module, "report"))) {
		printf("  %-10s  ", "");
		print_counts(json_object_get(module, "report"));
		printf("\n");
	}
}

static void print_session(const json_t *session)
{
	printf("  session %-3" PRIu64 " pid %" PRIu64 " (%s), uid %" PRIu64 ", through %s: %" PRIu64
	       " submitted, %" PRIu64 " outstanding",
	       number(session, "id"), number(session, "pid"), text(session, "comm"),
	       number(session, "uid"), text(session, "module"), number(session, "submitted"),
	       number(session, "outstanding"));
	if (flag(session, "deaf"))
		printf(", it does not read: %" PRIu64 " answers unread", number(session, "unread"));
	printf("\n");
}

static void print_pending(const json_t *kept)
{
	uint64_t frames = number(kept, "frames");
	char age[32];

	printf("  pending    %" PRIu64 " frame%s of %s at %s, oldest %s\n", frames,
	       frames == 1 ? "" : "s", text(kept, "origin"), text(kept, "holder"),
	       lwf_units_show_duration(number(kept, "oldest_ns"), age, sizeof(age)));
}

static void print_stack(const json_t *stack)
{
	const json_t *pending = json_object_get(stack, "pending");
	const json_t *modules = json_object_get(stack, "modules");
	const json_t *sessions = json_object_get(stack, "sessions");

	printf("%s  %s  epoch %" PRIu64 "%s", text(stack, "name"), text(stack, "state"),
	       number(stack, "epoch"), flag(stack, "settled") ? "" : ", on its way");
	if (json_array_size(json_object_get(stack, "holds"))) {
		printf(", held by: ");
		print_holds(json_object_get(stack, "holds"));
	}
	printf("\n");
	if (strcmp(text(stack, "waiting"), "-") != 0)
		printf("  waiting for %s\n", text(stack, "waiting"));
	if (flag(stack, "no_carrier_forced"))
		printf("  carrier is off by request (lwfctl link %s carrier on)\n",
		       text(stack, "name"));
	print_edge("upper", json_object_get(stack, "upper"));
	for (size_t i = 0; i < json_array_size(modules); i++)
		print_module(json_array_get(modules, i));
	print_edge("lower", json_object_get(stack, "lower"));
	for (size_t i = 0; i < json_array_size(sessions); i++)
		print_session(json_array_get(sessions, i));
	for (size_t i = 0; i < json_array_size(pending); i++)
		print_pending(json_array_get(pending, i));
}

void ctl_print_show(const json_t *reply)
{
	const json_t *stacks = json_object_get(reply, "stacks");

	printf("lwfd %s, pid %" PRIu64 "\n", text(reply, "version"), number(reply, "pid"));
	for (size_t i = 0; i < json_array_size(stacks); i++)
		print_stack(json_array_get(stacks, i));
	printf("profile %s\n", text(reply, "profile"));
	if (number(reply, "rules_broken")) {
		printf("rules broken: ");
		print_counts(json_object_get(reply, "rules"));
		printf("\n");
	}
}

/* ---- ledger ---- */

static void print_account(const char *who, const json_t *account)
{
	printf("  %-26s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "  ", who,
	       number(account, "submitted"), number(account, "sent"), number(account, "frames"),
	       number(account, "outstanding"));
	print_bytes(number(account, "bytes"));
	printf("\n  %-26s completed: ", "");
	print_counts(json_object_get(account, "completed"));
	printf("; refused: ");
	print_counts(json_object_get(account, "refused"));
	printf("\n");
}

static void print_ledger(const json_t *stack)
{
	const json_t *sessions = json_object_get(stack, "sessions");
	char who[64];

	printf("%s  %s\n", text(stack, "name"),
	       flag(stack, "balanced") ? "balanced" : "NOT BALANCED");
	printf("  %-26s %12s %12s %12s %12s  %s\n", "", "submitted", "sent", "frames",
	       "outstanding", "bytes");
	print_account("host", json_object_get(stack, "host"));
	print_account("clients", json_object_get(stack, "clients"));
	for (size_t i = 0; i < json_array_size(sessions); i++) {
		const json_t *session = json_array_get(sessions, i);

		snprintf(who, sizeof(who), "session %" PRIu64 " pid %" PRIu64 " %.12s",
			 number(session, "id"), number(session, "pid"), text(session, "comm"));
		print_account(who, session);
	}
}

void ctl_print_ledger(const json_t *reply)
{
	const json_t *stacks = json_object_get(reply, "stacks");

	for (size_t i = 0; i < json_array_size(stacks); i++)
		print_ledger(json_array_get(stacks, i));
}

/* ---- OIDs ---- */

void ctl_print_oids(const json_t *reply)
{
	const json_t *oids = json_object_get(reply, "oids");

	for (size_t i = 0; i < json_array_size(oids); i++) {
		const json_t *oid = json_array_get(oids, i);
		const char *status = text(oid, "status");

		printf("%-30s %-13s %c %s\n", text(oid, "oid"), text(oid, "name"),
		       flag(oid, "settable") ? '=' : ' ',
		       strcmp(status, "SUCCESS") != 0 ? status : text(oid, "text"));
	}
}

/* ---- the rest ---- */

void ctl_print_state(const json_t *reply)
{
	const json_t *holds = json_object_get(reply, "holds");
	const char *module = text(reply, "module");
	uint64_t took = number(reply, "took_ns");
	char duration[32];

	printf("%s%s%s is %s", text(reply, "stack"), strcmp(module, "-") != 0 ? "/" : "",
	       strcmp(module, "-") != 0 ? module : "", text(reply, "state"));
	if (json_array_size(holds)) {
		printf(", held by: ");
		print_holds(holds);
	}
	if (json_object_get(reply, "carrier_forced_off"))
		printf(", carrier %s",
		       flag(reply, "carrier_forced_off") ? "off by request" : "as the NIC has it");
	if (took)
		printf(" (after %s)", lwf_units_show_duration(took, duration, sizeof(duration)));
	printf("\n");
}

/* " send  frame 17 of 3  PENDING, 4 out, 0 held" */
static void print_step(const json_t *event)
{
	const char *direction = text(event, "direction");
	bool send = !strcmp(direction, "send");

	printf(" %s", direction);
	if (strcmp(text(event, "edge"), "-") != 0)
		printf(" at the %s edge", text(event, "edge"));
	printf("  frame %" PRIu64 " of %" PRIu64 "  %s", number(event, "nbl"),
	       number(event, "source"), text(event, "status"));
	if (strcmp(text(event, "module"), "-") != 0)
		printf(", %" PRIu64 " out, %" PRIu64 " held",
		       number(event, send ? "sends_out" : "receives_out"), number(event, "held"));
}

void ctl_print_event(const json_t *event)
{
	const char *kind = text(event, "kind"), *module = text(event, "module");
	uint64_t t = number(event, "t_ns");
	bool has_module = strcmp(module, "-") != 0;
	const char *more;
	char who[80];

	snprintf(who, sizeof(who), "%s%s%s", text(event, "stack"), has_module ? "/" : "",
		 has_module ? module : "");
	printf("%" PRIu64 ".%06" PRIu64 "  %-16s %-8s ", t / 1000000000, t / 1000 % 1000000, who,
	       kind);
	if (!strcmp(kind, "state") || !strcmp(kind, "stack")) {
		printf("%s > %s", text(event, "before"), text(event, "after"));
		if (!strcmp(text(event, "status"), "PENDING") || number(event, "sends_out"))
			printf(" (%s, %" PRIu64 " sends out)", text(event, "status"),
			       number(event, "sends_out"));
		printf("  ");
	}
	printf("%s", text(event, "event"));
	if (!strcmp(kind, "frame"))
		print_step(event);
	else if (!strcmp(kind, "callback") ||
		 (!strcmp(kind, "oid") && !strcmp(text(event, "event"), "answered")))
		printf("  %s", text(event, "status"));
	more = json_string_value(json_object_get(event, "text"));
	if (more && more[0])
		printf("  %s", more);
	printf("\n");
}
