/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.c - what must hold after every step of the simulation, and what when all is calm.
 */
#include <stdio.h>
#include <string.h>

#include "world.h"

static void check_balance(const struct lwf_ledger *ledger, uint64_t outstanding, const char *whose)
{
	uint64_t answered = 0;

	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		answered += ledger->completed[i] + ledger->refused[i];
	if (ledger->submitted != answered + outstanding)
		sim_fail("the ledger of %s: %llu submitted, %llu answered, %llu out", whose,
			 (unsigned long long)ledger->submitted, (unsigned long long)answered,
			 (unsigned long long)outstanding);
	if (ledger->sent != ledger->completed[LWF_ANSWER_SUCCESS])
		sim_fail("the ledger of %s: sent is not what was completed", whose);
}

static void check_client(const struct sim_client *client)
{
	const struct lwf_ledger *ledger = &client->session.ledger;

	if (!client->open)
		return;
	check_balance(ledger, client->session.outstanding, "a client");
	if (ledger->submitted != client->pulled)
		sim_fail("a client's ledger forgets records");
	if (client->closing)
		return;
	if (client->session.outstanding != client->pulled - client->answered)
		sim_fail("a client waits for %u answers, its session for %u",
			 client->pulled - client->answered, client->session.outstanding);
	for (unsigned i = 0; i < LWF_ANSWERS; i++)
		if (ledger->completed[i] != client->by_answer[0][i] ||
		    ledger->refused[i] != client->by_answer[1][i])
			sim_fail("a client was told another number of %s than its ledger has",
				 lwf_answer_text((enum lwf_answer)i));
}

struct numbers {
	struct lwf_report report;
	uint64_t gate_count, gate_open, frames_free, kept;
};

static void on_number(struct lwf_report *report, const char *name, uint64_t value)
{
	struct numbers *numbers = (struct numbers *)report;

	if (strcmp(name, "gate-count") == 0)
		numbers->gate_count = value;
	else if (strcmp(name, "gate-open") == 0)
		numbers->gate_open = value;
	else if (strcmp(name, "frames-free") == 0)
		numbers->frames_free = value;
	else if (strcmp(name, "kept") == 0)
		numbers->kept += value;
}

uint64_t sim_gate_count(struct lwf_module *module)
{
	struct numbers numbers = {.report.number = on_number};

	lwf_module_control(module, LWF_CONTROL_REPORT, &numbers.report);
	return numbers.gate_count;
}

static void check_inject(struct lwf_module *module, const struct lwf_module_info *info)
{
	struct numbers numbers = {.report.number = on_number};
	uint64_t out = info->sends_out + info->receives_out;

	if (lwf_module_control(module, LWF_CONTROL_REPORT, &numbers.report))
		return;
	if (numbers.gate_count != out)
		sim_fail("%s: %llu in the gate, %llu out", info->name,
			 (unsigned long long)numbers.gate_count, (unsigned long long)out);
	if (numbers.gate_open != (info->state == LWF_STATE_RUNNING))
		sim_fail("%s: its gate is %s while it is %s", info->name,
			 numbers.gate_open ? "open" : "shut", lwf_state_name(info->state));
	if (numbers.frames_free + out != info->options->value[0].number)
		sim_fail("%s: %llu frames free and %llu out of %llu", info->name,
			 (unsigned long long)numbers.frames_free, (unsigned long long)out,
			 (unsigned long long)info->options->value[0].number);
}

static void check_module(struct lwf_module *module, const struct lwf_module_info *info)
{
	uint64_t sends = info->sends_out, receives = info->receives_out;

	for (unsigned i = 0; i < LWF_ANSWERS; i++) {
		sends += info->send_answers[i];
		receives += info->receive_answers[i];
	}
	if (sends != info->sends || receives != info->receives)
		sim_fail("%s: its account does not balance", info->name);
	if ((info->state == LWF_STATE_PAUSED || info->state == LWF_STATE_DETACHED) &&
	    info->sends_out + info->receives_out)
		sim_fail("%s is %s and has frames out", info->name, lwf_state_name(info->state));
	if ((info->state == LWF_STATE_DETACHED) != (info->handle == 0))
		sim_fail("%s: its handle does not fit its state", info->name);
	if (strncmp(info->name, "inject", 6) == 0)
		check_inject(module, info);
}

static void check_verdicts(const struct sim_slot *slot)
{
	struct lwf_module *module;

	for (uint32_t i = 0; (module = lwf_stack_module_at(slot->stack, i)); i++)
		if (strncmp(lwf_module_name(module), "verdict", 7) == 0)
			sim_check_verdict(slot, module);
	for (uint32_t i = 0; i < SIM_JUDGES; i++)
		sim_check_judge(&slot->judges[i]);
}

/* C7, as the profile lenient reads it: a module that asks for its restart is paused alone. */
static bool restarts_alone(const struct sim_slot *slot)
{
	return lwf_engine_profile(slot->world->engine) == LWF_PROFILE_LENIENT;
}

/* Whoever is Running, Restarting or Pausing stands on modules that all run. */
static void check_modules(struct sim_slot *slot)
{
	enum lwf_state above = LWF_STATE_DETACHED;
	struct lwf_module *module;
	struct lwf_module_info info;

	for (uint32_t i = 0; (module = lwf_stack_module_at(slot->stack, i)); i++) {
		lwf_module_info(module, &info);
		check_module(module, &info);
		if (info.mandatory && info.left_out)
			sim_fail("%s is mandatory, and left out", info.name);
		if (info.left_out && info.state != LWF_STATE_DETACHED)
			sim_fail("%s is left out and %s", info.name, lwf_state_name(info.state));
		if (info.left_out)
			continue;
		if (above >= LWF_STATE_RESTARTING && !restarts_alone(slot) &&
		    info.state != LWF_STATE_RUNNING)
			sim_fail("%s is %s below one that is %s", info.name,
				 lwf_state_name(info.state), lwf_state_name(above));
		if (info.state > above)
			above = info.state;
	}
}

static enum lwf_state wanted_state(uint32_t holds)
{
	enum lwf_state wanted = LWF_STATE_RUNNING;

	for (unsigned i = 0; i < LWF_HOLDS; i++) {
		if (!(holds & 1u << i))
			continue;
		if (i >= LWF_HOLD_USER_DETACH)
			return LWF_STATE_DETACHED;
		wanted = LWF_STATE_PAUSED;
	}
	return wanted;
}

/* A device that can send nothing keeps nothing (edge.h: at most 100 ms; this one: not at all). */
static void check_device(const struct sim_slot *slot)
{
	const struct lwf_link *link = &slot->lower->link;

	if ((!link->present || !link->admin_up || !link->carrier) && lwf_sim_edge_held(slot->lower))
		sim_fail("%s: %u frames wait in a device that cannot send",
			 lwf_stack_name(slot->stack), lwf_sim_edge_held(slot->lower));
}

static void check_stack(struct sim_slot *slot)
{
	uint32_t others = 1u << LWF_HOLD_MODIFY | 1u << LWF_HOLD_FAULT_PAUSE |
			  1u << LWF_HOLD_FAULT_DETACH | 1u << LWF_HOLD_CLOSE;
	uint32_t holds = lwf_stack_holds(slot->stack);
	uint64_t outstanding = 0;

	if ((holds & ~others) != slot->holds)
		sim_fail("%s: holds %x, we set %x", lwf_stack_name(slot->stack), holds,
			 slot->holds);
	if (slot->started && lwf_stack_settled(slot->stack) &&
	    lwf_stack_state(slot->stack) != wanted_state(holds))
		sim_fail("%s is settled and %s, with holds %x", lwf_stack_name(slot->stack),
			 lwf_state_name(lwf_stack_state(slot->stack)), holds);
	if (lwf_stack_settled(slot->stack) && lwf_stack_state(slot->stack) <= LWF_STATE_PAUSED &&
	    (lwf_sim_edge_held(slot->lower) || slot->lower->inputs_out ||
	     (slot->upper && slot->upper->inputs_out)))
		sim_fail("%s is %s and frames are still on their way", lwf_stack_name(slot->stack),
			 lwf_state_name(lwf_stack_state(slot->stack)));
	if (lwf_stack_settled(slot->stack) && lwf_stack_state(slot->stack) == LWF_STATE_DETACHED &&
	    sim_asks_out(slot))
		sim_fail("%s is Detached and has requests out", lwf_stack_name(slot->stack));
	for (struct lwf_session *session = lwf_stack_sessions(slot->stack); session;
	     session = session->next)
		outstanding += session->outstanding;
	check_balance(lwf_stack_client_ledger(slot->stack), outstanding, "the clients");
	if (slot->upper)
		check_balance(lwf_stack_host_ledger(slot->stack), slot->upper->inputs_out,
			      "the host");
	check_device(slot);
	check_modules(slot);
	check_verdicts(slot);
	for (uint32_t i = 0; i < SIM_CLIENTS; i++)
		check_client(&slot->clients[i]);
}

/* Rules that speak of time: a device that does not answer makes the engine report them, rightly. */
static bool is_limit(const char *id)
{
	return strcmp(id, "P17") == 0 || strcmp(id, "T06") == 0 || strcmp(id, "O10") == 0 ||
	       strcmp(id, "T08") == 0;
}

bool sim_is_excused(struct sim_slot *slot, const char *id)
{
	struct numbers numbers = {.report.number = on_number};
	struct lwf_module *module;

	if (!slot || !is_limit(id))
		return false;
	for (uint32_t i = 0; (module = lwf_stack_module_at(slot->stack, i)); i++)
		lwf_module_control(module, LWF_CONTROL_REPORT, &numbers.report);
	return lwf_sim_edge_held(slot->lower) || numbers.kept ||
	       (slot->upper && lwf_sim_edge_held(slot->upper));
}

static void check_rules(struct sim_world *world)
{
	const char *id, *sentence;
	uint64_t broken;

	if (lwf_engine_rules_broken(world->engine) == 0)
		return;
	for (uint32_t i = 0; lwf_engine_rule(world->engine, i, &id, &sentence, &broken); i++)
		if (broken && !is_limit(id)) /* a limit was judged when it was told */
			sim_fail_rule(id, sentence);
}

void sim_check(struct sim_world *world)
{
	check_rules(world);
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		if (world->slots[i].stack)
			check_stack(&world->slots[i]);
}

void sim_check_fault(struct sim_world *world, const struct lwf_module *module)
{
	for (uint32_t i = 0; i < SIM_STACKS; i++) {
		struct lwf_stack *stack = world->slots[i].stack;

		for (uint32_t k = 0; stack && k < LWF_STACK_MODULES_MAX; k++)
			if (lwf_stack_module_at(stack, k) == module &&
			    (lwf_module_state(module) != LWF_STATE_PAUSED ||
			     lwf_stack_settled(stack)))
				sim_fail("%s failed, and nothing follows", lwf_module_name(module));
	}
}

static void check_slot_calm(struct sim_slot *slot)
{
	const char *name = lwf_stack_name(slot->stack);
	struct lwf_module *module;
	struct lwf_module_info info;
	char text[128];

	if (slot->started && !lwf_stack_settled(slot->stack)) {
		lwf_stack_waiting(slot->stack, text, sizeof(text));
		sim_fail("%s does not settle: it is %s, holds %x, waits for: %s", name,
			 lwf_state_name(lwf_stack_state(slot->stack)), lwf_stack_holds(slot->stack),
			 text);
	}
	if (lwf_sim_edge_held(slot->lower) || slot->lower->inputs_out ||
	    (slot->upper && (lwf_sim_edge_held(slot->upper) || slot->upper->inputs_out)))
		sim_fail("%s: frames are still in the devices", name);
	for (uint32_t i = 0; (module = lwf_stack_module_at(slot->stack, i)); i++) {
		lwf_module_info(module, &info);
		if (info.sends_out || info.receives_out)
			sim_fail("%s/%s: frames never came home", name, info.name);
	}
	if (sim_asks_out(slot))
		sim_fail("%s: %u requests were not answered", name, sim_asks_out(slot));
	for (uint32_t i = 0; i < SIM_CLIENTS; i++)
		if (slot->clients[i].open && slot->clients[i].session.outstanding)
			sim_fail("%s: a client was not answered", name);
}

void sim_check_calm(struct sim_world *world)
{
	sim_check(world);
	if (world->unloading)
		sim_fail("a filter that is unregistered does not go");
	for (uint32_t i = 0; i < SIM_STACKS; i++)
		if (world->slots[i].stack)
			check_slot_calm(&world->slots[i]);
}
