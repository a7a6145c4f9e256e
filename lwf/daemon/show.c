/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * show.c - engine, stacks, modules, sessions and trace records as JSON.
 *
 * It only reads, and only through the public functions of the engine. An allocation that fails
 * makes the whole answer NULL: jansson's *_new setters take a NULL value and report it, so every
 * helper adds its parts one by one and gives up at the first that failed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <lwf/profile.h>

#include "client.h"
#include "show.h"

/* Adds one value; once something failed nothing more is added, and the end sees it. */
static void put(json_t **object, const char *key, json_t *value)
{
	if (!*object) {
		json_decref(value);
		return;
	}
	if (json_object_set_new(*object, key, value)) {
		json_decref(*object);
		*object = NULL;
	}
}

static void put_number(json_t **object, const char *key, uint64_t value)
{
	put(object, key, json_integer((json_int_t)value));
}

/* Names from outside (comm, pcap paths) need not be UTF-8; what is not is shown as '?'. */
static void put_text(json_t **object, const char *key, const char *text)
{
	json_t *value = json_string(text);
	char safe[256];

	if (!value) {
		size_t len = strnlen(text, sizeof(safe) - 1);

		for (size_t i = 0; i < len; i++)
			safe[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
		safe[len] = '\0';
		value = json_string(safe);
	}
	put(object, key, value);
}

static void put_bool(json_t **object, const char *key, bool value)
{
	put(object, key, json_boolean(value));
}

static void append(json_t **array, json_t *value)
{
	if (!*array) {
		json_decref(value);
		return;
	}
	if (json_array_append_new(*array, value)) {
		json_decref(*array);
		*array = NULL;
	}
}

json_t *lwf_show_holds(uint32_t holds)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < LWF_HOLDS; i++) {
		if (holds & 1u << i)
			append(&array, json_string(lwf_hold_name((enum lwf_hold)i)));
	}
	return array;
}

json_t *lwf_show_pairs(const char *text)
{
	json_t *object = json_object();
	char copy[LWF_FACTS_BYTES];
	char *rest = copy, *word;

	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, " "))) {
		char *value = strchr(word, '=');

		if (!value || value == word)
			continue;
		*value++ = '\0';
		put_text(&object, word, value);
	}
	return object;
}

static json_t *show_link(const struct lwf_link *link)
{
	json_t *object = json_object();
	char mac[18];

	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", link->mac[0], link->mac[1],
		 link->mac[2], link->mac[3], link->mac[4], link->mac[5]);
	put_bool(&object, "present", link->present);
	put_bool(&object, "up", link->admin_up);
	put_bool(&object, "carrier", link->carrier);
	put_number(&object, "mtu", link->mtu_bytes);
	put_text(&object, "mac", mac);
	put_number(&object, "ifindex", link->ifindex);
	return object;
}

static json_t *show_counts(uint64_t units, uint64_t frames, uint64_t bytes)
{
	json_t *object = json_object();

	put_number(&object, "units", units);
	put_number(&object, "frames", frames);
	put_number(&object, "bytes", bytes);
	return object;
}

static json_t *show_drops(const struct lwf_edge_counters *counters)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < LWF_REASONS; i++) {
		if (counters->drops[i])
			put_number(&object, lwf_reason_name((enum lwf_reason)i),
				   counters->drops[i]);
	}
	return object;
}

static json_t *show_edge(struct lwf_edge *edge, const struct lwf_stack *stack,
			 const struct lwf_show_facts *facts)
{
	const struct lwf_edge_counters *counters;
	json_t *object;
	char text[LWF_FACTS_BYTES] = "";
	size_t used;

	if (!edge)
		return json_null();
	if (edge->ops->describe)
		edge->ops->describe(edge, text, sizeof(text));
	used = strlen(text);
	if (facts && edge->side == LWF_SIDE_LOWER && used + 2 < sizeof(text)) {
		text[used++] = ' ';
		text[used] = '\0';
		facts->lower(facts->context, stack, text + used, sizeof(text) - used);
	}
	counters = &edge->counters;
	object = json_object();
	put_text(&object, "kind", edge->ops->kind);
	put_text(&object, "name", edge->name);
	put(&object, "link", show_link(&edge->link));
	put(&object, "rx",
	    show_counts(counters->rx_units, counters->rx_frames, counters->rx_bytes));
	put(&object, "tx",
	    show_counts(counters->tx_units, counters->tx_frames, counters->tx_bytes));
	put(&object, "drops", show_drops(counters));
	put_number(&object, "errors", counters->errors);
	put_number(&object, "last_error", counters->last_error);
	put(&object, "info", lwf_show_pairs(text));
	return object;
}

/* ---- modules ---- */

static void show_duration(uint64_t ns, char *text, size_t bytes)
{
	static const struct {
		uint64_t ns;
		const char *unit;
	} units[] = {{1000000000u, "s"}, {1000000u, "ms"}, {1000u, "us"}, {1u, "ns"}};

	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns % units[i].ns == 0) {
			snprintf(text, bytes, "%" PRIu64 "%s", ns / units[i].ns, units[i].unit);
			return;
		}
	}
}

static void show_share(uint64_t share, char *text, size_t bytes)
{
	uint64_t percent = LWF_SHARE_WHOLE / 100;
	size_t length = (size_t)snprintf(text, bytes, "%" PRIu64 ".%07" PRIu64, share / percent,
					 share % percent);

	while (text[length - 1] == '0')
		length--;
	if (text[length - 1] == '.')
		length--;
	snprintf(text + length, bytes - length, "%%");
}

static void show_bitrate(uint64_t bits, char *text, size_t bytes)
{
	static const char *const units[] = {"bps", "kbps", "Mbps", "Gbps"};
	unsigned unit = 0;

	for (; bits && bits % 1000 == 0 && unit < 3; unit++)
		bits /= 1000;
	snprintf(text, bytes, "%" PRIu64 "%s", bits, units[unit]);
}

static json_t *show_options(const struct lwf_module_info *info)
{
	const struct lwf_option_spec *spec = info->filter->options;
	json_t *object = json_object();
	char text[32];

	if (!info->options)
		return object;
	for (uint32_t i = 0; spec && spec[i].name && i < info->options->count; i++) {
		const struct lwf_option_value *value = &info->options->value[i];

		switch (spec[i].type) {
		case LWF_OPTION_UINT:
			put_number(&object, spec[i].name, value->number);
			break;
		case LWF_OPTION_BOOL:
			put_bool(&object, spec[i].name, value->number != 0);
			break;
		case LWF_OPTION_DURATION:
			show_duration(value->number, text, sizeof(text));
			put_text(&object, spec[i].name, text);
			break;
		case LWF_OPTION_SHARE:
			show_share(value->number, text, sizeof(text));
			put_text(&object, spec[i].name, text);
			break;
		case LWF_OPTION_BITRATE:
			show_bitrate(value->number, text, sizeof(text));
			put_text(&object, spec[i].name, text);
			break;
		case LWF_OPTION_CHOICE:
		case LWF_OPTION_MATCH:
		case LWF_OPTION_POLICY:
		case LWF_OPTION_TEXT:
			put_text(&object, spec[i].name, value->text);
			break;
		}
	}
	return object;
}

struct json_report {
	struct lwf_report report; /* first: the filter is given this */
	json_t *object;
};

static void report_number(struct lwf_report *report, const char *name, uint64_t value)
{
	put_number(&((struct json_report *)report)->object, name, value);
}

static json_t *show_report(struct lwf_module *module)
{
	struct json_report report = {{report_number}, json_object()};

	/* -ENOTSUP and -ENODEV mean that there is nothing to report */
	(void)lwf_module_control(module, LWF_CONTROL_REPORT, &report.report);
	return report.object;
}

static json_t *show_module(struct lwf_module *module)
{
	struct lwf_module_info info;
	json_t *object = json_object();

	lwf_module_info(module, &info);
	put_text(&object, "name", info.name);
	put_text(&object, "filter", info.filter->name);
	put_text(&object, "state", lwf_state_name(info.state));
	put_bool(&object, "mandatory", info.mandatory);
	put_bool(&object, "left_out", info.left_out);
	put_number(&object, "epoch", info.epoch);
	put_number(&object, "sends_out", info.sends_out);
	put_number(&object, "receives_out", info.receives_out);
	put_number(&object, "sends", info.sends);
	put_number(&object, "receives", info.receives);
	put_number(&object, "dropped", info.dropped);
	put(&object, "options", show_options(&info));
	put(&object, "report", show_report(module));
	return object;
}

static json_t *show_modules(const struct lwf_stack *stack)
{
	json_t *array = json_array();
	struct lwf_module *module;

	for (uint32_t i = 0; (module = lwf_stack_module_at(stack, i)); i++)
		append(&array, show_module(module));
	return array;
}

/* ---- sessions, stacks ---- */

static json_t *show_session(const struct lwf_session *session)
{
	const struct lwf_client *client = lwf_client_of(session);
	json_t *object = json_object();

	put_number(&object, "id", session->id);
	put_number(&object, "pid", (uint64_t)client->peer.pid);
	put_text(&object, "comm", client->peer.comm);
	put_number(&object, "uid", client->peer.uid);
	put_text(&object, "module", session->target_name);
	put_number(&object, "outstanding", session->outstanding);
	put_number(&object, "submitted", session->ledger.submitted);
	put_number(&object, "unread", lwf_client_unread(client));
	put_bool(&object, "deaf", lwf_client_is_deaf(client));
	return object;
}

static json_t *show_sessions(const struct lwf_stack *stack)
{
	json_t *array = json_array();

	for (struct lwf_session *s = lwf_stack_sessions(stack); s; s = s->next)
		append(&array, show_session(s));
	return array;
}

static json_t *show_pending(const struct lwf_stack *stack)
{
	json_t *array = json_array();
	struct lwf_kept kept;

	for (uint32_t i = 0; lwf_stack_kept(stack, i, &kept); i++) {
		json_t *object = json_object();

		put_text(&object, "origin", kept.origin);
		put_text(&object, "holder", kept.holder);
		put_number(&object, "frames", kept.frames);
		put_number(&object, "oldest_ns", kept.age_ns);
		append(&array, object);
	}
	return array;
}

static json_t *show_stack(const struct lwf_stack *stack, const struct lwf_show_facts *facts)
{
	struct lwf_link link = lwf_stack_link(stack);
	char waiting[160] = "";
	json_t *object = json_object();

	lwf_stack_waiting(stack, waiting, sizeof(waiting));
	put_text(&object, "name", lwf_stack_name(stack));
	put_text(&object, "state", lwf_state_name(lwf_stack_state(stack)));
	put_number(&object, "epoch", lwf_stack_epoch(stack));
	put(&object, "holds", lwf_show_holds(lwf_stack_holds(stack)));
	put_bool(&object, "settled", lwf_stack_settled(stack));
	put_text(&object, "waiting", waiting);
	put(&object, "pending", show_pending(stack));
	put_bool(&object, "no_carrier_forced", lwf_stack_is_no_carrier_forced(stack));
	put(&object, "link", show_link(&link));
	put(&object, "upper", show_edge(lwf_stack_upper(stack), stack, facts));
	put(&object, "lower", show_edge(lwf_stack_lower(stack), stack, facts));
	put(&object, "modules", show_modules(stack));
	put(&object, "sessions", show_sessions(stack));
	return object;
}

static void put_head(json_t **object)
{
	put_number(object, "schema", LWF_SCHEMA);
	put_number(object, "pid", (uint64_t)getpid());
	put_text(object, "version", LWF_VERSION);
}

static json_t *show_rules(const struct lwf_engine *engine)
{
	json_t *object = json_object();
	const char *id, *sentence;
	uint64_t broken;

	for (uint32_t i = 0; lwf_engine_rule(engine, i, &id, &sentence, &broken); i++) {
		if (broken)
			put_number(&object, id, broken);
	}
	return object;
}

json_t *lwf_show(const struct lwf_engine *engine, const struct lwf_stack *only,
		 const struct lwf_show_facts *facts)
{
	json_t *object = json_object(), *stacks = json_array();
	struct lwf_stack *stack;

	for (uint32_t i = 0; (stack = lwf_engine_stack_at(engine, i)); i++) {
		if (!only || stack == only)
			append(&stacks, show_stack(stack, facts));
	}
	put_head(&object);
	put_text(&object, "profile", lwf_profile_name(lwf_engine_profile(engine)));
	put(&object, "stacks", stacks);
	put_number(&object, "rules_broken", lwf_engine_rules_broken(engine));
	put(&object, "rules", show_rules(engine));
	return object;
}

/* ---- ledger ---- */

/* Counts that are not 0, and always the first that people look for. */
static json_t *show_answers(const uint64_t *answers, enum lwf_answer always)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		if (answers[i] || i == always)
			put_number(&object, lwf_status_name(lwf_answer_status((enum lwf_answer)i)),
				   answers[i]);
	}
	return object;
}

static void put_ledger(json_t **object, const struct lwf_ledger *ledger)
{
	put_number(object, "submitted", ledger->submitted);
	put_number(object, "outstanding", lwf_ledger_outstanding(ledger));
	put(object, "completed", show_answers(ledger->completed, LWF_ANSWER_SUCCESS));
	put(object, "refused", show_answers(ledger->refused, LWF_ANSWER_PAUSED));
	put_number(object, "sent", ledger->sent);
	put_number(object, "indicated", ledger->indicated);
	put_number(object, "frames", ledger->frames);
	put_number(object, "bytes", ledger->bytes);
}

json_t *lwf_show_ledger(const struct lwf_ledger *ledger)
{
	json_t *object = json_object();

	put_ledger(&object, ledger);
	return object;
}

static bool is_balanced(const struct lwf_ledger *ledger)
{
	/* more answers than submissions would make the difference negative */
	return lwf_ledger_outstanding(ledger) <= ledger->submitted;
}

static json_t *show_session_ledger(const struct lwf_session *session)
{
	const struct lwf_client *client = lwf_client_of(session);
	json_t *object = json_object();

	put_number(&object, "id", session->id);
	put_number(&object, "pid", (uint64_t)client->peer.pid);
	put_text(&object, "comm", client->peer.comm);
	put_ledger(&object, &session->ledger);
	return object;
}

static json_t *show_stack_ledger(const struct lwf_stack *stack)
{
	const struct lwf_ledger *clients = lwf_stack_client_ledger(stack);
	const struct lwf_ledger *host = lwf_stack_host_ledger(stack);
	json_t *object = json_object(), *sessions = json_array();
	bool balanced = is_balanced(clients) && is_balanced(host);

	for (struct lwf_session *s = lwf_stack_sessions(stack); s; s = s->next) {
		balanced = balanced && is_balanced(&s->ledger) &&
			   lwf_ledger_outstanding(&s->ledger) == s->outstanding;
		append(&sessions, show_session_ledger(s));
	}
	put_text(&object, "name", lwf_stack_name(stack));
	put_bool(&object, "balanced", balanced);
	put(&object, "clients", lwf_show_ledger(clients));
	put(&object, "host", lwf_show_ledger(host));
	put(&object, "sessions", sessions);
	return object;
}

json_t *lwf_show_ledgers(const struct lwf_engine *engine, const struct lwf_stack *only)
{
	json_t *object = json_object(), *stacks = json_array();
	struct lwf_stack *stack;

	for (uint32_t i = 0; (stack = lwf_engine_stack_at(engine, i)); i++) {
		if (!only || stack == only)
			append(&stacks, show_stack_ledger(stack));
	}
	put_number(&object, "schema", LWF_SCHEMA);
	put(&object, "stacks", stacks);
	return object;
}

/* ---- trace ---- */

static void put_hex(json_t **object, const char *key, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "0x%08" PRIX32, value);
	put_text(object, key, text);
}

/* What records of modules that come and go have besides. */
static void put_place(json_t **object, const struct lwf_trace_record *record)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} traits[] = {
		{LWF_FILTER_MODIFIES, "modifies"}, {LWF_FILTER_ORIGINATES, "originates"},
		{LWF_FILTER_HOLDS, "holds"},	   {LWF_FILTER_SUPER_FRAMES, "super-frames"},
		{LWF_FILTER_REORDERS, "reorders"}, {LWF_FILTER_MONITORS, "monitors"},
	};
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(traits) / sizeof(traits[0]); i++)
		if (record->traits & traits[i].bit)
			append(&array, json_string(traits[i].name));
	put_number(object, "index", record->index);
	put(object, "traits", array);
	put_bool(object, "mandatory", record->mandatory);
	put_text(object, "profile", lwf_profile_name((enum lwf_profile)record->profile));
}

/* What records of frames have besides. */
static void put_frame(json_t **object, const struct lwf_trace_record *record)
{
	static const char *const edges[] = {"", "upper", "lower"};

	put_number(object, "nbl", record->nbl);
	put_number(object, "source", record->source);
	put_text(object, "edge", edges[record->side]);
	put_text(object, "direction", record->direction == LWF_DIRECTION_SEND ? "send" : "receive");
	put_text(object, "reason", lwf_reason_name((enum lwf_reason)record->reason));
	put_number(object, "held", record->held);
	put_number(object, "left", record->left);
}

json_t *lwf_show_record(const struct lwf_trace_record *record)
{
	json_t *object = json_object();

	put_number(&object, "schema", LWF_SCHEMA);
	put_number(&object, "seq", record->seq);
	put_number(&object, "t_ns", record->time_ns);
	put_text(&object, "kind", lwf_trace_kind_name((enum lwf_trace_kind)record->kind));
	put_text(&object, "stack", record->stack_name);
	put_text(&object, "module", record->module_name);
	put_number(&object, "epoch", record->epoch);
	put_text(&object, "before", lwf_state_name((enum lwf_state)record->before));
	put_text(&object, "after", lwf_state_name((enum lwf_state)record->after));
	put_text(&object, "event", record->event);
	put_number(&object, "sends_out", record->sends_out);
	put_number(&object, "receives_out", record->receives_out);
	put_bool(&object, "owed", record->owed);
	put_text(&object, "status", lwf_status_name(record->status));
	put_hex(&object, "status_hex", record->status);
	put_number(&object, "latency_ns", record->latency_ns);
	put_text(&object, "text", record->text);
	put_number(&object, "handle", record->module);
	put_number(&object, "thread", record->thread);
	if (record->placed)
		put_place(&object, record);
	if (record->request)
		put_number(&object, "request", record->request);
	if (record->kind == LWF_TRACE_FRAME)
		put_frame(&object, record);
	return object;
}
