/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdict_model_test.c - random operations on filter verdict, beside a model that is too simple to be
 * wrong: after each, exactly the frames that the model lets pass have reached the devices, in order.
 * And a storm without a model, with tiny bounds and deciders of every manner, in which books balance each
 * virtual second.
 *
 *	LWF_VERDICT_SEEDS=1000 unit_verdict_model
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verdict_bed.h"

#define MS	  1000000ull
#define FLOWS	  8u
#define TIMEOUT	  (20 * MS)
#define TTL	  (50 * MS) /* of a default */
#define SERIALS	  1000u
#define NO_END	  UINT64_MAX
#define STEPS	  400u
#define STORM_MS  20000u
#define NOT_ASKED 0u

static uint64_t dice;

static uint32_t below(uint32_t n)
{
	uint64_t z = (dice += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ (z >> 31)) % n);
}

/* ---- the model ---- */

static struct model {
	enum lwf_verdict_action action; /* CONTINUE: nothing is decided */
	bool by_default, revoked, open, background, ask_revoked;
	uint64_t until, deadline, ask, flow;
	uint16_t queue[2][64];
	uint32_t queued[2];
} models[FLOWS];

static uint32_t expected[2][FLOWS][SERIALS], count[2][FLOWS]; /* [direction]: serials in order */
static uint32_t seen[2][FLOWS], looked[2], serial;
static struct judge judge;

static uint64_t now(void)
{
	return lwf_host_now_ns(rig.host);
}

static void pass(uint32_t f, unsigned direction, uint32_t number)
{
	expected[direction][f][count[direction][f]++] = number;
}

static void settle(uint32_t f, enum lwf_verdict_action action)
{
	struct model *m = &models[f];

	for (unsigned d = 0; d < 2; d++) {
		for (uint32_t i = 0; i < m->queued[d] && action == LWF_VERDICT_PERMIT; i++)
			pass(f, d, m->queue[d][i]);
		m->queued[d] = 0;
	}
	m->open = false;
}

static void decide(struct model *m, enum lwf_verdict_action action, uint64_t until, bool by_default)
{
	m->action = action;
	m->until = until;
	m->by_default = by_default;
	m->revoked = false;
}

static void by_default(uint32_t f, uint64_t at)
{
	struct model *m = &models[f];

	if (m->background) {
		m->until = at + TTL;
		m->revoked = false;
	} else {
		decide(m, LWF_VERDICT_BLOCK, at + TTL, true);
	}
	settle(f, LWF_VERDICT_BLOCK);
}

static void time_passes(uint64_t until)
{
	for (;;) {
		uint32_t first = FLOWS;

		for (uint32_t f = 0; f < FLOWS; f++)
			if (models[f].open && models[f].deadline <= until &&
			    (first == FLOWS || models[f].deadline < models[first].deadline))
				first = f;
		if (first == FLOWS)
			return;
		by_default(first, models[first].deadline);
	}
}

/* ---- operations: what is done, and what follows in the model ---- */

static void op_frame(uint32_t f)
{
	struct talk talk = vbed_udp(f + 1), back = talk_back(&talk);
	struct model *m = &models[f];
	unsigned d = below(2);
	uint32_t number = serial++, asked = judge.asked;
	bool asks;

	if (number >= SERIALS || m->queued[0] + m->queued[1] >= 30)
		return;
	talk.payload_bytes = back.payload_bytes = 20 + number;
	asks = !m->open && (m->action == LWF_VERDICT_CONTINUE || m->revoked || now() >= m->until);
	if (asks) {
		m->background = m->action != LWF_VERDICT_CONTINUE &&
				(!m->by_default || m->action == LWF_VERDICT_PERMIT);
		m->open = true;
		m->ask_revoked = false;
		m->deadline = now() + TIMEOUT;
	}
	if (m->open && !m->background)
		m->queue[d][m->queued[d]++] = (uint16_t)number;
	else if (m->action == LWF_VERDICT_PERMIT)
		pass(f, d, number);
	(d == LWF_DIRECTION_SEND ? vbed_send : vbed_receive)(d == LWF_DIRECTION_SEND ? &talk
										     : &back);
	assert_int_equal(judge.asked, asked + asks);
	if (!asks)
		return;
	m->ask = judge_last(&judge, 0);
	m->flow = judge.ask[(judge.asked - 1) % JUDGE_ASKS].info.flow;
	lwf_decider_credit(&judge.decider, 1);
}

static void op_tell(uint32_t f)
{
	struct model *m = &models[f];
	enum lwf_verdict_action action = (enum lwf_verdict_action)below(LWF_VERDICT_ACTIONS - 1);
	enum lwf_verdict_scope scope = (enum lwf_verdict_scope)below(LWF_SCOPES);
	enum lwf_tell_result result;
	bool open = m->open;

	if (m->ask == NOT_ASKED)
		return;
	if (action == LWF_VERDICT_CONTINUE)
		scope = LWF_SCOPE_PACKET;
	if (!open) /* late, or a second time: it may be remembered, which is another test's */
		scope = LWF_SCOPE_PACKET;
	if (open && action == LWF_VERDICT_CONTINUE) {
		by_default(f, now());
	} else if (open) {
		if (scope == LWF_SCOPE_PACKET)
			m->action = LWF_VERDICT_CONTINUE;
		else if (!m->ask_revoked)
			decide(m, action, scope == LWF_SCOPE_FLOW ? NO_END : now() + 1000 * MS,
			       false);
		settle(f, action);
	}
	result = judge_tell(&judge, m->ask, action, scope);
	assert_int_equal(result == LWF_TELL_OK, open);
}

static void op_revoke(uint32_t f)
{
	const struct lwf_revoke all = {0};

	(void)f;
	assert_int_equal(lwf_decider_revoke(&judge.decider, &all), LWF_TELL_OK);
	for (uint32_t i = 0; i < FLOWS; i++)
		models[i].revoked = models[i].ask_revoked = true;
}

static void op_update(uint32_t f)
{
	enum lwf_verdict_action action = below(2) ? LWF_VERDICT_PERMIT : LWF_VERDICT_BLOCK;
	struct model *m = &models[f];

	if (!m->flow)
		return;
	decide(m, action, NO_END, false);
	if (m->open)
		settle(f, action);
	assert_int_equal(lwf_decider_update(&judge.decider, m->flow, action, 0), LWF_TELL_OK);
}

static void op_pause(uint32_t f)
{
	(void)f;
	for (uint32_t i = 0; i < FLOWS; i++)
		if (models[i].open)
			settle(i, LWF_VERDICT_BLOCK);
	lwf_stack_hold(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
	assert_int_equal(lwf_stack_state(rig.stack), LWF_STATE_PAUSED);
	assert_int_equal(vbed_stats().waiting, 0);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	rig_run(&rig, 1);
}

static void op_flap(uint32_t f)
{
	(void)f;
	rig_link_down(&rig);
	rig_run(&rig, 1);
	rig_link_up(&rig);
	rig_run(&rig, 1);
	memset(models, 0, sizeof(models)); /* flows, and what was decided of them, are gone */
}

static void op_time(uint32_t f)
{
	uint64_t ms = 1 + below(15);

	(void)f;
	time_passes(now() + ms * MS);
	rig_run(&rig, ms);
}

static void compare(unsigned direction, const struct vbed_frame *frames, uint32_t so_far)
{
	for (; looked[direction] < so_far; looked[direction]++) {
		const struct vbed_frame *frame = &frames[looked[direction]];
		uint32_t f =
			(uint32_t)(frame->parsed.key.port[0] < 53 ? frame->parsed.key.port[0]
								  : frame->parsed.key.port[1]) -
			1;
		uint32_t at = seen[direction][f]++;

		assert_true(at < count[direction][f]);
		assert_int_equal(frame->len - 42, 20 + expected[direction][f][at]);
	}
	for (uint32_t f = 0; f < FLOWS; f++)
		assert_int_equal(seen[direction][f], count[direction][f]);
}

static void run_seed(uint64_t seed)
{
	static const struct {
		void (*op)(uint32_t f);
		uint32_t weight;
	} ops[] = {{op_frame, 50}, {op_tell, 20}, {op_time, 20}, {op_revoke, 3},
		   {op_update, 6}, {op_pause, 2}, {op_flap, 1}};

	dice = seed;
	memset(models, 0, sizeof(models));
	memset(expected, 0, sizeof(expected));
	memset(count, 0, sizeof(count));
	memset(seen, 0, sizeof(seen));
	memset(looked, 0, sizeof(looked));
	memset(&judge, 0, sizeof(judge));
	serial = 0;
	vbed_begin("flow:flows=64;verdict:flows=64,timeout=20ms,default-ttl=50ms,default=deny");
	judge_open(&judge, 100);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t pick = below(102), f = below(FLOWS), i = 0;

		while (pick >= ops[i].weight)
			pick -= ops[i++].weight;
		ops[i].op(f);
		compare(LWF_DIRECTION_SEND, vbed.down, vbed.down_count);
		compare(LWF_DIRECTION_RECEIVE, vbed.up, vbed.up_count);
		(void)vbed_stats();
	}
	judge_close(&judge);
	vbed_end();
}

static void test_model(void **state)
{
	const char *seeds = getenv("LWF_VERDICT_SEEDS");
	uint64_t n = seeds ? strtoull(seeds, NULL, 10) : 300;

	(void)state;
	for (uint64_t seed = 1; seed <= n; seed++) {
		if (seed % 100 == 0)
			print_message("seed %llu\n", (unsigned long long)seed);
		run_seed(seed);
	}
}

/* ---- a storm ---- */

#define SENDERS 8u

static struct sender {
	struct lwf_session session;
	uint64_t taken, answered;
	bool more;
} senders[SENDERS];

static enum lwf_pull on_pull(struct lwf_session *session, struct lwf_frame *frame)
{
	struct sender *me = (struct sender *)session;
	struct talk talk = vbed_udp(below(200));

	if (!me->more)
		return LWF_PULL_NONE;
	me->more = below(4) != 0;
	frame->id = ++me->taken;
	frame->len = talk_build(&talk, frame->data);
	frame->direction = LWF_DIRECTION_SEND;
	frame->cancel_id = (uint64_t)session->id << 32 | (1 + frame->id % 1000);
	return LWF_PULL_FRAME;
}

static bool on_ready(struct lwf_session *session)
{
	return ((struct sender *)session)->more;
}

static void on_answer(struct lwf_session *session, const struct lwf_frame *frame, bool refused)
{
	(void)frame;
	(void)refused;
	((struct sender *)session)->answered++;
}

static const struct lwf_session_ops sender_ops = {
	.pull = on_pull, .ready = on_ready, .answer = on_answer};

static struct judge judges[3];
static bool is_open[3];

static void change_judge(uint32_t i)
{
	struct judge *it = &judges[i];

	if (is_open[i] && below(4) == 0) {
		judge_close(it); /* killed */
		is_open[i] = false;
		return;
	}
	it->mode = below(3) == 0 ? JUDGE_KEEPS : JUDGE_LIES;
	it->says = (struct lwf_tell){.action = (uint8_t)below(LWF_VERDICT_ACTIONS),
				     .scope = LWF_SCOPE_PACKET};
	it->takes = below(5) ? UINT32_MAX : below(3);
	it->decider.priority = i;
	if (!is_open[i]) {
		judge_open(it, 20);
		is_open[i] = true;
	}
	lwf_decider_credit(&it->decider, below(40));
}

/** Answers what was kept out of order, twice, and what is long over. */
static void answer_some(uint32_t i)
{
	struct judge *it = &judges[i];

	for (uint32_t n = below(20); is_open[i] && it->asked && n; n--) {
		uint32_t back = below(it->asked < 100 ? it->asked : 100);

		judge_tell(it, judge_last(it, back), (enum lwf_verdict_action)below(4),
			   (enum lwf_verdict_scope)below(3));
	}
}

static void change_stack(void)
{
	static const enum lwf_hold holds[] = {LWF_HOLD_USER_PAUSE, LWF_HOLD_USER_DETACH};
	enum lwf_hold hold = holds[below(2)];

	if (below(3) == 0) {
		(below(2) ? rig_link_down : rig_link_up)(&rig);
	} else if (lwf_stack_holds(rig.stack) & 1u << hold) {
		lwf_stack_release(rig.stack, hold);
	} else {
		lwf_stack_hold(rig.stack, hold);
	}
	if (below(3)) { /* more often up than down */
		rig_link_up(&rig);
		lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
		lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	}
}

static void storm_traffic(void)
{
	struct talk talk = below(3) ? vbed_udp(below(200)) : vbed_syn(1 + below(40));
	uint8_t bytes[TALK_MAX_BYTES];
	uint32_t len = talk_build(&talk, bytes);

	(void)lwf_sim_edge_inject(below(2) ? rig.upper : rig.lower, bytes, len);
	for (uint32_t i = 0; i < SENDERS; i++) {
		senders[i].more = below(3) == 0;
		(void)lwf_session_pump(&senders[i].session, 8);
	}
	if (below(50) == 0)
		lwf_session_cancel(&senders[below(SENDERS)].session, below(2) ? 0 : below(1000));
}

/* PS-5, VD-2: eight senders, three deciders of every manner, a thousand changes of state a minute: all
 * that was sent is answered, and books balance each second. */
static void test_storm(void **state)
{
	uint64_t second = 0;

	(void)state;
	dice = 7;
	memset(senders, 0, sizeof(senders));
	vbed_begin("flow:flows=64;verdict:flows=64");
	rig_close(&rig);
	rig_open(&rig, NULL,
		 "inject;flow:flows=64;verdict:flows=64,timeout=20ms,asks=16,frames=24,"
		 "flow-frames=4,default-ttl=5ms,bytes=65536");
	for (uint32_t i = 0; i < SENDERS; i++) {
		senders[i].session.ops = &sender_ops;
		assert_int_equal(lwf_session_open(&senders[i].session, rig.stack, NULL), 0);
	}
	for (uint32_t ms = 0; ms < STORM_MS; ms++) {
		storm_traffic();
		if (below(20) == 0)
			change_judge(below(3));
		if (below(10) == 0)
			answer_some(below(3));
		if (below(60) == 0)
			change_stack();
		rig_run(&rig, 1);
		rig.record_count = 0;
		if (ms % 1000 != 0 || rig_state(&rig, "verdict") == LWF_STATE_DETACHED)
			continue;
		assert_true(vbed_stats().waiting_max <= 24);
		assert_true(vbed_stats().bytes_max <= 65536);
		second++;
	}
	assert_true(second > 5);
	rig_link_up(&rig);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_PAUSE);
	lwf_stack_release(rig.stack, LWF_HOLD_USER_DETACH);
	rig_run(&rig, 100);
	for (uint32_t i = 0; i < SENDERS; i++) {
		assert_true(senders[i].taken > 100);
		assert_int_equal(senders[i].taken, senders[i].answered);
		assert_int_equal(lwf_ledger_outstanding(&senders[i].session.ledger), 0);
		lwf_session_close(&senders[i].session, NULL);
	}
	for (uint32_t i = 0; i < 3; i++)
		if (is_open[i])
			judge_close(&judges[i]);
	assert_int_equal(vbed_stats().open, 0);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_storm),
	};

	return cmocka_run_group_tests_name("verdict_model", tests, NULL, NULL);
}
