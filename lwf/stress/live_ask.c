/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * live_ask.c - what expectations ask of the live world.
 *
 * A daemon is asked once for each moment: what it shows stays what was seen until time passes, so that
 * two questions of one expectation are about the same moment. Of a client, numbers are those of its own
 * account; witnesses are counters of the kernel.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>

#include "live_world.h"
#include "sight.h"

#define ASK_TRIES 3u
#define GONE_NS	  500000000ull /* in which a process that ends has closed what it has */

void live_forget(struct live_link *link)
{
	link->sight[LIVE_LOWER].has_looked = link->sight[LIVE_UPPER].has_looked = false;
	if (link->stopped && link->asks)
		return;
	json_decref(link->seen);
	json_decref(link->ledger);
	link->seen = link->ledger = NULL;
}

/* Whether silence is wrong: the daemon runs, is not stopped, is not about to end, and has memory. */
static bool has_to_answer(const struct live_link *link)
{
	siginfo_t info = {0};

	if (link->pid <= 0 || link->stopped || link->ending || live_shim_starves(link))
		return false;
	if (link->world->shared)
		return kill(link->pid, 0) == 0;
	/* that it has ended is told by who looks for that */
	return waitid(P_PID, (id_t)link->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == 0;
}

/* The connections of a process end a moment before it has ended: its devices take that long to be closed. */
static bool lives_on(const struct live_link *link)
{
	uint64_t until = live_clock_ns() + GONE_NS;

	for (; has_to_answer(link); live_sleep_ns(LIVE_LOOK_NS))
		if (live_clock_ns() >= until)
			return true;
	return false;
}

/*
 * NULL: there is no answer, and when that is wrong it has been said. A daemon without memory for an answer
 * closes the connection: it is asked again on another one.
 */
static json_t *request(struct live_link *link, enum lwf_wire_type type)
{
	struct lwf_error error = {.exit = LWF_EXIT_UNREACHABLE, .why = "it takes no connection"};
	uint64_t failed = live_shim_failed(link);
	json_t *reply = NULL;

	for (uint32_t tries = 0; tries < ASK_TRIES; tries++) {
		if (!link->asks && has_to_answer(link)) {
			link->again_ns = 0;
			(void)live_watch_again(link);
		}
		if (link->stopped || link->mute || (!link->asks && !has_to_answer(link)))
			return NULL;
		if (!link->asks)
			continue;
		if (!lwf_connection_request(link->asks, type,
					    json_pack("{s:s}", "stack", link->declared->name),
					    LIVE_REQUEST_NS, &reply, NULL, &error))
			return reply;
		if (error.exit != LWF_EXIT_UNREACHABLE)
			break;
		lwf_connection_close(link->asks);
		link->asks = NULL;
	}
	if ((error.exit == LWF_EXIT_UNREACHABLE || error.exit == LWF_EXIT_TIMEOUT) &&
	    live_shim_failed(link) == failed && lives_on(link)) {
		link->mute = true;
		live_wrong(link->world, "a daemon that runs answers", "lwfd of %s: %s",
			   link->declared->name, error.why);
	}
	return NULL;
}

/* The only stack of an answer. */
static const json_t *first(json_t **answer, struct live_link *link, enum lwf_wire_type type)
{
	if (!*answer)
		*answer = request(link, type);
	return json_array_get(json_object_get(*answer, "stacks"), 0);
}

const json_t *live_seen(struct live_link *link)
{
	return first(&link->seen, link, LWF_WIRE_SHOW);
}

const json_t *live_ledger(struct live_link *link)
{
	return first(&link->ledger, link, LWF_WIRE_LEDGER);
}

static uint64_t number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}

static void read_answers(const json_t *object, uint64_t *answers)
{
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		answers[i] = number(object, lwf_status_name(lwf_answer_status((enum lwf_answer)i)));
}

struct lwf_ledger live_ledger_of(struct live_link *link, const char *group)
{
	const json_t *object = json_object_get(live_ledger(link), group);
	struct lwf_ledger ledger = {
		.submitted = number(object, "submitted"),
		.sent = number(object, "sent"),
		.indicated = number(object, "indicated"),
		.frames = number(object, "frames"),
		.bytes = number(object, "bytes"),
	};

	read_answers(json_object_get(object, "completed"), ledger.completed);
	read_answers(json_object_get(object, "refused"), ledger.refused);
	return ledger;
}

enum lwf_state live_state_named(const char *name)
{
	for (unsigned i = 0; i < LWF_STATES; i++)
		if (strcasecmp(lwf_state_name((enum lwf_state)i), name) == 0)
			return (enum lwf_state)i;
	return LWF_STATE_DETACHED;
}

static const json_t *module_of(struct live_link *link, const char *name)
{
	const json_t *modules = json_object_get(live_seen(link), "modules"), *module;
	size_t i;

	json_array_foreach(modules, i, module)
	{
		const char *is = json_string_value(json_object_get(module, "name"));

		if (is && strcmp(is, name) == 0)
			return module;
	}
	return NULL;
}

static uint64_t module_out(const json_t *module)
{
	return number(module, "sends_out") + number(module, "receives_out");
}

uint64_t live_out(struct live_link *link)
{
	const json_t *modules = json_object_get(live_seen(link), "modules"), *module;
	uint64_t out = 0;
	size_t i;

	json_array_foreach(modules, i, module) out += module_out(module);
	return out;
}

static uint64_t ask_state(struct live_link *link, const struct stress_object *object)
{
	const json_t *of =
		object->kind == STRESS_MODULE ? module_of(link, object->module) : live_seen(link);
	const char *name = json_string_value(json_object_get(of, "state"));

	return name ? live_state_named(name) : LWF_STATE_DETACHED;
}

static uint64_t column(const uint64_t *columns, int word)
{
	uint64_t sum = 0;

	if (word >= 0)
		return columns[word];
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		sum += columns[i];
	return sum;
}

static uint64_t ask_ledger(const struct lwf_ledger *ledger, const struct stress_question *question)
{
	switch (question->quantity) {
	case STRESS_QUANTITY_SUBMITTED:
		return ledger->submitted;
	case STRESS_QUANTITY_COMPLETED:
		return column(ledger->completed, question->word);
	default:
		return column(ledger->refused, question->word);
	}
}

static uint64_t ask_client(const struct live_client *client, const struct stress_question *question)
{
	struct lwf_ledger ledger = live_client_ledger(client);

	switch (question->quantity) {
	case STRESS_QUANTITY_OUTSTANDING:
	case STRESS_QUANTITY_LOST:
		return lwf_ledger_outstanding(&ledger);
	case STRESS_QUANTITY_DOUBLED:
		return client->page->doubled;
	case STRESS_QUANTITY_ALIVE:
		return client->pid > 0;
	case STRESS_QUANTITY_REJECTED:
		return client->rejected;
	case STRESS_QUANTITY_HUNG_UP:
		return client->hung_up;
	default:
		return ask_ledger(&ledger, question);
	}
}

/* Sum over the clients of @link. */
static uint64_t ask_clients(struct live_world *world, uint32_t link,
			    const struct stress_question *question)
{
	const struct stress_scenario *scenario = world->base.options.scenario;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < scenario->clients; i++)
		if (scenario->client[i].link == link)
			sum += ask_client(&world->client[i], question);
	return sum;
}

static uint64_t ask_drops(struct live_link *link, const struct stress_question *question)
{
	struct live_life all = live_lives(link);
	uint64_t sum = 0;

	for (int side = 0; side < 2; side++)
		for (int i = 0; i < (int)LWF_REASONS; i++)
			if (question->object.kind != (side ? STRESS_LOWER : STRESS_UPPER) &&
			    (question->word < 0 || question->word == i))
				sum += all.drops[side][i];
	return sum;
}

static uint64_t ask_sent(struct live_link *link, bool upper)
{
	struct live_life all = live_lives(link);

	return upper ? all.upper_took : stress_ledger_sent(&all.clients, &all.host);
}

static uint64_t ask_device(struct live_link *link, const struct stress_question *question)
{
	bool upper = question->object.kind == STRESS_UPPER;
	const json_t *stack = live_seen(link);
	const json_t *is = json_object_get(upper ? json_object_get(stack, "upper") : stack, "link");
	bool present = json_is_true(json_object_get(is, "present"));
	bool up = present && json_is_true(json_object_get(is, "up"));

	switch (question->quantity) {
	case STRESS_QUANTITY_KERNEL_TX:
	case STRESS_QUANTITY_KERNEL_RX:
		return live_witness(link, upper,
				    question->quantity == STRESS_QUANTITY_KERNEL_TX ? LIVE_TX
										    : LIVE_RX);
	case STRESS_QUANTITY_KERNEL_TX_BYTES:
		return live_witness(link, upper, LIVE_TX_BYTES);
	case STRESS_QUANTITY_PRESENT:
		return present;
	case STRESS_QUANTITY_UP:
		return up;
	case STRESS_QUANTITY_CARRIER:
		return up && json_is_true(json_object_get(is, "carrier"));
	case STRESS_QUANTITY_MTU_OF:
		return number(is, "mtu");
	case STRESS_QUANTITY_DROPPED:
		return ask_drops(link, question);
	case STRESS_QUANTITY_WIRE_FRAMES:
		return live_lives(link).wire[upper].frames;
	case STRESS_QUANTITY_WIRE_BYTES:
		return live_lives(link).wire[upper].bytes;
	default: /* SENT */
		return ask_sent(link, upper);
	}
}

static uint64_t ask_held(struct live_link *link, int word)
{
	const json_t *holds = json_object_get(live_seen(link), "holds"), *hold;
	size_t i;

	json_array_foreach(holds, i,
			   hold) if (strcmp(json_string_value(hold),
					    lwf_hold_name((enum lwf_hold)word)) == 0) return 1;
	return 0;
}

static uint64_t ask_link(struct live_world *world, const struct stress_question *question)
{
	const struct stress_object *object = &question->object;
	struct live_link *link = &world->link[object->index];
	struct live_life all;

	switch (question->quantity) {
	case STRESS_QUANTITY_STATE:
		return ask_state(link, object);
	case STRESS_QUANTITY_OUTSTANDING:
		return object->kind == STRESS_MODULE ? module_out(module_of(link, object->module))
						     : live_out(link);
	case STRESS_QUANTITY_SUBMITTED:
	case STRESS_QUANTITY_COMPLETED:
	case STRESS_QUANTITY_REFUSED:
		all = live_lives(link);
		return ask_ledger(&all.clients, question);
	case STRESS_QUANTITY_LOST:
	case STRESS_QUANTITY_DOUBLED:
		return ask_clients(world, object->index, question);
	case STRESS_QUANTITY_EPOCH:
		return live_lives(link).epoch;
	case STRESS_QUANTITY_HELD:
		return ask_held(link, question->word);
	case STRESS_QUANTITY_PAUSES:
		return link->pauses;
	case STRESS_QUANTITY_PENDED:
		return link->pended;
	case STRESS_QUANTITY_PAUSE_MAX:
		return link->pause.max_ns;
	case STRESS_QUANTITY_PAUSE_P99:
		return stress_histogram_at(&link->pause, 990);
	default:
		return ask_device(link, question);
	}
}

/* Of all that the daemon is. */
static uint64_t ask_resyncs(struct live_world *world, uint32_t daemon)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < world->base.options.scenario->links; i++)
		if (world->link[i].declared->daemon == daemon)
			sum += live_starve_resyncs(&world->link[i]);
	return sum;
}

/* What the daemon alone knows. */
static bool is_its(const struct stress_question *question)
{
	switch (question->quantity) {
	case STRESS_QUANTITY_KERNEL_TX:
	case STRESS_QUANTITY_KERNEL_TX_BYTES:
	case STRESS_QUANTITY_KERNEL_RX:
	case STRESS_QUANTITY_LOST:
	case STRESS_QUANTITY_DOUBLED:
	case STRESS_QUANTITY_PAUSES:
	case STRESS_QUANTITY_PENDED:
	case STRESS_QUANTITY_PAUSE_MAX:
	case STRESS_QUANTITY_PAUSE_P99:
		return false;
	default:
		return question->object.kind & (STRESS_LINK | STRESS_SIDES | STRESS_MODULE);
	}
}

int live_ask(struct stress_world *base, const struct stress_question *question, int64_t *value,
	     struct lwf_error *error)
{
	struct live_world *world = live_of(base);

	if (stress_sight_answers(question->quantity))
		return live_sight_ask(world, question, value, error);
	if (is_its(question) && live_shim_starves(&world->link[question->object.index]))
		return live_refuse(error, LWF_EXIT_USAGE,
				   stress_quantity_row(question->quantity)->name,
				   "a daemon without memory answers nothing; ask clients and the "
				   "kernel, or say 'memory ok' before");
	switch (question->object.kind) {
	case STRESS_CLIENT:
		*value = (int64_t)ask_client(&world->client[question->object.index], question);
		return 0;
	case STRESS_DAEMON:
		if (question->quantity == STRESS_QUANTITY_RESYNCS) {
			*value = (int64_t)ask_resyncs(world, question->object.index);
			return 0;
		}
		if (question->quantity == STRESS_QUANTITY_LOGGED)
			return live_log_ask(world, question, value, error);
		return live_usage_ask(world, question, value, error);
	case STRESS_NOTHING:
		*value = (int64_t)world->rules_broken;
		return 0;
	default:
		if (question->quantity == STRESS_QUANTITY_SECOND_DAEMON)
			return live_second_daemon(&world->link[question->object.index], value,
						  error);
		*value = (int64_t)ask_link(world, question);
		return 0;
	}
}
